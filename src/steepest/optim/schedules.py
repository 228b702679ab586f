"""Schedules: how the learning rate falls during training, as a factor on the rate at the start.

With u = step / total_steps, the share of the training that is done (0 at the first step, never quite 1 at the last):

============  ==============================================================  ==========================
name          factor                                                          parameters
============  ==============================================================  ==========================
constant      1
step          drop^k, k the number of milestones passed                       drop = 0.1, at = (0.5, 0.75)
exponential   final^u                                                         final = 0.01
cosine        final + (1 - final) (1 + cos(pi u)) / 2                         final = 0
linear        1 - (1 - final) u                                               final = 0
============  ==============================================================  ==========================

``WarmUp`` puts a rise in front of any of them. A schedule is a pure function of the step, and takes a whole array of
steps at once.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.errors import InputError, near

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


@final
@dataclass(frozen=True)
class Constant(Schedule):
    """factor = 1."""

    name: ClassVar[str] = "constant"

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return np.ones_like(step)


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
        _check_share("step", "drop", self.drop, above_zero=True)
        for milestone in self.at:
            _check_share("step", "at", milestone)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        # The milestone is a step, not a quotient: 0.07 * 100 and 7 / 100 need not round to the same side.
        milestones = [math.ceil(round(share * total_steps, 6)) for share in self.at]
        passed = sum((step >= milestone).astype(np.float64) for milestone in milestones)
        return np.power(self.drop, passed + np.zeros_like(step))


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
        _check_share("exponential", "final", self.final, above_zero=True)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return np.power(self.final, step / total_steps)


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
        _check_share("cosine", "final", self.final)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return self.final + (1 - self.final) * (1 + np.cos(np.pi * step / total_steps)) / 2


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
        _check_share("linear", "final", self.final)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        return 1 - (1 - self.final) * step / total_steps


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
        _check_share("warm_up", "fraction", self.fraction)

    def _factor(self, step: Factors, total_steps: int) -> Factors:
        n = math.ceil(round(self.fraction * total_steps, 6))
        rise = (step + 1) / max(n, 1)
        fall = self.after._factor(np.maximum(step - n, 0), max(total_steps - n, 1))
        return np.where(step < n, rise, fall)


_SCHEDULES: dict[str, type[Constant | StepDecay | Exponential | Cosine | Linear]] = {
    kind.name: kind for kind in (Constant, StepDecay, Exponential, Cosine, Linear)
}

NAMES: tuple[str, ...] = tuple(_SCHEDULES)
"""The names that ``get`` knows."""


def get(schedule: str | Schedule | None, warm_up: float = 0.0, **parameters: Any) -> Schedule:
    """Return the schedule of this name with these parameters; None is constant, and a schedule comes back as it is.

    Parameters
    ----------
    schedule : str, Schedule or None
        A name of the table above, or a schedule.
    warm_up : float
        The share of the training in which the rate rises, 0 ... 1; 0 is no rise.
    **parameters
        The parameters of the named schedule.

    Raises
    ------
    InputError
        If there is no such schedule (the message has the near names, or all), or it has no such parameter.

    Examples
    --------
    >>> from steepest.optim import schedules
    >>> schedules.get("cosine", warm_up=0.1, final=0.01)
    WarmUp(after=Cosine(final=0.01), fraction=0.1)
    """
    if isinstance(schedule, Schedule):
        if parameters:
            raise InputError(f"{schedule!r} has its parameters already: drop {', '.join(parameters)}, or give its name")
        chosen: Schedule = schedule
    else:
        chosen = _named(schedule, parameters)
    return WarmUp(chosen, fraction=warm_up) if warm_up else chosen


def _named(schedule: str | None, parameters: dict[str, Any]) -> Schedule:
    name = "constant" if schedule is None else schedule
    if not isinstance(name, str) or name not in _SCHEDULES:
        raise InputError(f"there is no schedule {name!r}: {near(name, NAMES)}")
    known = [field.name for field in fields(_SCHEDULES[name])]
    for parameter in parameters:
        if parameter not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InputError(f"schedule {name} has no parameter {parameter!r}: {takes}")
    return _SCHEDULES[name](**parameters)


def _check_share(schedule: str, parameter: str, value: float, above_zero: bool = False) -> None:
    if not (0 <= value <= 1) or (above_zero and value == 0):
        lowest = "above 0" if above_zero else "at least 0"
        raise InputError(f"schedule {schedule}: {parameter} must be {lowest} and at most 1, not {value!r}")
