"""Parameters in dicts, lists and tuples: the same thing done to every array in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any

import numpy as np

from steepest.errors import InputError

__all__ = ["leaves", "of_arrays", "transform"]


def of_arrays(tree: Any) -> Any:
    """Return the same tree with lists and tuples of plain numbers, and of lists of them, made arrays."""
    if isinstance(tree, dict):
        return {key: of_arrays(part) for key, part in tree.items()}
    if _numbers(tree):
        try:
            return np.asarray(tree)
        except ValueError as error:
            raise InputError(f"rows of numbers must be of one length: {error}") from None
    if isinstance(tree, (list, tuple)):
        parts = map(of_arrays, tree)
        return tree.__class__(*parts) if hasattr(tree, "_fields") else tree.__class__(parts)
    return tree


def _numbers(tree: Any) -> bool:
    plain = isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields")
    return plain and all(isinstance(part, Real) or _numbers(part) for part in tree)


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
