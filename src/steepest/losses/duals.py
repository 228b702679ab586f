"""The other side of a convex loss: what proves how far from the optimum a fit is, and its curvatures.

For any p_i in the domain of the conjugate L*, and any scores s, L_i(s) >= <p_i, s> - L*_i(p_i), with equality where
p_i = dL_i/ds. So p_i that add up to 0 over the examples, as a free bias wants it, bound the optimum from below:

    min 1/N sum_i L_i(W' x_i + b) + alpha |W|^2  >=  -1/N sum_i L*_i(p_i) - |1/N sum_i x_i p_i'|^2 / (4 alpha)

Where the p_i = dL_i/ds at some W, b have a mean g that is not quite 0, p_i + d_i are taken in their place: d_i of mean
-g that keep them in the domain. What that costs is what a `Dual` knows beside the conjugate and the curvatures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import numpy as np
from numpy.typing import NDArray

from steepest import losses
from steepest.losses.base import FloatArray, Labels, Loss, of_class, one_hot, one_vs_all, set_class

__all__ = ["Balancing", "Dual", "dual"]

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
    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """Return what `correction` wants to know of the rows, (C, C), divided by their number."""

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
        across = (one_hot(scores, y).T @ h).astype(np.float64)
        return np.asarray(np.diag(across.sum(axis=0) + across.sum(axis=1)) - across - across.T) / len(y)

    @final
    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """T."""
        return _slopes_by_class(self.loss, scores, y, weight)

    @final
    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """|d_i|^2 <= max e^2 C sum_j p_ij^2."""
        e = self._shares(sums, g)
        return (np.inf, np.inf) if e is None else self.moved(float(-e.min()), len(g), loss)

    @final
    def balanced(self, p: FloatArray, y: Labels, weight: FloatArray) -> F64 | None:
        """d_ij = e_j p_ij."""
        T = _mean_by_class(p, y, weight)
        e = self._shares(T, T.sum(axis=0))
        if e is None or e.min() < -1:
            return None
        others = np.asarray(p * (1 + e), np.float64)
        set_class(others, y, 0.0)
        set_class(others, y, -others.sum(axis=1, keepdims=True))
        return others

    @staticmethod
    def _shares(sums: F64, g: F64) -> F64 | None:
        """Return e, (C,): of how much of it each p_.j changes, at most 0."""
        T, g = sums - np.diag(np.diag(sums)), g - g.mean()  # it adds up to 0 but for rounding
        M = np.diag(T.sum(axis=0)) - T
        e = -np.linalg.pinv(M, rcond=1e-9) @ g
        null = np.abs(np.linalg.svd(M)[2][-1])
        if null.min() <= 1e-9 or np.abs(M @ e + g).max() > 1e-3 * np.abs(g).max() + 1e-9:
            return None
        return np.asarray(e - (e / null).max() * null)

    @abstractmethod
    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """Return the two bounds for |e_j| <= e."""


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

    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """T_kj, the mean of p_ij over the examples of class k."""
        return _slopes_by_class(self.loss, scores, y, weight)

    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """|d_i|^2 <= max e^2 sum_j p_ij^2."""
        return self.moved(float(-self._shares(sums, g).min()), len(g), loss)

    @final
    def balanced(self, p: FloatArray, y: Labels, weight: FloatArray) -> F64 | None:
        """d_ij = e_j p_ij."""
        T = _mean_by_class(p, y, weight)
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
class _OfSoftmax(Dual):
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
        own = _by_class(weighted, y)
        return np.asarray(np.diag(weighted.sum(axis=0)) - weighted.T @ p - own - own.T, np.float64) / len(y)

    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """Return the mean Hessian A: the tilted p_i have the mean g + A delta."""
        return self.mean_hessian(scores, y, weight)

    def correction(self, sums: F64, g: F64, loss: float) -> tuple[float, float]:
        """|H_i delta|^2 <= delta' H_i delta / 2; and log(1 + x) <= x gives delta' H_i delta for the other."""
        g = g - g.mean()  # it adds up to 0 but for rounding
        delta = -np.linalg.pinv(sums, rcond=1e-7, hermitian=True) @ g
        if np.abs(sums @ delta + g).max() > 1e-3 * np.abs(g).max() + 1e-9 or np.ptp(delta) > 1:
            return np.inf, np.inf
        bend = max(0.0, float(-delta @ g))
        return bend / 2, bend


@final
class _OfHinge(_Pairs):
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
        bends = _within(scores - of_class(scores, y) + 1, self.width)
        set_class(bends, y, 0.0)
        return bends

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """p_j <= 1; where p_j = 1 each of its share given up costs the margin."""
        return (e**2 * C**2, e * loss + self.width / 2 * e**2 * C) if e <= 1 else (np.inf, np.inf)


@final
class _OfHingeMax(_Pairs):
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
class _OfSquaredHinge(_Pairs):
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


@final
class _OfOvaHinge(_OneVsAll):
    """h is Huber's, 0 <= beta_j <= 1."""

    def __init__(self, width: float) -> None:
        self.width, self.loss = width, losses.OvaHinge(width)

    def conjugate(self, p: FloatArray, y: Labels) -> FloatArray:
        """sum_j -beta_j + width/2 beta_j^2."""
        beta = -one_vs_all(p, y) * p
        return np.asarray((self.width / 2 * beta**2 - beta).sum(axis=1))

    def bends(self, scores: FloatArray, y: Labels) -> FloatArray:
        """1 / width within the band."""
        return _within(1 - one_vs_all(scores, y) * scores, self.width)

    def moved(self, e: float, C: int, loss: float) -> tuple[float, float]:
        """beta_j <= 1; where it is 1 each of its share given up costs the margin."""
        return (e**2 * C, e * loss + self.width / 2 * e**2 * C) if e <= 1 else (np.inf, np.inf)


