"""What an op was called with, put in order, and what the graph keeps of it."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Any

import numpy as np

from steepest.autodiff.graph import Tensor

__all__ = ["arranged", "as_constant", "as_parameter", "as_value"]


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

    An array is copied, unless it cannot be written to: then it is taken at its word.
    """
    return as_parameter(np.asarray(arg) if isinstance(arg, (list, tuple)) else arg)


def as_parameter(value: Any) -> Any:
    """Return a parameter as it is kept: its arrays and lists are copied. A tensor is refused: it has no VJP."""
    if isinstance(value, np.ndarray) and value.flags.writeable:
        return _read_only(np.array(value))
    if isinstance(value, Tensor):
        raise TypeError("there is no derivative by a parameter, so it cannot be a tensor: use its .value")
    if type(value) in (list, tuple):
        return type(value)(map(as_parameter, value))
    return value


def as_value(result: Any) -> Any:
    """Return what an op has computed as a number of NumPy, or as an array that can no longer be written to."""
    array: Any = result if isinstance(result, (np.ndarray, np.generic)) else np.asarray(result)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"the result is {array.dtype}, and a tensor holds real numbers")
    return array[()] if array.ndim == 0 else _read_only(array)


def _read_only(array: Any) -> Any:
    array.setflags(write=False)
    return array
