"""The other side of losses that ask of each class apart whether it is the true one."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

import numpy as np

from steepest import losses
from steepest.losses.base import FloatArray, Labels, Loss, one_vs_all
from steepest.losses.duals.base import F64, Balancing, mean_by_class, within

__all__ = ["OfLogistic", "OfOvaHinge", "OfOvaSquaredHinge"]


class _OneVsAll(Balancing):
    """Of sum_j h(1 - t_j s_j): p_j = -t_j beta_j with beta_j >= 0, and a diagonal Hessian.

    d_ij = e_j p_ij with -1 <= e_j <= 0, for the examples of class j alone or for all others: whichever pull too hard.
    """

    loss: Loss

    @abstractmethod
    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """Return the diagonal, (N, C)."""

    @final
    def curvatures(self, scores: FloatArray, y: Labels, U: FloatArray) -> FloatArray:
        """sum_j h_j u_j^2."""
        return np.asarray(self.bends(scores, y) @ U**2)

    @final
    def product(self, scores: FloatArray, y: Labels, V: FloatArray) -> FloatArray:
        """h_j v_j."""
        return np.asarray(self.bends(scores, y) * V)

    @final
    def mean_hessian(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """diag(h), on average."""
        return np.diag((weight @ self.bends(scores, y)).astype(np.float64)) / len(y)

    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray, hessian: F64) -> F64:
        """T_kj, the mean of p_ij over the examples of class k."""
        return mean_by_class(self.loss.gradient(scores, y), y, weight)

    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """|d_i|^2 <= max e^2 sum_j p_ij^2."""
        return self.moved(float(-self._shares(sums, g).min()), len(g), loss)

    @final
    def balanced(self, p: FloatArray, y: Labels, weight: FloatArray) -> F64 | None:
        """d_ij = e_j p_ij."""
        T = mean_by_class(p, y, weight)
        g = T.sum(axis=0)
        e = self._shares(T, g)
        hard = one_vs_all(p, y) == np.where(g > 0, -1, 1)
        return None if e.min() < -1 else np.where(hard, p * (1 + e), p)

    @staticmethod
    def _shares(sums: F64, g: F64) -> F64:
        """Return e, (C,): of how much of it each p_.j changes that pulls too hard, at most 0."""
        own = np.diag(sums)
        pull = np.where(g > 0, sums.sum(axis=0) - own, -own)
        return np.asarray(-np.abs(g) / np.where(pull > 0, pull, np.finfo(float).tiny))

    @abstractmethod
    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """Return the two bounds for |e_j| <= e."""


@final
class OfOvaHinge(_OneVsAll):
    """h is Huber's, 0 <= beta_j <= 1."""

    def __init__(self, width: float) -> None:
        self.width, self.loss = width, losses.OvaHinge(width)

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """sum_j -beta_j + width/2 beta_j^2."""
        beta = -one_vs_all(p, y) * p
        return np.asarray((self.width / 2 * beta**2 - beta).sum(axis=1))

    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """1 / width within the band."""
        return within(1 - one_vs_all(scores, y) * scores, self.width)

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """beta_j <= 1; where it is 1 each of its share given up costs the margin."""
        return (e**2 * C, e * loss + self.width / 2 * e**2 * C) if e <= 1 else (np.inf, np.inf)


@final
class OfOvaSquaredHinge(_OneVsAll):
    """h(m) = max(0, m)^2, and beta_j = 2 max(0, m_j)."""

    loss = losses.ova_squared_hinge

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """sum_j beta_j^2 / 4 - beta_j."""
        beta = -one_vs_all(p, y) * p
        return np.asarray((beta**2 / 4 - beta).sum(axis=1))

    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """2 beyond the margin."""
        return 2 * np.asarray(1 - one_vs_all(scores, y) * scores > 0, scores.dtype)

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """beta_j^2 are four times the loss."""
        return (4 * e**2 * loss, e**2 * loss) if e <= 1 else (np.inf, np.inf)


@final
class OfLogistic(_OneVsAll):
    """beta_j is the probability of the other answer, and both are scaled down alike."""

    loss = losses.logistic

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """sum_j beta_j log beta_j + (1 - beta_j) log(1 - beta_j)."""
        beta = np.clip(-one_vs_all(p, y) * p, 0, 1)
        rest = 1 - beta
        bits = beta * np.log(np.where(beta > 0, beta, 1)) + rest * np.log(np.where(rest > 0, rest, 1))
        return np.asarray(bits.sum(axis=1))

    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """q_j (1 - q_j) with q_j = 1 / (1 + exp(-s_j))."""
        e = np.exp(-np.abs(scores))
        return np.asarray(e / (1 + e) ** 2)

    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray, hessian: F64) -> F64:
        """Return the mean Hessian, as of softmax: beta_j (1 + (1 - beta_j) delta_j) is a tilted probability."""
        return hessian

    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """(h delta)^2 <= h delta^2 / 4."""
        h = np.diag(sums)
        if h.min() <= 0 or np.abs(g / h).max() > 1:
            return np.inf, np.inf
        bend = float(g @ (g / h))
        return bend / 4, bend

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """Not asked for."""
        return np.inf, np.inf
