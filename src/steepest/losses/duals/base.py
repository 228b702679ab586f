"""What is known of a loss beyond its value and its slope."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from steepest.losses.base import FloatArray, Labels

__all__ = ["F64", "Balancing", "Dual", "by_class", "mean_by_class", "within"]

F64 = NDArray[np.float64]


class Dual(ABC):
    """What is known of a loss beyond its value and slope. Scores and p are (N, C), labels (N,)."""

    @abstractmethod
    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """Return L*_i(p_i) = max_s <p_i, s> - L_i(s), (N,). p_i must be in its domain, as every dL_i/ds is."""

    @abstractmethod
    def curvatures(self, scores: FloatArray, y: Labels, U: FloatArray) -> FloatArray:
        """Return u_k' H_i u_k, (N, K), for the Hessian H_i = d2L_i / ds2 and the columns u_k of U (C, K)."""

    @abstractmethod
    def product(self, scores: FloatArray, y: Labels, V: FloatArray) -> FloatArray:
        """Return H_i v_i, (N, C), for the rows v_i of V (N, C)."""

    @abstractmethod
    def mean_hessian(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """Return the mean of w_i H_i, (C, C)."""

    @abstractmethod
    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray, hessian: F64) -> F64:
        """Return what `correction` wants to know of the rows, (C, C), divided by their number.

        `hessian` is their `mean_hessian`.
        """

    @abstractmethod
    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """Return bounds on the mean of w_i |d_i|^2, and of w_i (L*_i(p_i + d_i) - L*_i(p_i) - <s_i, d_i>).

        `sums` are the mean over all rows, g (C,) that of w_i dL_i/ds, `loss` that of w_i L_i. Infinite where no d_i of
        this form are known.
        """


class Balancing(Dual):
    """Of a loss whose p_i stay in the domain when shares of them are given up."""

    @abstractmethod
    def balanced(self, p: FloatArray, y: Labels, weight: FloatArray) -> F64 | None:
        """Return p_i + d_i whose weighted mean is 0, in float64; None where there are none of this form."""


def within(margin: FloatArray, width: float) -> FloatArray:
    """1 / width within the band of a rounded hinge, 0 beside it; of width 0 nowhere."""
    return np.asarray((margin > 0) & (margin < width), margin.dtype) / margin.dtype.type(width or 1)


def mean_by_class(p: FloatArray, y: Labels, weight: FloatArray) -> F64:
    """Return the mean over all rows of w_i p_ij of those in class k, (C, C), in float64."""
    return np.asarray(by_class(p * weight.astype(np.float64)[:, np.newaxis], y)) / len(y)


def by_class(rows: FloatArray, y: Labels) -> FloatArray:
    """Sum the rows (N, C) of each class: (C, C)."""
    sums = np.zeros((rows.shape[1],) * 2, rows.dtype)
    if len(y):
        order = np.argsort(y, kind="stable")
        sorted_y = y[order]
        first = np.flatnonzero(np.diff(sorted_y, prepend=-1))
        sums[sorted_y[first]] = np.add.reduceat(rows[order], first, axis=0)
    return sums
