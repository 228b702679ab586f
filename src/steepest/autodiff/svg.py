"""A graph as SVG: values above the lines, gradients below, on paper of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from steepest.autodiff.scene import MARGIN, Box, Point, Scene, cut, width_of
from steepest.autodiff.sketch import Edge, Node, Sketch

__all__ = ["svg"]

PAPER, INK, QUIET, RIM = "#ffffff", "#1f2733", "#68717d", "#4a5a70"
FORWARD, BACKWARD = "#0b6b3a", "#b3261e"
OP, LEAF = "#eaf1fb", "#fdf3dc"
FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
_SIGNS = {"+": "+", "-": "\u2212", "*": "\u00d7", "/": "/", "**": "**", "@": "@"}


def svg(picture: Sketch, title: str) -> str:
    """Return the drawing as one SVG element that needs nothing from elsewhere and shares nothing with its page."""
    scene = Scene(picture)
    key = _key(picture)
    width = max(scene.width, sum(width_of(text, 11) + 20 for text, _ in key) + 2 * MARGIN)
    height = scene.height + (20 if key else 0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label={quoteattr(title)} '
        f'font-family="{FONT}" font-size="13" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="6" fill="{PAPER}"/>',
        f'<g fill="none" stroke="{RIM}" stroke-width="1.4">',
        *(f'<path d="{_path(way)}"/>' for way in scene.ways),
        "</g>",
        f'<g fill="{RIM}">',
        *(f'<path d="M{x:.1f} {y:.1f}l-9 -3.8v7.6z"/>' for x, y in (way[-1] for way in scene.ways)),
        "</g>",
    ]
    for node, box in zip(picture.nodes, scene.boxes, strict=False):
        parts += [f"<g><title>{escape(node.about)}</title>", *_node(node, box), "</g>"]
    for k, position in scene.labels.items():
        parts += _numbers(picture.edges[k], scene.boxes[position])
    parts += _order(picture, scene)
    x = MARGIN
    for text, colour in key:
        parts.append(_text(x, height - 14, text, 11, colour, "start"))
        x += width_of(text, 11) + 20
    return "\n".join([*parts, "</svg>\n"])


def _path(way: list[Point]) -> str:
    (x, y), path = way[0], f"M{way[0][0]:.1f} {way[0][1]:.1f}"
    for to_x, to_y in way[1:]:
        middle = (x + to_x) / 2
        level = abs(to_y - y) < 0.05
        path += f"H{to_x:.1f}" if level else f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _text(x: float, y: float, text: str, size: float = 13, colour: str = INK, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _node(node: Node, box: Box) -> Iterator[str]:
    label, x, y = cut(node.label), box.x, box.y
    if node.kind == "constant":
        yield _text(x, y + 4.7, _minus(label), 13, QUIET)
    elif node.kind == "end":
        yield f'<g font-style="italic">{_text(x, y + 4.7, label)}</g>' if label else ""
    elif node.kind == "op" and len(label) < 3:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="18" fill="{OP}" stroke="{RIM}" stroke-width="1.4"/>'
        yield _text(x, y + 6.2, _SIGNS.get(label, label), 17)
    else:
        leaf = node.kind == "leaf"
        yield (
            f'<rect x="{x - box.outline / 2:.1f}" y="{y - 16:.1f}" width="{box.outline:.1f}" height="32" '
            f'rx="{4 if leaf else 16}" fill="{LEAF if leaf else OP}" stroke="{RIM}" stroke-width="1.4"/>'
        )
        yield _text(x, y + 4.7, label)
    if node.total:
        yield _text(x, y + 31, f"\u03a3 {_minus(node.total)}", 12, BACKWARD)


def _numbers(edge: Edge, box: Box) -> Iterator[str]:
    y = box.y
    if edge.value:
        yield _text(box.x, y - 6, _minus(edge.value), 13, FORWARD)
    if edge.gradient:
        yield _text(box.x, y + 16, _minus(edge.gradient), 13, BACKWARD)
    if any(edge.product):
        product = " \u00d7 ".join(_minus(part).replace("x", "\u00d7") for part in edge.product if part)
        yield _text(box.x, y + (30 if edge.gradient else 16), product, 10.5, QUIET)


def _order(picture: Sketch, scene: Scene) -> Iterator[str]:
    """Write numbers at the arguments of an op whose first is not the uppermost, where that matters."""
    into: dict[int, list[float]] = {}
    for edge, way in zip(picture.edges, scene.ways, strict=True):
        into.setdefault(edge.target, []).append(way[-1][1])
    number = dict.fromkeys(into, 0)
    for edge, way in zip(picture.edges, scene.ways, strict=True):
        number[edge.target] += 1
        heights = into[edge.target]
        if picture.nodes[edge.target].ordered and heights != sorted(heights):
            x, y = way[-1]
            up = y <= scene.boxes[edge.target].y
            yield _text(x - 6, y + (-7 if up else 15), str(number[edge.target]), 10, QUIET)


def _minus(text: str) -> str:
    """Write the numbers of a drawing as print does."""
    return re.sub(r"\bnan\b", "NaN", re.sub(r"\binf\b", "\u221e", text.replace("-", "\u2212")))


def _key(picture: Sketch) -> list[tuple[str, str]]:
    """Say what the numbers are."""
    back = any(edge.gradient for edge in picture.edges)
    local = any(any(edge.product) for edge in picture.edges)
    key = [("above the line: value, forward", FORWARD)] if back or local else []
    key += [("below: gradient, backward", BACKWARD)] if back else []
    key += [("= upstream \u00d7 local" if back else "below: local gradient", QUIET)] if local else []
    key += [("\u03a3 sum over all edges", BACKWARD)] if any(node.total for node in picture.nodes) else []
    return key
