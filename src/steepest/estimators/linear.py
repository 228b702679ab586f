"""The linear classifier as a scikit-learn estimator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Self

from numpy.typing import ArrayLike

from steepest.errors import InputError
from steepest.estimators.coefficients import coefficients
from steepest.estimators.descent import DescentClassifier
from steepest.estimators.separable import warn_if_separable
from steepest.losses import Loss
from steepest.nn.linear import Linear
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.optim import StepRule
from steepest.optim.schedules import Plateau, Schedule
from steepest.penalties import Penalty
from steepest.solvers import choose, select, solve
from steepest.training import choices
from steepest.training.automatic import check_count, check_number
from steepest.training.plan import Fitted
from steepest.training.recipe import Recipe, formula

__all__ = ["LinearClassifier"]


class LinearClassifier(DescentClassifier):
    """Linear classifier: scores = W' x + b, trained to its optimum with a proof of it, or by mini-batch descent.

        L(W) = 1/N sum_i w_i L_i(W' x_i + b, y_i) + alpha R(W),      w of mean 1, b not penalized

    The rows are read in place in the type they have (uint8, float16, float32 or float64); no copy of the data is made.
    `solver` "auto" takes the solver that proves what it found wherever there is one, and says so in `certificate_`.

    Parameters
    ----------
    loss : str or Loss
        L_i: "softmax", "hinge" (sum over j, Weston-Watkins), "squared_hinge", "hinge_max" (Crammer-Singer),
        "ova_hinge", "ova_squared_hinge", "logistic" (one against all), "squared", "perceptron".
    penalty : str, Penalty or None
        R: "l2" (sum W^2, no one-half), "l1" (sum |W|), "elastic_net" (sum beta W^2 + |W|), "max_norm"
        (|w_c| <= radius), None.
    alpha : float or "auto"
        Strength of R. "auto" tries smaller and smaller ones on a fifth of the examples that is held out (below 5,000
        examples on each fifth in its turn), takes the one with most of them right, and then fits all examples; see
        `path_`. It needs a solver that proves what it found. scikit-learn's LogisticRegression(C=...) has
        alpha = 1 / (2 C N); its SGDClassifier(alpha=a) has alpha = a / 2, in both cases on features that are scaled in
        the same way. With the penalty "l1" it is alpha = 1 / (C N) and alpha = a.
    beta, radius : float
        Parameters of "elastic_net" and "max_norm".
    solver : "auto", "coordinate", "newton", "ascent", "ridge" or "sgd"
        "newton": Newton's method, of large data L-BFGS, to a proven bound, for convex losses with the penalty "l2" (see
        `steepest.solvers.minimize`). "ridge": one decomposition, for the loss "squared" with the penalty "l2". "sgd":
        mini-batch descent, for which the parameters from `optimizer` to `epochs` are; giving one of them asks for it.
        `partial_fit` always descends. "coordinate": coordinate descent to a proven bound, for smooth losses with the
        penalty "l1" or "elastic_net"; weights out of use are exactly 0 (`steepest.solvers.coordinate_descent`).
        "ascent": the hinges with the penalty "l2", kinks and all, to a proven bound (`steepest.solvers.ascent`).
    tol : float
        The bound on (L(W) - min L) / L(W) at which "newton", "ascent" and "coordinate" are done.
    max_passes : int
        Looks at all rows it may take, of small data ten times as many. A ConvergenceWarning says what is left then.
    optimizer : str or StepRule
        "momentum", "nesterov", "sgd", "adagrad", "rmsprop", "adam" or "adamw".
    momentum : float
        mu, from 0 to below 1.
    lr : "auto" or float
        Peak learning rate; "auto" takes it from the curvature of the objective, and with the last four step rules from
        a range test.
    schedule : str, Schedule or Plateau
        Its course: "cosine", "linear", "constant", "step", "exponential", "one_cycle", "plateau"; with parameters as in
        "step:drop=0.5,at=0.3+0.6".
    batch_size, epochs : "auto" or int
        Rows a step, passes over the data; "auto" asks for some thousand steps.
    scaling : "auto", "unit", "standard", "max_abs" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation,
        "max_abs" divides by the largest size, None takes the numbers as they are; "auto" is "max_abs" for sparse rows,
        which stay sparse, else "unit" for uint8 and "standard" for all other. The penalty acts on the weights of
        the scaled features.
    class_weight : dict, "balanced" or None
        Weight of each class.
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
    model_ : Linear
        The trained score function.
    alpha_ : float
        The strength that was taken.
    path_ : list of dict or None
        With alpha "auto" what came of each strength: alpha, loss and accuracy on the examples held out, gap, passes.
    objective_ : float
        L(W) on the training data at the end.
    solver_ : str
        The solver that was taken.
    certificate_ : Certificate or None
        What is proven of the fit, passes over the data, seconds, and why this solver; None after "sgd" and
        `partial_fit`.
    history_ : list of dict
        With "sgd" one record an epoch: epoch, loss, accuracy, lr, seconds; else one a step: pass, objective, bound.
    lr_ : float
        The peak learning rate that was used, with "sgd" alone.
    n_iter_ : int
        Epochs or steps done.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used.
    DivergenceError
        When a learning rate given by hand makes the loss infinite.

    Warns
    -----
    ConvergenceWarning
        When a solver could not prove the bound: what is left, why, and what to do; and where there is no optimum, for
        the rows are separable and not penalized.

    Examples
    --------
    >>> import steepest as st
    >>> train, test = st.load("digits").split(seed=0)
    >>> clf = st.LinearClassifier(loss="squared_hinge", alpha=1e-3).fit(train.X, train.y)
    >>> clf.solver_, clf.certificate_.gap <= 1e-4
    ('newton', True)
    >>> bool(clf.score(test.X, test.y) > 0.9)
    True
    """

    _model = "linear"
    _reads_sparse = True

    def __init__(
        self,
        loss: str | Loss = "softmax",
        penalty: str | Penalty | None = "l2",
        alpha: float | Literal["auto"] = 1e-4,
        *,
        beta: float = 1.0,
        radius: float = 1.0,
        solver: Literal["auto", "coordinate", "newton", "ascent", "ridge", "sgd"] = "auto",
        tol: float = 1e-4,
        max_passes: int = 1000,
        optimizer: str | StepRule = "momentum",
        momentum: float = 0.9,
        lr: float | Literal["auto"] = "auto",
        schedule: str | Schedule | Plateau = "cosine",
        batch_size: int | Literal["auto"] = "auto",
        epochs: int | Literal["auto"] = "auto",
        scaling: str | None = "auto",
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.beta = beta
        self.radius = radius
        self.solver = solver
        self.tol = tol
        self.max_passes = max_passes
        self.optimizer = optimizer
        self.momentum = momentum
        self.lr = lr
        self.schedule = schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.scaling = scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train from the start.

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
        auto = isinstance(self.alpha, str)
        if auto and self.alpha != "auto":
            raise InputError(f"alpha={self.alpha!r}: give a number, or 'auto'")
        recipe = replace(super()._recipe(), alpha=1.0) if auto else self._recipe()
        scaling = fit_scaling(rows, recipe.scaling, weight=weight, threads=choices.threads(recipe))
        objective = formula(recipe, None, rows, index, len(self.classes_), scaling, weight)
        assert isinstance(objective, CompiledLinear)
        choice = choose(objective, self.solver, self._descends())
        self.solver_, self.certificate_, self.path_ = choice.solver, None, None
        passes, start = check_count("max_passes", self.max_passes), None
        if auto:
            if choice.solver == "sgd":
                why = f": {choice.because}" if choice.because else ""
                raise InputError(f"alpha='auto' needs a solver with a proof, not mini-batch descent{why}")
            path = select(objective, choice, max_passes=passes, seed=recipe.seed)
            self.path_, start = [tried._asdict() for tried in path.tried], path.start
            objective = replace(objective, alpha=path.best.alpha)
        self.alpha_ = objective.alpha
        if choice.solver == "sgd":
            self._descend(rows, index, recipe, weight)
            if not self._descends():
                warn_if_separable(objective, self.model_)
            return self
        tol = check_number("tol", self.tol, 0.0)
        found = solve(objective, choice, tol=tol, max_passes=passes, seed=recipe.seed, start=start)
        self.certificate_, self.objective_ = found.certificate, found.certificate.objective
        self.history_, self.n_iter_, self.best_epoch_ = found.history, max(1, len(found.history) - 1), None
        self._adopt(Linear(found.parameters["W"], found.parameters["b"], scaling))
        for name in ("_stream", "lr_"):  # of an earlier fit that descended
            if hasattr(self, name):
                delattr(self, name)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Go over these examples once, by mini-batch descent, on from where the last call (or `fit`) stopped.

        Nothing is proven of what comes of it, and what was proven of the model before is said no more. Parameters as in
        `fit`; `classes` are all labels that will ever come, needed by the first call. That one fixes the scaling and
        the learning rate, so its examples should be typical. The rate falls as 1 / sqrt(1 + t / 30) over the steps t.
        """
        super().partial_fit(X, y, classes, sample_weight)
        self.solver_, self.certificate_, self.alpha_ = "sgd", None, self._recipe().alpha
        self.path_ = getattr(self, "path_", None)
        return self

    def _recipe(self) -> Recipe:
        recipe = super()._recipe()
        if not isinstance(self.alpha, str):
            return recipe
        if not hasattr(self, "alpha_"):
            raise InputError("alpha='auto' is for fit, which can hold examples out: give partial_fit a number")
        return replace(recipe, alpha=self.alpha_)

    def _descends(self) -> list[str]:
        """Return the names of the settings of descent that are not as they are by default."""
        known = {"optimizer": "momentum", "momentum": 0.9, "lr": "auto", "schedule": "cosine", "batch_size": "auto"}
        known["epochs"] = "auto"
        return [name for name, default in known.items() if getattr(self, name) != default]

    def _adopt(self, trained: Fitted) -> None:
        model = self.model_ = trained if isinstance(trained, Linear) else trained.linear()
        self.coef_, self.intercept_ = coefficients(*model.folded())
