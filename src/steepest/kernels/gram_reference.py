"""Twins of the sums over rows of products of their features: the Gram matrix, and the features' sums by class."""

from __future__ import annotations

import numpy as np

from steepest.kernels.reference import blocks64
from steepest.kernels.types import F32, F64, AnyRows, Labels, Order

__all__ = ["cross", "gram"]


def gram(
    X: AnyRows, order: Order | None, weight: F32 | None, shift: F64, scale: F64, out: F64,
    *, precision: str = "float32", threads: int,
) -> None:  # fmt: skip
    """Write sum_i weight_i x'_i x'_i' for the rows in `order` into `out` (D, D): x' = (x - shift) * scale.

    Of uint8 without weights the sums are exact, N S_fg - s_f s_g about the means; only then come shift and scale, in
    float64. Of all else the products and sums are float64 here. The native kernel, asked for "float32", multiplies
    float32 and adds up 128 rows at a time, then 1024, then those in float64: G_fg is off by some 1e-7 of
    sqrt(G_ff G_gg), and tests hold it below 1e-6.

    Parameters
    ----------
    weight : float32 array or None
        One for each row of X, not negative.
    precision : "float32" or "float64"
        Of the native products and sums.
    """
    out[:] = 0
    if X.dtype == np.uint8 and weight is None:
        s, N = np.zeros(X.shape[1]), len(X) if order is None else len(order)
        for Z, _ in blocks64(X, order):
            out += Z.T @ Z
            s += Z.sum(axis=0)
        out[:] = (N * out - np.outer(s, s)) / N + N * np.outer(s / N - shift, s / N - shift)
        out *= np.outer(scale, scale)
        return
    for Z, rows in blocks64(X, order):
        Z = (Z - shift) * scale
        out += (Z if weight is None else Z * weight[rows, np.newaxis].astype(np.float64)).T @ Z


def cross(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64, out: F64, *, threads: int
) -> None:
    """Write sum_i weight_i x'_i over the rows in `order` of each class into `out` (C, D)."""
    out[:] = 0
    for Z, rows in blocks64(X, order):
        T = (y[rows] == np.arange(len(out))[:, np.newaxis]).astype(np.float64)
        out += (T if weight is None else T * weight[rows]) @ ((Z - shift) * scale)
