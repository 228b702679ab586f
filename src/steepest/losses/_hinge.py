"""Multiclass hinge loss, summed over the wrong classes."""

from dataclasses import dataclass
from typing import ClassVar, cast, final

import numpy as np

from steepest.autodiff.ops import relu, where
from steepest.losses.base import FloatArray, Labels, Loss, Scores, check_width, is_class, of_class, rounded, set_class


@final
@dataclass(frozen=True, repr=False)
class Hinge(Loss):
    """Multiclass hinge (SVM) loss, summed over all wrong classes: the Weston-Watkins form.

        L_i = sum_{j != y} max(0, s_j - s_y + 1)

        dL_i/ds_j = [s_j - s_y + 1 > 0]  for j != y,        dL_i/ds_y = -sum_{j != y} dL_i/ds_j

    Range [0, inf); C - 1 at W = 0. Summing over all j would add exactly 1. ``hinge_max`` takes only the largest term.

    Kink: exactly at the margin, s_j - s_y + 1 = 0, the derivative taken is 0. No curvature bound.

    With a width it has no kink: h(m) of Huber's form takes the place of max(0, m), at most width/2 below it,

        h(m) = 0 up to m = 0,  m^2 / (2 width) up to m = width,  m - width/2 beyond;    dh/dm = m / width, cut to [0, 1]

    and the curvature is at most C / width. The solvers round it so; rows that were held out are judged without.

    Returns and errors: see ``Loss``.

    Parameters
    ----------
    width : float
        Of the margin over which the slope rises from 0 to 1; 0 for the hinge itself.

    Examples
    --------
    >>> from steepest.losses import hinge
    >>> hinge([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], [0, 1, 2]).round(2)
    array([ 2.9,  0. , 12.9])
    >>> hinge.gradient([[3.2, 5.1, -1.7]], [0])
    array([[-1.,  1.,  0.]])
    >>> Hinge(width=0.5)([[3.2, 5.1, 2.3]], [0]).round(2)  # 2.9 - 0.25, and 0.1^2 / (2 0.5)
    array([2.66])

    References
    ----------
    Weston and Watkins, Support vector machines for multi-class pattern recognition, 1999. The rounding: Huber, Robust
    estimation of a location parameter, 1964; for hinges Chapelle, Training an SVM in the primal, 2007.
    """

    name: ClassVar[str] = "hinge"

    width: float = 0.0

    def __post_init__(self) -> None:
        check_width(self.width)

    def __repr__(self) -> str:
        return f"<loss hinge, width {self.width:g}>" if self.width else super().__repr__()

    def at_zero(self, n_classes: int) -> float:
        """Return C - 1; with a width (C - 1) h(1)."""
        return (n_classes - 1) * float(rounded(np.float64(1), self.width))

    def curvature(self, n_classes: int) -> float | None:
        """Return None: the slope jumps at the margin. With a width, C / width."""
        return n_classes / self.width if self.width else None

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return rounded(_shortfalls(scores, y), self.width).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        m = _shortfalls(scores, y)
        dscores = np.minimum(m / self.width, 1) if self.width else (m > 0).astype(scores.dtype)
        set_class(dscores, y, -dscores.sum(axis=1, keepdims=True))
        return cast(FloatArray, dscores)


def _shortfalls(scores: Scores, y: Labels) -> Scores:
    """max(0, s_j - s_y + 1) for the wrong classes, and 0 for the true one."""
    return where(is_class(scores, y), 0.0, relu(scores - of_class(scores, y) + 1))


hinge = Hinge()
