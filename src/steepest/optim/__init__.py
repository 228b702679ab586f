"""W <- W - lr dL/dW: step rules, one file each, and the schedules of the learning rate.

==========  =============================================
name        recurrence
==========  =============================================
sgd         update = -lr g
momentum    v <- mu v + g;    update = -lr v
nesterov    v <- mu v + g;    update = -lr (g + mu v)
==========  =============================================
"""

from dataclasses import fields
from typing import Any

from steepest.errors import InputError, near
from steepest.optim import schedules
from steepest.optim.base import StepRule
from steepest.optim.momentum import Momentum
from steepest.optim.nesterov import Nesterov
from steepest.optim.sgd import SGD

__all__ = ["NAMES", "SGD", "Momentum", "Nesterov", "StepRule", "get", "schedules"]

_RULES: dict[str, type[SGD | Momentum | Nesterov]] = {rule.name: rule for rule in (SGD, Momentum, Nesterov)}

NAMES: tuple[str, ...] = tuple(_RULES)
"""The names that ``get`` knows."""


def get(rule: str | StepRule, **constants: Any) -> StepRule:
    """Return the step rule of this name with these constants; a rule comes back as it is.

    Raises
    ------
    InputError
        If there is no such rule (the message has the near names, or all), or it has no such constant.

    Examples
    --------
    >>> from steepest import optim
    >>> optim.get("momentum", lr=0.1)
    Momentum(lr=0.1, mu=0.9)
    """
    if isinstance(rule, StepRule):
        if constants:
            raise InputError(f"{rule!r} has its constants already: drop {', '.join(constants)}, or give its name")
        return rule
    if not isinstance(rule, str) or rule not in _RULES:
        raise InputError(f"there is no step rule {rule!r}: {near(rule, NAMES)}")
    known = [field.name for field in fields(_RULES[rule])]
    for constant in constants:
        if constant not in known:
            raise InputError(f"step rule {rule} has no constant {constant!r}: it takes {', '.join(known)}")
    return _RULES[rule](**constants)
