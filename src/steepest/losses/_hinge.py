"""Multiclass hinge loss, summed over the wrong classes."""

from typing import ClassVar, cast, final

from steepest.autodiff.ops import relu, where
from steepest.losses.base import FloatArray, Labels, Loss, Scores, is_class, of_class, set_class


@final
class Hinge(Loss):
    """Multiclass hinge (SVM) loss, summed over all wrong classes: the Weston-Watkins form.

        L_i = sum_{j != y} max(0, s_j - s_y + 1)

        dL_i/ds_j = [s_j - s_y + 1 > 0]  for j != y,        dL_i/ds_y = -sum_{j != y} dL_i/ds_j

    Range [0, inf); C - 1 at W = 0. Summing over all j would add exactly 1. ``hinge_max`` takes only the largest term.

    Kink: exactly at the margin, s_j - s_y + 1 = 0, the derivative taken is 0. No curvature bound.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import hinge
    >>> hinge([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], [0, 1, 2]).round(2)
    array([ 2.9,  0. , 12.9])
    >>> hinge.gradient([[3.2, 5.1, -1.7]], [0])
    array([[-1.,  1.,  0.]])

    References
    ----------
    Weston and Watkins, Support vector machines for multi-class pattern recognition, 1999.
    """

    name: ClassVar[str] = "hinge"

    def at_zero(self, n_classes: int) -> float:
        """Return C - 1."""
        return float(n_classes - 1)

    def curvature(self, n_classes: int) -> None:
        """Return None: the slope jumps at the margin."""

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return _shortfalls(scores, y).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        dscores = (_shortfalls(scores, y) > 0).astype(scores.dtype)
        set_class(dscores, y, -dscores.sum(axis=1, keepdims=True))
        return cast(FloatArray, dscores)


def _shortfalls(scores: Scores, y: Labels) -> Scores:
    """max(0, s_j - s_y + 1) for the wrong classes, and 0 for the true one."""
    return where(is_class(scores, y), 0.0, relu(scores - of_class(scores, y) + 1))


hinge = Hinge()
