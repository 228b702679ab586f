"""The learning rate stays."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.optim.schedules.base import Factors, Schedule


@final
@dataclass(frozen=True)
class Constant(Schedule):
    """factor = 1."""

    name: ClassVar[str] = "constant"

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return np.ones_like(step)
