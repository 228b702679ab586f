"""Multiclass squared hinge loss, summed over the wrong classes."""

from typing import ClassVar, cast, final

from steepest.autodiff.ops import relu, where
from steepest.losses.base import FloatArray, Labels, Loss, Scores, is_class, of_class, set_class


@final
class SquaredHinge(Loss):
    """Multiclass squared hinge loss, summed over all wrong classes.

        L_i = sum_{j != y} max(0, s_j - s_y + 1)^2

        dL_i/ds_j = 2 max(0, s_j - s_y + 1)  for j != y,        dL_i/ds_y = -sum_{j != y} dL_i/ds_j

    Range [0, inf); C - 1 at W = 0. Another loss than ``hinge``: it forgives small shortfalls and punishes large ones.

    The slope is continuous and 0 at the margin, so there is no kink; the second derivative jumps there.

    Curvature: with k terms active the Hessian is twice the Laplacian of a star with k leaves, whose largest eigenvalue
    is k + 1; at most C - 1 are active, so the bound is 2 C, and it is reached.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import squared_hinge
    >>> squared_hinge([[3.2, 5.1, -1.7]], [0]).round(2)
    array([8.41])
    >>> squared_hinge.gradient([[3.2, 5.1, -1.7]], [0]).round(2)
    array([[-5.8,  5.8,  0. ]])

    References
    ----------
    Weston and Watkins, Support vector machines for multi-class pattern recognition, 1999, for the sum; squared as in
    Lee and Lin, A study on L2-loss (squared hinge-loss) multiclass SVM, 2013.
    """

    name: ClassVar[str] = "squared_hinge"
    grows: ClassVar[bool] = True

    def at_zero(self, n_classes: int) -> float:
        """Return C - 1."""
        return float(n_classes - 1)

    def curvature(self, n_classes: int) -> float:
        """Return 2 C."""
        return 2.0 * n_classes

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return (_shortfalls(scores, y) ** 2).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        dscores = 2 * _shortfalls(scores, y)
        set_class(dscores, y, -dscores.sum(axis=1, keepdims=True))
        return cast(FloatArray, dscores)


def _shortfalls(scores: Scores, y: Labels) -> Scores:
    """max(0, s_j - s_y + 1) for the wrong classes, and 0 for the true one."""
    return where(is_class(scores, y), 0.0, relu(scores - of_class(scores, y) + 1))


squared_hinge = SquaredHinge()
