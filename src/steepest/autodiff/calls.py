"""What an op was called with, put in order, and what the graph keeps of it."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import Parameter, Signature
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from steepest.autodiff.graph import Tensor

__all__ = ["arranged", "as_constant", "as_parameter", "as_value", "changed", "watch"]

LARGE = 1 << 16  # bytes; below, a copy costs nothing to speak of
STRIDE = 1021

_watched: WeakKeyDictionary[Tensor, list[tuple[NDArray[Any], bytes]]] = WeakKeyDictionary()


def arranged(
    signature: Signature, arity: int | None, args: tuple[Any, ...], parameters: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the differentiable arguments and the parameters of a call, however they were written.

    An op of any number of arguments takes them one by one or, as NumPy does, in one list.
    """
    if arity is not None:
        bound = signature.bind(*args, **parameters).arguments
        names = tuple(signature.parameters)[:arity]
        return tuple(bound.pop(name) for name in names if name in bound), bound
    if args and isinstance(args[0], (list, tuple)):
        options = [name for name, parameter in signature.parameters.items() if parameter.kind is Parameter.KEYWORD_ONLY]
        if len(args) - 1 > len(options):
            raise TypeError(f"after the list there are {len(options)} parameters, not {len(args) - 1}")
        parameters = {**dict(zip(options, args[1:], strict=False)), **parameters}
        args = tuple(args[0])
    return args, parameters


def as_constant(arg: Any) -> Any:
    """Return an argument outside the graph as it is kept: a list becomes an array, and no later change can reach it.

    An array is copied, unless it cannot be written to: then it is taken at its word. A large one is watched instead.
    """
    if isinstance(arg, (list, tuple)):
        arg = np.asarray(arg)
    return arg if _is_large(arg) else as_parameter(arg)


def as_parameter(value: Any) -> Any:
    """Return a parameter as it is kept: its arrays and lists are copied. A tensor is refused: it has no VJP."""
    if isinstance(value, np.ndarray) and value.flags.writeable:
        return _read_only(np.array(value))
    if isinstance(value, Tensor):
        raise TypeError("there is no derivative by a parameter, so it cannot be a tensor: use its .value")
    if type(value) in (list, tuple):
        return type(value)(map(as_parameter, value))
    return value


def watch(node: Tensor, constants: Iterable[Any]) -> None:
    """Remember what the large arrays among the constants of a node look like, so that a later change is found."""
    found = [(array, fingerprint(array)) for array in constants if _is_large(array)]
    if found:
        _watched[node] = found


def changed(nodes: Iterable[Tensor]) -> Tensor | None:
    """Return the first of the nodes that needs an array which is no longer what it was."""
    for node in nodes if _watched else ():
        for array, print_then in _watched.get(node, ()):
            if fingerprint(array) != print_then:
                return node
    return None


def fingerprint(array: NDArray[Any]) -> bytes:
    """Return the sums of every 1021st eight bytes: a prime, so that hardly any exchange of places is missed."""
    data = array.ravel(order="K").view(np.uint8)
    rows = len(data) // (8 * STRIDE)
    words = data[: rows * 8 * STRIDE].view(np.uint64).reshape(rows, STRIDE)
    sums: bytes = words.sum(axis=0).tobytes()
    return sums + data[rows * 8 * STRIDE :].tobytes()


def _is_large(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.nbytes > LARGE and value.flags.writeable and value.flags.forc


def as_value(result: Any) -> Any:
    """Return what an op has computed as a number of NumPy, or as an array that can no longer be written to."""
    array: Any = result if isinstance(result, (np.ndarray, np.generic)) else np.asarray(result)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"the result is {array.dtype}, and a tensor holds real numbers")
    return array[()] if array.ndim == 0 else _read_only(array)


def _read_only(array: Any) -> Any:
    array.setflags(write=False)
    return array
