"""The nearest class mean as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.errors import InputError
from steepest.estimators.base import Classifier
from steepest.estimators.coefficients import coefficients
from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import are_sparse
from steepest.nn.means import Means
from steepest.nn.nearest import Metric, budget_of, check_metric

__all__ = ["NearestMean"]


class NearestMean(Classifier):
    """The class whose mean is nearest; with `metric="l1"`, whose median is.

        l2: s_c(x) = -1/2 |x - m_c|^2 + sigma^2 log(prior_c)          l1: s_c(x) = -sum_f |x_f - m_cf|

    With l2 this is a linear classifier: |x - m_c|^2 = |x|^2 - 2 m_c . x + |m_c|^2, and |x|^2 is the same for all
    classes, so the largest score is also that of

        x . m_c + b_c        with  b_c = -1/2 |m_c|^2 + sigma^2 log(prior_c)

    Without priors the second term is left out: all classes are taken to be as likely. With them the examples of a class
    are taken to lie about its mean in all directions alike, with the variance sigma^2 that they have on average.

    Examples are read in place in the type they have (uint8, float16, float32 or float64). Of classes at equal distances
    the first in `classes_` is predicted.

    Parameters
    ----------
    metric : "l2" or "l1"
        Means and Euclidean distances, or medians (of an even number of values the middle between the two in the middle)
        and sums of magnitudes.
    priors : "empirical", array (C,) or None
        How likely each class is beforehand: as it is among the training examples, or as said. Only with l2.
    memory : float
        Megabytes (10^6 bytes) that may be taken beside the examples, the means and what is returned.
    threads : int or None
        None uses the processors that this process may use.

    Attributes
    ----------
    means_ : float64 array (C, D)
        Mean (l1: median) of each class, in the units of the features given.
    coef_ : float64 array (C, D), or (1, D) for two classes
        With l2, the weights of the linear classifier: the means; for two classes the second less the first.
    intercept_ : float64 array (C,) or (1,)
        With l2, its biases b_c.
    variance_ : float
        sigma^2, the mean squared distance of a feature from its class mean; only with priors.
    model_ : Means
        The score function.
    classes_ : array (C,)
        The labels, sorted.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used.

    Examples
    --------
    >>> from steepest.estimators.nearest_mean import NearestMean
    >>> clf = NearestMean().fit([[0.0, 0.0], [2.0, 0.0], [5.0, 1.0]], ["left", "left", "right"])
    >>> clf.means_.tolist()
    [[1.0, 0.0], [5.0, 1.0]]
    >>> clf.predict([[2.0, 1.0]]).tolist()
    ['left']
    """

    _reads_sparse, _needs_dense = True, {"metric": "l1"}

    def __init__(
        self,
        metric: Metric = "l2",
        priors: ArrayLike | Literal["empirical"] | None = None,
        *,
        memory: float = 512.0,
        threads: int | None = None,
    ) -> None:
        self.metric = metric
        self.priors = priors
        self.memory = memory
        self.threads = threads

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Take the mean (l1: the median) of each class.

        Parameters
        ----------
        X : array (N, D)
            Examples by row.
        y : array (N,)
            Labels of any type.
        """
        rows, index, _ = self._begin(X, y)
        for name in ("coef_", "intercept_", "variance_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        check_metric(self.metric)
        budget, threads = budget_of(self.memory), self._threads()
        members = [np.flatnonzero(index == c) for c in range(len(self.classes_))]
        prior = self._prior(np.array([len(each) for each in members]) / len(rows))
        self.means_ = np.empty((len(members), rows.shape[1]))
        if self.metric == "l1":
            if are_sparse(rows):
                raise InputError("metric='l1' needs dense rows, and X is sparse: use metric='l2'")
            for c, (mean, each) in enumerate(zip(self.means_, members, strict=True)):
                self._tell("medians of the classes", c, len(members))
                _medians(rows, each, mean, budget)
            self.model_ = Means(self.means_, np.zeros(len(members)), "l1")
            return self
        spread = 0.0
        for c, (mean, each) in enumerate(zip(self.means_, members, strict=True)):
            self._tell("means of the classes", c, len(members))
            variance = np.empty_like(mean)
            kernels.moments(rows, each, mean, variance, threads=threads)
            spread += len(each) * float(variance.mean())
        offset = np.zeros(len(members))
        if prior is not None:
            self.variance_ = spread / len(rows)
            offset = self.variance_ * np.log(prior)
        self.model_ = Means(self.means_, offset)
        b = offset - 0.5 * np.einsum("cd,cd->c", self.means_, self.means_)
        self.coef_, self.intercept_ = coefficients(self.means_.T.copy(), b)
        return self

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        rows = self._rows(X)
        return self.model_.scores(rows, threads=self._threads(), memory=self.memory)

    def _prior(self, shares: NDArray[np.float64]) -> NDArray[np.float64] | None:
        if self.priors is None:
            return None
        if self.metric != "l2":
            raise InputError(f"priors={self.priors!r} need metric='l2': there is no variance in sums of magnitudes")
        if isinstance(self.priors, str):
            if self.priors != "empirical":
                raise InputError(f"priors={self.priors!r} is not known: use 'empirical', one number a class, or None")
            return shares
        prior = np.asarray(self.priors, dtype=np.float64)
        if prior.shape != shares.shape or not (prior > 0).all() or not np.isclose(prior.sum(), 1):
            raise InputError(
                f"priors={self.priors!r} must be {len(shares)} positive numbers that sum to 1, one for each of the "
                f"classes {self.classes_.tolist()}"
            )
        return prior


def _medians(X: NDArray[Any], members: NDArray[np.int64], out: NDArray[np.float64], budget: float) -> None:
    """Write the median of every feature over these rows, as many features at a time as the budget allows."""
    middle = [(len(members) - 1) // 2, len(members) // 2]
    width = int(np.clip(budget / (3 * len(members) * X.itemsize), 1, X.shape[1]))
    for begin in range(0, X.shape[1], width):
        values = X[members, begin : begin + width].T.copy()
        if X.dtype == np.uint8:
            values.sort(axis=1, kind="stable")  # by counting: NumPy sorts bytes by their digits
        else:
            values.partition(middle, axis=1)
        low, high = (values[:, at].astype(np.float64) for at in middle)
        out[begin : begin + width] = low / 2 + high / 2
