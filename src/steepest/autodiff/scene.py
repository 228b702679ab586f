"""Where everything in the picture of a graph is, in pixels: boxes in columns, and ways through them for the edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt, tanh
from typing import TypeAlias
from unicodedata import east_asian_width

from steepest.autodiff.layout import Layout, place
from steepest.autodiff.sketch import Edge, Node, Sketch

__all__ = ["MARGIN", "Box", "Point", "Scene", "cut", "width_of"]

Point: TypeAlias = tuple[float, float]

MARGIN = 24.0
LONGEST = 36
_NARROW, _WIDE = frozenset("fijlrtI.,:;'|!()[] "), frozenset("mwMW@%\u00d7\u2212\u221e+=<>~\u03a3")


@dataclass
class Box:
    """A node, or the numbers on an edge: its width, how far it reaches from its middle, and where that is.

    `outline` is the width without the sum below a node.
    """

    width: float
    above: float
    below: float
    outline: float = 0.0
    x: float = 0.0
    y: float = 0.0


class Scene:
    """The boxes of a sketch, those of its nodes first, and for each edge its way.

    Attributes
    ----------
    boxes : list of Box
        Nodes, by position; then the numbers on edges.
    labels : dict
        The position of an edge -> that of the box of its numbers.
    ways : list of list of (x, y)
        Level from the first point to the second, a curve to the third, level to the fourth, and so on.
    width, height : float
        Of the picture, with a margin.
    """

    def __init__(self, picture: Sketch) -> None:
        self.boxes = [_node_box(node) for node in picture.nodes]
        self.labels = {}
        pairs = set()
        for k, edge in enumerate(picture.edges):
            pair = (edge.source, edge.target)
            if edge.value or edge.gradient or any(edge.product) or pair in pairs:  # x x: the second goes its own way
                self.labels[k] = len(self.boxes)
                self.boxes.append(_edge_box(edge))
            pairs.add(pair)
        layout = place(len(self.boxes), list(self._lines(picture)))
        self._columns = self._columns_of(layout)
        above, below = max(box.above for box in self.boxes), max(box.below for box in self.boxes)
        self._pitch, self._top = above + below + 12, MARGIN + above
        for box, (column, row) in zip(self.boxes, layout.places, strict=True):
            left, right = self._columns[column]
            box.x, box.y = (left + right) / 2, self._top + row * self._pitch
        self.width = self._columns[-1][1] + MARGIN
        self.height = max(box.y for box in self.boxes) + below + MARGIN
        self.ways = [self._way(picture, layout, k, edge) for k, edge in enumerate(picture.edges)]

    def _lines(self, picture: Sketch) -> Iterator[tuple[int, int]]:
        """Yield the pairs of boxes to connect, as a walk from the end meets them."""
        into: list[list[int]] = [[] for _ in self.boxes]
        for k, edge in enumerate(picture.edges):
            label = self.labels.get(k)
            if label is None:
                into[edge.target].append(edge.source)
            else:
                into[edge.target].append(label)
                into[label].append(edge.source)
        todo, seen = [0], {0}
        while todo:
            box = todo.pop()
            yield from ((left, box) for left in into[box])
            for left in reversed(into[box]):
                if left not in seen:
                    todo.append(left)
            seen.update(into[box])

    def _columns_of(self, layout: Layout) -> list[tuple[float, float]]:
        """Return the left and right end of each column; where lines rise far between two, these stand further apart."""
        count = 1 + max(column for column, _ in layout.places)
        widths, rises = [0.0] * count, [0.0] * count
        for box, (column, _) in zip(self.boxes, layout.places, strict=True):
            widths[column] = max(widths[column], box.width)
        for way in layout.ways:
            for (column, before), (_, after) in pairwise(way):
                rises[column] = max(rises[column], abs(after - before))
        ends, x = [], MARGIN
        for width, rise in zip(widths, rises, strict=True):
            ends.append((x, x + width))
            x += width + 27 + 9 * min(rise, 4)
        return ends

    def _way(self, picture: Sketch, layout: Layout, k: int, edge: Edge) -> list[Point]:
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        label = self.labels.get(k)
        stops = [edge.source, *([] if label is None else [label]), edge.target]
        way = [(source.x + source.outline / 2, source.y)]
        for left, right in pairwise(stops):
            way.append((self._columns[layout.places[left][0]][1], way[-1][1]))
            for column, row in layout.bends.get((left, right), []):
                y = self._top + row * self._pitch
                way += [(self._columns[column][0], y), (self._columns[column][1], y)]
            y = self.boxes[right].y
            if right == edge.target:  # several edges come in one above the other
                y += min(12.0, 0.6 * target.above) * tanh((way[-1][1] - y) / 55)
            tip = 9 if right == edge.target else 0  # the head of the arrow lies level
            way.append((self._columns[layout.places[right][0]][0] - tip, y))
        return [*way, (_rim(target, way[-1][1], picture.nodes[edge.target]), way[-1][1])]


def _node_box(node: Node) -> Box:
    text = width_of(cut(node.label), 17 if node.kind == "op" and len(node.label) < 3 else 13)
    if node.kind == "end":
        return Box(text + 4, 10, 10, text + 4)
    if node.kind == "constant":
        return Box(text + 8, 12, 12, text + 8)
    width = text + 24 if node.kind == "leaf" or len(node.label) > 2 else 36.0
    total = width_of("\u03a3 " + node.total, 12) if node.total else 0
    return Box(max(width, total), 18, 34 if node.total else 18, width)


def _edge_box(edge: Edge) -> Box:
    product = width_of(" \u00d7 ".join(filter(None, edge.product)), 10.5)
    width = max(width_of(edge.value, 13), width_of(edge.gradient, 13), product)
    return Box(width + 10, 19 if edge.value else 8, 8 + 13 * bool(edge.gradient) + 13 * bool(product))


def _rim(box: Box, y: float, node: Node) -> float:
    """Return where the outline of a node is, to the left, at a height."""
    if node.kind == "op" and len(node.label) < 3:
        return box.x - sqrt(18.0**2 - (y - box.y) ** 2)
    return box.x - box.outline / 2


def width_of(text: str, size: float) -> float:
    """Return at least the width of a text, in the widest of the fonts."""
    ems = 0.0
    for sign in text:
        wide = east_asian_width(sign) in "WF"
        ems += (
            1.05 if wide else 0.42 if sign in _NARROW else 0.98 if sign in _WIDE else 0.74 if sign.isupper() else 0.64
        )
    return ems * size


def cut(text: str) -> str:
    """Shorten a long name; the whole of it is in the tip."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\u2026"
