"""f(x, W) = W' x + b, with the scaling of the features inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, AnyRows, Order
from steepest.nn.scaling import Scaling

__all__ = ["Linear"]


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear score function: scores = ((x - shift) * scale) W + b.

    Attributes
    ----------
    W : float32 array (D, C)
        Weights of the scaled features.
    b : float32 array (C,)
        Biases.
    scaling : Scaling
        shift and scale of each feature, (D,) each.
    """

    W: F32
    b: F32
    scaling: Scaling

    @classmethod
    def zeros(cls, n_classes: int, scaling: Scaling) -> Linear:
        """W = 0: where every convex training starts, all scores being equal."""
        return cls(np.zeros((n_classes, len(scaling.shift)), np.float32).T, np.zeros(n_classes, np.float32), scaling)

    @property
    def n_classes(self) -> int:
        """C."""
        return len(self.b)

    @property
    def n_features(self) -> int:
        """D."""
        return len(self.W)

    def scores(self, X: AnyRows, rows: Order | None = None, *, threads: int | None = None) -> F32:
        """Scores (N, C) of the rows of X (N, D), or of those named; X is read in place in the type it has."""
        out = np.empty((len(X) if rows is None else len(rows), self.n_classes), np.float32)
        if len(out):
            by_class = np.ascontiguousarray(self.W.T)
            threads = threads or kernels.default_threads()
            kernels.scores(X, rows, self.scaling.shift, self.scaling.scale, by_class, self.b, out, threads=threads)
        return out

    def folded(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (D, C) and biases (C,) of the features as given: scores = x coef + intercept, in float64."""
        coef = self.W.astype(np.float64) * self.scaling.scale[:, np.newaxis]
        return coef, self.b.astype(np.float64) - self.scaling.shift @ coef
