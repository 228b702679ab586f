"""k-nearest neighbours as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from steepest.errors import InputError, near
from steepest.estimators.base import Classifier
from steepest.nn.approximate import CANDIDATES, Graph
from steepest.nn.nearest import Found, Metric, budget_of, nearest
from steepest.nn.neighbors import INDICES, Neighbors, neighbors_among
from steepest.training.automatic import check_count

__all__ = ["KNNClassifier"]


class KNNClassifier(Classifier):
    """k-nearest neighbours: the k training examples nearest to x vote for its class.

        l2: d(x, z) = sqrt(sum_f (x_f - z_f)^2)          l1: d(x, z) = sum_f |x_f - z_f|

        share of class c  =  sum_{i among the k nearest} w_i [y_i == c] / sum_i w_i

    Every distance that decides is exact: in whole numbers for uint8, in float64 from the differences themselves
    otherwise; float32 only says which rows cannot be near. Of examples at equal distances the one that comes first in X
    is nearer; of classes with equal shares the first in `classes_` is predicted. Neither the number of threads nor the
    budget of memory changes a result.

    The training examples are kept where they are, in the type they have (uint8, float16, float32 or float64): do not
    change X while the classifier is in use.

    All that is of the exact search, `index="exact"`. An approximate index is for many queries among very many examples:
    `fit` links each example to some near it, and a search follows these links. It may miss neighbours; what it finds is
    measured and put in order as above. It takes a copy of the examples (one byte a feature of uint8 and two of float16
    with l2, else four) and 200 bytes an example, and one thread builds it, slowly, so that its shape depends on
    nothing else.

    Parameters
    ----------
    n_neighbors : int
        k.
    metric : "l2" or "l1"
        The distance.
    weights : "uniform" or "distance"
        w_i: 1, or 1 / d; then examples at distance 0 have all the weight.
    memory : float
        Megabytes (10^6 bytes) that prediction may take beside the examples and what it returns. The table of all
        distances is never made.
    index : "exact" or "approximate"
        How to search; the latter needs the extra `neighbors` (faiss).
    candidates : int
        Examples that an approximate search keeps in view, at least 2 k: more take longer and miss less.
    threads : int or None
        None uses the processors that this process may use.

    Attributes
    ----------
    classes_ : array (C,)
        The labels, sorted.
    n_samples_fit_ : int
        N, the number of training examples.
    model_ : Neighbors
        The score function.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used, or the budget of memory is too small.

    Examples
    --------
    >>> from steepest.estimators.knn import KNNClassifier
    >>> clf = KNNClassifier(n_neighbors=1, metric="l1").fit([[0.0, 0.0], [3.0, 4.0]], ["near", "far"])
    >>> clf.predict([[1.0, 1.0]]).tolist()
    ['near']
    >>> clf.kneighbors([[1.0, 1.0]], 2)[0].tolist()
    [[2.0, 5.0]]
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        metric: Metric = "l2",
        weights: Literal["uniform", "distance"] = "uniform",
        *,
        memory: float = 512.0,
        index: Literal["exact", "approximate"] = "exact",
        candidates: int = CANDIDATES,
        threads: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights
        self.memory = memory
        self.index = index
        self.candidates = candidates
        self.threads = threads

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Keep the examples.

        Parameters
        ----------
        X : array (N, D)
            Examples by row.
        y : array (N,)
            Labels of any type.
        """
        rows, index, _ = self._begin(X, y)
        self._threads()
        budget_of(self.memory)
        check_count("candidates", self.candidates)
        if self.index not in INDICES:
            raise InputError(f"index={self.index!r} is not known: {near(self.index, INDICES)}")
        graph = None if self.index == "exact" else Graph(rows, self.metric)
        C = len(self.classes_)
        self.model_ = Neighbors(rows, index, C, self.n_neighbors, self.metric, self.weights, graph)
        if graph is not None:
            graph.build(self._progress)
        self.n_samples_fit_ = len(rows)
        return self

    def kneighbors(
        self, X: ArrayLike | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> Any:
        """Find the nearest training examples.

        Parameters
        ----------
        X : array (N, D) or None
            None asks for those of each training example, which is then no neighbour of itself.
        n_neighbors : int or None
            k; None takes that of the classifier.
        return_distance : bool
            Whether to return the distances too.

        Returns
        -------
        distance : float64 array (N, k)
            Nearest first.
        index : int64 array (N, k)
            Rows of the training examples.
        """
        check_is_fitted(self)
        own = X is None
        known = self.model_.X
        rows = known if X is None else self._rows(X)
        k = neighbors_among(self.n_neighbors if n_neighbors is None else n_neighbors, self.n_samples_fit_ - own)
        distance, index = np.empty((len(rows), k)), np.empty((len(rows), k), np.int64)
        for begin, d, i in self._nearest(rows, k + own, beside=16 * k):
            if own:
                other = i != np.arange(begin, begin + len(i))[:, np.newaxis]
                other[other.all(axis=1), -1] = False  # crowded out by k examples that are equal to it
                d, i = d[other].reshape(-1, k), i[other].reshape(-1, k)
            distance[begin : begin + len(d)], index[begin : begin + len(i)] = d, i
        return (distance, index) if return_distance else index

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the share of each class among the votes, (N, C)."""
        return self._scores(X)

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        rows = self._rows(X)
        model = replace(self.model_, k=self.n_neighbors, metric=self.metric, weights=self.weights)
        return model.shares(self._nearest(rows, model.k, model.beside), len(rows))

    def _nearest(self, rows: NDArray[Any], k: int, beside: int) -> Iterator[Found]:
        if self.index == "exact":
            return nearest(self.model_.X, rows, k, self.metric, self.memory, self._threads(), beside)
        graph = self.model_.graph
        if graph is None or graph.metric != self.metric:
            raise InputError(f"there is no approximate index with metric={self.metric!r} yet: fit makes it")
        return graph.nearest(rows, k, self.memory, self._threads(), beside, self.candidates)
