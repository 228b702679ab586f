"""The learning rate falls along a straight line."""

from dataclasses import dataclass
from typing import ClassVar, final

from steepest.optim.schedules.base import Factors, Schedule, check_share


@final
@dataclass(frozen=True)
class Linear(Schedule):
    """factor = 1 - (1 - final) u: straight down to ``final``.

    Examples
    --------
    >>> from steepest.optim.schedules import Linear
    >>> Linear(final=0.5)([0, 50, 100], total_steps=100)
    array([1.  , 0.75, 0.5 ])
    """

    name: ClassVar[str] = "linear"

    final: float = 0.0

    def __post_init__(self) -> None:
        check_share("linear", "final", self.final)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return 1 - (1 - self.final) * step / total_steps
