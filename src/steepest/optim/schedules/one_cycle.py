"""The learning rate rises once and falls once."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.errors import InputError
from steepest.optim.schedules.base import Factors, Schedule, check_share


@final
@dataclass(frozen=True)
class OneCycle(Schedule):
    """One cycle: a straight rise from ``start`` to 1, then half a cosine wave down to ``final``.

        factor = start + (1 - start) u / rise                        while u < rise, then
        factor = final + (1 - final) (1 + cos(pi w)) / 2             with  w = (u - rise) / (1 - rise)

    It lets the peak be higher than a rate that only falls could bear. Smith's cycle rises and falls in straight lines
    and ends in a short tail; the cosine is both in one. Smith also lowers the momentum while the rate rises: that is
    no matter of the learning rate, and is left out.

    Parameters
    ----------
    start : float
        Factor of the first step, above 0 and at most 1.
    rise : float
        The share of the training in which the rate rises, above 0 and below 1.
    final : float
        Factor at the end, 0 ... 1.

    Examples
    --------
    >>> from steepest.optim.schedules import OneCycle
    >>> OneCycle(start=0.1, rise=0.5)([0, 25, 50, 75, 100], total_steps=100)
    array([0.1 , 0.55, 1.  , 0.5 , 0.  ])

    References
    ----------
    Smith and Topin, Super-convergence: very fast training of neural networks using large learning rates, 2018.
    """

    name: ClassVar[str] = "one_cycle"

    start: float = 0.04
    rise: float = 0.3
    final: float = 0.0

    def __post_init__(self) -> None:
        check_share("one_cycle", "start", self.start, above_zero=True)
        check_share("one_cycle", "final", self.final)
        if not 0 < self.rise < 1:
            raise InputError(f"schedule one_cycle: rise must be above 0 and below 1, not {self.rise!r}")

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        u = step / total_steps
        rise = self.start + (1 - self.start) * u / self.rise
        w = np.maximum(u - self.rise, 0) / (1 - self.rise)
        fall = self.final + (1 - self.final) * (1 + np.cos(np.pi * w)) / 2
        return np.where(u < self.rise, rise, fall)
