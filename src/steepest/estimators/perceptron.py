"""The perceptron as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.errors import ConvergenceWarning
from steepest.estimators.base import Classifier
from steepest.estimators.coefficients import coefficients
from steepest.nn.linear import Linear
from steepest.nn.scaling import fit_scaling
from steepest.solvers.perceptron import perceptron

__all__ = ["Perceptron"]


class Perceptron(Classifier):
    """Rosenblatt's perceptron: where a row is predicted wrong, its class gains it and the predicted class loses it.

        p = argmax_j W_j' z_i + b_j;   if p != y_i:   W_y += z_i,  W_p -= z_i,  b_y += 1,  b_p -= 1

    The rows z, which are x scaled, come one at a time in a shuffled order. For two classes the step is half of that, so
    that w = W_2 - W_1 moves by z or -z: the classic rule. It ends with the first epoch that has no mistake. When the
    data are separable there is one, after at most R^2 / m^2 mistakes in all (two classes; R is the largest norm of
    (z, 1), m the margin). When they are not it never settles, and says so.

    Parameters
    ----------
    max_epochs : int
        When to give up.
    averaged : bool
        Take the mean of W over 100 places in every epoch instead of the last W: better where data are not separable.
    scaling : "auto", "unit", "standard", "max_abs" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation,
        "max_abs" divides by the largest size, None takes the numbers as they are; "auto" is "max_abs" for sparse rows,
        which stay sparse, else "unit" for uint8 and "standard" for all other. All subtract the mean.
    random_state : int, RandomState or None
        Keys the order of the rows. The same number gives the same bits, whatever the number of threads.
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
    separable_ : bool
        Whether an epoch had no mistake, which proves that the data are separable. False proves nothing: there may have
        been too few epochs.
    mistakes_ : list of int
        Of each epoch.
    n_iter_ : int
        Epochs done.
    model_ : Linear
        The trained score function.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used.

    Warns
    -----
    ConvergenceWarning
        When the last epoch still had mistakes.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.estimators.perceptron import Perceptron
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> clf = Perceptron().fit(X, ["no", "yes", "yes", "yes"])
    >>> clf.predict([[0, 0], [1, 1]]).tolist(), clf.separable_
    (['no', 'yes'], True)

    References
    ----------
    Rosenblatt, The perceptron, 1958; see `steepest.solvers.perceptron` for the others.
    """

    _reads_sparse = True

    def __init__(
        self,
        max_epochs: int = 100,
        *,
        averaged: bool = False,
        scaling: str | None = "auto",
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.max_epochs = max_epochs
        self.averaged = averaged
        self.scaling = scaling
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from the start.

        Parameters
        ----------
        X : array or sparse matrix (N, D)
            Examples by row.
        y : array (N,)
            Labels of any type.
        """
        rows, index, _ = self._begin(X, y)
        threads = self._threads()
        scaling = fit_scaling(rows, self.scaling, threads=threads)
        learned = perceptron(
            rows, index, len(self.classes_), scaling, max_epochs=self.max_epochs, averaged=self.averaged,
            seed=self._seed(), threads=threads, progress=self._progress,
        )  # fmt: skip
        self.model_: Linear = learned.model
        self.mistakes_, self.separable_, self.n_iter_ = learned.mistakes, learned.separable, len(learned.mistakes)
        self.coef_, self.intercept_ = coefficients(*self.model_.folded())
        if not learned.separable:
            warnings.warn(self._unsettled(len(rows)), ConvergenceWarning, stacklevel=2)
        return self

    def _unsettled(self, n: int) -> str:
        wrong, epochs = self.mistakes_[-1], self.n_iter_
        mean = "" if self.averaged else "averaged=True takes the mean of the weights, and "
        return (
            f"after {epochs} epoch{'s' if epochs > 1 else ''} Perceptron still made {wrong:,} mistakes in {n:,} rows: "
            "either no linear classifier gets all of them right, and then the weights never settle "
            f"({mean}LinearClassifier has losses with an optimum), or max_epochs={epochs} is too small"
        )

    def _scores(self, X: ArrayLike) -> NDArray[np.float32]:
        rows = self._rows(X)
        return self.model_.scores(rows, threads=self._threads())
