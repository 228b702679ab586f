"""What every penalty is: weights in; one number, its gradient, or the weights put back in bounds out."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias, cast, final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.autodiff.graph import Tensor, raw
from steepest.errors import InputError

FloatArray: TypeAlias = NDArray[np.floating[Any]]
Weights: TypeAlias = Any  # an array of floats, or a tensor of them: the equations work on both


class Penalty(ABC):
    """R of the objective: which weights are preferred among those that fit alike.

    A penalty is called like a function, ``l2(W)``. It is a frozen dataclass whose fields are its parameters, and it
    writes three things: its equation (``_value``), its derivative (``_gradient``), and the way back into its bounds
    (``_project``, the identity where it has none). The equation is written with operators and ops, so that weights that
    are a tensor make it part of their graph.

    W is any array of real numbers, (D, C) for a linear classifier; biases are not penalized and are not handed in.
    The objective multiplies R by alpha; the penalty does not know it. float32 and float64 weights keep their dtype in
    ``gradient`` and ``project``, float16 becomes float32 and integers and lists float64; R itself is added up in
    float64.
    """

    name: ClassVar[str]

    @overload
    def __call__(self, W: Tensor) -> Tensor: ...

    @overload
    def __call__(self, W: ArrayLike) -> float: ...

    @final
    def __call__(self, W: ArrayLike | Tensor) -> float | Tensor:
        """R(W), one number.

        Parameters
        ----------
        W : array or tensor
            The weights, without unit; (D, C) for a linear classifier.

        Raises
        ------
        InputError
            If the weights are not real numbers, or have a shape that this penalty cannot use.
        """
        if isinstance(W, Tensor):
            check_weights(raw(W))
            return cast(Tensor, self._value(W))
        return float(self._value(check_weights(W).astype(np.float64, copy=False)))

    @final
    def gradient(self, W: ArrayLike) -> FloatArray:
        """dR/dW, a new array in the shape of W."""
        return self._gradient(check_weights(W))

    @final
    def project(self, W: ArrayLike) -> FloatArray:
        """Return the nearest weights that the penalty allows: W itself, not copied, where it forbids none."""
        return self._project(check_weights(W))

    @abstractmethod
    def _value(self, W: Weights) -> Any:
        """Return the equation."""

    @abstractmethod
    def _gradient(self, W: FloatArray) -> FloatArray:
        """Return its derivative, a new array."""

    @abstractmethod
    def _project(self, W: FloatArray) -> FloatArray:
        """Return the nearest allowed weights."""


def check_weights(W: ArrayLike) -> FloatArray:
    """Weights as an array of floats, not copied where they are so already."""
    weights = np.asarray(W)
    if weights.dtype.kind in "iub":
        return weights.astype(np.float64)
    if weights.dtype == np.float16:
        return weights.astype(np.float32)
    if weights.dtype.kind != "f":
        raise InputError(f"W must be real numbers, not {weights.dtype}: give an array of floats")
    return weights
