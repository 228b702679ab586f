"""f(x) of the nearest class mean, or median."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import SparseRows, are_sparse
from steepest.kernels.types import F64, AnyRows
from steepest.nn.nearest import Metric, nearest

__all__ = ["Means"]


@dataclass(frozen=True, eq=False)
class Means:
    """A score function: how near x is to the mean of each class; with `metric="l1"` to its median.

        l2: scores_c = -1/2 |x - m_c|^2 + offset_c          l1: scores_c = -sum_f |x_f - m_cf| + offset_c

    Attributes
    ----------
    means : float64 array (C, D)
        m_c, in the units of the features as given.
    offset : float64 array (C,)
        What a class has ahead: sigma^2 log(prior_c), or 0.
    metric : "l2" or "l1"
        The distance.
    """

    means: F64
    offset: F64
    metric: Metric = "l2"

    @property
    def n_classes(self) -> int:
        """C."""
        return len(self.means)

    @property
    def n_features(self) -> int:
        """D."""
        return int(self.means.shape[1])

    def scores(self, X: AnyRows, *, threads: int | None = None, memory: float = 512.0) -> F64:
        """Scores (N, C) of the rows of X, in float64 from the differences themselves."""
        C = self.n_classes
        if are_sparse(X):
            return self._products(X, threads or kernels.default_threads())
        scores = np.empty((len(X), C))
        for begin, distance, index in nearest(self.means, X, C, self.metric, memory, threads, beside=16 * C):
            with np.errstate(over="ignore"):  # whoever predicts looks whether scores are finite
                closeness = -0.5 * distance**2 if self.metric == "l2" else -distance
            np.put_along_axis(scores[begin : begin + len(index)], index, closeness, axis=1)
        scores += self.offset
        return scores

    def _products(self, X: SparseRows, threads: int) -> F64:
        """X . m_c - 1/2 |m_c|^2 - 1/2 |x|^2 + offset_c: differences would not be sparse."""
        if self.metric != "l2":
            raise InputError("metric='l1' needs dense rows: differences of sparse ones from a median are not sparse")
        values, _ = X.stored()
        index = np.repeat(np.arange(len(X)), np.diff(X.starts))
        own = np.bincount(index, values.astype(np.float64) ** 2, len(X))
        scores = X.times(np.ascontiguousarray(self.means.T), threads=threads)
        scores += self.offset - 0.5 * np.einsum("cd,cd->c", self.means, self.means)
        scores -= 0.5 * own[:, np.newaxis]
        return scores
