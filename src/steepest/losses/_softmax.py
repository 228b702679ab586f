"""Softmax loss, also called cross-entropy."""

import math
from dataclasses import dataclass
from typing import ClassVar, cast, final

import numpy as np
from numpy.typing import ArrayLike

from steepest.autodiff import ops
from steepest.autodiff.graph import Tensor, raw
from steepest.errors import InputError
from steepest.losses.base import FloatArray, Labels, Loss, Scores, check_scores, is_class, of_class, one_hot, set_class


@final
@dataclass(frozen=True, repr=False)
class Softmax(Loss):
    """Softmax loss (cross-entropy), from scores; with label smoothing e, which is 0 unless it is asked for.

        L_i = -log p_y        with  p_j = exp(s_j) / sum_k exp(s_k)

        dL_i/ds_j = p_j - [j == y]

    Range (0, inf); log C at W = 0. It is the negative log-likelihood of the true class, and the cross-entropy between
    a one-hot target and p. Adding a number to all scores changes nothing. No kinks.

    Smoothed, it is the cross-entropy to a target that gives the share e to all classes alike, the true one among them:

        L_i = -(1 - e) log p_y - e/C sum_j log p_j

        dL_i/ds_j = p_j - (1 - e) [j == y] - e/C

    Then scores that are ever further apart are no longer ever better: the least L_i is the entropy of the target, where
    log p_y exceeds the others by log(1 + C (1 - e) / e). At W = 0 it is log C as before. Smoothing is a way to train:
    rows that were held out are judged by the loss without it, see `judge`.

    The largest score m is taken out first, so no exp overflows, and log1p keeps what is left of a loss near zero:

        L_i = (s_m - s_y) + log(1 + sum_{k != m} exp(s_k - s_m))

    Curvature: the Hessian diag(p) - p p' is below 1/2 (I - 11'/C), so its largest eigenvalue is at most 1/2; it is
    reached where two classes share all the probability.

    Returns and errors: see ``Loss``.

    Parameters
    ----------
    smoothing : float
        e, at least 0 and below 1; 0.1 is usual.

    Examples
    --------
    >>> from steepest.losses import Softmax, softmax
    >>> softmax([[3.2, 5.1, -1.7]], [0]).round(2)
    array([2.04])
    >>> softmax.probabilities([[3.2, 5.1, -1.7]]).round(2)
    array([[0.13, 0.87, 0.  ]])
    >>> softmax.gradient([[3.2, 5.1, -1.7]], [0]).round(2)
    array([[-0.87,  0.87,  0.  ]])
    >>> Softmax(smoothing=0.3)([[0.0, 0.0, 9.0]], [2]).round(3)  # 0.2 * 9, and the little of before
    array([1.8])

    References
    ----------
    Cox, The regression analysis of binary sequences, 1958 (two classes); Bridle, Probabilistic interpretation of
    feedforward classification network outputs, 1990 (the name). The bound: Boehning, Multinomial logistic regression
    algorithm, 1992. Smoothing: Szegedy et al., Rethinking the Inception architecture for computer vision, 2016.
    """

    name: ClassVar[str] = "softmax"

    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.smoothing, bool) or not 0 <= self.smoothing < 1:
            raise InputError(f"smoothing must be at least 0 and below 1, not {self.smoothing!r}: 0.1 is usual")

    def __repr__(self) -> str:
        return f"<loss softmax, smoothing {self.smoothing:g}>" if self.smoothing else super().__repr__()

    def probabilities(self, scores: ArrayLike | Tensor) -> Scores:
        """p_j = exp(s_j) / sum_k exp(s_k): (N, C) scores in, (N, C) rows that sum to 1 out; (C,) gives (C,)."""
        p = ops.softmax(check_scores(scores), axis=1)
        return p if np.ndim(raw(scores)) == 2 else p[0]

    def log_probabilities(self, scores: ArrayLike | Tensor) -> Scores:
        """Log p_j = s_j - log sum_k exp(s_k), finite where p itself rounds to 0; ``nll`` takes it. Shapes as above."""
        below, log_sum = _below_largest(check_scores(scores))
        log_p = below - log_sum
        return log_p if np.ndim(raw(scores)) == 2 else log_p[0]

    def at_zero(self, n_classes: int) -> float:
        """Return log C."""
        return math.log(n_classes)

    def curvature(self, n_classes: int) -> float:
        """Return 1/2."""
        return 0.5

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        below, log_sum = _below_largest(scores)
        wanted = of_class(below, y)
        if self.smoothing:
            wanted = (1 - self.smoothing) * wanted + self.smoothing * below.mean(axis=1, keepdims=True)
        return (log_sum - wanted)[:, 0]

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        p = cast(FloatArray, ops.softmax(scores, axis=1))
        if self.smoothing:
            return np.asarray(p - (1 - self.smoothing) * one_hot(scores, y) - self.smoothing / scores.shape[1])
        set_class(p, y, 0.0)  # p_y - 1 is less the sum of the others, which keeps its digits where p_y is nearly 1
        set_class(p, y, -p.sum(axis=1, keepdims=True))
        return p


def _below_largest(scores: Scores) -> tuple[Scores, Scores]:
    """Return s - s_m for the largest score s_m of each row, (N, C), and log sum_k exp(s_k - s_m), (N, 1)."""
    m = raw(scores).argmax(axis=1)
    below = scores - of_class(scores, m)
    others = ops.where(is_class(scores, m), 0.0, ops.exp(below))
    return below, ops.log1p(others.sum(axis=1, keepdims=True))


softmax = Softmax()
