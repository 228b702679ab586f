"""A derivative against the slopes of a function of one number: a ladder of steps, rounding, kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Verdict", "judge", "relative_error"]

Verdict: TypeAlias = Literal["ok", "kink", "wrong", "rounding"]

FINER, COARSER = range(0, -12, -1), range(3, 0, -1)  # the steps, in powers of ten, in units of h
UNEVEN = 0.9968407  # no round step, so that values which float32 holds exactly are no accident
DOUBLE, SINGLE = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)


def judge(
    f: Callable[[float], Any], derivative: float, h: float, tolerance: float, size: float = 0.0, drift: float = 0.0
) -> tuple[float, Verdict]:
    """Return the slope of f at 0, and whether the derivative given is right.

    The slope is (4 D(h/2) - D(h)) / 3 with the centred D(h) = (f(h) - f(-h)) / 2h. Where it is off, a ladder of steps
    decides, ``_Ladder``. `size` is that of the numbers which f is a difference of, for their rounding is in it; `drift`
    what the rounding of the point does to f, in units of it.
    """
    h *= UNEVEN
    here = f(0.0)
    values = [_at(f, t) for t in (h, -h, h / 2, -h / 2)]
    wide, narrow = (float(values[0]) - float(values[1])) / (2 * h), (float(values[2]) - float(values[3])) / h
    slope = (4 * narrow - wide) / 3
    eps, size = _precision([here, *values]), max(size, *(abs(float(v)) for v in (here, *values) if np.isfinite(v)), 0.0)
    if not np.isfinite([derivative, float(here)]).all():
        return slope, "wrong"
    reach, noise = max(abs(derivative), abs(slope)), (4 * eps * size + DOUBLE * drift) / h
    if eps == SINGLE and noise > 1e-3 * reach:
        return slope, "rounding"
    if derivative == slope or (abs(derivative - slope) <= tolerance * reach + noise and noise <= 1e-4 * reach):
        return slope, "ok"
    return _Ladder(f, float(here), derivative, h, tolerance, 4 * eps * size + DOUBLE * drift).verdict()


def relative_error(a: float, b: float) -> float:
    """Return |a - b| / max(|a|, |b|), and 0 where both are 0."""
    return abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0


class _Ladder:
    """Slopes at steps s from 1000 h down, each with its uncertainty.

        right = (f(s) - f(0)) / s        left = (f(0) - f(-s)) / s        centred = (right + left) / 2

    Near smooth points and kinks of the derivative, centred closes in on the derivative as s shrinks, until rounding,
    unit / s, takes over: what the next steps still change is what is not known yet. Where a kink is, right and left
    stay apart, however small the step.
    """

    def __init__(
        self, f: Callable[[float], Any], here: float, derivative: float, h: float, tolerance: float, unit: float
    ) -> None:
        self.f, self.here, self.derivative, self.h, self.tolerance, self.unit = f, here, derivative, h, tolerance, unit
        self.steps: NDArray[np.float64] = np.empty(0)
        self.right, self.left = np.empty(0), np.empty(0)

    def verdict(self) -> tuple[float, Verdict]:
        """Climb down, up to the first step that settles it, then up."""
        for s in self.h * 10.0 ** np.array(FINER):
            self._try(s)
            if len(self.steps) > 2 and self._settled(len(self.steps) - 3):
                return float(self.centred[-3]), "ok"
            if self.unit / s > 0.1 * max(abs(self.derivative), abs(self.centred[-1])) > 0:
                break
        for s in self.h * 10.0 ** np.array(COARSER):
            self._try(s)
        order = np.argsort(-self.steps)
        self.steps, self.right, self.left = self.steps[order], self.right[order], self.left[order]
        unsure, centred = self._uncertainties(), self.centred
        best = int(np.argmin(unsure))
        if not np.isfinite(unsure[best]):
            return float(centred[best]), "wrong"
        found = np.flatnonzero(self._agreeing(unsure) & (unsure <= 10 * unsure[best]))
        if len(found):
            at = int(found[np.argmin(unsure[found])])
            return float(centred[at]), "rounding" if self._coarse(at, unsure) else "ok"
        slope = float(centred[best])
        if self._at_kink(unsure):
            return slope, "kink"
        measured = self._measured_rounding(slope) / self.h
        return slope, "rounding" if 4 * measured > abs(self.derivative - slope) else "wrong"

    @property
    def centred(self) -> NDArray[np.float64]:
        """The centred slopes."""
        centred: NDArray[np.float64] = (self.right + self.left) / 2
        return centred

    def _try(self, s: float) -> None:
        self.steps = np.append(self.steps, s)
        self.right = np.append(self.right, (float(_at(self.f, s)) - self.here) / s)
        self.left = np.append(self.left, (self.here - float(_at(self.f, -s))) / s)

    def _uncertainties(self) -> NDArray[np.float64]:
        """Return how far each centred slope may be off: rounding, and what the finer steps change.

        The change between finer steps counts too, a tenth for each rung: were it rounding, it would be that here. So
        two slopes that agree by chance mislead no one.
        """
        centred = self.centred
        changes = np.append(np.abs(np.diff(centred)), np.inf)
        changes[~np.isfinite(changes)] = np.inf
        later: NDArray[np.float64] = changes.copy()
        for rung in (1, 2):
            finer = changes[rung:] / 10.0**rung
            later[:-rung] = np.maximum(later[:-rung], np.where(np.isfinite(finer), finer, 0))
        unsure: NDArray[np.float64] = self.unit / self.steps + 2 * later
        return unsure

    def _agreeing(self, unsure: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say at which steps the derivative is the slope, as far as that is known."""
        centred = self.centred
        allowed = self.tolerance * np.maximum(abs(self.derivative), np.abs(centred)) + 2 * unsure
        agreeing: NDArray[np.bool_] = np.abs(self.derivative - centred) <= allowed
        return agreeing

    def _settled(self, k: int) -> bool:
        """Say whether the derivative is the slope at this step, and no doubt about it; two finer steps are known."""
        unsure, slope = self._uncertainties(), float(self.centred[k])
        if self.derivative == 0 and not self.centred[k : k + 3].any():  # flat, on this side of a kink
            return True
        reach = max(abs(self.derivative), abs(slope))
        return bool(unsure[k] <= self.tolerance * reach and self._agreeing(unsure)[k])

    def _coarse(self, best: int, unsure: NDArray[np.float64]) -> bool:
        """Say whether an error of one in a thousand would not show, and that for more rounding than float64 has."""
        reach = max(abs(self.derivative), abs(float(self.centred[best])))
        strays = np.abs(np.diff(self.centred))[best:] * self.steps[best + 1 :]
        strays = strays[np.isfinite(strays)]
        return bool(2 * unsure[best] > 1e-3 * reach and len(strays) > 1 and np.median(strays[1:]) > 1e3 * self.unit)

    def _at_kink(self, unsure: NDArray[np.float64]) -> bool:
        """Say whether the slopes stay apart from one step to the next, with the derivative between them.

        If finer steps tell which side of a kink nearby this is, it must be the slope there.
        """
        gaps, right, left = np.abs(self.right - self.left), self.right, self.left
        for k in range(len(gaps) - 1, 0, -1):
            noise = self.unit / self.steps[k]
            if not (gaps[k] >= 0.7 * gaps[k - 1] and gaps[k] > 100 * noise and np.isfinite(gaps[k])):
                continue
            moving = max(abs(right[k] - right[k - 1]), abs(left[k] - left[k - 1]))
            slack = self.tolerance * max(abs(right[k]), abs(left[k])) + 2 * noise + moving
            refuted = (unsure <= 1e-3 * gaps[k]) & ~self._agreeing(unsure)
            between = min(left[k], right[k]) - slack <= self.derivative <= max(left[k], right[k]) + slack
            return bool(between and not refuted[k + 1 :].any())
        return False

    def _measured_rounding(self, slope: float) -> float:
        """Return how far f strays from its tangent on steps so small that only rounding can take it there."""
        steps = self.h * np.array([-3e-3, -2e-3, -1e-3, 1e-3, 2e-3, 3e-3])
        strays = [float(_at(self.f, float(t))) - self.here - slope * float(t) for t in steps]
        return max(abs(stray - float(np.median(strays))) for stray in strays)


def _at(f: Callable[[float], Any], t: float) -> Any:
    """Return f(t), or NaN where it has no value: a step may lead out of its domain."""
    try:
        return f(t)
    except (ArithmeticError, ValueError):
        return float("nan")


def _precision(values: list[Any]) -> float:
    """Return the rounding unit of the numbers: single where they say so, or where none needs more digits."""
    if any(getattr(v, "dtype", None) == np.float32 for v in values):
        return SINGLE
    numbers = {float(v) for v in values}
    with np.errstate(over="ignore"):
        return SINGLE if len(numbers) > 2 and all(float(np.float32(v)) == v for v in numbers) else DOUBLE