@final
class _OfOvaSquaredHinge(_OneVsAll):
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
class _OfLogistic(_OneVsAll):
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

    def sums(self, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
        """Return the mean Hessian, as of softmax: beta_j (1 + (1 - beta_j) delta_j) is a tilted probability."""
        return self.mean_hessian(scores, y, weight)

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


def _within(margin: FloatArray, width: float) -> FloatArray:
    """1 / width within the band of a rounded hinge, 0 beside it; of width 0 nowhere."""
    return np.asarray((margin > 0) & (margin < width), margin.dtype) / margin.dtype.type(width or 1)


def _slopes_by_class(loss: Loss, scores: FloatArray, y: Labels, weight: FloatArray) -> F64:
    """Return the mean over all rows of w_i p_ij of those in class k, (C, C)."""
    p = loss.gradient(scores, y) * weight[:, np.newaxis]
    return np.asarray(_by_class(p, y), np.float64) / len(y)


def _mean_by_class(p: FloatArray, y: Labels, weight: FloatArray) -> F64:
    """Return the mean over all rows of w_i p_ij of those in class k, (C, C), in float64."""
    return np.asarray(_by_class(p * weight.astype(np.float64)[:, np.newaxis], y)) / len(y)


def _by_class(rows: FloatArray, y: Labels) -> FloatArray:
    """Sum the rows (N, C) of each class: (C, C)."""
    sums = np.zeros((rows.shape[1],) * 2, rows.dtype)
    if len(y):
        order = np.argsort(y, kind="stable")
        sorted_y = y[order]
        first = np.flatnonzero(np.diff(sorted_y, prepend=-1))
        sums[sorted_y[first]] = np.add.reduceat(rows[order], first, axis=0)
    return sums


def dual(loss: Loss) -> Dual | None:
    """Return the other side of a loss; None where it is not known: of squares, the perceptron, and smoothed labels."""
    match loss:
        case losses.Softmax(smoothing=0.0):
            return _OfSoftmax()
        case losses.Hinge(width=width):
            return _OfHinge(width)
        case losses.OvaHinge(width=width):
            return _OfOvaHinge(width)
    known: dict[Loss, Dual] = {
        losses.squared_hinge: _OfSquaredHinge(), losses.ova_squared_hinge: _OfOvaSquaredHinge(),
        losses.logistic: _OfLogistic(), losses.hinge_max: _OfHingeMax(),
    }  # fmt: skip
    return known.get(loss)
