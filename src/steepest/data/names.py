"""File names as they can be printed: names come from disks and archives and may hold anything."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["count", "few", "printable"]

_LONGEST = 200


def printable(name: object) -> str:
    """Return a name with what a terminal, a log or UTF-8 cannot take escaped, shortened when very long."""
    text = str(name)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4] + " ..."


def few(items: Iterable[object], total: int, most: int = 5) -> str:
    """Return the first few items in one line, and how many more there are."""
    shown = [printable(item) for _, item in zip(range(most), items, strict=False)]
    rest = total - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def count(n: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: 1 image, 60,000 images."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
