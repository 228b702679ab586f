"""Results as lines of text: aligned, without colours or frames, so that they read alike on a terminal and in a file."""

from __future__ import annotations

from collections.abc import Sequence

from steepest.cli.guard import printable

__all__ = ["aligned", "duration", "pairs", "percent"]


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Write names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {printable(value)}" for name, value in rows)


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose first column is text and whose others are numbers."""
    table = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[k]) for row in table) for k in range(len(header))]
    lines = []
    for row in table:
        first, *others = (
            cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  " + "  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def percent(share: float) -> str:
    """Write a share.

    Examples
    --------
    >>> percent(0.95833)
    '95.83 %'
    """
    return f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """Write a time for a person.

    Examples
    --------
    >>> duration(0.0421), duration(3.21), duration(75), duration(7300)
    ('42 ms', '3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds) // 60
    return f"{minutes} min {int(seconds) % 60} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
