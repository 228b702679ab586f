"""Multiclass hinge loss, the largest term only."""

from typing import ClassVar, final

import numpy as np

from steepest.autodiff.ops import relu, where
from steepest.losses.base import FloatArray, Labels, Loss, Scores, is_class, of_class, set_class


@final
class HingeMax(Loss):
    """Multiclass hinge loss, the strongest wrong class only: the Crammer-Singer or structured form.

        L_i = max(0, 1 + max_{j != y} s_j - s_y)

        dL_i/ds = e_r - e_y  if the loss is above 0, else 0,        r = argmax_{j != y} s_j

    Range [0, inf); 1 at W = 0. ``hinge`` sums over all wrong classes instead.

    Kinks: exactly at the margin the derivative taken is 0; where wrong classes tie for the largest score, r is the
    first of them. No curvature bound.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import hinge_max
    >>> hinge_max([[2.2, 2.5, -3.1]], [2]).round(2)
    array([6.6])
    >>> hinge_max.gradient([[2.2, 2.5, -3.1]], [2])
    array([[ 0.,  1., -1.]])

    References
    ----------
    Crammer and Singer, On the algorithmic implementation of multiclass kernel-based vector machines, 2001.
    """

    name: ClassVar[str] = "hinge_max"

    def at_zero(self, n_classes: int) -> float:
        """Return 1 (0 where there is one class only, and so no wrong one)."""
        return 1.0 if n_classes > 1 else 0.0

    def curvature(self, n_classes: int) -> None:
        """Return None: the slope jumps at the margin."""

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return relu(1 + _others(scores, y).max(axis=1) - of_class(scores, y)[:, 0])

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        strongest = _others(scores, y).argmax(axis=1)
        short = (self._loss(scores, y) > 0).astype(scores.dtype)[:, np.newaxis]
        dscores = np.zeros_like(scores)
        set_class(dscores, strongest, short)
        set_class(dscores, y, -short)
        return dscores


def _others(scores: Scores, y: Labels) -> Scores:
    """Return the scores with the true class out of the race."""
    return where(is_class(scores, y), -np.inf, scores)


hinge_max = HingeMax()
