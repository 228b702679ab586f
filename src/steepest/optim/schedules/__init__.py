"""Schedules: how the learning rate goes during training, as a factor on the rate at the start.

With u = step / total_steps, the share of the training that is done (0 at the first step, never quite 1 at the last):

============  ==============================================================  ==========================
name          factor                                                          parameters
============  ==============================================================  ==========================
constant      1
step          drop^k, k the number of milestones passed                       drop = 0.1, at = (0.5, 0.75)
exponential   final^u                                                         final = 0.01
cosine        final + (1 - final) (1 + cos(pi u)) / 2                         final = 0
linear        1 - (1 - final) u                                               final = 0
one_cycle     start + (1 - start) u / rise for u < rise, then cosine to final start = 0.04, rise = 0.3, final = 0
============  ==============================================================  ==========================

``WarmUp`` puts a rise in front of any of them. A schedule is a pure function of the step, and takes a whole array of
steps at once. ``Plateau`` is none: its factor follows the validation figure, epoch by epoch. Training takes both.

A text can hold parameters: "cosine:final=0.1", "step:drop=0.5,at=0.3+0.6", "plateau:factor=0.5,patience=3".
"""

from dataclasses import fields
from typing import Any, NamedTuple

from steepest.errors import InputError, near
from steepest.optim.schedules.base import Factors, Schedule
from steepest.optim.schedules.constant import Constant
from steepest.optim.schedules.cosine import Cosine
from steepest.optim.schedules.exponential import Exponential
from steepest.optim.schedules.linear import Linear
from steepest.optim.schedules.one_cycle import OneCycle
from steepest.optim.schedules.plateau import Plateau
from steepest.optim.schedules.step_decay import StepDecay
from steepest.optim.schedules.warm_up import WarmUp

__all__ = [
    "NAMES",
    "Constant",
    "Cosine",
    "Course",
    "Exponential",
    "Factors",
    "Linear",
    "OneCycle",
    "Plateau",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "course",
    "get",
]

_SCHEDULES: dict[str, type[Constant | StepDecay | Exponential | Cosine | Linear | OneCycle]] = {
    kind.name: kind for kind in (Constant, StepDecay, Exponential, Cosine, Linear, OneCycle)
}

NAMES: tuple[str, ...] = tuple(_SCHEDULES)
"""The names that ``get`` knows."""


def get(schedule: str | Schedule | None, warm_up: float = 0.0, **parameters: Any) -> Schedule:
    """Return the schedule of this name with these parameters; None is constant, and a schedule comes back as it is.

    Parameters
    ----------
    schedule : str, Schedule or None
        A name of the table above, with parameters or without, or a schedule.
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
    >>> schedules.get("step:drop=0.5,at=0.3+0.6")
    StepDecay(drop=0.5, at=(0.3, 0.6))
    """
    if isinstance(schedule, Schedule):
        if parameters:
            raise InputError(f"{schedule!r} has its parameters already: drop {', '.join(parameters)}, or give its name")
        chosen: Schedule = schedule
    else:
        chosen = _named(schedule, parameters)
    return WarmUp(chosen, fraction=warm_up) if warm_up else chosen


class Course(NamedTuple):
    """How the learning rate of a run goes.

    Attributes
    ----------
    schedule : Schedule
        Its factor by the step.
    plateau : Plateau or None
        Its factor by the history, besides.
    """

    schedule: Schedule
    plateau: Plateau | None = None


def course(schedule: str | Schedule | Plateau | None, warm_up: float = 0.0) -> Course:
    """Return what a run needs of a schedule by name or object, among them "plateau".

    Parameters
    ----------
    schedule : str, Schedule, Plateau or None
        As for ``get``, or a plateau.
    warm_up : float
        The share of the run in which the rate rises, 0 ... 1; 0 is no rise.

    Raises
    ------
    InputError
        As ``get`` does.

    Examples
    --------
    >>> from steepest.optim import schedules
    >>> schedules.course("plateau:patience=3").plateau
    Plateau(factor=0.1, patience=3, min_factor=0.0001, threshold=0.0001)
    """
    if isinstance(schedule, str) and schedule.partition(":")[0] == "plateau":
        said = _said(schedule)
        _check_known("plateau", Plateau, said)
        schedule = Plateau(**said)
    elif not isinstance(schedule, Schedule | Plateau | None) and str(schedule).partition(":")[0] not in NAMES:
        raise InputError(f"there is no schedule {schedule!r}: {near(schedule, (*NAMES, 'plateau'))}")
    if isinstance(schedule, Plateau):
        return Course(get("constant", warm_up), schedule)
    return Course(get(schedule, warm_up))


def _named(schedule: Any, parameters: dict[str, Any]) -> Schedule:
    name = "constant" if schedule is None else schedule
    if name == "plateau" or isinstance(name, Plateau):
        raise InputError("plateau is no schedule of the step, for it follows the history: see optim.schedules.Plateau")
    if isinstance(name, str) and ":" in name:
        name, parameters = name.partition(":")[0], _said(name) | parameters
    if not isinstance(name, str) or name not in _SCHEDULES:
        raise InputError(f"there is no schedule {name!r}: {near(name, NAMES)}")
    _check_known(name, _SCHEDULES[name], parameters)
    return _SCHEDULES[name](**parameters)


def _check_known(name: str, kind: type[Any], parameters: dict[str, Any]) -> None:
    known = [field.name for field in fields(kind)]
    for parameter in parameters:
        if parameter not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InputError(f"schedule {name} has no parameter {parameter!r}: {takes}")


def _said(text: str) -> dict[str, Any]:
    """Return the parameters in a text such as "step:drop=0.5,at=0.3+0.6"."""
    found: dict[str, Any] = {}
    for pair in text.partition(":")[2].split(","):
        parameter, _, value = pair.partition("=")
        try:
            match parameter:
                case "at":
                    found[parameter] = tuple(float(share) for share in value.split("+"))
                case "patience":
                    found[parameter] = int(value)
                case _:
                    found[parameter] = float(value)
        except ValueError:
            raise InputError(f"schedule {text!r}: {pair!r} is not of the form parameter=number") from None
    return found
