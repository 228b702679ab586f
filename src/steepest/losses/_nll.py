"""Negative log-likelihood: the second entry point of the softmax loss, from log-probabilities."""

from typing import ClassVar, cast, final

import numpy as np
from numpy.typing import ArrayLike

from steepest.autodiff.graph import Tensor, raw
from steepest.errors import InputError
from steepest.losses.base import FloatArray, Labels, Scores, check_examples, of_class, one_hot

# Log-probabilities rounded elsewhere may stand a little above 0; scores or probabilities stand far above.
_ROUNDING = 1e-3


@final
class NLL:
    """Negative log-likelihood, from log-probabilities (``softmax`` takes scores).

        L_i = -l_y            with  l_j = log p_j

        dL_i/dl_j = -[j == y]

    Range [0, inf). ``nll(softmax.log_probabilities(scores), y)`` equals ``softmax(scores, y)``.

    Parameters
    ----------
    log_probabilities : (N, C) array
        The logarithm of the probability of each class, at most 0.
    y : (N,) integers
        The true class of each example, 0 ... C - 1.

    Returns
    -------
    (N,) array
        Each example's loss in nats. One number where the log-probabilities are (C,).

    Raises
    ------
    InputError
        If shapes do not fit together, a label is no class, or a log-probability is positive (scores or probabilities
        were given).

    Examples
    --------
    >>> from steepest.losses import nll, softmax
    >>> nll(softmax.log_probabilities([[3.2, 5.1, -1.7]]), [0]).round(2)
    array([2.04])

    References
    ----------
    Fisher, On the mathematical foundations of theoretical statistics, 1922 (maximum likelihood).
    """

    name: ClassVar[str] = "nll"

    def __call__(self, log_probabilities: ArrayLike | Tensor, y: ArrayLike) -> Scores:
        """L_i of each example."""
        log_p, labels = _check(log_probabilities, y)
        losses = 0 - of_class(log_p, labels)[:, 0]
        return losses if np.ndim(raw(log_probabilities)) == 2 else losses[0]

    def gradient(self, log_probabilities: ArrayLike, y: ArrayLike) -> FloatArray:
        """dL_i / dlog_probabilities of each example, (N, C), or (C,) for one example."""
        log_p, labels = _check(log_probabilities, y)
        gradient = 0 - one_hot(log_p, labels)
        return gradient if np.ndim(raw(log_probabilities)) == 2 else cast(FloatArray, gradient[0])

    def __repr__(self) -> str:
        return f"<loss {self.name}>"


def _check(log_probabilities: ArrayLike | Tensor, y: ArrayLike) -> tuple[Scores, Labels]:
    log_p, labels = check_examples(log_probabilities, y, what="log_probabilities")
    given = raw(log_p)
    if given.size and given.max() > _ROUNDING:
        row = int(np.flatnonzero((given > _ROUNDING).any(axis=1))[0])
        raise InputError(
            f"log_probabilities cannot be positive, and row {row} holds {given[row].max():g}: "
            "for scores use softmax(scores, y); for probabilities take their logarithm first"
        )
    return log_p, labels


nll = NLL()
