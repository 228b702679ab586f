"""Formulas as text: typed by a person, parsed by a white list, calculated on the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from steepest.autodiff.graph import Tensor, tensor
from steepest.autodiff.parsing import CONSTANTS, Name, Number, Step, parse
from steepest.errors import InputError, near

__all__ = ["Expression", "expression", "follow"]

T = TypeVar("T")


@dataclass(frozen=True)
class Expression:
    """A formula, parsed: call it with a value for each variable, and it becomes a graph.

    Attributes
    ----------
    text : str
        The formula as it was written, on one line.
    variables : tuple of str
        Its names, in the order in which they appear.
    steps : tuple
        The calculation: numbers, names and ops, arguments before the op that takes them.
    """

    text: str
    variables: tuple[str, ...]
    steps: tuple[Step, ...] = field(repr=False, compare=False)

    def __call__(self, /, **values: Any) -> Tensor:
        """Calculate the formula on the graph.

        Parameters
        ----------
        **values
            A number or an array for each variable, or a tensor that the graph is to hang on. Arrays broadcast.

        Returns
        -------
        Tensor
            Its leaves have the names of the variables.

        Raises
        ------
        InputError
            If a variable is missing, there is none of a name, or a value is no number or has an unfit shape.
        """
        self.check_names(values)
        leaves = {name: _leaf(name, values[name]) for name in self.variables}
        with np.errstate(
            all="ignore"
        ):  # infinities and NaN are shown, where they come up, and tell more than a warning
            result = follow(self.steps, float, leaves.__getitem__, _call)
        return result if type(result) is Tensor else tensor(result)

    def check_names(self, values: Any) -> None:
        """Refuse values that do not go with the variables, one each."""
        for name in values:
            if name in CONSTANTS and name not in self.variables:
                raise InputError(f"{name} is a constant in expressions, and takes no value")
            if name not in self.variables:
                hint = near(name, self.variables) if self.variables else "it has none"
                raise InputError(f"{_short(self.text)} has no variable {name}: {hint}")
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise InputError(
                f"{_short(self.text)} needs a value for {', '.join(missing)}: "
                f"call it with {', '.join(f'{name}=...' for name in self.variables)}"
            )


def expression(text: str) -> Expression:
    """Read a formula, such as ``(x + y) * z``; no text, however hostile, can do more than that.

    A formula is made of numbers, names, ``+ - * / **``, parentheses, the constants ``pi`` and ``e``, and the functions
    abs, cos, exp, expm1, log, log1p, maximum, minimum, relu, sigmoid, sin, sqrt and tanh. All numbers are floats: what
    is too large for one is infinite, and the root of a negative number is NaN.

    Parameters
    ----------
    text : str
        The formula: at most 2,000 characters, nested at most 50 levels deep.

    Returns
    -------
    Expression
        Its ``variables`` are the names; called with a value for each it returns the last tensor of the graph.

    Raises
    ------
    InputError
        If the text is anything else: the message has the text in it, and a mark at the place.

    Examples
    --------
    >>> import steepest as st
    >>> formula = st.expression("(x + y) * z")
    >>> formula.variables
    ('x', 'y', 'z')
    >>> f = formula(x=-2, y=5, z=-4)
    >>> f
    tensor(-12.)
    >>> st.expression("x ** 2 + sine(x)")
    Traceback (most recent call last):
        ...
    steepest.errors.InputError: there is no function sine: did you mean sin?
        x ** 2 + sine(x)
                 ^
    """
    steps = parse(text)
    names = dict.fromkeys(step.name for step in steps if isinstance(step, Name))
    return Expression(" ".join(text.split()), tuple(names), steps)


def follow(
    steps: tuple[Step, ...], number: Callable[[float], T], name: Callable[[str], T], call: Callable[..., T]
) -> T:
    """Calculate with whatever ``number``, ``name`` and ``call(op, *arguments)`` return."""
    stack: list[T] = []
    for step in steps:
        if isinstance(step, Number):
            stack.append(number(step.value))
        elif isinstance(step, Name):
            stack.append(name(step.name))
        else:
            stack[len(stack) - step.arity :] = [call(step.op, *stack[len(stack) - step.arity :])]
    (result,) = stack
    return result


def _leaf(name: str, value: Any) -> Tensor:
    if type(value) is Tensor:
        return value
    leaf = tensor(value, name=name)
    return leaf if leaf.dtype.kind == "f" else tensor(leaf.value.astype(np.float64), name=name)


def _call(op: str, *args: Any) -> Any:
    from steepest.autodiff import ops

    function = getattr(ops, op)
    if any(type(arg) is Tensor for arg in args):
        return function(*args)
    return float(function(*map(np.float64, args)))  # NumPy's floats go to infinity where Python's raise


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
