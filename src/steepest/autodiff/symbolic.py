"""Derivatives by rules, as formulas, through SymPy; and their values to a hundred digits.

SymPy is handed the steps of a parsed formula, one call each, and never a text. This room is entered only where a
symbolic derivative is wanted, for it imports SymPy (the extra ``symbolic``).
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy
from sympy.core.cache import clear_cache

from steepest.autodiff.expression import Expression, follow

__all__ = ["BEYOND", "Symbolic", "forget"]

DIGITS = 100
_BITS = 4096
"""Of a rational number; a power that would have more is taken in floats of DIGITS digits."""

BEYOND = (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError)
"""What SymPy and mpmath raise where there is no derivative, or none that they can write down."""


class sign(sympy.Function):  # noqa: N801
    """-1, 0 or 1."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class positive(sign):  # noqa: N801
    """1 for u > 0, else 0."""


class at_least(sign):  # noqa: N801
    """1 for u >= v, else 0."""


class at_most(sign):  # noqa: N801
    """1 for u <= v, else 0."""


class above(sign):  # noqa: N801
    """1 for u > v, else 0."""


class below(sign):  # noqa: N801
    """1 for u < v, else 0."""


class absolute(sympy.Function):  # noqa: N801
    """|u|; SymPy's own wants to know whether u is real."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sign(*self.args)


class relu(sympy.Function):  # noqa: N801
    """max(0, u)."""

    def fdiff(self, argindex: int = 1) -> Any:
        return positive(*self.args)


class maximum(sympy.Function):  # noqa: N801
    """The larger of u and v; a tie goes to u."""

    def fdiff(self, argindex: int = 1) -> Any:
        return (at_least if argindex == 1 else below)(*self.args)


class minimum(sympy.Function):  # noqa: N801
    """The smaller of u and v; a tie goes to u."""

    def fdiff(self, argindex: int = 1) -> Any:
        return (at_most if argindex == 1 else above)(*self.args)


_RULES = {
    "add": lambda u, v: u + v,
    "subtract": lambda u, v: u - v,
    "multiply": lambda u, v: u * v,
    "divide": lambda u, v: u / v,
    "negative": lambda u: -u,
    "log1p": lambda u: sympy.log(1 + u),
    "expm1": lambda u: sympy.exp(u) - 1,
    "sigmoid": lambda u: 1 / (1 + sympy.exp(-u)),
    "abs": absolute,
    "relu": relu,
    "maximum": maximum,
    "minimum": minimum,
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tanh": sympy.tanh,
}

_VALUES = {
    "Add": lambda *parts: mpmath.fsum(parts),
    "Mul": lambda *parts: mpmath.fprod(parts),
    "Pow": mpmath.power,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "Abs": abs,
    "absolute": abs,
    "relu": lambda u: max(u, mpmath.mpf(0)),
    "maximum": max,
    "minimum": min,
    "sign": mpmath.sign,
    "positive": lambda u: mpmath.mpf(u > 0),
    "at_least": lambda u, v: mpmath.mpf(u >= v),
    "at_most": lambda u, v: mpmath.mpf(u <= v),
    "above": lambda u, v: mpmath.mpf(u > v),
    "below": lambda u, v: mpmath.mpf(u < v),
}


def forget() -> None:
    """Empty SymPy's cache, so that the next derivative is taken anew."""
    clear_cache()


class Symbolic:
    """A formula in SymPy's terms, and its derivatives by one variable each."""

    def __init__(self, expression: Expression) -> None:
        self.symbols = {name: sympy.Symbol(name, real=True) for name in expression.variables}
        self.formula = follow(expression.steps, sympy.Rational, self.symbols.__getitem__, _apply)

    def derivative(self, name: str) -> Any:
        """Differentiate by a variable."""
        return sympy.diff(self.formula, self.symbols[name])

    def value(self, formula: Any, at: dict[str, float]) -> Any:
        """Calculate a formula of this one's symbols at a point, to nearly DIGITS digits."""
        with mpmath.workdps(DIGITS):
            known = {self.symbols[name]: mpmath.mpf(x) for name, x in at.items()}
            try:
                return _value(formula, dict(known))
            except ValueError:  # p x^p / x at 0, say, which is p x^(p - 1)
                return _value(sympy.powsimp(formula), known)

    def error(self, estimate: float, exact: Any) -> float:
        """Return the distance from the exact value."""
        with mpmath.workdps(DIGITS):
            return float(abs(mpmath.mpf(estimate) - exact))

    def written(self, formula: Any) -> str:
        """Write a formula for the eye: numbers that are no short fractions as decimals."""
        numbers = formula.atoms(sympy.Rational, sympy.Float)
        long = {q: sympy.Float(q, 15) for q in numbers if q.is_Float or q.q > 1000}
        long |= {sympy.Rational(number): symbol for number, symbol in ((math.pi, sympy.pi), (math.e, sympy.E))}
        return str(formula.xreplace(long))


def _apply(op: str, *args: Any) -> Any:
    if op != "power":
        return _RULES[op](*args)
    base, exponent = args
    factor = base.as_coeff_Mul()[0]  # (3 x)^64 becomes 3^64 x^64, and 3 may be a long number
    if exponent.is_number and factor.is_Rational:
        bits = factor.p.bit_length() + factor.q.bit_length()
        if not (exponent.is_Integer and abs(exponent) * bits <= _BITS) and exponent != sympy.Rational(1, 2):
            exponent = exponent.evalf(DIGITS)
    return base**exponent


def _value(node: Any, known: dict[Any, Any]) -> Any:
    """Calculate a formula in mpmath's floats; `known` keeps what has been."""
    if node in known:
        return known[node]
    if node.is_Rational:
        return mpmath.mpf(int(node.p)) / int(node.q)
    if node.is_Float or node in (sympy.pi, sympy.E):
        return mpmath.mpf(node._to_mpmath(mpmath.mp.prec))
    args = [_value(arg, known) for arg in node.args]
    try:
        result = _VALUES[type(node).__name__](*args)
    except (ZeroDivisionError, KeyError):
        result = mpmath.nan
    if not isinstance(result, mpmath.mpf) or not mpmath.isfinite(result):
        raise ValueError(f"{node} has no finite real value")
    known[node] = result
    return result
