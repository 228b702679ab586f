"""One-vs-all hinge loss."""

from typing import ClassVar, final

import numpy as np

from steepest.autodiff.ops import relu
from steepest.losses.base import FloatArray, Labels, Loss, Scores, one_vs_all


@final
class OvaHinge(Loss):
    """One-vs-all hinge loss: C binary SVMs side by side, each telling its class from the rest.

        L_i = sum_j max(0, 1 - t_j s_j)        with  t_j = +1 for j == y, else -1

        dL_i/ds_j = -t_j [1 - t_j s_j > 0]

    Range [0, inf); C at W = 0. Here each score has to pass +1 or -1 by itself; in ``hinge`` only differences count.

    Kink: exactly at the margin, t_j s_j = 1, the derivative taken is 0. No curvature bound.

    Parameters, returns and errors: see ``Loss``.

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

    def at_zero(self, n_classes: int) -> float:
        """Return C."""
        return float(n_classes)

    def curvature(self, n_classes: int) -> None:
        """Return None: the slope jumps at the margin."""

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return relu(1 - one_vs_all(scores, y) * scores).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        t = one_vs_all(scores, y)
        return np.where(1 - t * scores > 0, -t, np.zeros_like(t))


ova_hinge = OvaHinge()
