"""A rise in front of any schedule."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.optim.schedules.base import Factors, Schedule, check_share


@final
@dataclass(frozen=True)
class WarmUp(Schedule):
    """A rise in front of another schedule, which then has the remaining steps for itself.

        factor = (step + 1) / n                for the first n = ceil(fraction * total_steps) steps, then
        factor = after(step - n, total_steps - n)

    The first step is not lost, for its factor is 1 / n; the last of the rise has factor 1.

    Examples
    --------
    >>> from steepest.optim.schedules import Linear, WarmUp
    >>> WarmUp(Linear(), fraction=0.5)([0, 1, 2, 3, 4, 5, 6, 7], total_steps=8)
    array([0.25, 0.5 , 0.75, 1.  , 1.  , 0.75, 0.5 , 0.25])

    References
    ----------
    Goyal et al., Accurate, large minibatch SGD: training ImageNet in 1 hour, 2017.
    """

    name: ClassVar[str] = "warm_up"

    after: Schedule
    fraction: float = 0.05

    def __post_init__(self) -> None:
        check_share("warm_up", "fraction", self.fraction)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        n = math.ceil(round(self.fraction * total_steps, 6))
        rise = (step + 1) / max(n, 1)
        fall = self.after._factor(np.maximum(step - n, 0), max(total_steps - n, 1))
        return np.where(step < n, rise, fall)
