"""The one-against-all support vector machine as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from steepest import losses, penalties
from steepest.errors import InputError, near
from steepest.estimators.base import Classifier, finite
from steepest.estimators.coefficients import coefficients
from steepest.kernels.types import Order
from steepest.nn.linear import Linear
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import Choice, Solution, choose, solve
from steepest.solvers.platt import calibrate, probabilities
from steepest.training.automatic import check_count, check_number, mean_one

__all__ = ["OneVsAllSVM"]

_LOSSES = {"squared_hinge": losses.ova_squared_hinge, "hinge": losses.ova_hinge}


def _gives_probabilities(estimator: Any) -> bool:
    if estimator.probability:
        return True
    raise AttributeError("predict_proba needs probability=True: a margin is no probability until it is calibrated")


class OneVsAllSVM(Classifier):
    """C linear support vector machines side by side, each telling its class from all others, solved with a proof.

        L(W) = 1/N sum_i w_i sum_j h(1 - t_ij (W' x_i + b)_j) + alpha |W|^2,      t_ij = +1 for j = y_i, else -1

    with h(m) = max(0, m)^2, or max(0, m) for the loss "hinge"; w of mean 1, b not penalized.

    Parameters
    ----------
    loss : "squared_hinge" or "hinge"
        h. The hinge itself has a kink, and takes longer.
    alpha : float
        Strength of the penalty. scikit-learn's LinearSVC(C=...) has alpha = 1 / (2 C N), but penalizes its bias.
    tol : float
        The proven bound on (L(W) - min L) / L(W) at which it is done.
    max_passes : int
        Looks at all rows it may take, of small data ten times as many. A ConvergenceWarning says what is left then.
    probability : bool
        Whether `predict_proba` is wanted: then sigmoids (Platt's scaling) are fitted to scores of rows that were held
        out in five folds, which takes five more fits. The most probable class need not be that of the largest score,
        which is the one predicted: each class has its own sigmoid.
    scaling : "auto", "unit", "standard", "max_abs" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation,
        "max_abs" divides by the largest size, None takes the numbers as they are; "auto" is "max_abs" for sparse rows,
        which stay sparse, else "unit" for uint8 and "standard" for all other. The penalty acts on the weights of
        the scaled features.
    class_weight : dict, "balanced" or None
        Weight of each class.
    random_state : int, RandomState or None
        Keys what is sampled and the folds.
    threads : int or None
        None uses the processors that this process may use.

    Attributes
    ----------
    coef_ : float64 array (C, D), or (1, D) for two classes
        Weights of the features as given (the scaling is folded in); of two classes half the second's less the first's,
        which are each other's negatives.
    intercept_ : float64 array (C,) or (1,)
        Biases of the features as given.
    classes_ : array (C,)
        The labels, sorted.
    certificate_ : Certificate
        What is proven of the fit, passes over the data, seconds.
    sigmoids_ : float64 array (C, 2)
        With probability=True: p_j = 1 / (1 + exp(a_j s_j + b_j)), over their sum.
    model_ : Linear
        The trained score function.
    n_iter_ : int
        Steps of the solver.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used.

    Examples
    --------
    >>> import steepest as st
    >>> train, test = st.load("digits").split(seed=0)
    >>> clf = st.OneVsAllSVM(alpha=1e-3, probability=True).fit(train.X, train.y)
    >>> clf.certificate_.gap <= 1e-4, bool(clf.score(test.X, test.y) > 0.9)
    (True, True)
    >>> bool(clf.predict_proba(test.X).max(axis=1).mean() > 0.7)
    True

    References
    ----------
    Rifkin and Klautau, In defense of one-vs-all classification, 2004; Platt, Probabilistic outputs for support vector
    machines, 1999.
    """

    _reads_sparse = True

    def __init__(
        self,
        loss: Literal["squared_hinge", "hinge"] = "squared_hinge",
        alpha: float = 1e-4,
        *,
        tol: float = 1e-4,
        max_passes: int = 1000,
        probability: bool = False,
        scaling: str | None = "auto",
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.loss = loss
        self.alpha = alpha
        self.tol = tol
        self.max_passes = max_passes
        self.probability = probability
        self.scaling = scaling
        self.class_weight = class_weight
        self.random_state = random_state
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
        rows, index, weight = self._begin(X, y, sample_weight)
        seed = self._seed()
        self.model_, found = self._solve(rows, index, weight, seed)
        self.certificate_, self.n_iter_ = found.certificate, max(1, len(found.history) - 1)
        share = 2 if len(self.classes_) == 2 else 1
        self.coef_, self.intercept_ = (part / share for part in coefficients(*self.model_.folded()))
        if self.probability:

            def scores_without(some: Order) -> Any:
                part = None if weight is None else np.asarray(weight)[some]
                model, _ = self._solve(rows[some], index[some], part, seed)
                return lambda held: self._scores_of(model, held)

            self.sigmoids_ = calibrate(scores_without, rows, index, seed=seed)
        return self

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Probabilities (N, C) of the classes, calibrated. Only with probability=True."""
        return probabilities(finite(self._scores(X)).astype(np.float64), self.sigmoids_)

    def _solve(
        self, X: NDArray[Any], y: NDArray[np.int64], weight: NDArray[Any] | None, seed: int
    ) -> tuple[Linear, Solution]:
        if self.loss not in _LOSSES:
            raise InputError(f"there is no loss {self.loss!r} here: {near(self.loss, tuple(_LOSSES))}")
        threads = self._threads()
        weight = mean_one(weight, len(X))
        scaling = fit_scaling(X, self.scaling, weight=weight, threads=threads)
        objective = CompiledLinear(
            X, y, len(self.classes_), _LOSSES[self.loss], penalties.l2, check_number("alpha", self.alpha, 0.0), scaling,
            weight, threads,
        )  # fmt: skip
        tol, passes = check_number("tol", self.tol, 0.0), check_count("max_passes", self.max_passes)
        choice = choose(objective)
        if choice.solver == "sgd":  # without a penalty: there may be no optimum, and then it says so
            choice = Choice("newton", choice.because)
        found = solve(objective, choice, tol=tol, max_passes=passes, seed=seed)
        return Linear(found.parameters["W"], found.parameters["b"], scaling), found

    def _scores(self, X: ArrayLike) -> NDArray[np.float32]:
        rows = self._rows(X)
        return self._scores_of(self.model_, rows)

    def _scores_of(self, model: Linear, X: NDArray[Any]) -> NDArray[np.float32]:
        """Scores (N, C); of two classes s and -s."""
        S = model.scores(X, threads=self._threads())
        return (S - S[:, ::-1]) / np.float32(2) if S.shape[1] == 2 else S

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Scores (N, C); for two classes that of the second, (N,)."""
        scores = finite(self._scores(X))
        return np.asarray(scores[:, 1] if scores.shape[1] == 2 else scores)
