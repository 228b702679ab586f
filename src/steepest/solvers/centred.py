"""Rows and one-hot targets about their means, a block at a time: what is left of least squares when b is eliminated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import are_sparse
from steepest.kernels.types import F32, F64, AnyRows, Labels
from steepest.nn.scaling import Scaling

__all__ = ["Centred", "Index"]

Index: TypeAlias = slice | NDArray[np.int64]
COLUMNS = 256


@dataclass(frozen=True, eq=False)
class Centred:
    """The rows sqrt(w_i) z_i, z = (x - shift) * scale of weighted mean 0, and sqrt(w_i) (t_i - mean t).

    Attributes
    ----------
    X, y : arrays (N, D) and (N,)
        Features as given; class indices.
    weight : float32 array (N,) or None
        Of each row; None: all 1.
    scaling : Scaling
        shift and scale.
    frequencies : float64 array (C,)
        mean t, the share of each class.
    total : float
        Sum of the weights: N.
    """

    X: AnyRows
    y: Labels
    weight: F32 | None
    scaling: Scaling
    frequencies: F64
    total: float

    @classmethod
    def of(
        cls, X: AnyRows, y: Labels, n_classes: int, scaling: Scaling, weight: NDArray[Any] | None, threads: int
    ) -> tuple[Centred, F64]:
        """Centre the rows; also returns 1/N sum_i w_i z_i (t_i - mean t)', (D, C), from one sweep over them."""
        w = None if weight is None else _rounded(weight)
        counts = np.bincount(y, w, n_classes).astype(np.float64)
        sums, total = np.empty((n_classes, X.shape[1])), float(counts.sum())
        kernels.cross(X, y, None, w, *scaling, sums, threads=threads)
        if w is not None:
            mean = sums.sum(axis=0) / total
            sums -= np.outer(counts, mean)
            scaling = Scaling(scaling.shift + mean / scaling.scale, scaling.scale)
        return cls(X, y, w, scaling, counts / total, total), sums.T / total

    def __len__(self) -> int:
        return len(self.X)

    def roots(self, rows: Index) -> F64:
        """sqrt(w_i), (B, 1)."""
        if self.weight is None:
            return np.ones((1, 1))
        return np.sqrt(self.weight[rows, np.newaxis].astype(np.float64))

    def shares(self, rows: Index) -> F64:
        """w_i / N, (B,)."""
        w = np.ones(len(self.y[rows])) if self.weight is None else self.weight[rows].astype(np.float64)
        return np.asarray(w / self.total)

    def unscaled(self, rows: Index, dtype: np.dtype[Any]) -> NDArray[Any]:
        """sqrt(w_i) (x_i - shift), (B, D): who multiplies it with a matrix scales that instead."""
        X: NDArray[Any] = self.X[rows].toarray() if are_sparse(self.X) else self.X[rows]
        if self.X.dtype == np.uint8 and dtype == np.float32:
            away = np.subtract(X, self.scaling.shift.astype(np.float32), dtype=np.float32)
        else:  # float32 may be near a large shift
            away = np.asarray(X - self.scaling.shift, dtype)
        return np.asarray(away if self.weight is None else away * self.roots(rows).astype(dtype))

    def targets(self, rows: Index = slice(None)) -> F64:
        """sqrt(w_i) (t_i - mean t), (B, C)."""
        labels = self.y[rows]
        T = np.tile(-self.frequencies, (len(labels), 1))
        T[np.arange(len(labels)), labels] += 1
        return np.asarray(T * self.roots(rows))

    def columns(self) -> Iterator[tuple[slice, F64]]:
        """All rows, some features at a time."""
        root, X = self.roots(slice(None)), cast(Any, self.X.by_column() if are_sparse(self.X) else self.X)
        for first in range(0, self.X.shape[1], COLUMNS):
            J = slice(first, first + COLUMNS)
            some = X[:, J].toarray() if are_sparse(self.X) else X[:, J]
            yield J, (some - self.scaling.shift[J]) * (self.scaling.scale[J] * root)


def _rounded(weight: NDArray[Any]) -> F32:
    """Weights in float32, of mean 1 to 2: divided by a power of two, so that whole numbers stay what they are."""
    w = np.asarray(weight, np.float64)
    return np.asarray(np.ldexp(w, -int(np.floor(np.log2(w.mean())))), np.float32)
