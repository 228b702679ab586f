"""One-vs-all hinge loss."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.autodiff.ops import relu
from steepest.losses.base import FloatArray, Labels, Loss, Scores, check_width, one_vs_all, rounded


@final
@dataclass(frozen=True, repr=False)
class OvaHinge(Loss):
    """One-vs-all hinge loss: C binary SVMs side by side, each telling its class from the rest.

        L_i = sum_j max(0, 1 - t_j s_j)        with  t_j = +1 for j == y, else -1

        dL_i/ds_j = -t_j [1 - t_j s_j > 0]

    Range [0, inf); C at W = 0. Here each score has to pass +1 or -1 by itself; in ``hinge`` only differences count.

    Kink: exactly at the margin, t_j s_j = 1, the derivative taken is 0. No curvature bound.

    With a width h(1 - t_j s_j) takes the place of max(0, 1 - t_j s_j), rounded as in ``hinge``; curvature 1 / width.

    Returns and errors: see ``Loss``.

    Parameters
    ----------
    width : float
        Of the margin over which the slope rises from 0 to 1; 0 for the hinge itself.

    Examples
    --------
    >>> from steepest.losses import ova_hinge
    >>> ova_hinge([[3.2, 5.1, -1.7]], [0]).round(2)
    array([6.1])
    >>> ova_hinge.gradient([[3.2, 5.1, -1.7]], [0]) + 0
    array([[0., 1., 0.]])

    References
    ----------
    Cortes and Vapnik, Support-vector networks, 1995; Rifkin and Klautau, In defense of one-vs-all classification, 2004.
    """

    name: ClassVar[str] = "ova_hinge"

    width: float = 0.0

    def __post_init__(self) -> None:
        check_width(self.width)

    def __repr__(self) -> str:
        return f"<loss ova_hinge, width {self.width:g}>" if self.width else super().__repr__()

    def at_zero(self, n_classes: int) -> float:
        """Return C; with a width C h(1)."""
        return n_classes * float(rounded(np.float64(1), self.width))

    def curvature(self, n_classes: int) -> float | None:
        """Return None: the slope jumps at the margin. With a width, 1 / width."""
        return 1 / self.width if self.width else None

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return rounded(relu(1 - one_vs_all(scores, y) * scores), self.width).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        t = one_vs_all(scores, y)
        m = 1 - t * scores
        return np.where(m > 0, -t * np.minimum(m / self.width, 1) if self.width else -t, np.zeros_like(t))


ova_hinge = OvaHinge()
