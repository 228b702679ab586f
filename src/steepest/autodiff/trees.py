"""Parameters in dicts, lists and tuples: the same thing done to every array in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["leaves", "transform"]


def transform(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Return the same dicts, lists and tuples with ``function`` of each array in place of it.

    `others` are trees of the same form; their arrays become the further arguments.
    """
    if isinstance(tree, dict):
        return {key: transform(function, part, *(other[key] for other in others)) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [transform(function, *same) for same in zip(tree, *others, strict=True)]
        return tree.__class__(*parts) if hasattr(tree, "_fields") else tree.__class__(parts)
    return function(tree, *others)


def leaves(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each array with its name: the keys and positions that lead to it, ``W`` or ``layers[0].b``."""
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield from leaves(part, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, (list, tuple)):
        for position, part in enumerate(tree):
            yield from leaves(part, f"{name}[{position}]")
    else:
        yield name, tree
