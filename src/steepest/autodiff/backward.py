"""Reverse mode: from a root back to all that it came from, upstream gradient times local gradient."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter
from typing import Any

import numpy as np

from steepest.autodiff import faults
from steepest.autodiff.graph import Tensor
from steepest.autodiff.ops.shapes import cast, sum_to
from steepest.autodiff.registry import CONSTANT, Constant

__all__ = ["ancestors", "pull_back"]


def ancestors(root: Tensor, stop: Collection[Tensor] = ()) -> list[Tensor]:
    """Return all that a tensor came from and derivatives flow to, itself included, the oldest first.

    The search goes no further than the tensors of `stop`.
    """
    found, seen = [root], {root}
    for node in found:  # it grows on the way: no recursion, however deep the graph
        if node.op is None or node in stop:
            continue
        for arg, vjp in zip(node.args, node.op.vjps, strict=False):
            if type(arg) is Tensor and arg not in seen and vjp is not CONSTANT:
                seen.add(arg)
                found.append(arg)
    found.sort(key=attrgetter("serial"))
    return found


def pull_back(
    root: Tensor, seed: Any = None, wrt: Collection[Tensor] = (), *, on_graph: bool = False
) -> dict[Tensor, Any]:
    """Return d root / d node of every node between the root and its leaves, or between it and the tensors `wrt`.

    Each node is visited once, the youngest first: when its turn comes, all that came from it has been visited. With
    `on_graph` the derivatives are tensors, which the same VJPs computed with ops: they can be differentiated again.
    """
    nodes = ancestors(root, stop=wrt)
    faults.check_root(root, nodes)
    grads: dict[Tensor, Any] = {root: faults.checked_seed(root, seed)}
    wanted = _descendants(nodes, wrt) if wrt else set(nodes)
    for node in reversed(nodes):
        op = node.op
        if op is None or node not in grads or node in wrt:
            continue
        grad = grads[node]
        value, inputs = (node, node.args) if on_graph else (node._value, node._inputs)
        for arg, vjp in zip(node.args, op.vjps, strict=False):
            if type(arg) is not Tensor or arg not in wanted or isinstance(vjp, Constant):
                continue
            if vjp is None:
                raise faults.no_derivative(node, arg)
            part = vjp(grad, value, *inputs, **node.parameters)
            like = arg._value
            alike = type(part) is type(like) is np.float64  # plain numbers, the usual case in small graphs
            if not alike and (part.shape != like.shape or part.dtype is not like.dtype):
                part = cast(sum_to(part, shape=arg.shape), dtype=arg.dtype)  # broadcasting had stretched it
            grads[arg] = grads[arg] + part if arg in grads else part
    faults.check_grads(nodes, grads)
    return grads


def _descendants(nodes: list[Tensor], wrt: Collection[Tensor]) -> set[Tensor]:
    """Return those of the nodes, the oldest first, that came from tensors of `wrt`."""
    found = set(wrt)
    for node in nodes:
        if node.op is not None and any(type(arg) is Tensor and arg in found for arg in node.args):
            found.add(node)
    return found
