"""Places for the boxes of a picture: columns from left to right, rows, and the bends of lines that pass boxes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steepest.errors import InputError

__all__ = ["Layout", "place"]


@dataclass(frozen=True)
class Layout:
    """Where everything is, in columns and rows counted from 0 at the upper left; rows may be fractions.

    Attributes
    ----------
    places : list of (column, row)
        Of each box.
    bends : dict
        For a line, as the pair of its boxes, the (column, row) of each column that it passes on the way.
    ways : list of list of (column, row)
        For each line all places from left to right.
    """

    places: list[tuple[int, float]]
    bends: dict[tuple[int, int], list[tuple[int, float]]]
    ways: list[list[tuple[int, float]]]


def place(count: int, lines: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes so that lines lead to the right, and cross and bend little.

    Parameters
    ----------
    count : int
        Of boxes, numbered from 0.
    lines : sequence of (left, right)
        In the order in which a walk from the rightmost box meets them: lines into one box come from top to bottom so,
        where that brings no crossings.
    """
    try:
        from fast_sugiyama import from_edges
    except ImportError:
        raise InputError(
            "placing the nodes of a graph needs fast-sugiyama: pip install 'steepest[draw]'; "
            "the drawing's .text does without"
        ) from None
    ((found, _, _, chains),) = from_edges(
        [(right, left) for left, right in lines],  # from the right: so leaves stand next to what uses them
        vertex_spacing=1,
        dummy_vertices=True,
        crossing_minimization="barycenter",
        ranking_type="minimize",
        transpose=True,
    )
    columns = sorted({column for _, (_, column) in found})
    at = {int(box): (columns.index(column), float(row)) for box, (row, column) in found}
    if _upside_down(lines, at):
        at = {box: (column, -row) for box, (column, row) in at.items()}
    top = min(row for _, row in at.values())
    at = {box: (column, row - top) for box, (column, row) in at.items()}
    bends = _bends(count, [(int(right), int(left)) for right, left in chains or ()], at)
    ways = [[at[left], *bends.get((left, right), []), at[right]] for left, right in lines]
    return Layout([at[box] for box in range(count)], bends, ways)


def _upside_down(lines: Sequence[tuple[int, int]], at: dict[int, tuple[int, float]]) -> bool:
    """Say whether more lines come into their boxes in the order from the bottom up than from the top down."""
    balance, before = 0, dict[int, float]()
    for left, right in lines:
        row = at[left][1]
        if right in before and row != before[right]:
            balance += 1 if row < before[right] else -1
        before[right] = row
    return balance > 0


def _bends(
    count: int, chains: Sequence[tuple[int, int]], at: dict[int, tuple[int, float]]
) -> dict[tuple[int, int], list[tuple[int, float]]]:
    """Follow the lines through what the library put where they pass a column."""
    onward = {right: left for right, left in chains if right >= count}
    bends = {}
    for right, left in chains:
        way, passed = [], left
        while passed >= count:
            way.append(at[passed])
            passed = onward[passed]
        if way and right < count:
            bends[passed, right] = way[::-1]
    return bends
