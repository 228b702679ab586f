"""What a drawing of a graph shows: its nodes, its edges, and the words and numbers on them."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.autodiff.backward import pull_back
from steepest.autodiff.graph import Tensor
from steepest.autodiff.ops.shapes import sum_to
from steepest.autodiff.registry import Constant
from steepest.errors import InputError

__all__ = ["LARGEST", "Edge", "Node", "Sketch", "sketch"]

LARGEST = 400
"""Nodes of a drawing."""

_SYMBOLS = {
    "add": "+", "subtract": "-", "negative": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@",
}  # fmt: skip
_COMMUTE = ("add", "multiply", "maximum", "minimum")


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes
    ----------
    kind : str
        leaf, op, constant, or end: what the last edge leads to.
    label : str
        The name of a leaf or its number, the symbol of an op.
    about : str
        All that is known of it, in one line.
    total : str
        The gradient, where it is the sum of what comes back along several edges.
    ordered : bool
        Whether its arguments cannot change places.
    """

    kind: str
    label: str
    about: str
    total: str = ""
    ordered: bool = False


@dataclass(frozen=True)
class Edge:
    """From a node to one that takes it as an argument.

    Attributes
    ----------
    source, target : int
        Nodes, by position.
    value : str
        What goes forward; empty where the source is labelled with it.
    gradient : str
        What comes back along this edge.
    product : tuple of str
        Upstream and local gradient, of which that is the product.
    """

    source: int
    target: int
    value: str = ""
    gradient: str = ""
    product: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True)
class Sketch:
    """Nodes from the end to what it came from, and edges in the order of the arguments of each node."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def into(self) -> list[list[Edge]]:
        """Return the edges that lead to each node."""
        found: list[list[Edge]] = [[] for _ in self.nodes]
        for edge in self.edges:
            found[edge.target].append(edge)
        return found


def sketch(root: Tensor, gradients: bool | None, local: bool) -> Sketch:
    """Say what a drawing of the graph of a tensor shows."""
    found = _found(root)
    shown = root.grad is not None if gradients is None else gradients
    grads = pull_back(root, root.grad) if shown else {}
    users = Counter(arg for node in found for arg in node.args if type(arg) is Tensor)
    places = {node: k for k, node in enumerate(found, 1)}
    name = clean(root.name or "") if root.op else ""
    nodes = [Node("end", name, name or "the end"), *(_node(node, grads, users[node]) for node in found)]
    edges = [Edge(1, 0, show(root._value), show(grads[root]) if shown else "")]
    for node in found:
        for position, arg in enumerate(node.args):
            if type(arg) is Tensor:
                edges.append(_edge(node, position, places, grads, local))
            else:
                nodes.append(Node("constant", show(arg), f"constant {show(arg)}"))
                edges.append(Edge(len(nodes) - 1, places[node]))
    return Sketch(tuple(nodes), tuple(edges))


def _found(root: Tensor) -> list[Tensor]:
    """Return all that a tensor came from, itself first."""
    found, seen, count = [root], {root}, 1
    for node in found:
        for arg in node.args:
            count += type(arg) is not Tensor
            if type(arg) is Tensor and arg not in seen:
                seen.add(arg)
                found.append(arg)
                count += 1
            if count > LARGEST:
                raise InputError(
                    f"the graph has more than {LARGEST} nodes, too many for a picture: draw a node in the midst of it"
                )
    return found


def _node(node: Tensor, grads: dict[Tensor, Any], users: int) -> Node:
    total = show(grads[node]) if users > 1 and node in grads else ""
    name = clean(node.name or "")
    gradient = f", gradient {show(grads[node])}" if node in grads else ""
    about = f"value {show(node._value)}{gradient}"
    if node.op is None:
        return Node("leaf", name or show(node._value), f"{name or 'a leaf'}: {about}", total)
    parameters = "".join(f", {key}={clean(repr(value))}" for key, value in node.parameters.items())
    about = f"{name + ' = ' if name else ''}{node.op.name}{parameters}: {about}"
    symbol = _SYMBOLS.get(node.op.name, clean(node.op.name))
    return Node("op", symbol, about, total, len(node.args) > 1 and node.op.name not in _COMMUTE)


def _edge(node: Tensor, position: int, places: dict[Tensor, int], grads: dict[Tensor, Any], local: bool) -> Edge:
    """Describe what one argument of a node gives, and gets back."""
    arg = node.args[position]
    assert node.op is not None
    value = show(arg._value) if arg.op is not None or arg.name else ""
    vjp = next(vjp for k, vjp in enumerate(node.op.vjps) if k == position)
    if vjp is None or isinstance(vjp, Constant):
        return Edge(places[arg], places[node], value)

    def back(upstream: Any) -> Any:
        with np.errstate(all="ignore"):
            part = vjp(upstream, node._value, *node._inputs, **node.parameters)
        return part if part.shape == arg.shape else sum_to(part, shape=arg.shape)

    gradient = show(back(grads[node])) if node in grads and arg in grads else ""
    product: tuple[str, str] | tuple[()] = ()
    if local and arg._value.dtype.kind == "f":
        numbers = node.shape == arg.shape == ()
        slope = show(back(node.dtype.type(1))) if numbers else f"Jacobian {node._value.size}x{arg._value.size}"
        product = (show(grads[node]) if gradient else "", slope)
    return Edge(places[arg], places[node], value, gradient, product)


def show(value: Any) -> str:
    """Write a number with four digits, a small array with its numbers, any other array as its shape."""
    array = np.asarray(getattr(value, "_value", value))
    if array.dtype.kind not in "fiub":
        return clean(repr(value))
    if array.ndim == 0:
        return _number(float(array))
    if array.size <= 4 and array.ndim <= 2:
        text = str(np.vectorize(lambda number: _number(number, 3), otypes=[object])(array).tolist()).replace("'", "")
        if len(text) <= 24:
            return text
    return str(array.shape)


def _number(value: float, digits: int = 4) -> str:
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    text = f"{value:.0f}" if 1e4 <= size < 1e6 else f"{value:.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else "0" if text == "-0" else text


def clean(text: str) -> str:
    """Make a text one line of what can be printed: no controls, no marks that turn the direction of writing."""
    return "".join(
        " " if sign.isspace() else "\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign)[0] == "C" else sign
        for sign in text
    )
