"""The learning rate falls along half a wave."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.optim.schedules.base import Factors, Schedule, check_share


@final
@dataclass(frozen=True)
class Cosine(Schedule):
    """factor = final + (1 - final) (1 + cos(pi u)) / 2: slow, fast, slow, down to ``final``.

    Examples
    --------
    >>> from steepest.optim.schedules import Cosine
    >>> Cosine()([0, 25, 50, 75], total_steps=100).round(3)
    array([1.   , 0.854, 0.5  , 0.146])

    References
    ----------
    Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.
    """

    name: ClassVar[str] = "cosine"

    final: float = 0.0

    def __post_init__(self) -> None:
        check_share("cosine", "final", self.final)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return self.final + (1 - self.final) * (1 + np.cos(np.pi * step / total_steps)) / 2
