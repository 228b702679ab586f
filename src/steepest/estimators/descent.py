"""What the estimators that descend have in common: handing over to the training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from steepest import losses
from steepest.data.dataset import Dataset
from steepest.errors import InputError
from steepest.estimators.base import Classifier, finite
from steepest.kernels.sparse import are_sparse
from steepest.nn.scaling import resolve
from steepest.training import automatic, loop
from steepest.training.callbacks import Looking, Watching
from steepest.training.plan import Fitted, State
from steepest.training.recipe import Recipe, prepare
from steepest.training.run import Run
from steepest.training.stream import Stream, prepare_stream

__all__ = ["DescentClassifier"]


def _gives_probabilities(estimator: Any) -> bool:
    if isinstance(losses.get(estimator.loss), losses.Softmax):
        return True
    raise AttributeError(
        f"predict_proba needs loss='softmax'; the scores of {estimator.loss!r} are not log-probabilities"
    )


class DescentClassifier(Classifier):
    """A classifier trained by mini-batch descent: its parameters are words of a recipe, `_adopt` takes the model."""

    _model: str
    loss: Any
    random_state: Any
    scaling: str | None
    threads: int | None

    @abstractmethod
    def _adopt(self, trained: Fitted) -> None:
        """Take the trained model as `model_`, and make the attributes that speak of it."""

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
        solved = self.model_ if stream is None and hasattr(self, "model_") else None  # by a solver, not by descent
        rows, labels = self._check(X, y, reset=stream is None and solved is None)
        if stream is None and solved is None:
            if classes is None:
                raise InputError("the first partial_fit needs classes=: all the labels that will ever come")
            self.classes_ = np.unique(np.asarray(classes))
            self._check_classes()
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise InputError(f"classes={classes!r} is not the same as in the first partial_fit: {list(self.classes_)}")
        index = self._index(labels, "y")
        weight = self._weights(labels, sample_weight)
        objective, stream = prepare_stream(rows, index, len(self.classes_), self._recipe(), weight, stream)
        if solved is not None:
            stream = replace(stream, state=State.start(solved))
        self._stream = stream
        plan, state = self._stream.plan, self._stream.state
        loop.run(objective, plan, state)
        self.lr_, self.history_, self.n_iter_ = plan.lr, state.history, state.epoch
        self._adopt(state.model)
        return self

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Probabilities (N, C) of the classes: exp(s_j) / sum_k exp(s_k). Only with the softmax loss."""
        return np.asarray(losses.softmax.probabilities(finite(self._scores(X)).astype(np.float64)))

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Logarithms of the probabilities, (N, C). Only with the softmax loss."""
        return np.asarray(losses.softmax.log_probabilities(finite(self._scores(X)).astype(np.float64)))

    def _recipe(self) -> Recipe:
        """Take the parameters that say how to train."""
        known = {f.name for f in fields(Recipe)}
        said = {name: value for name, value in self.get_params(deep=False).items() if name in known}
        return Recipe(**said, model=self._model, seed=self._seed())

    def _fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None,
        held: tuple[ArrayLike, ArrayLike] | None = None, share: float = 0.0, callbacks: Sequence[Watching] = (),
    ) -> Self:  # fmt: skip
        """Train from the start; `held` are rows to validate on, `share` is what of X is held out for that."""
        rows, index, weight = self._begin(X, y, sample_weight)
        recipe, validation = self._recipe(), None
        if held is not None:
            X_val, y_val = self._check(*held, reset=False)
            validation = loop.Validation(X_val, self._index(y_val, "y_val"))
        elif share:
            kept, out = automatic.hold_out("validation_fraction", share, index, recipe.seed)
            validation = loop.Validation(rows[out], index[out])
            rows, index, weight = rows[kept], index[kept], None if weight is None else weight[kept]
        return self._descend(rows, index, recipe, weight, validation, callbacks)

    def _descend(
        self, rows: NDArray[Any], index: NDArray[np.int64], recipe: Recipe, weight: NDArray[Any] | None,
        validation: loop.Validation | None = None, callbacks: Sequence[Watching] = (),
    ) -> Self:  # fmt: skip
        """Train on rows that are checked, by mini-batch descent."""
        objective, plan, state = prepare(rows, index, len(self.classes_), recipe, weight)
        names = tuple(map(str, self.classes_.tolist()))
        run = Run.of(
            Dataset(rows, index, names, rows.shape[1:], "X"),
            objective,
            plan,
            state,
            self.classes_,
            resolve(self.scaling, rows.dtype, sparse=are_sparse(rows)),
        )
        with Looking(run, callbacks) as looking:
            loop.run(objective, plan, state, looking, validation)
        self.best_epoch_ = state.best_epoch
        state = replace(state, model=state.result, best=None)
        self.objective_, _ = objective.evaluate(dict(state.model.parameters))
        self.lr_, self.history_, self.n_iter_ = plan.lr, state.history, state.epoch
        self._adopt(state.model)
        self._stream = Stream(plan, state, plan.lr, plan.steps(len(rows)) * state.epoch)
        return self

    def _scores(self, X: ArrayLike) -> NDArray[np.float32]:
        rows, model = self._rows(X), cast(Fitted, self.model_)
        return model.scores(rows, threads=self.threads)
