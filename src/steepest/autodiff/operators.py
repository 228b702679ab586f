"""What can be written with a tensor: operators, methods, and NumPy's functions where there is an op of that name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.autodiff import ops  # which are built on tensors: used when all is loaded, not before
from steepest.autodiff.faults import node_label
from steepest.errors import InputError

if TYPE_CHECKING:
    from steepest.autodiff.graph import Tensor

__all__ = ["Operators"]


class Operators:
    """Arithmetic, comparisons, indexing and the methods of arrays: each one calls the op that does it.

    Comparisons return plain arrays of booleans; ``==`` is identity, as nodes of a graph have one.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        _value: Any
        name: str | None

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.divide(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.power(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        return ops.negative(self)

    def __pos__(self) -> Tensor:
        return self  # type: ignore[return-value]

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __lt__(self, other: Any) -> Any:
        return self._value < getattr(other, "_value", other)

    def __le__(self, other: Any) -> Any:
        return self._value <= getattr(other, "_value", other)

    def __gt__(self, other: Any) -> Any:
        return self._value > getattr(other, "_value", other)

    def __ge__(self, other: Any) -> Any:
        return self._value >= getattr(other, "_value", other)

    def __getitem__(self, key: Any) -> Tensor:
        return ops.index(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise InputError(
            f"{node_label(self)} cannot be changed in place, for the graph may still need its value: "
            "make a new tensor, with where(condition, new, old) or from an array"
        )

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a tensor of shape () has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[row] for row in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self._value, spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __float__(self) -> float:
        return float(self._value)

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        return f"tensor({np.array2string(np.asarray(self._value), separator=', ', threshold=20)}{name})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis; () for a number."""
        shape: tuple[int, ...] = self._value.shape
        return shape

    @property
    def ndim(self) -> int:
        """Count of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Count of numbers."""
        return int(self._value.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        return np.dtype(self._value.dtype)

    @property
    def T(self) -> Tensor:  # noqa: N802
        """Axes in the opposite order."""
        return ops.transpose(self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Add up all numbers, or those along an axis."""
        return ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Mean of all numbers, or of those along an axis."""
        return ops.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest number, of all or along an axis."""
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest number, of all or along an axis."""
        return ops.min(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        """Arrange the same numbers in another shape."""
        return ops.reshape(self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """Axes in another order; by default the opposite one."""
        axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return ops.transpose(self, axes=axes or None)

    def __getattr__(self, name: str) -> Any:
        if name not in ops.__all__:
            raise AttributeError(f"a tensor has no {name!r}")
        return partial(getattr(ops, name), self)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise InputError(
            f"{node_label(self)} would lose its place in the graph as a plain array: take its .value, or use the ops "
            "of st.ops"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc.__name__ in _OF_TRUTH and method == "__call__":
            return ufunc(*(getattr(x, "_value", x) for x in inputs), **kwargs)
        if "out" in kwargs:
            raise InputError(
                f"numpy.{ufunc.__name__} cannot write a tensor into an array, as += does: write a = a + x, a new tensor"
            )
        if method != "__call__" or kwargs:
            options = "".join(f" with {name}=" for name in kwargs)
            name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            raise InputError(f"numpy.{name}{options} does not know tensors: use .value, or the ops of st.ops")
        return _op_of(ufunc)(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function.__name__ in _OF_SHAPE:
            return function(*(getattr(x, "_value", x) for x in args), **kwargs)
        return _op_of(function)(*args, **kwargs)


_OF_TRUTH = {"equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "not_equal"}
_OF_SHAPE = {
    "empty_like",
    "ndim",
    "ones_like",
    "shape",
    "size",
    "zeros_like",
}  # plain answers: neither has a derivative


def _op_of(function: Any) -> Any:
    """Return the op that has the name of a function of NumPy."""
    name = function.__name__
    found = getattr(ops, {"absolute": "abs", "amax": "max", "amin": "min"}.get(name, name), None)
    if found is None:
        home = getattr(function, "__module__", None) or "numpy"
        raise InputError(f"{home}.{name} does not know tensors: use .value, or the ops of st.ops")
    return found
