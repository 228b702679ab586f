"""The linear classifier as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from steepest import losses
from steepest.errors import InputError
from steepest.losses import Loss
from steepest.nn.linear import Linear
from steepest.optim import StepRule
from steepest.optim.schedules import Schedule
from steepest.penalties import Penalty
from steepest.training import loop
from steepest.training.plan import Fitted
from steepest.training.recipe import Recipe, Stream, prepare, prepare_stream

__all__ = ["LinearClassifier"]

TYPES = [np.float64, np.float32, np.float16, np.uint8]
"""What the kernels read in place; anything else becomes the first of them."""


def _gives_probabilities(estimator: LinearClassifier) -> bool:
    if losses.get(estimator.loss) is losses.softmax:
        return True
    raise AttributeError(
        f"predict_proba needs loss='softmax'; the scores of {estimator.loss!r} are not log-probabilities"
    )


class LinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Linear classifier: scores = W' x + b, trained by mini-batch gradient descent in one native program.

        L(W) = 1/N sum_i w_i L_i(W' x_i + b, y_i) + alpha R(W),      w of mean 1, b not penalized

    The rows are read in place in the type they have (uint8, float16, float32 or float64); no copy of the data is made.

    Parameters
    ----------
    loss : str or Loss
        L_i: "softmax", "hinge" (sum over j, Weston-Watkins), "squared_hinge", "hinge_max" (Crammer-Singer),
        "ova_hinge", "ova_squared_hinge", "logistic" (one against all), "squared", "perceptron".
    penalty : str, Penalty or None
        R: "l2" (sum W^2, no one-half), "l1" (sum |W|), "elastic_net" (sum beta W^2 + |W|), "max_norm"
        (|w_c| <= radius), None.
    alpha : float
        Strength of R. scikit-learn's LogisticRegression(C=...) has alpha = 1 / (2 C N); its SGDClassifier(alpha=a) has
        alpha = a / 2, in both cases on features that are scaled in the same way.
    beta, radius : float
        Parameters of "elastic_net" and "max_norm".
    optimizer : str or StepRule
        "momentum", "nesterov", "sgd", "adagrad", "rmsprop", "adam" or "adamw".
    momentum : float
        mu, from 0 to below 1.
    lr : "auto" or float
        Peak learning rate; "auto" takes it from the curvature of the objective.
    schedule : str or Schedule
        Its course: "cosine", "linear", "constant", "step", "exponential".
    batch_size, epochs : "auto" or int
        Rows a step, passes over the data; "auto" asks for some thousand steps.
    scaling : "auto", "unit", "standard" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation, None
        takes the numbers as they are, "auto" is "unit" for uint8 and "standard" otherwise. The penalty acts on the
        weights of the scaled features.
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
    objective_ : float
        L(W) on the training data at the end.
    history_ : list of dict
        One record an epoch: epoch, loss, accuracy, lr, seconds.
    lr_ : float
        The peak learning rate that was used.
    n_iter_ : int
        Epochs done.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used.
    DivergenceError
        When a learning rate given by hand makes the loss infinite.

    Examples
    --------
    >>> import steepest as st
    >>> train, test = st.load("digits").split(seed=0)
    >>> clf = st.LinearClassifier(loss="hinge", alpha=1e-4).fit(train.X, train.y)
    >>> bool(clf.score(test.X, test.y) > 0.9)
    True
    """

    def __init__(
        self,
        loss: str | Loss = "softmax",
        penalty: str | Penalty | None = "l2",
        alpha: float = 1e-4,
        *,
        beta: float = 1.0,
        radius: float = 1.0,
        optimizer: str | StepRule = "momentum",
        momentum: float = 0.9,
        lr: float | Literal["auto"] = "auto",
        schedule: str | Schedule = "cosine",
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
        X : array (N, D)
            Examples by row.
        y : array (N,)
            Labels of any type.
        sample_weight : array (N,) or None
            Weight of each example; only ratios matter.
        """
        rows, labels = self._check(X, y, reset=True)
        self.classes_, index = np.unique(labels, return_inverse=True)
        self._check_classes()
        objective, plan, state = prepare(
            rows, index, len(self.classes_), self._recipe(), self._weights(labels, sample_weight)
        )
        loop.run(objective, plan, state)
        self.objective_, _ = objective.evaluate(state.model.parameters)
        self.lr_, self.history_, self.n_iter_ = plan.lr, state.history, state.epoch
        self._adopt(state.model)
        self._stream = Stream(plan, state, plan.lr, plan.steps(len(rows)) * plan.epochs)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Go over these examples once, on from where the last call (of this or of `fit`) stopped.

        The first call fixes the scaling and the learning rate, so its examples should be typical. The rate falls as
        1 / sqrt(1 + t / 30) over the steps t.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array (C,) or None
            All labels that will ever come; needed by the first call.
        """
        stream = getattr(self, "_stream", None)
        rows, labels = self._check(X, y, reset=stream is None)
        if stream is None:
            if classes is None:
                raise InputError("the first partial_fit needs classes=: all the labels that will ever come")
            self.classes_ = np.unique(np.asarray(classes))
            self._check_classes()
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise InputError(f"classes={classes!r} is not the same as in the first partial_fit: {list(self.classes_)}")
        index = np.searchsorted(self.classes_, labels).clip(0, len(self.classes_) - 1)
        unknown = self.classes_[index] != labels
        if np.any(unknown):
            row = int(np.flatnonzero(unknown)[0])
            raise InputError(f"y[{row}] is {labels[row]!r}, which is not among the classes {list(self.classes_)}")
        weight = self._weights(labels, sample_weight)
        objective, self._stream = prepare_stream(rows, index, len(self.classes_), self._recipe(), weight, stream)
        plan, state = self._stream.plan, self._stream.state
        loop.run(objective, plan, state)
        self.lr_, self.history_, self.n_iter_ = plan.lr, state.history, state.epoch
        self._adopt(state.model)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Scores (N, C); for two classes the second score minus the first, (N,)."""
        scores = self._scores(X)
        return np.asarray(scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Label of the largest score, (N,)."""
        scores = self._scores(X)
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Probabilities (N, C) of the classes: exp(s_j) / sum_k exp(s_k). Only with the softmax loss."""
        return np.asarray(losses.softmax.probabilities(self._scores(X).astype(np.float64)))

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Logarithms of the probabilities, (N, C). Only with the softmax loss."""
        return np.asarray(losses.softmax.log_probabilities(self._scores(X).astype(np.float64)))

    def _scores(self, X: ArrayLike) -> NDArray[np.float32]:
        check_is_fitted(self)
        rows = _in_place(validate_data(self, X, reset=False, dtype=TYPES))
        return self.model_.scores(rows, threads=self.threads)

    def _check(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        rows, labels = validate_data(self, X, y, reset=reset, dtype=TYPES)
        check_classification_targets(labels)
        return _in_place(rows), labels

    def _check_classes(self) -> None:
        if len(self.classes_) < 2:
            raise InputError(f"y holds one class only ({self.classes_[0]!r}): a classifier needs at least two classes")

    def _weights(self, labels: NDArray[Any], sample_weight: ArrayLike | None) -> NDArray[Any] | None:
        if self.class_weight is None:
            return None if sample_weight is None else np.asarray(sample_weight)
        weight = np.asarray(compute_sample_weight(self.class_weight, labels))
        return weight if sample_weight is None else weight * np.asarray(sample_weight)

    def _recipe(self) -> Recipe:
        seed = self.random_state
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
            seed = check_random_state(seed).randint(2**31)  # a generator, None, or scikit-learn's error
        return Recipe(
            self.loss, self.penalty, self.alpha, self.beta, self.radius, self.optimizer, self.momentum, self.lr,
            self.schedule, self.batch_size, self.epochs, self.scaling, int(seed), self.threads,
        )  # fmt: skip

    def _adopt(self, trained: Fitted) -> None:
        model = self.model_ = trained if isinstance(trained, Linear) else trained.linear()
        coef, intercept = model.folded()
        if len(self.classes_) == 2:
            coef, intercept = coef[:, 1:] - coef[:, :1], intercept[1:] - intercept[:1]
        self.coef_, self.intercept_ = coef.T, intercept


def _in_place(X: NDArray[Any]) -> NDArray[Any]:
    """X itself when its rows are contiguous, as the kernels need them."""
    return X if X.strides[1] == X.itemsize or X.shape[1] == 1 else np.ascontiguousarray(X)
