"""One-vs-all squared hinge loss."""

from typing import ClassVar, final

import numpy as np

from steepest.autodiff.ops import relu
from steepest.losses.base import FloatArray, Labels, Loss, Scores, one_vs_all


@final
class OvaSquaredHinge(Loss):
    """One-vs-all squared hinge loss: C binary L2-loss SVMs side by side.

        L_i = sum_j max(0, 1 - t_j s_j)^2      with  t_j = +1 for j == y, else -1

        dL_i/ds_j = -2 t_j max(0, 1 - t_j s_j)

    Range [0, inf); C at W = 0.

    The slope is continuous and 0 at the margin, so there is no kink; the second derivative jumps there. Curvature: the
    Hessian is diagonal with entries 0 and 2, so the bound is 2.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import ova_squared_hinge
    >>> ova_squared_hinge([[3.2, 5.1, -1.7]], [0]).round(2)
    array([37.21])
    >>> ova_squared_hinge.gradient([[3.2, 5.1, -1.7]], [0]).round(2) + 0
    array([[ 0. , 12.2,  0. ]])

    References
    ----------
    Chang, Hsieh and Lin, Coordinate descent method for large-scale L2-loss linear support vector machines, 2008.
    """

    name: ClassVar[str] = "ova_squared_hinge"
    grows: ClassVar[bool] = True

    def at_zero(self, n_classes: int) -> float:
        """Return C."""
        return float(n_classes)

    def curvature(self, n_classes: int) -> float:
        """Return 2."""
        return 2.0

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return (relu(1 - one_vs_all(scores, y) * scores) ** 2).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        t = one_vs_all(scores, y)
        return -2 * t * np.maximum(0, 1 - t * scores)


ova_squared_hinge = OvaSquaredHinge()
