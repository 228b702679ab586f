"""From text to the steps of a calculation, past two fences: a list of signs, and a list of Python's syntax.

Nothing is ever evaluated here. The signs are looked at first (`_signs`): so no text reaches Python's parser that could
cost it more than a moment, and most mistakes can be named in the user's words. What the parser makes of the rest
must consist of a handful of nodes (`_steps`); the tree becomes a flat list of steps in the order of calculation, which
is walked without recursion.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from keyword import iskeyword
from typing import Final, NamedTuple

from steepest.autodiff.registry import REGISTRY
from steepest.errors import InputError, near

__all__ = ["CONSTANTS", "FUNCTIONS", "LONGEST", "NESTING", "Call", "Name", "Number", "Step", "parse"]

FUNCTIONS: Final = (
    "abs", "cos", "exp", "expm1", "log", "log1p", "maximum", "minimum", "relu", "sigmoid", "sin", "sqrt", "tanh",
)  # fmt: skip
"""What can be called, each the op of its name."""

CONSTANTS: Final = {"e": math.e, "pi": math.pi}
LONGEST: Final = 2000
"""Characters of a text."""
NESTING: Final = 50
"""Levels of parentheses, signs, towers of powers; sums and products may be as long as the text."""


class Number(NamedTuple):
    """Put a number on the stack."""

    value: float


class Name(NamedTuple):
    """Put the value of a variable on the stack."""

    name: str


class Call(NamedTuple):
    """Take as many arguments from the stack as the op has, and put its value there."""

    op: str
    arity: int


Step = Number | Name | Call

_BINARY = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
}  # fmt: skip
_SIGN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)|(?P<op>\*\*|/(?!/)|[-+*(),])|\s+"
)
_FOREIGN = {
    ".": "an attribute cannot be taken: there are numbers and names only",
    "[": "there are no subscripts and no lists: one name stands for a whole array",
    "{": "there are no sets and no dictionaries",
    "'": "there are no strings",
    '"': "there are no strings",
    "=": "there is no = here, and the arguments of functions have no names",
    "<": "there are no comparisons",
    ">": "there are no comparisons",
    "!": "there are no comparisons",
    "/": "there is no division //, only /",
    "^": "a power is written **, as in x**2",
    "@": "there is no matrix product, only what works element by element",
    "#": "there are no comments",
}


def parse(text: str) -> tuple[Step, ...]:
    """Return the steps that calculate what a text says.

    Raises
    ------
    InputError
        The text is no such formula: what is wrong, and below it the text with a mark at the place.
    """
    if not isinstance(text, str):
        raise InputError(f"an expression is a text such as '(x + y) * z', not a {type(text).__name__}")
    if len(text) > LONGEST:
        raise InputError(f"the expression has {len(text)} characters, and {LONGEST} is the most")
    line = re.sub(r"\s", " ", text).strip()
    if not line:
        raise InputError("the expression is empty: write a formula such as '(x + y) * z'")
    _look_at_signs(line)
    try:
        tree = ast.parse(line, mode="eval").body
    except SyntaxError as error:  # its columns count from 1
        column = min(max((error.offset or 1) - 1, 0), len(line))
        raise _mistake(line, column, f"this is no formula: {error.msg}") from None
    except (MemoryError, RecursionError, ValueError) as error:
        raise InputError(f"the expression cannot be read: {error or type(error).__name__}") from None
    return tuple(_steps(tree, line))


def _mistake(line: str, column: int, what: str) -> InputError:
    """Show the line, or the part of it around the place, with a mark under the column."""
    start = max(0, min(column - 50, len(line) - 90))
    head = "..." if start else ""
    tail = "..." if len(line) > start + 90 else ""
    shown = "".join(sign if sign.isprintable() else "?" for sign in line[start : start + 90])
    return InputError(f"{what}\n    {head}{shown}{tail}\n    {' ' * (len(head) + column - start)}^")


def _look_at_signs(line: str) -> None:
    """Refuse signs that are not those of formulas, and nesting that is too deep."""
    place, open_at, tower, before = 0, [], [0], ("op", "(")
    signs = 0
    while place < len(line):
        found = _SIGN.match(line, place)
        if found is None:
            raise _mistake(line, place, _FOREIGN.get(line[place], f"{line[place]!r} has no meaning here"))
        kind, sign = found.lastgroup, found[0]
        if kind is None:  # a space
            place = found.end()
            continue
        if kind == "name":
            _look_at_name(line, place, sign)
        if kind in ("name", "number") and before[0] in ("name", "number"):
            raise _mistake(line, place, f"there is no operator before {sign}: a product is written {before[1]}*{sign}")
        signs = signs + 1 if sign in ("+", "-") and before[1] in ("(", ",", "+", "-", "*", "/", "**") else 0
        if sign == "(":
            open_at.append(place)
            tower.append(0)
        elif sign == ")":
            if not open_at:
                raise _mistake(line, place, "this ) closes nothing")
            open_at.pop()
            tower.pop()
        elif sign in ("+", "-", "*", "/", ",") and not signs:
            tower[-1] = 0
        tower[-1] += sign == "**"
        if max(len(open_at), signs, tower[-1]) > NESTING:
            raise _mistake(line, place, f"this is nested too deep: {NESTING} levels are the most")
        before, place = (kind, sign), found.end()
    if open_at:
        raise _mistake(line, open_at[-1], "this ( is never closed")


def _look_at_name(line: str, place: int, name: str) -> None:
    if name in ("True", "False", "None"):
        raise _mistake(line, place, f"{name} is no number")
    if iskeyword(name):
        raise _mistake(line, place, f"{name} is Python, and this is a formula: numbers, names, + - * / **, functions")
    if name.startswith("__"):
        raise _mistake(line, place, f"a name cannot begin with two underscores: {name}")


def _steps(tree: ast.expr, line: str) -> Iterator[Step]:
    """Yield the steps of a tree, arguments before what takes them; a level is a step down that is no left operand."""
    todo: list[tuple[ast.expr | Step, int]] = [(tree, 0)]
    while todo:
        node, level = todo.pop()
        if isinstance(node, (Number, Name, Call)):
            yield node
            continue
        if level > NESTING:
            raise _mistake(line, _column(node, line), f"this is nested too deep: {NESTING} levels are the most")
        match node:
            case ast.Constant(value=int() | float() as value):
                yield Number(_float(value, node, line))
            case ast.Name(id=name):
                if name in FUNCTIONS:
                    raise _mistake(line, _column(node, line), f"{name} is a function: write {name}(...)")
                yield Number(CONSTANTS[name]) if name in CONSTANTS else Name(name)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
                todo += [(Call(_BINARY[type(sign)], 2), 0), (right, level + 1), (left, level)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                todo += [(Call("negative", 1), 0), (operand, level + 1)]
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                todo.append((operand, level + 1))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                _check_call(name, args, node, line)
                todo += [(Call(name, len(args)), 0), *((arg, level + 1) for arg in reversed(args))]
            case ast.Call(func=called):
                raise _mistake(
                    line, _column(called, line), "this is called, and only functions can be: is a * missing?"
                )
            case ast.Tuple(elts=[]):
                raise _mistake(line, _column(node, line), "there is nothing between these parentheses")
            case ast.Tuple():
                raise _mistake(line, _column(node, line), "an expression is one formula: there is no place for a comma")
            case _:  # the signs let nothing else through: a second fence
                raise _mistake(line, _column(node, line), f"{type(node).__name__} has no place in a formula")


def _float(value: float, node: ast.expr, line: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise _mistake(line, _column(node, line), "this number is larger than any float")
    return number


def _check_call(name: str, args: list[ast.expr], node: ast.expr, line: str) -> None:
    if name not in FUNCTIONS:
        raise _mistake(line, _column(node, line), f"there is no function {name}: {near(name, FUNCTIONS)}")
    count = len(tuple(REGISTRY[name].vjps))
    if len(args) != count:
        raise _mistake(line, _column(node, line), f"{name} takes {count} argument{'s'[: count - 1]}, not {len(args)}")
    for arg in args:
        if isinstance(arg, ast.Starred):
            raise _mistake(line, _column(arg, line), "arguments cannot be unpacked")


def _column(node: ast.expr, line: str) -> int:
    """Python counts columns in bytes."""
    return len(line.encode()[: node.col_offset].decode(errors="ignore"))
