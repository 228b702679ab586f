"""Twins of the products of sparse rows with a dense matrix, in SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.kernels.types import F64, Order

__all__ = ["sparse_times", "sparse_transposed_times"]


def sparse_times(values: NDArray[Any], columns: NDArray[Any], starts: Order, W: F64, out: F64, *, threads: int) -> None:
    """Write X W into `out` (N, C): row i of X has values[k] in column columns[k], k from starts[i] to starts[i + 1].

    Parameters
    ----------
    values : array (nnz,)
        uint8, float32 or float64; products and sums are float64.
    columns : int32 or int64 array (nnz,)
        They rise within a row.
    """
    out[:] = _matrix(values, columns, starts, len(W)) @ W


def sparse_transposed_times(
    values: NDArray[Any], columns: NDArray[Any], starts: Order, P: F64, out: F64, *, threads: int
) -> None:
    """Add X' P to `out` (D, C)."""
    out += _matrix(values, columns, starts, len(out)).T @ P


def _matrix(values: NDArray[Any], columns: NDArray[Any], starts: Order, D: int) -> Any:
    from scipy.sparse import csr_array  # type: ignore[import-untyped]

    used = slice(int(starts[0]), int(starts[-1]))
    return csr_array(
        (values[used].astype(np.float64, copy=False), columns[used], starts - starts[0]), (len(starts) - 1, D)
    )
