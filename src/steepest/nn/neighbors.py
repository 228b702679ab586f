"""f(x) of k-nearest neighbours: there are no weights, the training examples themselves are the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError, near
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64, AnyRows, Labels
from steepest.nn.approximate import Graph
from steepest.nn.nearest import Found, Metric, check_metric, nearest

__all__ = ["INDICES", "WEIGHTS", "Neighbors", "neighbors_among"]

WEIGHTS = ("uniform", "distance")
INDICES = ("exact", "approximate")


@dataclass(frozen=True, eq=False)
class Neighbors:
    """A score function: the share of each class among the votes of the k training examples nearest to x.

        scores_c  =  sum_{i among the k nearest} w_i [y_i == c] / sum_i w_i         w_i: 1, or 1 / d(x, x_i)

    Attributes
    ----------
    X : array (N, D)
        Training examples in the type they have: uint8, float16, float32 or float64.
    y : int64 array (N,)
        Their classes.
    n_classes : int
        C.
    k : int
        How many vote.
    metric : "l2" or "l1"
        d, the distance.
    weights : "uniform" or "distance"
        w.
    graph : Graph or None
        An approximate index of X by the same distance, which finds nearly the nearest; None looks at all of X.

    Raises
    ------
    InputError
        When one of the last three is not known or does not fit the examples.
    """

    X: AnyRows
    y: Labels
    n_classes: int
    k: int = 5
    metric: Metric = "l2"
    weights: Literal["uniform", "distance"] = "uniform"
    graph: Graph | None = None

    def __post_init__(self) -> None:
        check_metric(self.metric)
        if self.weights not in WEIGHTS:
            raise InputError(f"weights={self.weights!r} is not known: {near(self.weights, WEIGHTS)}")
        neighbors_among(self.k, len(self.X))

    @property
    def n_features(self) -> int:
        """D."""
        return int(self.X.shape[1])

    def scores(self, X: AnyRows, *, threads: int | None = None, memory: float = 512.0) -> F64:
        """Shares (N, C) of the rows of X, which are probabilities; the search keeps to so many megabytes."""
        if self.graph is None:
            found = nearest(self.X, X, self.k, self.metric, memory, threads, self.beside)
        else:
            found = self.graph.nearest(X, self.k, memory, threads or kernels.default_threads(), self.beside)
        return self.shares(found, len(X))

    @property
    def beside(self) -> int:
        """Bytes for each query that `shares` takes."""
        return 32 * self.k + 16

    def shares(self, found: Iterable[Found], n: int) -> F64:
        """Shares (n, C) of the classes among neighbours that were found for n rows."""
        shares = np.zeros((n, self.n_classes))
        for begin, distance, index in found:
            at, votes, weight = np.arange(begin, begin + len(index)), self.y[index], self._votes(distance)
            for j in range(self.k):
                shares[at, votes[:, j]] += weight[:, j]
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def _votes(self, distance: F64) -> F64:
        """Weights (n, k) of neighbours at these distances; 1 / d in units of the nearest, so that none overflows."""
        if self.weights == "uniform":
            return np.ones_like(distance)
        least: NDArray[Any] = distance[:, :1]
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(distance == least, 1.0, least / distance))


def neighbors_among(k: Any, most: int) -> int:
    """Return k, a whole number from 1 to what there are."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InputError(f"n_neighbors={k!r} must be a whole number, at least 1")
    if k > most:
        raise InputError(f"n_neighbors={k} is more than there are training examples to choose from: {most}")
    return int(k)
