"""What can go wrong on the graph, in one line each: which op, which node, which shapes, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.errors import InputError

if TYPE_CHECKING:
    from steepest.autodiff.graph import Tensor
    from steepest.autodiff.registry import Op

__all__ = [
    "check_declaration",
    "check_root",
    "check_vjp",
    "checked_grads",
    "checked_seed",
    "no_derivative",
    "node_label",
    "refused",
    "vjp_failed",
]


def check_declaration(forward: Callable[..., Any], vjps: Any, known: Op | None) -> None:
    """Refuse an op under a name of steepest's own, and VJPs that are none, or too many."""
    name, home = forward.__name__, "steepest."
    if known is not None and known.forward.__module__.startswith(home) and not forward.__module__.startswith(home):
        raise InputError(f"there is an op {name} in steepest: give yours another name")
    if not isinstance(vjps, tuple):
        return
    for vjp in vjps:
        if not (vjp is None or callable(vjp) or repr(vjp) == "CONSTANT"):
            raise InputError(f"a VJP of {name} is a {type(vjp).__name__}: it must be a function, CONSTANT or None")
    kinds = [parameter.kind for parameter in signature(forward).parameters.values()]
    positional = sum(kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
    if len(vjps) > positional:
        raise InputError(f"{name} has {len(vjps)} VJPs and takes {positional} arguments: declare one for each")


def node_label(node: Any) -> str:
    """Name a node: its own name, or its op; and its shape."""
    word = node.name or ("a leaf" if node.op is None else node.op.name)
    return f"{word} {node._value.shape}"


def _label(arg: Any) -> str:
    if hasattr(arg, "_value"):
        return node_label(arg)
    if isinstance(arg, (bool, int, float)):
        return repr(arg)
    return f"an array {np.shape(arg)}" if isinstance(arg, np.ndarray) else f"a {type(arg).__name__}"


def refused(op: Op, args: tuple[Any, ...], parameters: dict[str, Any], error: Exception) -> InputError:
    """Say that the arguments of an op do not fit together."""
    call = ", ".join([*map(_label, args), *(f"{name}={value!r}" for name, value in parameters.items())])
    return InputError(f"{op.name} cannot take ({call}): {error}")


def no_derivative(node: Tensor, arg: Tensor) -> InputError:
    """Say that an op on the way back was declared without a derivative."""
    assert node.op is not None
    pairs = enumerate(zip(node.args, node.op.vjps, strict=False))
    at = next(k for k, (other, vjp) in pairs if other is arg and vjp is None)
    return InputError(
        f"{node.op.name} has no derivative by its argument {at}, {node_label(arg)}: "
        "declare a VJP for it, or take the argument out of the graph with stop_gradient"
    )


def vjp_failed(node: Tensor, arg: Tensor, error: Exception) -> InputError:
    """Say that a VJP could not be computed."""
    assert node.op is not None
    return InputError(f"the VJP of {node.op.name} by {node_label(arg)} failed: {error}")


def check_vjp(part: Any, node: Tensor, arg: Tensor) -> None:
    """Refuse what a VJP gave if it cannot be the gradient of its argument."""
    assert node.op is not None
    who = f"the VJP of {node.op.name} by {node_label(arg)} returned"
    if not isinstance(part, (np.ndarray, np.generic)) and not hasattr(part, "_value"):
        raise InputError(f"{who} a {type(part).__name__}: it must be an array or a tensor, like the upstream gradient")
    if part.dtype.kind != "f" or arg.dtype.kind != "f":
        raise InputError(f"{who} {part.dtype} for {arg.dtype}: derivatives are floats, and by floats")
    if part.shape == arg.shape:
        return
    stretched = _stretches(arg.shape, node.shape)
    if not (stretched and part.shape == node.shape):
        other = f", or {node.shape} as its value" if stretched and node.shape != arg.shape else ""
        raise InputError(f"{who} shape {part.shape}: it must be {arg.shape} as its argument{other}")


def _stretches(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    """Say whether broadcasting takes the one shape to the other."""
    padded = (1,) * (len(wide) - len(shape)) + shape
    return len(padded) == len(wide) and all(n in (1, m) for n, m in zip(padded, wide, strict=True))


def checked_seed(root: Tensor, seed: Any) -> Any:
    """Return the upstream gradient of a root: 1 for a number, or what was given, if it fits."""
    value = root._value
    if seed is None:
        if value.shape == ():
            return value.dtype.type(1)
        raise InputError(
            f"backward from {node_label(root)} needs a seed of its shape, for it is not one number: "
            "f.backward(seed), or f.sum().backward()"
        )
    try:
        array = np.array(getattr(seed, "_value", seed), value.dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"the seed of {node_label(root)} must be numbers: {error}") from None
    if array.shape != value.shape:
        raise InputError(f"the seed of {node_label(root)} has shape {array.shape}: it must have that of its tensor")
    return array[()]


def check_root(root: Tensor, nodes: list[Tensor], ends: Collection[Tensor], changed: Tensor | None) -> None:
    """Refuse what has no gradient: a NaN, integers among the ends of the way back, a node whose arrays have changed."""
    if changed is not None:
        raise InputError(
            f"an array that {node_label(changed)} = {_call(changed)} was made of has changed since, and the derivative "
            "needs it as it was: change a copy"
        )
    value = root._value
    if value.dtype.kind == "f" and (value != value if value.shape == () else np.isnan(value).any()):
        raise _nan_born(nodes)
    for node in ends:
        if type(node._value) is not np.float64 and node._value.dtype.kind != "f":
            raise InputError(
                f"{node_label(node)} is {node._value.dtype}, and integers have no gradient: make it a tensor of "
                "floats, or use the plain number as a constant"
            )


def _nan_born(nodes: list[Tensor]) -> InputError:
    for node in nodes:
        if node._value.dtype.kind == "f" and np.isnan(node._value).any():
            break
    if node.op is None:
        return InputError(f"there is a NaN in {node_label(node)}, which the graph starts from")
    where = np.unravel_index(int(np.isnan(node._value).argmax()), node._value.shape)
    at = f"[{', '.join(map(str, where))}]" if where else ""
    return InputError(f"a NaN was born in {node_label(node)}{at} = {_call(node)}: look at its arguments")


def _call(node: Tensor) -> str:
    assert node.op is not None
    shown = [
        f"{float(value):.6g}" if isinstance(value, (int, float, np.number)) else _label(arg)
        for arg, value in zip(node.args, node._inputs, strict=True)
    ]
    return f"{node.op.name}({', '.join(shown)})"


def checked_grads(nodes: list[Tensor], grads: dict[Tensor, Any], ends: Collection[Tensor]) -> dict[Tensor, Any]:
    """Return the derivatives by the ends of the way back; refuse a NaN, and say which VJP it was born in.

    Arrays are copied: two nodes may share one, or have a view of it, and their owners may change them in place.
    """
    found = {node: grads[node] for node in ends if node in grads}
    if not any(map(_has_nan, found.values())):
        return {node: np.array(grad) for node, grad in found.items() if isinstance(grad, np.ndarray)}
    for node in reversed(nodes):  # the youngest whose upstream gradient is a number still
        if node.op is None or node not in grads or _has_nan(grads[node]):
            continue
        for arg in node.args:
            if hasattr(arg, "_value") and arg in grads and _has_nan(grads[arg]):
                raise InputError(
                    f"a NaN was born in the derivative of {node_label(node)} = {_call(node)} by {node_label(arg)}: "
                    "it has none there"
                )
    raise InputError(f"there is a NaN in the seed of {node_label(nodes[-1])}")


def _has_nan(grad: Any) -> bool:
    value = getattr(grad, "_value", grad)
    return bool(value != value) if value.shape == () else bool(np.isnan(value).any())
