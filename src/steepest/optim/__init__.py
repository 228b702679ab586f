"""W <- W - lr dL/dW: step rules, one file each, the schedules of the learning rate, clipping, the range test.

==========  ====================================================================================  ==================
name        recurrence                                                                            constants
==========  ====================================================================================  ==================
sgd         update = -lr g
momentum    v <- mu v + g;    update = -lr v                                                      mu = 0.9
nesterov    v <- mu v + g;    update = -lr (g + mu v)                                             mu = 0.9
adagrad     s <- s + g^2;    update = -lr g / (sqrt(s) + epsilon)                                 epsilon = 1e-8
rmsprop     s <- rho s + (1 - rho) g^2;    update = -lr g / (sqrt(s) + epsilon)                   rho = 0.9
adam        m <- beta1 m + (1 - beta1) g;    v <- beta2 v + (1 - beta2) g^2;                      beta1 = 0.9
            update = -lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)                beta2 = 0.999
adamw       that of adam, and - lr decay W for the weights, not the biases                        decay = 0.01
==========  ====================================================================================  ==================

Epsilon is outside the root everywhere. All rules have one interface: see ``StepRule``.
"""

from dataclasses import fields
from typing import Any

from steepest.errors import InputError, near
from steepest.optim import schedules
from steepest.optim.adagrad import Adagrad
from steepest.optim.adam import Adam
from steepest.optim.adamw import AdamW
from steepest.optim.base import StepRule
from steepest.optim.clipping import Clip, clip_norm, clip_value, global_norm
from steepest.optim.momentum import Momentum
from steepest.optim.nesterov import Nesterov
from steepest.optim.range_test import RangeTest, find_lr
from steepest.optim.rmsprop import RMSProp
from steepest.optim.sgd import SGD

__all__ = [
    "NAMES",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Clip",
    "Momentum",
    "Nesterov",
    "RMSProp",
    "RangeTest",
    "StepRule",
    "clip_norm",
    "clip_value",
    "find_lr",
    "get",
    "global_norm",
    "schedules",
]

_RULES: dict[str, type[SGD | Momentum | Nesterov | Adagrad | RMSProp | Adam | AdamW]] = {
    rule.name: rule for rule in (SGD, Momentum, Nesterov, Adagrad, RMSProp, Adam, AdamW)
}

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
