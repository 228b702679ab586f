"""The learning rate drops at milestones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.optim.schedules.base import Factors, Schedule, check_share


@final
@dataclass(frozen=True)
class StepDecay(Schedule):
    """factor = drop^k, where k of the milestones ``at`` (shares of the training) have been reached.

    Examples
    --------
    >>> from steepest.optim.schedules import StepDecay
    >>> StepDecay(drop=0.5, at=(0.5, 0.75))([0, 49, 50, 75], total_steps=100)
    array([1.  , 1.  , 0.5 , 0.25])
    """

    name: ClassVar[str] = "step"

    drop: float = 0.1
    at: Sequence[float] = (0.5, 0.75)

    def __post_init__(self) -> None:
        check_share("step", "drop", self.drop, above_zero=True)
        for milestone in self.at:
            check_share("step", "at", milestone)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        factor = np.ones_like(step)
        for share in self.at:
            # The milestone is a step, not a quotient: 0.07 * 100 and 7 / 100 need not round to the same side.
            milestone = math.ceil(round(share * total_steps, 6))
            # Products, for np.power of one number and of an array need not round alike.
            factor = np.where(step >= milestone, factor * self.drop, factor)
        return factor
