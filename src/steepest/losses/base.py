"""What every loss is: scores and labels in; each example's loss and its gradient out."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias, cast, final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.autodiff.graph import Tensor, raw
from steepest.autodiff.ops import where
from steepest.errors import InputError

FloatArray: TypeAlias = NDArray[np.floating[Any]]
Labels: TypeAlias = NDArray[np.intp]
Scores: TypeAlias = Any  # an array of floats, or a tensor of them: the equations work on both


class Loss(ABC):
    """L_i of the objective: how badly the scores of one example miss its class.

    A loss is called like a function, ``hinge(scores, y)``. A new loss names itself and writes four things: its equation
    (``_loss``), its derivative by the scores (``_gradient``), its value at W = 0 and the bound on its curvature. All
    checks of the arguments are made here, once, so the equations see only arrays of one dtype and valid labels.

    The equation is written with operators and ops: given scores that are a tensor, it becomes part of their graph, and
    then the graph's derivative and ``_gradient``, which is written by hand, check each other.

    Scores are (N, C) and labels (N,); one example may be given as (C,) with a single label, and then the result has no
    example axis either. float32 and float64 scores keep their dtype, float16 is computed in float32, and integers and
    lists in float64. Scores are not checked for NaN and infinity: those go through, as in any arithmetic.
    """

    name: ClassVar[str]
    grows: ClassVar[bool] = False
    """Whether the derivative by the scores grows without bound, as that of a square does."""

    @overload
    def __call__(self, scores: Tensor, y: ArrayLike) -> Tensor: ...

    @overload
    def __call__(self, scores: ArrayLike, y: ArrayLike) -> FloatArray: ...

    @final
    def __call__(self, scores: ArrayLike | Tensor, y: ArrayLike) -> FloatArray | Tensor:
        """L_i of each example.

        Parameters
        ----------
        scores : (N, C) array or tensor
            The score of each class, without unit.
        y : (N,) integers
            The true class of each example, 0 ... C - 1.

        Returns
        -------
        (N,) array or tensor
            Each example's loss, in the dtype of the scores. One number where the scores are (C,).

        Raises
        ------
        InputError
            If shapes do not fit together, scores are not real numbers, or a label is no class.
        """
        S, labels = check_examples(scores, y)
        losses = self._loss(S, labels)
        return losses if np.ndim(raw(scores)) == 2 else cast(FloatArray, losses[0])

    @final
    def gradient(self, scores: ArrayLike, y: ArrayLike) -> FloatArray:
        """dL_i / dscores of each example: (N, C), or (C,) for one example. Arguments and errors as for the loss itself.

        The derivative of the mean over the examples is this divided by N.
        """
        S, labels = check_examples(scores, y)
        dscores = self._gradient(raw(S), labels)
        return dscores if np.ndim(raw(scores)) == 2 else cast(FloatArray, dscores[0])

    @abstractmethod
    def at_zero(self, n_classes: int) -> float:
        """Return the loss at W = 0, where all scores are 0: what an untrained classifier must show."""

    @abstractmethod
    def curvature(self, n_classes: int) -> float | None:
        """Return an upper bound on the largest eigenvalue of d2L_i / dscores2, or None where the loss has a kink."""

    @abstractmethod
    def _loss(self, scores: Scores, y: Labels) -> Scores:
        """Return the equation: (N, C) and (N,) in, (N,) out."""

    @abstractmethod
    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        """Return its derivative by the scores: (N, C) and (N,) in, a new (N, C) array out."""

    def __repr__(self) -> str:
        return f"<loss {self.name}>"

    # A copy is the same loss: scikit-learn's clone and a pickle make one.
    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self)))


def of_class(scores: Scores, y: Labels) -> Scores:
    """s_y: the entry of the true class in each row, as a column (N, 1)."""
    return scores[np.arange(len(y)), y][:, np.newaxis]


def set_class(scores: FloatArray, y: Labels, value: FloatArray | float) -> None:
    """Write ``value`` in place of the true class's entry in each row; ``value`` is one number or a column (N, 1)."""
    scores[np.arange(len(y)), y] = np.ravel(value) if np.ndim(value) else value


def is_class(scores: Scores, y: Labels) -> NDArray[np.bool_]:
    """J == y: whether an entry is that of the true class, in the shape of the scores."""
    truth: NDArray[np.bool_] = np.arange(scores.shape[1]) == y[:, np.newaxis]
    return truth


def one_hot(scores: Scores, y: Labels) -> FloatArray:
    """T: 1 for the true class and 0 for the others, in the shape and dtype of the scores."""
    return is_class(scores, y).astype(scores.dtype)


def one_vs_all(scores: Scores, y: Labels) -> FloatArray:
    """t: +1 for the true class and -1 for the others, in the shape and dtype of the scores."""
    return 2 * one_hot(scores, y) - 1


def rounded(m: Scores, width: float) -> Scores:
    """h(m) for m >= 0, Huber's form: m^2 / (2 width) up to the width, m - width/2 beyond; m itself where that is 0."""
    return where(raw(m) < width, m * m / (2 * width), m - width / 2) if width else m


def check_width(width: float) -> None:
    """Raise an InputError where a hinge cannot be rounded over this width."""
    if isinstance(width, bool) or not 0 <= width < float("inf"):
        raise InputError(f"width must be a number of at least 0, not {width!r}: 0 is the hinge itself")


def check_scores(scores: ArrayLike | Tensor, what: str = "scores") -> Scores:
    """Scores as an (N, C) array of floats, not copied where they are so already; a tensor stays one."""
    if isinstance(scores, Tensor):
        return scores.reshape(check_scores(raw(scores), what).shape)
    S = np.asarray(scores)
    if S.dtype.kind in "iub":
        S = S.astype(np.float64)
    elif S.dtype == np.float16:
        S = S.astype(np.float32)
    if S.dtype.kind != "f":
        raise InputError(f"{what} must be real numbers, not {S.dtype}: give an array of floats of shape (N, C)")
    if S.ndim not in (1, 2) or S.shape[-1] == 0:
        raise InputError(
            f"{what} must have shape (N, C), a row of class scores for each example, or (C,) for one example; "
            f"this has shape {S.shape}"
        )
    return S.reshape(-1, S.shape[-1]) if S.ndim == 1 else S


def check_examples(scores: ArrayLike | Tensor, y: ArrayLike, what: str = "scores") -> tuple[Scores, Labels]:
    """Scores as (N, C) floats and labels as (N,) indices, or an InputError that says what does not fit."""
    S = check_scores(scores, what)
    labels = np.asarray(y)
    shape = np.shape(raw(scores))
    expected = shape[:-1]
    if labels.shape != expected:
        raise InputError(
            f"y must have one label for each row of {what}: {what} has shape {shape}, so y needs {expected} "
            f"and has {labels.shape}" + (": one-hot rows become labels by argmax(axis=1)" if labels.ndim == 2 else "")
        )
    if labels.size == 0:
        return S, np.zeros(0, dtype=np.intp)
    if labels.dtype.kind not in "iub":
        raise InputError(
            f"y must be integer class indices, not {labels.dtype}: "
            "np.unique(y, return_inverse=True)[1] turns labels of any kind into them"
        )
    labels = labels.reshape(-1)
    if labels.min() < 0 or labels.max() >= S.shape[1]:
        row = int(np.flatnonzero((labels < 0) | (labels >= S.shape[1]))[0])
        raise InputError(
            f"y must hold classes 0 ... {S.shape[1] - 1}, one for each of the {S.shape[1]} columns of {what}; "
            f"y[{row}] is {labels[row]}"
        )
    return S, labels.astype(np.intp, copy=False)
