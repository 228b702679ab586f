"""One-vs-all binary logistic loss."""

import math
from typing import ClassVar, cast, final

from steepest.autodiff.ops import logaddexp, sigmoid
from steepest.losses.base import FloatArray, Labels, Loss, Scores, one_vs_all


@final
class Logistic(Loss):
    """One-vs-all binary logistic loss: C logistic regressions side by side, each telling its class from the rest.

        L_i = sum_j log(1 + exp(-t_j s_j))     with  t_j = +1 for j == y, else -1

        dL_i/ds_j = -t_j / (1 + exp(t_j s_j))

    Range (0, inf); C log 2 at W = 0. The probabilities 1 / (1 + exp(-s_j)) of an example need not sum to 1: ``softmax``
    is the loss for which they do. No kinks. No exp overflows:

        log(1 + exp(z)) = max(0, z) + log(1 + exp(-|z|))

    Curvature: the Hessian is diagonal with entries p (1 - p), so the bound is 1/4.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import logistic
    >>> logistic([[0.0, 0.0]], [0]).round(4)
    array([1.3863])
    >>> logistic.gradient([[0.0, 0.0]], [0])
    array([[-0.5,  0.5]])

    References
    ----------
    Cox, The regression analysis of binary sequences, 1958.
    """

    name: ClassVar[str] = "logistic"

    def at_zero(self, n_classes: int) -> float:
        """Return C log 2."""
        return n_classes * math.log(2)

    def curvature(self, n_classes: int) -> float:
        """Return 1/4."""
        return 0.25

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return logaddexp(0.0, -one_vs_all(scores, y) * scores).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        t = one_vs_all(scores, y)
        return cast(FloatArray, -t * sigmoid(-t * scores))


logistic = Logistic()
