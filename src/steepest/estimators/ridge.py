"""Ridge regression to one-hot targets as a scikit-learn estimator."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from steepest.errors import InputError, near
from steepest.estimators.base import Classifier
from steepest.estimators.coefficients import coefficients
from steepest.nn.linear import Linear
from steepest.nn.scaling import fit_scaling
from steepest.solvers.ridge import SCORINGS, Ridge
from steepest.training.automatic import check_number

__all__ = ["RidgeClassifier"]


class RidgeClassifier(Classifier):
    """One-hot ridge regression as a classifier: scores = W' x + b, solved exactly in one pass over the rows.

        L(W) = 1/N sum_i w_i |W' x_i + b - t_i|^2 + alpha sum W^2,      t_i one-hot, w of mean 1, b not penalized

    The rows are read in place in the type they have; of uint8 the products are summed in integers. One decomposition
    of the features' products (of the rows', where these are fewer) serves every alpha.

    scikit-learn's RidgeClassifier(alpha=a) sums over the rows and has targets of 1 and -1. With a = N alpha (in general
    alpha times the sum of the weights), on features scaled in the same way (scaling=None: as given), its scores are
    2 s - 1 of ours; for two classes its one score is our second less our first. So it decides the same.

    Parameters
    ----------
    alpha : float or "auto"
        Strength of the penalty; 0 takes the least-squares solution of least norm. "auto" tries `alphas`.
    alphas : array or None
        What "auto" tries; None: 100 values over ten orders of magnitude, up to ten times the largest eigenvalue.
    scoring : "loo" or "gcv"
        How "auto" compares them: by the squared error of each row when it is left out, exactly, which takes a second
        pass; or by generalized cross-validation, which takes none.
    scaling : "auto", "unit", "standard", "max_abs" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation,
        "max_abs" divides by the largest size, None takes the numbers as they are; "auto" is "max_abs" for sparse rows,
        which stay sparse, else "unit" for uint8 and "standard" for all other. The penalty acts on the weights of
        the scaled features.
    class_weight : dict, "balanced" or None
        Weight of each class.
    threads : int or None
        None uses the processors that this process may use.

    Attributes
    ----------
    coef_ : float64 array (C, D), or (1, D) for two classes
        Weights of the features as given (the scaling is folded in).
    intercept_ : float64 array (C,) or (1,)
        Biases of the features as given.
    classes_ : array (C,)
        The labels, sorted.
    alpha_ : float
        The strength that was used.
    curve_ : Curve or None
        With "auto", `curve_.alphas` and the mean squared error `curve_.errors` that each promises on new rows.
    certificate_ : Certificate
        L(W), and how far above its minimum it is at most.
    model_ : Linear
        The score function, in float32.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used, or memory is too small.

    Examples
    --------
    >>> import steepest as st
    >>> from steepest.estimators.ridge import RidgeClassifier
    >>> train, test = st.load("digits").split(seed=0)
    >>> clf = RidgeClassifier(alpha="auto").fit(train.X, train.y)
    >>> bool(clf.score(test.X, test.y) > 0.9)
    True
    >>> clf.templates((8, 8)).shape
    (10, 8, 8)
    """

    _reads_sparse = True

    def __init__(
        self,
        alpha: float | Literal["auto"] = 1e-4,
        *,
        alphas: ArrayLike | None = None,
        scoring: Literal["loo", "gcv"] = "loo",
        scaling: str | None = "auto",
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        threads: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.alphas = alphas
        self.scoring = scoring
        self.scaling = scaling
        self.class_weight = class_weight
        self.threads = threads

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Solve.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Examples by row.
        y : array (N,)
            Labels of any type.
        sample_weight : array (N,) or None
            Weight of each example; only ratios matter.
        """
        began = time.perf_counter()
        rows, index, weight = self._begin(X, y, sample_weight)
        alpha, alphas = self._strengths()
        threads = self._threads()
        scaling = fit_scaling(rows, self.scaling, weight=weight, threads=threads)
        ridge = Ridge.of(rows, index, len(self.classes_), scaling, weight, threads=threads, progress=self._progress)
        self.curve_ = None
        if alpha is None:
            self.curve_ = ridge.curve(ridge.grid() if alphas is None else alphas, self.scoring, self._progress)
        self.alpha_ = self.curve_.best if alpha is None and self.curve_ is not None else float(alpha or 0.0)
        W, b, certificate = ridge.at(self.alpha_)
        passes = certificate.passes + (self.curve_ is not None and self.scoring == "loo")
        self.certificate_ = replace(certificate, passes=passes, seconds=time.perf_counter() - began)
        self._adopt(W, b, ridge)
        return self

    def templates(self, shape: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Weights of the features as given as pictures, (C, *shape): 0.5 is a weight of 0, each reaches 0 or 1.

        Parameters
        ----------
        shape : sequence of int or None
            Of one example, as in (28, 28) or (32, 32, 3); None: (D,).
        """
        check_is_fitted(self)
        coef, _ = self.model_.folded()
        size = (len(coef),) if shape is None else tuple(shape)
        if prod(size) != len(coef):
            raise InputError(f"shape={shape!r} has {prod(size):,} places, and there are {len(coef):,} features")
        largest = np.abs(coef).max(axis=0)
        return np.asarray((0.5 + 0.5 * coef / np.where(largest > 0, largest, 1.0)).T.reshape(-1, *size))

    def _adopt(self, W: NDArray[np.float64], b: NDArray[np.float64], ridge: Ridge) -> None:
        scaling = ridge.rows.scaling
        self.model_ = Linear(np.asarray(W, np.float32), np.asarray(b, np.float32), scaling)
        coef = W * scaling.scale[:, np.newaxis]
        self.coef_, self.intercept_ = coefficients(coef, b - scaling.shift @ coef)

    def _strengths(self) -> tuple[float | None, NDArray[np.float64] | None]:
        """Return alpha, or None and what to try for it."""
        if self.scoring not in SCORINGS:
            raise InputError(f"there is no scoring {self.scoring!r}: {near(self.scoring, SCORINGS)}")
        if self.alpha != "auto":
            if self.alphas is not None:
                raise InputError("alphas= are what alpha='auto' tries: give no alphas, or alpha='auto'")
            return check_number("alpha", self.alpha, 0.0), None
        if self.alphas is None:
            return None, None
        alphas = np.asarray(self.alphas, np.float64)
        if alphas.ndim != 1 or not alphas.size or not np.isfinite(alphas).all() or (alphas < 0).any():
            raise InputError(f"alphas={self.alphas!r} must be a list of finite numbers from 0 on")
        return None, alphas

    def _scores(self, X: ArrayLike) -> NDArray[np.float32]:
        rows = self._rows(X)
        return self.model_.scores(rows, threads=self._threads())
