"""Numbers that layers are made of, checked once, when the specification is written."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from steepest.errors import InputError

__all__ = ["fraction", "positive", "shape_of", "whole"]


def whole(what: str, value: Any, least: int = 1) -> int:
    """Return a whole number of at least so much, as an int."""
    if isinstance(value, (bool, np.bool_)):
        raise InputError(f"{what} must be a whole number, not {value}")
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{what} must be a whole number, not {value!r}") from None
    if number < least:
        raise InputError(f"{what} must be at least {least}, not {number}")
    return number


def fraction(what: str, value: Any) -> float:
    """Return a number in [0, 1), as a float."""
    number = _real(what, value)
    if not 0 <= number < 1:
        raise InputError(f"{what} must be at least 0 and less than 1, not {value!r}")
    return number


def positive(what: str, value: Any) -> float:
    """Return a finite number greater than 0, as a float."""
    number = _real(what, value)
    if not 0 < number < float("inf"):
        raise InputError(f"{what} must be greater than 0, not {value!r}")
    return number


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of one example: 784 is (784,)."""
    lengths = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not lengths:
        raise InputError("the shape of one example must have an axis: (1,) for a single number")
    return tuple(whole("each length in the shape of an example", n) for n in lengths)


def _real(what: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{what} must be a number, not {value!r}") from None
