"""The learning rate falls by the same ratio from each step to the next."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.optim.schedules.base import Factors, Schedule, check_share


@final
@dataclass(frozen=True)
class Exponential(Schedule):
    """factor = final^u: the same ratio from each step to the next, down to ``final``.

    Examples
    --------
    >>> from steepest.optim.schedules import Exponential
    >>> Exponential(final=0.01)([0, 50, 100], total_steps=100).round(3)
    array([1.  , 0.1 , 0.01])
    """

    name: ClassVar[str] = "exponential"

    final: float = 0.01

    def __post_init__(self) -> None:
        check_share("exponential", "final", self.final, above_zero=True)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return np.exp(math.log(self.final) * (step / total_steps))  # np.power rounds one number and an array apart
