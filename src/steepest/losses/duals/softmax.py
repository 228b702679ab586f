"""The other side of the softmax loss."""

from __future__ import annotations

from typing import final

import numpy as np

from steepest import losses
from steepest.losses.base import FloatArray, Labels, one_hot
from steepest.losses.duals.base import F64, Dual, by_class

__all__ = ["OfSoftmax"]


@final
class OfSoftmax(Dual):
    """q = p + e_y is a distribution, and d_i = H_i delta tilts it: q_j (1 + delta_j - <q, delta>).

    H = diag(q) - q q' = diag(p) - p p' - p e_y' - e_y p', where all is small once q_y is nearly 1.
    """

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """sum_j q_j log q_j with q = p + e_y, a distribution."""
        q = np.maximum(p + one_hot(p, y), 0)
        return np.asarray((q * np.log(np.where(q > 0, q, 1))).sum(axis=1))

    def curvatures(self, scores: FloatArray, y: Labels, U: FloatArray) -> FloatArray:
        """Return the variance of u_j where j has the probability q_j."""
        p = losses.softmax.gradient(scores, y)
        mean = p @ U
        return np.asarray(np.maximum(p @ U**2 - mean**2 - 2 * mean * U[y], 0))

    def product(self, scores: FloatArray, y: Labels, V: FloatArray) -> FloatArray:
        """q_j (v_j - <q, v>)."""
        q = losses.softmax.probabilities(scores)
        return np.asarray(q * (V - (q * V).sum(axis=1, keepdims=True)))

    def mean_hessian(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """diag(p) - p p' - p e_y' - e_y p', on average."""
        p = losses.softmax.gradient(scores, y)
        weighted = p * weight[:, np.newaxis]
        own = by_class(weighted, y)
        return np.asarray(np.diag(weighted.sum(axis=0)) - weighted.T @ p - own - own.T, np.float64) / len(y)

    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray, hessian: F64) -> F64:
        """Return the mean Hessian A: the tilted p_i have the mean g + A delta."""
        return hessian

    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """|H_i delta|^2 <= delta' H_i delta / 2; and log(1 + x) <= x gives delta' H_i delta for the other."""
        g = g - g.mean()  # it adds up to 0 but for rounding
        delta = -np.linalg.pinv(sums, rcond=1e-7, hermitian=True) @ g
        if np.abs(sums @ delta + g).max() > 1e-3 * np.abs(g).max() + 1e-9 or np.ptp(delta) > 1:
            return np.inf, np.inf
        bend = max(0.0, float(-delta @ g))
        return bend / 2, bend
