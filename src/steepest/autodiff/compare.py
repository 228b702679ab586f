"""Numerical, symbolic and automatic derivatives of one formula, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.autodiff.backward import ancestors, pull_back
from steepest.autodiff.comparison import Comparison, Estimate, Row
from steepest.autodiff.expression import Expression, expression
from steepest.autodiff.graph import Tensor, tensor
from steepest.autodiff.numerical import numerical_gradient
from steepest.errors import InputError

if TYPE_CHECKING:
    from steepest.autodiff.symbolic import Symbolic

__all__ = ["compare_gradients"]

INSTALL = "SymPy is not installed: pip install 'steepest[symbolic]'"
LARGEST = 400
"""Steps of a formula whose derivatives are taken by rules; they grow with the square of it."""


def compare_gradients(
    text: str | Expression, at: Mapping[str, float], symbolic: bool | None = None, calls: int = 5
) -> Comparison:
    """Differentiate a formula in three ways, and say how exact each is and how long it takes.

    ==========  ========================================================================================
    numerical   (f(x + h) - f(x - h)) / 2h with h = 1e-5: two values of f for each variable; approximate
    symbolic    the rules of calculus make a formula, which is then calculated: exact, and slow
    automatic   one pass back through the graph, for all variables at once: exact up to rounding
    ==========  ========================================================================================

    Parameters
    ----------
    text : str or Expression
        The formula, as for ``expression``.
    at : dict
        A number for each variable.
    symbolic : bool or None
        Whether to take the symbolic derivative, through SymPy; by default if that is installed.
    calls : int
        How often each is timed; the middle one is reported.

    Returns
    -------
    Comparison
        Its ``rows`` hold the numbers; ``print`` shows a table.

    Raises
    ------
    InputError
        If the text is no formula, ``at`` does not have one number for each variable, ``calls`` is not positive, or
        ``symbolic`` is True and SymPy is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> comparison = st.compare_gradients("(x + y) * z", at={"x": -2, "y": 5, "z": -4})
    >>> [(row.variable, row.automatic.value) for row in comparison.rows]
    [('x', -4.0), ('y', -4.0), ('z', 3.0)]
    >>> comparison.rows[0].numerical.error < 1e-9
    True
    """
    formula = text if isinstance(text, Expression) else expression(text)
    if calls < 1:
        raise InputError(f"calls must be 1 or more, not {calls}")
    point = _point(formula, at)
    notes: list[str] = []
    with np.errstate(all="ignore"):
        root = formula(**point)
        rules = None if symbolic is False else _rules(formula, root, notes, needed=symbolic is True)
        notes += _kinks(root)
        automatic, seconds = _timed(partial(_automatic, formula, point, notes), calls)
        rows = []
        for name in formula.variables:
            moved, moving = _timed(partial(_numerical, formula, point, name, notes), calls)
            exact, deriving, written = _exact(rules, name, point, calls, notes)
            rows.append(
                Row(
                    name,
                    Estimate(moved, _error(rules, moved, exact), moving),
                    None if rules is None else Estimate(float(exact), _error(rules, float(exact), exact), deriving),
                    Estimate(automatic[name], _error(rules, automatic[name], exact), seconds),
                    written,
                )
            )
    return Comparison(formula.text, point, float(root), tuple(rows), tuple(dict.fromkeys(notes)))


def _point(formula: Expression, at: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(at, Mapping):
        raise InputError(f"at must name a number for each variable, at={{'x': 1.0}}, and is a {type(at).__name__}")
    formula.check_names(at)
    point = {}
    for name in formula.variables:
        try:
            point[name] = float(at[name])
        except (TypeError, ValueError):
            raise InputError(f"at must have one number for {name}, not {at[name]!r}") from None
    return point


def _rules(formula: Expression, root: Tensor, notes: list[str], needed: bool) -> Symbolic | None:
    """Open the room that imports SymPy, if it is there and can be of use."""
    try:
        from steepest.autodiff.symbolic import BEYOND, Symbolic
    except ImportError:
        if needed:
            raise InputError(f"the symbolic derivative needs SymPy: {INSTALL}") from None
        notes.append(f"no symbolic derivatives, and no errors, which are measured against them: {INSTALL}")
        return None
    if len(formula.steps) > LARGEST:
        notes.append(f"no symbolic derivatives: the formula has more than {LARGEST} steps")
        return None
    for node in ancestors(root):
        if not np.isfinite([node.value, *node._inputs]).all():
            notes.append(f"no symbolic derivatives: {_label(node)} or an argument of it is not finite")
            return None
    try:
        return Symbolic(formula)
    except BEYOND as error:
        notes.append(f"no symbolic derivatives: {error or type(error).__name__}")
        return None


def _kinks(root: Tensor) -> list[str]:
    """Say which ops have two slopes where they are."""
    found = []
    for node in ancestors(root):
        name = node.op.name if node.op else ""
        one = name in ("abs", "relu") and node._inputs[0] == 0
        if one or (name in ("maximum", "minimum") and node._inputs[0] == node._inputs[1]):
            found.append(
                f"{name} is at its kink{', 0' if one else ', both arguments being equal'}: no derivative there; "
                "the numerical one is the mean of both sides, the others are the one declared with the op"
            )
    return found


def _timed(method: Callable[[], Any], calls: int, before: Callable[[], Any] = lambda: None) -> tuple[Any, float]:
    """Return what a method returns, and the seconds it takes in the middle of several calls."""
    seconds, result = [], None
    for _ in range(calls):
        before()
        start = perf_counter()
        result = method()
        seconds.append(perf_counter() - start)
    return result, median(seconds)


def _automatic(formula: Expression, point: Mapping[str, float], notes: list[str]) -> dict[str, float]:
    """Return the derivatives of one pass back; where that meets a NaN, of one pass for each variable."""
    leaves = {name: tensor(value, name=name) for name, value in point.items()}
    root = formula(**leaves)
    try:
        grads = pull_back(root)
    except InputError:
        grads = {}
        for name, leaf in leaves.items():
            try:
                grads[leaf] = pull_back(root, wrt={leaf}).get(leaf, 0.0)
            except InputError as error:
                notes.append(f"no automatic derivative by {name}: {error}")
                grads[leaf] = math.nan
    return {name: float(grads.get(leaf, 0.0)) for name, leaf in leaves.items()}


def _numerical(formula: Expression, point: Mapping[str, float], name: str, notes: list[str]) -> float:
    try:
        return float(numerical_gradient(lambda x: formula(**{**point, name: x}), point[name]))
    except InputError as error:
        notes.append(f"no numerical derivative by {name}: {error}")
        return math.nan


def _exact(
    rules: Symbolic | None, name: str, point: dict[str, float], calls: int, notes: list[str]
) -> tuple[Any, float, str]:
    """Return the derivative by rules to many digits, the seconds it takes, and its formula."""
    if rules is None:
        return math.nan, math.nan, ""
    from steepest.autodiff.symbolic import BEYOND, forget

    written = ""
    try:
        written = rules.written(rules.derivative(name))
        exact, seconds = _timed(lambda: rules.value(rules.derivative(name), point), calls, before=forget)
    except BEYOND as error:
        notes.append(f"no symbolic derivative by {name}: {error or type(error).__name__}")
        return math.nan, math.nan, written
    return exact, seconds, written


def _label(node: Tensor) -> str:
    return node.name or (node.op.name if node.op else "a number")


def _error(rules: Symbolic | None, estimate: float, exact: Any) -> float:
    return math.nan if rules is None or math.isnan(exact) else rules.error(estimate, exact)
