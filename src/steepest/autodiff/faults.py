"""What can go wrong on the graph, in one line each: which op, which node, which shapes, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.errors import InputError

if TYPE_CHECKING:
    from steepest.autodiff.graph import Tensor
    from steepest.autodiff.registry import Op

__all__ = ["check_grads", "check_root", "checked_seed", "no_derivative", "node_label", "refused", "wrong_vjp"]


def node_label(node: Tensor) -> str:
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
    at = next(k for k, other in enumerate(node.args) if other is arg)
    return InputError(
        f"{node.op.name} has no derivative by its argument {at}, {node_label(arg)}: "
        "declare a VJP for it, or take the argument out of the graph with stop_gradient"
    )


def wrong_vjp(node: Tensor, arg: Tensor, part: Any) -> InputError:
    """Say that a VJP returned what cannot be the gradient of its argument."""
    assert node.op is not None
    return InputError(
        f"the VJP of {node.op.name} by {node_label(arg)} returned shape {np.shape(part)}: "
        f"it must have the shape of the argument, or of the op's value {node._value.shape}"
    )


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
    if np.shape(getattr(seed, "_value", seed)) != value.shape:
        raise InputError(f"the seed of {node_label(root)} has shape {np.shape(seed)}: it must have that of its tensor")
    return seed if hasattr(seed, "_value") else np.asarray(seed, value.dtype)[()]


def check_root(root: Tensor, nodes: list[Tensor]) -> None:
    """Refuse what has no gradient: a NaN, and tensors of integers."""
    value = root._value
    if value.dtype.kind == "f" and (value != value if value.shape == () else np.isnan(value).any()):
        raise _nan_born(nodes)
    for node in nodes:
        if node.op is None and node._value.dtype.kind != "f":
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
        _number(value) if np.ndim(value) == 0 else _label(arg)
        for arg, value in zip(node.args, node._inputs, strict=True)
    ]
    return f"{node.op.name}({', '.join(shown)})"


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def check_grads(nodes: list[Tensor], grads: dict[Tensor, Any]) -> None:
    """Refuse a NaN among the derivatives by the leaves, and say which VJP it was born in."""
    for node in nodes:
        if node.op is None and node in grads and _has_nan(grads[node]):
            break
    else:
        return
    for node in reversed(nodes):  # the youngest whose upstream gradient is a number still
        if node.op is None or node not in grads or _has_nan(grads[node]):
            continue
        for arg in node.args:
            if hasattr(arg, "_value") and arg in grads and _has_nan(grads[arg]):
                raise InputError(
                    f"a NaN was born in the derivative of {node_label(node)} = {_call(node)} by {node_label(arg)}: "
                    "it has none there"
                )


def _has_nan(grad: Any) -> bool:
    value = getattr(grad, "_value", grad)
    total = value if value.shape == () else value.sum()  # cheap; infinities of both signs may deceive it
    return bool(total != total) and bool(np.isnan(value).any())
