"""Sparse rows with their shift and scale, as a matrix to multiply with: the matrix itself would have no zeros."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.kernels.sparse import SparseRows
from steepest.kernels.types import F32, F64
from steepest.nn.scaling import Scaling

__all__ = ["ScaledRows"]

SCORES = 2**20
"""Scores that are held at a time."""
ENTRIES = 2**22
"""Stored entries whose squares are held at a time."""


class ScaledRows:
    """Z = (X - shift) * scale of sparse rows X (N, D).

        Z W   =  X (scale * W) - 1 (shift * scale)' W
        Z' P  =  scale * (X' P - shift (1' P))

    Parameters
    ----------
    X : SparseRows
        Read in place.
    scaling : Scaling
        shift and scale of each feature.
    threads : int
        They never change a result.
    """

    def __init__(self, X: SparseRows, scaling: Scaling, threads: int) -> None:
        self.X, self.scaling, self.threads = X, scaling, threads
        self._scales = bool((scaling.scale != 1).any())

    def _folded(self, W: F64) -> F64:
        return W * self.scaling.scale[:, np.newaxis] if self._scales else W

    def __len__(self) -> int:
        return len(self.X)

    @property
    def shape(self) -> tuple[int, int]:
        """N and D."""
        return self.X.shape

    def __getitem__(self, rows: slice | NDArray[Any]) -> ScaledRows:
        """Give these rows."""
        return ScaledRows(self.X[rows], self.scaling, self.threads)

    def __matmul__(self, W: F64) -> F64:
        """Z W (N, C)."""
        folded = self._folded(W)
        product = self.X.times(folded, threads=self.threads)
        product -= self.scaling.shift @ folded
        return product

    def transposed_times(self, P: F64) -> F64:
        """Z' P (D, C)."""
        product = self.X.transposed_times(P, threads=self.threads)
        product -= np.outer(self.scaling.shift, P.sum(axis=0))
        return self._folded(product)

    def sweep(self, V: F64, slopes: Callable[[F64, slice], F64]) -> F64:
        """Return [Z, 1]' P (D + 1, C), P = slopes([Z, 1] V, rows), for some rows at a time."""
        folded = self._folded(V[:-1])
        offset, sums = V[-1] - self.scaling.shift @ folded, np.zeros(V.shape)
        step = max(1, SCORES // max(1, V.shape[1]))
        for first in range(0, len(self), step):
            rows = slice(first, min(len(self), first + step))
            some = self.X[rows]
            S = some.times(folded, threads=self.threads)
            S += offset
            P = slopes(S, rows)
            some.transposed_times(P, sums[:-1], threads=self.threads)
            sums[-1] += P.sum(axis=0)
        sums[:-1] -= np.outer(self.scaling.shift, sums[-1])
        if self._scales:
            sums[:-1] *= self.scaling.scale[:, np.newaxis]
        return sums

    def squares(self, weight: F32) -> F64:
        """Sum over the rows of w_i z_if^2, (D,)."""
        X, (shift, scale) = self.X, self.scaling
        sums, empty = np.zeros(X.n_features), np.full(X.n_features, float(weight.sum(dtype=np.float64)))
        for rows in _parts(X):
            values, columns = X[rows].stored()
            w = np.repeat(weight[rows], np.diff(X.starts[rows.start : rows.stop + 1])).astype(np.float64)
            sums += np.bincount(columns, w * (values - shift[columns]) ** 2, X.n_features)
            empty -= np.bincount(columns, w, X.n_features)
        return np.asarray((sums + np.maximum(empty, 0) * shift**2) * scale**2)


def _parts(X: SparseRows) -> Iterator[slice]:
    """Rows that have some millions of entries together."""
    first = 0
    while first < len(X):
        last = int(np.searchsorted(X.starts, X.starts[first] + ENTRIES, side="right")) - 1
        last = min(len(X), max(first + 1, last))
        yield slice(first, last)
        first = last
