"""Rows of which most entries are 0: X as the kernels read it, and the two products that everything is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeGuard

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.kernels.types import F64, Order

__all__ = ["SparseRows", "are_sparse", "is_sparse"]


def is_sparse(X: Any) -> bool:
    """Say whether this is a sparse matrix or array of SciPy, or of a library that looks like it."""
    return hasattr(X, "tocsr") and hasattr(X, "nnz")


def are_sparse(X: Any) -> TypeGuard[SparseRows]:
    """Say whether rows are sparse."""
    return isinstance(X, SparseRows)


@dataclass(frozen=True, eq=False)
class SparseRows:
    """X (N, D) by row: row i has values[k] in column columns[k] for k from starts[i] to starts[i + 1], and 0 elsewhere.

    The columns of a row rise. Make it with `SparseRows.of`.

    Attributes
    ----------
    values : array (nnz,)
        uint8, float32 or float64.
    columns : int32 or int64 array (nnz,)
        Each below D.
    starts : int64 array (N + 1,)
        They rise; the first need not be 0.
    n_features : int
        D.
    """

    values: NDArray[Any]
    columns: NDArray[Any]
    starts: Order
    n_features: int
    ndim: ClassVar[int] = 2

    @classmethod
    def of(cls, matrix: Any) -> SparseRows:
        """Read a sparse matrix of SciPy in place; what is not CSR, sorted and without duplicates is copied so first.

        Raises
        ------
        InputError
            When its indices do not fit its shape, or it does not hold real numbers.
        """
        csr = matrix.tocsr()
        if csr.ndim != 2:
            raise InputError(f"X must have two dimensions (examples, features), not the shape {csr.shape}")
        values, columns, starts = csr.data, csr.indices, csr.indptr
        if values.dtype.kind not in "biuf":
            raise InputError(f"X holds {values.dtype}: features must be numbers")
        if values.dtype not in (np.uint8, np.float32, np.float64):
            values = values.view(np.uint8) if values.dtype == bool else values.astype(_float(values))
        N, D = csr.shape
        _check(columns, starts, N, D, len(values))
        if not _sorted(columns, starts):
            canonical = type(csr)((_wide(values), columns, starts), shape=csr.shape, copy=True)
            canonical.sum_duplicates()
            values, columns, starts = canonical.data, canonical.indices, canonical.indptr
        if columns.dtype not in (np.int32, np.int64):
            columns = columns.astype(np.int64)
        used = slice(0, int(starts[-1]))
        parts = (np.ascontiguousarray(values[used]), np.ascontiguousarray(columns[used]))
        return cls(*parts, np.ascontiguousarray(starts, np.int64), D)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """N and D."""
        return len(self), self.n_features

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.values.dtype

    @property
    def nnz(self) -> int:
        """How many entries are stored."""
        return int(self.starts[-1] - self.starts[0])

    def __getitem__(self, rows: slice | NDArray[Any]) -> SparseRows:
        """Give these rows: of a slice in steps of 1 they share the memory, else they are a copy."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            first, last, _ = rows.indices(len(self))
            return SparseRows(self.values, self.columns, self.starts[first : max(first, last) + 1], self.n_features)
        index = np.arange(len(self))[rows]
        counts = np.diff(self.starts)[index]
        starts = np.concatenate([[0], np.cumsum(counts)])
        at = np.repeat(self.starts[index] - starts[:-1], counts) + np.arange(starts[-1])
        return SparseRows(self.values[at], self.columns[at], starts, self.n_features)

    def stored(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Values and columns of these rows alone."""
        used = slice(int(self.starts[0]), int(self.starts[-1]))
        return self.values[used], self.columns[used]

    def toarray(self) -> NDArray[Any]:
        """Return them with all their zeros: for a few rows at a time."""
        values, columns = self.stored()
        dense = np.zeros(self.shape, self.dtype)
        dense[np.repeat(np.arange(len(self)), np.diff(self.starts)), columns] = values
        return dense

    def by_column(self) -> Any:
        """Return a copy as SciPy's matrix by column, of which some columns can be taken quickly."""
        from scipy.sparse import csr_array  # type: ignore[import-untyped]

        values, columns = self.stored()
        return csr_array((values, columns, self.starts - self.starts[0]), self.shape).tocsc()

    def times(self, W: F64, *, threads: int) -> F64:
        """X W (N, C), of W (D, C), in float64."""
        from steepest.kernels import dispatch  # it imports this room

        out = np.empty((len(self), W.shape[1]))
        W = np.ascontiguousarray(W, np.float64)
        dispatch.sparse_times(self.values, self.columns, self.starts, W, out, threads=threads)
        return out

    def transposed_times(self, P: NDArray[Any], out: F64 | None = None, *, threads: int) -> F64:
        """X' P (D, C), of P (N, C), in float64; added to `out` if that is given."""
        from steepest.kernels import dispatch

        out = np.zeros((self.n_features, P.shape[1])) if out is None else out
        P = np.ascontiguousarray(P, np.float64)
        dispatch.sparse_transposed_times(self.values, self.columns, self.starts, P, out, threads=threads)
        return out


def _float(values: NDArray[Any]) -> type[np.floating[Any]]:
    """float32 where it holds each value exactly: whole numbers up to 2^24, and float16."""
    if values.dtype == np.float16:
        return np.float32
    exact = values.dtype.kind in "iu" and (not values.size or max(int(values.max()), -int(values.min())) <= 2**24)
    return np.float32 if exact else np.float64


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    """Values that can be added up: bytes would overflow."""
    return values.astype(np.float32) if values.dtype == np.uint8 else values


def _check(columns: NDArray[Any], starts: NDArray[Any], N: int, D: int, stored: int) -> None:
    steps = np.diff(starts)
    if len(starts) != N + 1 or starts[0] != 0 or (steps < 0).any() or starts[-1] > min(stored, len(columns)):
        raise InputError("X is no valid sparse matrix: its indptr must rise from 0 to the number of its entries")
    used = columns[: starts[-1]]
    if len(used) and (used.min() < 0 or used.max() >= D):
        raise InputError(f"X is no valid sparse matrix: it has a column outside 0 .. {D - 1}")


def _sorted(columns: NDArray[Any], starts: NDArray[Any]) -> bool:
    """Whether the columns of every row rise."""
    rises = columns[1 : starts[-1]] > columns[: max(0, int(starts[-1]) - 1)]
    inner = starts[1:-1]
    inner = inner[(inner > 0) & (inner < starts[-1])]
    rises[inner - 1] = True
    return bool(rises.all())
