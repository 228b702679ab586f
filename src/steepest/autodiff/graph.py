"""The computational graph: every tensor remembers the op and the arguments that it came from."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike

from steepest.autodiff.faults import node_label
from steepest.autodiff.operators import Operators
from steepest.errors import InputError

if TYPE_CHECKING:
    from steepest.autodiff.registry import Op

__all__ = ["Tensor", "raw", "tensor"]

_next_serial = count().__next__


@final
class Tensor(Operators):
    """A node of the graph: a value that never changes, and how it came about.

    Tensors are made by ``tensor`` (a leaf) and by ops, with the plain ``inputs``. They point to what they came from and
    never the other way: no cycles, so a graph is freed when its last node is dropped.

    Attributes
    ----------
    value : number or array
        Read-only.
    grad : array or None
        The derivative, by this tensor and in its shape, of the last one whose ``backward`` came by here.
    name : str or None
        What errors and drawings call it.
    op, args, parameters : Op or None, tuple, dict
        What it came from, None for a leaf, and what that was called with: tensors and constants; an axis, a shape.
    serial : int
        Higher than that of everything it came from.
    """

    __slots__ = ("__weakref__", "_inputs", "_value", "args", "grad", "name", "op", "parameters", "serial")

    def __init__(
        self, value: Any, op: Op | None, args: tuple[Any, ...], inputs: tuple[Any, ...], parameters: dict[str, Any]
    ) -> None:
        self._value = value
        self.op = op
        self.args = args
        self._inputs = inputs
        self.parameters = parameters
        self.serial = _next_serial()
        self.grad: Any = None
        self.name: str | None = None

    @property
    def value(self) -> Any:
        """The number or array; it cannot be written to, for the graph may still need it."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        raise InputError(f"the value of {node_label(self)} cannot be replaced: make a new tensor")

    def backward(self, seed: ArrayLike | None = None) -> None:
        """Write into ``grad`` of every tensor that this one came from the derivative of this one by it.

        It replaces what an earlier ``backward`` wrote there: nothing adds up, and nothing has to be set to zero.

        Parameters
        ----------
        seed : array or None
            Upstream gradient in the shape of this tensor; a number needs none: it is 1.

        Raises
        ------
        InputError
            If this is no number and there is no seed, a tensor of integers is reached, an op on the way has no
            derivative, or a value or a derivative is NaN: it names the op, the node and the shapes.
        """
        from steepest.autodiff.backward import pull_back  # it is built on ops, and they on this

        for node, grad in pull_back(self, seed).items():
            node.grad = grad


def tensor(value: ArrayLike | Tensor, name: str | None = None) -> Tensor:
    """Make a leaf of the graph: a value that derivatives are taken by.

    Parameters
    ----------
    value : number or array
        Copied. Floats keep their type; integers keep theirs too, but have no derivative.
    name : str or None
        What errors and drawings call it.

    Raises
    ------
    InputError
        If the value is not made of real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> x, y, z = st.tensor(-2.0, name="x"), st.tensor(5.0, name="y"), st.tensor(-4.0, name="z")
    >>> f = (x + y) * z
    >>> f.backward()
    >>> float(f.value), float(x.grad), float(y.grad), float(z.grad)
    (-12.0, -4.0, -4.0, 3.0)
    """
    who = name or "the value of a tensor"
    try:
        array = np.array(raw(value))
        array.setflags(write=False)
    except ValueError as error:  # rows of several lengths
        raise InputError(f"{who} must be a number or an array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{who} must be real numbers, not {array.dtype}")
    leaf = Tensor(array[()], None, (), (), {})
    leaf.name = name
    return leaf


def raw(value: Any) -> Any:
    """Return the value of a tensor; anything else as it is."""
    return value._value if type(value) is Tensor else value
