"""A learning rate from the curvature of the objective, so that nobody has to tune one."""

from __future__ import annotations

import numpy as np

from steepest.kernels.sparse import SparseRows, are_sparse
from steepest.kernels.types import F32, F64, AnyRows, Order

__all__ = ["for_batches", "from_curvature", "largest_square", "top_eigenvalue"]

SAMPLE = 2**21
"""Numbers that the curvature is estimated from: 8 MB in float32."""


def top_eigenvalue(X: AnyRows, shift: F64, scale: F64, *, rows: Order | None = None, iterations: int = 20) -> float:
    """Estimate the largest eigenvalue of 1/N sum_i z_i z_i', where z = ((x - shift) * scale, 1).

    By the power method on a sample of evenly spaced rows, 256 to 2,048 of them (or all, when there are fewer). The
    estimate approaches the sample's eigenvalue from below, and 20 steps come within a few percent.

    Parameters
    ----------
    X : array (N, D)
        Features as given.
    shift, scale : float64 arrays (D,)
        The scaling.
    rows : int64 array or None
        The rows that count.

    Returns
    -------
    float
        At least 1: the bias column alone has eigenvalue 1 when the features are centred.
    """
    at = _spread(X, rows)
    Z = _Scaled(X[at], shift, scale) if are_sparse(X) else _scaled(X[at], shift, scale)
    v = 1 + np.sin(np.arange(Z.shape[1], dtype=np.float32))  # fixed, and hardly orthogonal to anything
    v /= np.linalg.norm(v)
    value = 0.0
    for _ in range(iterations):
        v = Z.square(v) if isinstance(Z, _Scaled) else np.asarray(Z.T @ (Z @ v))
        value = float(np.linalg.norm(v))
        if not value > 0:
            break
        v /= np.float32(value)
    return max(1.0, value / len(Z))


def largest_square(X: AnyRows, shift: F64, scale: F64) -> float:
    """Return the largest |z|^2 of all rows, where z = ((x - shift) * scale, 1)."""
    largest = 0.0
    if are_sparse(X):
        return 1 + float(_Scaled(X, shift, scale).norms().max())
    for begin in range(0, len(X), 512):
        Z = _scaled(X[begin : begin + 512], shift, scale)
        largest = max(largest, float(np.einsum("ij,ij->i", Z, Z).max()))
    return 1 + largest


def _spread(X: AnyRows, rows: Order | None) -> Order:
    """Give evenly spaced rows."""
    count = len(X) if rows is None else len(rows)
    size = min(count, max(256, min(2048, SAMPLE // X.shape[1])))
    at = np.linspace(0, count - 1, size).astype(np.int64)
    return at if rows is None else rows[at]


def _scaled(X: AnyRows, shift: F64, scale: F64) -> F32:
    if X.dtype == np.float64:  # may be beyond float32 until it is scaled
        return np.asarray((X - shift) * scale, dtype=np.float32)
    Z = X.astype(np.float32)
    Z -= shift.astype(np.float32)
    Z *= scale.astype(np.float32)
    return Z


class _Scaled:
    """Sparse rows with their shift and scale, which are not made."""

    def __init__(self, X: SparseRows, shift: F64, scale: F64) -> None:
        self.X, self.shift, self.scale, self.shape = X, shift, scale, X.shape

    def __len__(self) -> int:
        return len(self.X)

    def square(self, v: F32) -> F32:
        """Z' Z v."""
        folded = (self.scale * v)[:, np.newaxis]
        u = self.X.times(folded, threads=1) - self.shift @ folded
        product = self.X.transposed_times(u, threads=1)[:, 0] - self.shift * float(u.sum())
        return np.asarray(product * self.scale, np.float32)

    def norms(self) -> F64:
        """|z_i|^2."""
        values, columns = self.X.stored()
        wide, shift, square = values.astype(np.float64), self.shift, self.scale**2
        more = square[columns] * (wide - 2 * shift[columns]) * wide
        index = np.repeat(np.arange(len(self)), np.diff(self.X.starts))
        return np.asarray(np.bincount(index, more, len(self)) + square @ shift**2)


def from_curvature(curvature: float, eigenvalue: float, l2: float, momentum: float) -> float:
    """Return the learning rate (1 + mu) / L, where L = curvature * eigenvalue + 2 l2 bounds the objective's curvature.

    Plain steps (mu = 0) cannot overshoot at 1 / L and are stable below 2 / L; heavy-ball steps on a quadratic are
    stable below 2 (1 + mu) / L, so this is half of what is stable, whatever mu is.

    Parameters
    ----------
    curvature : float
        Bound on the second derivative of the loss by the scores (`Loss.curvature`).
    eigenvalue : float
        Largest eigenvalue of the features' second moments (`top_eigenvalue`).
    l2 : float
        Strength of the squared penalty.
    momentum : float
        mu, from 0 to below 1.
    """
    return (1 + momentum) / (curvature * eigenvalue + 2 * l2)


def for_batches(curvature: float, square: float, batch_size: int, momentum: float) -> float:
    """Return the rate (1 - mu) B / (curvature * square) above which a single row can make mini-batch steps diverge.

    A row in a batch of B bends the batch's loss by curvature * |z|^2 / B, and with momentum its kick goes on for
    1 / (1 - mu) steps; together they must not overshoot. Rare, large features make this far smaller than what the mean
    over all rows allows. It matters for losses whose gradient grows without bound: the others cannot run away.

    Parameters
    ----------
    curvature : float
        Bound on the second derivative of the loss by the scores (`Loss.curvature`).
    square : float
        Largest squared norm of a row (`largest_square`).
    batch_size : int
        B.
    momentum : float
        mu, from 0 to below 1.
    """
    return (1 - momentum) * batch_size / (curvature * square)
