"""What every schedule is: a step in; the factor on the learning rate out."""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.errors import InputError

Factors: TypeAlias = NDArray[np.float64]


class Schedule(ABC):
    """The factor on the learning rate at each step: learning rate of a step = lr * schedule(step, total_steps).

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim.schedules import Linear
    >>> Linear()(np.arange(4), total_steps=4)
    array([1.  , 0.75, 0.5 , 0.25])
    """

    name: ClassVar[str]

    @final
    def __call__(self, step: ArrayLike, total_steps: int) -> Factors:
        """Return the factor at each step.

        Parameters
        ----------
        step : integer or array of integers
            Steps already taken: 0 is the first. Beyond ``total_steps`` the factor stays at its end.
        total_steps : int
            The steps of the whole training, at least 1.

        Returns
        -------
        float64 array in the shape of step
            Between 0 and 1. One number where step is one number.

        Raises
        ------
        InputError
            If a step is negative or no integer, or total_steps is below 1.
        """
        steps = np.asarray(step)
        if steps.dtype.kind not in "iu" or (steps.size and steps.min() < 0):
            raise InputError("step must hold integers of at least 0: the number of steps already taken")
        if total_steps < 1:
            raise InputError(f"total_steps must be at least 1, not {total_steps}")
        factors = self._factor(np.minimum(steps, total_steps).astype(np.float64), total_steps)
        return factors[()]

    @abstractmethod
    def _factor(self, step: Factors, total_steps: int) -> Factors:
        """Return the equation, of steps between 0 and total_steps."""


def check_share(schedule: str, parameter: str, value: float, above_zero: bool = False) -> None:
    """Raise an InputError unless 0 <= value <= 1, or 0 < value <= 1."""
    if not (0 <= value <= 1) or (above_zero and value == 0):
        lowest = "above 0" if above_zero else "at least 0"
        raise InputError(f"schedule {schedule}: {parameter} must be {lowest} and at most 1, not {value!r}")
