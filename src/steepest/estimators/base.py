"""What all classifiers have in common: checks of examples and labels, weights, seeds, and the label of a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from steepest.data.options import Progress
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import SparseRows, is_sparse
from steepest.training.automatic import check_count, mean_one
from steepest.training.weighting import weights

__all__ = ["TYPES", "Classifier", "finite", "in_place"]

TYPES = [np.float64, np.float32, np.float16, np.uint8]
"""What the kernels read in place; anything else becomes the first of them."""


class Classifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier that gives each class a score; `classes_` are the labels, sorted."""

    classes_: NDArray[Any]
    _progress: Progress | None = None
    """Told how far a fit is, where the shell watches one; a perceptron ends where it returns True."""
    _reads_sparse: ClassVar[bool] = False
    """Whether sparse rows stay sparse here; elsewhere they are refused."""
    _needs_dense: ClassVar[dict[str, str]] = {}
    """Values of parameters that refuse them all the same, and say why."""

    @abstractmethod
    def _scores(self, X: ArrayLike) -> NDArray[Any]:
        """Return the scores (N, C) of examples that have not been checked."""

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Scores (N, C); for two classes the second score minus the first, (N,)."""
        scores = finite(self._scores(X))
        return np.asarray(scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Label of the largest score, (N,)."""
        scores = finite(self._scores(X))
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    def _begin(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any] | None]:
        """Check the training data: rows, indices of the classes, which are set, and weights."""
        rows, labels = self._check(X, y, reset=True)
        self.classes_, index = np.unique(labels, return_inverse=True)
        self._check_classes()
        weight = self._weights(labels, sample_weight)
        if weight is not None:
            mean_one(weight, len(rows))  # its checks
            if len(np.unique(index[weight > 0])) == 1:
                raise InputError("only one class has examples of a weight above 0: there must be two at least")
        return rows, index, weight

    def _check(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        rows, labels = validate_data(self, X, y, reset=reset, dtype=TYPES, accept_sparse=self._format())
        _check_alike(labels)
        check_classification_targets(labels)
        return in_place(rows), labels

    def _rows(self, X: ArrayLike) -> NDArray[Any]:
        """Check examples to predict."""
        check_is_fitted(self)
        return in_place(validate_data(self, X, reset=False, dtype=TYPES, accept_sparse=self._format()))

    def _format(self) -> str | bool:
        return "csr" if self._reads_sparse else False

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn wants to know."""
        tags: Tags = super().__sklearn_tags__()
        refuses = any(getattr(self, name) == value for name, value in self._needs_dense.items())
        tags.input_tags.sparse = self._reads_sparse and not refuses
        return tags

    def _check_classes(self) -> None:
        if len(self.classes_) < 2:
            only = self.classes_.tolist()[0]
            raise InputError(f"y holds one class only ({only!r}): a classifier needs at least two classes")

    def _index(self, labels: NDArray[Any], what: str) -> NDArray[np.int64]:
        """Return the place of each label among the classes."""
        index = np.searchsorted(self.classes_, labels).clip(0, len(self.classes_) - 1)
        unknown = self.classes_[index] != labels
        if np.any(unknown):
            row, known = int(np.flatnonzero(unknown)[0]), self.classes_.tolist()
            raise InputError(f"{what}[{row}] is {labels.tolist()[row]!r}, which is not among the classes {known}")
        return np.asarray(index)

    def _weights(self, labels: NDArray[Any], sample_weight: ArrayLike | None) -> NDArray[Any] | None:
        by_class = getattr(self, "class_weight", None)
        if by_class is not None and sample_weight is not None and np.shape(sample_weight) != labels.shape:
            raise InputError(
                f"sample_weight has shape {np.shape(sample_weight)}; it needs one number for each of the {len(labels)} "
                "examples"
            )
        return weights(by_class, sample_weight, self._index(labels, "y"), self.classes_)

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)

    def _threads(self) -> int:
        given: Any = getattr(self, "threads", None)
        return kernels.default_threads() if given is None else check_count("threads", given)

    def _seed(self) -> int:
        seed: Any = getattr(self, "random_state", 0)
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
            seed = check_random_state(seed).randint(2**31)  # a generator, None, or scikit-learn's error
        return int(seed)


def finite(scores: NDArray[Any]) -> NDArray[Any]:
    """Return the scores; InputError where one is infinite or no number, and no class could be told from another."""
    if not np.isfinite(scores).all():
        row = int(np.flatnonzero(~np.isfinite(scores).all(axis=1))[0])
        raise InputError(
            f"the scores of X[{row}] are beyond what floats hold, and so are its features, or their squares: are they "
            "in the units of the training examples?"
        )
    return scores


def in_place(X: Any) -> NDArray[Any]:
    """X itself when its rows are contiguous, as the kernels need them; a sparse matrix by row."""
    if is_sparse(X):
        return cast(NDArray[Any], SparseRows.of(X))
    return X if X.strides[1] == X.itemsize or X.shape[1] == 1 else np.ascontiguousarray(X)


def _check_alike(labels: NDArray[Any]) -> None:
    """Raise InputError where text meets something else, None or nan for example: such labels have no order."""
    if labels.dtype != object:
        return
    text = [isinstance(label, str) for label in labels]
    if any(text) and not all(text):
        row = text.index(not text[0])
        raise InputError(
            f"y[0] is {labels[0]!r} and y[{row}] is {labels[row]!r}: labels of unlike types have no order; give every "
            "example a label, all of them text or all of them numbers"
        )
