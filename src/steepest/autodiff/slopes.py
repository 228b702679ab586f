"""A derivative against the slopes of a function of one number: both sides, shrinking steps, and the rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np

__all__ = ["Verdict", "judge", "relative_error"]

Verdict: TypeAlias = Literal["ok", "kink", "wrong", "rounding"]

SHRINK = (1.0, 0.1, 0.01, 0.001)
DOUBLE, SINGLE = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)


def judge(
    f: Callable[[float], Any], derivative: float, h: float, tolerance: float, size: float = 0.0
) -> tuple[float, Verdict]:
    """Return the slope of f at 0, and whether the derivative given is right.

    The slope is (4 D(h/2) - D(h)) / 3 with the centred D(h) = (f(h) - f(-h)) / 2h. Where it is off, the sides decide.
    `size` is that of the numbers which f is a difference of, for their rounding is in it.
    """
    here = f(0.0)
    values = [f(t) for t in (h, -h, h / 2, -h / 2)]
    wide, narrow = (float(values[0]) - float(values[1])) / (2 * h), (float(values[2]) - float(values[3])) / h
    slope = (4 * narrow - wide) / 3
    eps, size = _precision([here, *values]), max(size, *(abs(float(v)) for v in (here, *values)))
    if not np.isfinite([slope, derivative]).all():
        return slope, "wrong"
    reach = max(abs(derivative), abs(slope))
    noise = 4 * eps * size / h
    if eps == SINGLE and noise > 1e-3 * reach:
        return slope, "rounding"
    if abs(derivative - slope) <= tolerance * reach + 4 * noise:
        return slope, "ok"
    if _at_kink(f, float(here), derivative, h, tolerance, eps * size):
        return slope, "kink"
    measured = _measured_rounding(f, float(here), slope, h) / h
    return slope, "rounding" if 4 * measured > abs(derivative - slope) else "wrong"


def relative_error(a: float, b: float) -> float:
    """Return |a - b| / max(|a|, |b|), and 0 where both are 0."""
    return abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0


def _precision(values: list[Any]) -> float:
    """Return the rounding unit of the numbers: single where they say so, or where none needs more digits."""
    if any(getattr(v, "dtype", None) == np.float32 for v in values):
        return SINGLE
    numbers = {float(v) for v in values}
    with np.errstate(over="ignore"):
        return SINGLE if len(numbers) > 2 and all(float(np.float32(v)) == v for v in numbers) else DOUBLE


def _at_kink(
    f: Callable[[float], Any], here: float, derivative: float, h: float, tolerance: float, unit: float
) -> bool:
    """Say whether there is a kink within h, and the derivative is right for what lies around 0.

    Smooth: right - left = f'' s, which shrinks with the step s. With a kink at 0 the gap stays, and the derivative must
    lie in it. With a kink nearby it closes at the steps that do not reach it, where both sides must agree with it.
    """
    gaps: list[float] = []
    for shrink in SHRINK:
        s = h * shrink
        right, left = (float(f(s)) - here) / s, (here - float(f(-s))) / s
        gap, reach, noise = abs(right - left), max(abs(right), abs(left)), 4 * unit / s
        if noise > 1e-5 * max(reach, gap):
            break
        if gaps and gap > 0.5 * max(gaps) and gap > 1e-3 * reach:
            slack = 1e-3 * gap + 4 * noise
            return min(left, right) - slack <= derivative <= max(left, right) + slack
        bent = bool(gaps) and max(gaps) > 1e-6 * reach and gap < 0.5 * shrink * gaps[0]
        if bent and abs((right + left) / 2 - derivative) <= 10 * tolerance * reach + 4 * noise:
            return True
        gaps.append(gap)
    return False


def _measured_rounding(f: Callable[[float], Any], here: float, slope: float, h: float) -> float:
    """Return how far f strays from its tangent on steps so small that nothing but rounding can take it there."""
    steps = h * np.array([-3e-3, -2e-3, -1e-3, 1e-3, 2e-3, 3e-3])
    strays = [float(f(float(t))) - here - slope * float(t) for t in steps]
    return max(abs(stray - np.median(strays)) for stray in strays)
