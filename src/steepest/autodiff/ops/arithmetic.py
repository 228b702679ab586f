"""Arithmetic: the operators, element by element, with broadcasting."""

from typing import Any

import numpy as np

from steepest.autodiff.graph import raw
from steepest.autodiff.ops.choices import where
from steepest.autodiff.ops.functions import log
from steepest.autodiff.registry import op

__all__ = ["add", "divide", "multiply", "negative", "power", "subtract"]


@op(vjps=(lambda g, f, x, y: g, lambda g, f, x, y: g))
def add(x: Any, y: Any) -> Any:
    """X + y. Local gradients 1 and 1: it hands the upstream gradient to both."""
    return x + y


@op(vjps=(lambda g, f, x, y: g, lambda g, f, x, y: -g))
def subtract(x: Any, y: Any) -> Any:
    """X - y. Local gradients 1 and -1."""
    return x - y


@op(vjps=(lambda g, f, x, y: g * y, lambda g, f, x, y: g * x))
def multiply(x: Any, y: Any) -> Any:
    """X y. Local gradients y and x: each gets the other."""
    return x * y


@op(vjps=(lambda g, f, x, y: g / y, lambda g, f, x, y: -g * f / y), domain=((-2, 2), (0.5, 2)))
def divide(x: Any, y: Any) -> Any:
    """X / y. Local gradients 1 / y and -x / y^2."""
    return np.divide(x, y)


@op(vjps=lambda g, f, x: -g)
def negative(x: Any) -> Any:
    """-x. Local gradient -1."""
    return -x


@op(
    vjps=(
        lambda g, f, x, p: g * p * x ** _less_one(p),
        lambda g, f, x, p: g * f * log(where(x == 0, 1.0, x)),
    ),
    domain=((0.2, 2), (-2, 3)),
)
def power(x: Any, p: Any) -> Any:
    """x^p. Local gradients p x^(p - 1), which is 0 for p = 0, and x^p ln x, which is 0 taken at x = 0."""
    return x**p


def _less_one(p: Any) -> Any:
    """Return p - 1, but for p = 0, where x^p has no slope, not an exponent that divides by x."""
    if isinstance(p, (int, float)):
        return p - 1 if p else p
    return where(raw(p) == 0, p, p - 1)
