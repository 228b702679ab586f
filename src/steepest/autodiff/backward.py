"""Reverse mode: from a root back to all that it came from, upstream gradient times local gradient."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter
from typing import Any

import numpy as np

from steepest.autodiff import faults
from steepest.autodiff.calls import changed
from steepest.autodiff.graph import Tensor
from steepest.autodiff.ops.shapes import cast, sum_to
from steepest.autodiff.registry import CONSTANT

__all__ = ["ancestors", "pull_back"]


def ancestors(root: Tensor, stop: Collection[Tensor] = ()) -> list[Tensor]:
    """Return all that a tensor came from and derivatives flow to, as far as `stop`; itself too; the oldest first."""
    found, seen = [root], {root}
    for node in found:  # it grows on the way: no recursion, however deep the graph
        if node.op is None or node in stop:
            continue
        for arg, vjp in zip(node.args, node.op.vjps):  # noqa: B905  saying `strict` costs a fifth of the pass
            if type(arg) is Tensor and arg not in seen and vjp is not CONSTANT:
                seen.add(arg)
                if arg.op is None or arg.op.vjps != (CONSTANT,):  # that is stop_gradient
                    found.append(arg)
    found.sort(key=attrgetter("serial"))
    return found


def pull_back(
    root: Tensor, seed: Any = None, wrt: Collection[Tensor] = (), on_graph: bool = False
) -> dict[Tensor, Any]:
    """Return d root / d node of every node between the root and its leaves, or between it and the tensors `wrt`.

    Each node is visited once, the youngest first: when its turn comes, all that came from it has been visited. With
    `on_graph` the derivatives are tensors, which the same VJPs computed with ops: they can be differentiated again.
    """
    nodes = ancestors(root, wrt)
    wanted = set(wrt or nodes)
    for node in nodes if wrt else ():  # and all that came from these
        if any(type(arg) is Tensor and arg in wanted for arg in node.args):
            wanted.add(node)
    ends = [node for node in nodes if node in wanted and (node.op is None or node in wrt)]
    faults.check_root(root, nodes, ends, changed(nodes))
    grads: dict[Tensor, Any] = {root: faults.checked_seed(root, seed)}
    with np.errstate(all="ignore"):  # what was not chosen may divide by zero; a NaN that gets through is found below
        for node in reversed(nodes):
            if node.op is None or node not in grads or node in wrt:
                continue
            value, inputs = (node, node.args) if on_graph else (node._value, node._inputs)
            for arg, vjp in zip(node.args, node.op.vjps):  # noqa: B905  saying `strict` costs a fifth of the pass
                if type(arg) is not Tensor or arg not in wanted or vjp is CONSTANT:
                    continue
                if vjp is None:
                    raise faults.no_derivative(node, arg)
                try:
                    part = vjp(grads[node], value, *inputs, **node.parameters)
                except (ValueError, TypeError, IndexError, AttributeError) as error:
                    raise faults.vjp_failed(node, arg, error) from error
                if not (type(part) is type(arg._value) is np.float64):  # the usual case in small graphs
                    faults.check_vjp(part, node, arg)
                    if part.shape != arg.shape or part.dtype != arg.dtype:
                        part = cast(sum_to(part, shape=arg.shape), dtype=arg.dtype)  # broadcasting had stretched it
                grads[arg] = grads[arg] + part if arg in grads else part
    grads.update(faults.checked_grads(nodes, grads, ends))
    return grads
