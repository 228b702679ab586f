"""Softmax loss, also called cross-entropy."""

import math
from typing import ClassVar, cast, final

import numpy as np
from numpy.typing import ArrayLike

from steepest.losses.base import FloatArray, Labels, Loss, check_scores, of_class, one_hot, set_class


@final
class Softmax(Loss):
    """Softmax loss (cross-entropy), from scores.

        L_i = -log p_y        with  p_j = exp(s_j) / sum_k exp(s_k)

        dL_i/ds_j = p_j - [j == y]

    Range (0, inf); log C at W = 0. It is the negative log-likelihood of the true class, and the cross-entropy between
    a one-hot target and p. Adding a number to all scores changes nothing. No kinks.

    The largest score m is taken out first, so no exp overflows, and log1p keeps what is left of a loss near zero:

        L_i = (s_m - s_y) + log(1 + sum_{k != m} exp(s_k - s_m))

    Curvature: the Hessian diag(p) - p p' is below 1/2 (I - 11'/C), so its largest eigenvalue is at most 1/2; it is
    reached where two classes share all the probability.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import softmax
    >>> softmax([[3.2, 5.1, -1.7]], [0]).round(2)
    array([2.04])
    >>> softmax.probabilities([[3.2, 5.1, -1.7]]).round(2)
    array([[0.13, 0.87, 0.  ]])
    >>> softmax.gradient([[3.2, 5.1, -1.7]], [0]).round(2)
    array([[-0.87,  0.87,  0.  ]])

    References
    ----------
    Cox, The regression analysis of binary sequences, 1958 (two classes); Bridle, Probabilistic interpretation of
    feedforward classification network outputs, 1990 (the name). The bound: Boehning, Multinomial logistic regression
    algorithm, 1992.
    """

    name: ClassVar[str] = "softmax"

    def probabilities(self, scores: ArrayLike) -> FloatArray:
        """p_j = exp(s_j) / sum_k exp(s_k): (N, C) scores in, (N, C) rows that sum to 1 out; (C,) gives (C,)."""
        p = _probabilities(check_scores(scores))
        return p if np.ndim(scores) == 2 else cast(FloatArray, p[0])

    def log_probabilities(self, scores: ArrayLike) -> FloatArray:
        """Log p_j = s_j - log sum_k exp(s_k), finite where p itself rounds to 0; ``nll`` takes it. Shapes as above."""
        log_p = _log_probabilities(check_scores(scores))
        return log_p if np.ndim(scores) == 2 else cast(FloatArray, log_p[0])

    def at_zero(self, n_classes: int) -> float:
        """Return log C."""
        return math.log(n_classes)

    def curvature(self, n_classes: int) -> float:
        """Return 1/2."""
        return 0.5

    def _loss(self, scores: FloatArray, y: Labels) -> FloatArray:
        below, log_sum = _below_largest(scores)
        return cast(FloatArray, (log_sum - of_class(below, y))[:, 0])

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        return _probabilities(scores) - one_hot(scores, y)


def _below_largest(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return s - s_m for the largest score s_m of each row, (N, C), and log sum_k exp(s_k - s_m), (N, 1)."""
    m = scores.argmax(axis=1)
    below = scores - of_class(scores, m)
    others = np.exp(below)
    set_class(others, m, 0)
    return below, np.log1p(others.sum(axis=1, keepdims=True))


def _log_probabilities(scores: FloatArray) -> FloatArray:
    below, log_sum = _below_largest(scores)
    return cast(FloatArray, below - log_sum)


def _probabilities(scores: FloatArray) -> FloatArray:
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return cast(FloatArray, p / p.sum(axis=1, keepdims=True))


softmax = Softmax()
