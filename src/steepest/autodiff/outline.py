"""A graph as text: each node with its arguments below it, values and gradients in columns."""

from __future__ import annotations

from steepest.autodiff.sketch import Sketch

__all__ = ["outline"]


def outline(picture: Sketch) -> str:
    """Draw a graph for the terminal; what several nodes use is drawn once, and named ``[1]``."""
    into = picture.into()
    uses = [0] * len(picture.nodes)
    for edge in picture.edges:
        uses[edge.source] += 1
    marks: dict[int, str] = {}
    rows: list[list[str]] = []
    todo = [(picture.edges[0], "", "")]
    while todo:
        edge, bough, below = todo.pop()
        node = picture.nodes[edge.source]
        label = node.label if rows or not picture.nodes[0].label else f"{picture.nodes[0].label} = {node.label}"
        note = ""
        again = edge.source in marks
        if uses[edge.source] > 1:
            mark = marks.setdefault(edge.source, f"[{len(marks) + 1}]")
            label += f" {mark}"
            if not again and node.total:
                note = f"all edges: {node.total}"
        value = edge.value or (node.label if node.kind == "leaf" else "")
        rows.append([bough + label, value, edge.gradient, " x ".join(filter(None, edge.product)), note])
        if again:
            continue
        args = into[edge.source]
        for k, arg in reversed(list(enumerate(args))):
            last = k == len(args) - 1
            todo.append((arg, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")))
    local = any(edge.product for edge in picture.edges)
    back = any(edge.gradient for edge in picture.edges)
    head = ["", "value", "gradient" if back else "", ("upstream x local" if back else "local") if local else "", ""]
    return "\n".join(_aligned([head, *rows]))


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0])]
        for k, (cell, width) in enumerate(zip(rest, widths[1:], strict=True)):
            if width:
                cells.append(cell.ljust(width) if k >= 2 else cell.rjust(width))
        lines.append("   ".join(cells).rstrip())
    return lines
