"""The other side of losses of differences of scores: the hinges that compare the true class with each other."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

import numpy as np

from steepest import losses
from steepest.losses.base import FloatArray, Labels, Loss, of_class, set_class
from steepest.losses.duals.base import F64, Balancing, by_class, mean_by_class, within

__all__ = ["OfHinge", "OfHingeMax", "OfSquaredHinge"]


class _Pairs(Balancing):
    """Of sum_{j != y} h(s_j - s_y + 1), of differences of scores: p_y = -sum_{j != y} p_j, and p_j >= 0 for the others.

    H = sum_j h_j (e_j - e_y)(e_j - e_y)' with the second derivatives h_j of h. d_ij = e_j p_ij for j != y_i, with
    -1 <= e_j <= 0 so that the sums over the rows are balanced: (diag(m) - T) e = -g, T_kj the mean of p_ij over the
    examples of class k and m its column sums.
    """

    loss: Loss

    @abstractmethod
    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """Return h_j of each wrong class, (N, C), and 0 for the true one."""

    @final
    def curvatures(self, scores: FloatArray, y: Labels, U: FloatArray) -> FloatArray:
        """sum_j h_j (u_j - u_y)^2."""
        h, own = self.bends(scores, y), U[y]
        return np.asarray(h @ U**2 - 2 * own * (h @ U) + own**2 * h.sum(axis=1, keepdims=True))

    @final
    def product(self, scores: FloatArray, y: Labels, V: FloatArray) -> FloatArray:
        """h_j (v_j - v_y), and for the true class less the sum of these."""
        product = np.asarray(self.bends(scores, y) * (V - of_class(V, y)))
        set_class(product, y, -product.sum(axis=1, keepdims=True))
        return product

    @final
    def mean_hessian(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """sum_j h_j (e_j - e_y)(e_j - e_y)', on average."""
        h = self.bends(scores, y) * weight[:, np.newaxis]
        across = by_class(h, y).astype(np.float64)
        return np.asarray(np.diag(across.sum(axis=0) + across.sum(axis=1)) - across - across.T) / len(y)

    @final
    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray, hessian: F64) -> F64:
        """T."""
        return mean_by_class(self.loss.gradient(scores, y), y, weight)

    @final
    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """|d_i|^2 <= max e^2 C sum_j p_ij^2."""
        e = self._shares(sums, g)
        return (np.inf, np.inf) if e is None else self.moved(float(-e.min()), len(g), loss)

    @final
    def balanced(self, p: FloatArray, y: Labels, weight: FloatArray) -> F64 | None:
        """d_ij = e_j p_ij."""
        T = mean_by_class(p, y, weight)
        e = self._shares(T, T.sum(axis=0))
        if e is None or e.min() < -1:
            return None
        others = np.asarray(p * (1 + e), np.float64)
        set_class(others, y, 0.0)
        set_class(others, y, -others.sum(axis=1, keepdims=True))
        return others

    @staticmethod
    def _shares(sums: F64, g: F64) -> F64 | None:
        """Return e, (C,): of how much of it each p_.j changes, at most 0.

        A class whose own examples pull nowhere, or that has none, cannot be pulled either: all p_.j of it are given up.
        """
        T, e = sums - np.diag(np.diag(sums)), np.zeros(len(sums))
        while np.any(alone := ~T.any(axis=1) & T.any(axis=0)):
            e[alone], T[:, alone], g = -1, 0, g + T[:, alone].sum(axis=1)
        some = T.any(axis=1)
        if not some.any():
            return e
        T, g = T[np.ix_(some, some)], g[some] - g[some].mean()  # it adds up to 0 but for rounding
        M = np.diag(T.sum(axis=0)) - T
        shares = -np.linalg.pinv(M, rcond=1e-9) @ g
        null = np.abs(np.linalg.svd(M)[2][-1])
        if null.min() <= 1e-9 or np.abs(M @ shares + g).max() > 1e-3 * np.abs(g).max() + 1e-9:
            return None
        e[some] = shares - (shares / null).max() * null
        return e

    @abstractmethod
    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """Return the two bounds for |e_j| <= e."""


@final
class OfHinge(_Pairs):
    """h is Huber's, 0 <= p_j <= 1; of width 0 the hinge itself."""

    def __init__(self, width: float) -> None:
        self.width, self.loss = width, losses.Hinge(width)

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """sum_{j != y} -p_j + width/2 p_j^2."""
        others = p.copy()
        set_class(others, y, 0.0)
        return np.asarray((self.width / 2 * others**2 - others).sum(axis=1))

    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """1 / width within the band."""
        bends = within(scores - of_class(scores, y) + 1, self.width)
        set_class(bends, y, 0.0)
        return bends

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """p_j <= 1; where p_j = 1 each of its share given up costs the margin."""
        return (e**2 * C**2, e * loss + self.width / 2 * e**2 * C) if e <= 1 else (np.inf, np.inf)


@final
class OfHingeMax(_Pairs):
    """p_j >= 0 for the wrong classes, and at most 1 together; no bends."""

    loss = losses.hinge_max

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """p_y."""
        return np.asarray(of_class(p, y)[:, 0])

    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """Nowhere."""
        return np.zeros_like(scores)

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """|p_i|^2 <= 2; each share given up costs the margin."""
        return (2 * e**2, e * loss) if e <= 1 else (np.inf, np.inf)


@final
class OfSquaredHinge(_Pairs):
    """h(m) = max(0, m)^2, and p_j = 2 max(0, m_j) for the wrong classes."""

    loss = losses.squared_hinge

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """sum_{j != y} p_j^2 / 4 - p_j."""
        others = p.copy()
        set_class(others, y, 0.0)
        return np.asarray((others**2 / 4 - others).sum(axis=1))

    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """2 beyond the margin."""
        bends = 2 * np.asarray(scores - of_class(scores, y) + 1 > 0, scores.dtype)
        set_class(bends, y, 0.0)
        return bends

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """p_j^2 are four times the loss."""
        return (4 * e**2 * C * loss, e**2 * loss) if e <= 1 else (np.inf, np.inf)
