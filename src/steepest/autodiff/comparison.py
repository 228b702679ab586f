"""Derivatives of one formula by several methods, as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Comparison", "Estimate", "Row"]


@dataclass(frozen=True)
class Estimate:
    """One derivative by one method.

    Attributes
    ----------
    value : float
        NaN where the method has none.
    error : float
        Distance from the symbolic derivative, which is calculated with more than 50 digits; NaN without one.
    seconds : float
        What it takes to get it, in the middle of several calls.
    """

    value: float
    error: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """The derivative by one variable.

    Attributes
    ----------
    variable : str
        Its name.
    numerical, automatic : Estimate
        By moving it, and by reverse mode.
    symbolic : Estimate or None
        By rules; None without SymPy.
    formula : str
        What the rules give; empty without SymPy.
    """

    variable: str
    numerical: Estimate
    symbolic: Estimate | None
    automatic: Estimate
    formula: str


@dataclass(frozen=True)
class Comparison:
    """What ``compare_gradients`` returns: its text is a table.

    Attributes
    ----------
    text : str
        The formula.
    at : dict
        The point.
    value : float
        The formula's value there.
    rows : tuple of Row
        One for each variable.
    notes : tuple of str
        What there is to know: kinks, values without a derivative, a method that was left out.
    """

    text: str
    at: dict[str, float]
    value: float
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        point = ", ".join(f"{name} = {value:.6g}" for name, value in self.at.items())
        lines = [f"f = {_cut(self.text, 100)} = {self.value:.6g}" + (f"   at {point}" if point else "")]
        lines += ["", *self._table()] if self.rows else []
        formulas = [f"df/d{row.variable} = {row.formula}" for row in self.rows if row.formula]
        for part in (formulas, self.notes):
            lines += ["", *(_cut(line, 200) for line in part)] if part else []
        return "\n".join(lines)

    def _table(self) -> Iterator[str]:
        symbolic = any(row.symbolic for row in self.rows)
        table = [["", "numerical", *(["symbolic"] if symbolic else []), "automatic"]]
        for row in self.rows:
            each = [row.numerical, *([row.symbolic] if row.symbolic else []), row.automatic]
            table.append([f"df/d{row.variable}", *(_digits(one.value) for one in each)])
            if symbolic:
                table.append(["  error", *(_number(one.error) for one in each)])
            table.append(["  time", *(_time(one.seconds) for one in each)])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for first, *rest in table:
            cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
            yield "   ".join([first.ljust(widths[0]), *cells])


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _digits(value: float) -> str:
    return "none" if math.isnan(value) else f"{value + 0.0:.12g}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1e}" if value else "0"


def _time(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} us"
