"""f(x, W) = W' x + b, with the scaling of the features inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, AnyRows, Order
from steepest.nn.scaling import Scaling

__all__ = ["Linear", "linear"]


def linear(parameters: Any, X: Any, scaling: Scaling | None = None) -> Any:
    """Scores ((x - shift) * scale) W + b, (N, C), of arrays or tensors: the linear classifier as a formula.

    Parameters
    ----------
    parameters : dict
        W (D, C), weights of the scaled features, and b (C,).
    X : array (N, D)
        Features as given.
    scaling : Scaling or None
        shift and scale of each feature; None leaves them as they are.
    """
    scaled = X if scaling is None else (X - scaling.shift) * scaling.scale
    return scaled @ parameters["W"] + parameters["b"]


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

    @property
    def parameters(self) -> dict[str, F32]:
        """W and b by name, not copied."""
        return {"W": self.W, "b": self.b}

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
