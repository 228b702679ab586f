"""The readable twin of the search for neighbours, in NumPy: same name, same arguments, same results up to rounding."""

from __future__ import annotations

from typing import Literal

import numpy as np

from steepest.kernels.reference import BLOCK
from steepest.kernels.types import F64, AnyRows, Order

__all__ = ["neighbors", "neighbors_memory"]


def neighbors(
    X: AnyRows, Z: AnyRows, distance: F64, index: Order, *, metric: Literal["l1", "l2"], threads: int
) -> None:
    """Write the k nearest rows of X to each row of Z, nearest first, into `distance` and `index` (rows of Z, k).

        l1: d(x, z) = sum_f |x_f - z_f|          l2: d(x, z) = sqrt(sum_f (x_f - z_f)^2)

    Of rows at equal distances the one that comes first in X is nearer. Z is float64; or uint8 where X is, and then
    distances are compared as whole numbers. Otherwise they are sums in float64 of the differences themselves: nothing
    cancels.
    """
    k, unit = distance.shape[1], _unit(X)
    for q in range(len(Z)):
        z, d, i = Z[q] / unit, np.empty(0), np.empty(0, np.int64)
        for begin in range(0, len(X), BLOCK):
            away = X[begin : begin + BLOCK] / unit - z
            far = np.abs(away).sum(axis=1) if metric == "l1" else (away**2).sum(axis=1)
            d, i = np.append(d, far), np.append(i, np.arange(begin, begin + len(away)))
            nearest = np.lexsort((i, d))[:k]
            d, i = d[nearest], i[nearest]
        distance[q], index[q] = unit * (d if metric == "l1" else np.sqrt(d)), i


def _unit(X: AnyRows) -> np.float64:
    """Return the power of two that brings X near 1, so that no square is beyond float64; 1 for bytes."""
    if X.dtype == np.uint8:
        return np.float64(1)
    exponent = int(np.frexp(np.float64(max(X.max(), -X.min())))[1])
    return np.float64(np.ldexp(1.0, min(max(exponent, -1000), 1000)))


def neighbors_memory(features: int, k: int, *, threads: int) -> float:
    """Bytes that `neighbors` takes at most beside its arrays: here three blocks of float64."""
    return 24.0 * BLOCK * (features + k)
