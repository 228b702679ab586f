"""L_i: the losses. Scores and labels in, each example's loss out; one file a loss, its equation written once.

==================  ==================================================  ===========
name                L_i                                                 at W = 0
==================  ==================================================  ===========
softmax             -log(exp(s_y) / sum_j exp(s_j))                     log C
hinge               sum_{j != y} max(0, s_j - s_y + 1)                  C - 1
squared_hinge       sum_{j != y} max(0, s_j - s_y + 1)^2                C - 1
hinge_max           max(0, 1 + max_{j != y} s_j - s_y)                  1
ova_hinge           sum_j max(0, 1 - t_j s_j),  t_j = +1 or -1          C
ova_squared_hinge   sum_j max(0, 1 - t_j s_j)^2,  t_j = +1 or -1        C
logistic            sum_j log(1 + exp(-t_j s_j)),  t_j = +1 or -1       C log 2
squared             sum_j (s_j - t_j)^2,  t_j = 1 or 0                  1
perceptron          max(0, max_j s_j - s_y)                             0
==================  ==================================================  ===========

``Softmax(smoothing=0.1)`` is the softmax loss with label smoothing, ``Hinge(width=0.1)`` and ``OvaHinge(width=0.1)``
are hinges without a kink.

``nll`` is the softmax loss for those who have log-probabilities already.
"""

from dataclasses import fields, is_dataclass
from typing import Any

from steepest.errors import InputError, near
from steepest.losses._hinge import Hinge, hinge
from steepest.losses._hinge_max import hinge_max
from steepest.losses._logistic import logistic
from steepest.losses._nll import nll
from steepest.losses._ova_hinge import OvaHinge, ova_hinge
from steepest.losses._ova_squared_hinge import ova_squared_hinge
from steepest.losses._perceptron import perceptron
from steepest.losses._softmax import Softmax, softmax
from steepest.losses._squared import squared
from steepest.losses._squared_hinge import squared_hinge
from steepest.losses.base import Loss

__all__ = [
    "NAMES",
    "Hinge",
    "Loss",
    "OvaHinge",
    "Softmax",
    "get",
    "hinge",
    "hinge_max",
    "judge",
    "logistic",
    "nll",
    "ova_hinge",
    "ova_squared_hinge",
    "perceptron",
    "softmax",
    "squared",
    "squared_hinge",
]

_LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        softmax,
        hinge,
        squared_hinge,
        hinge_max,
        ova_hinge,
        ova_squared_hinge,
        logistic,
        squared,
        perceptron,
    )
}

NAMES: tuple[str, ...] = tuple(_LOSSES)
"""The names that ``get`` knows."""


def get(loss: str | Loss, **parameters: Any) -> Loss:
    """Return the loss of this name with these parameters; a loss object comes back as it is.

    Raises
    ------
    InputError
        If there is no such loss (the message has the near names, or all), or it has no such parameter.

    Examples
    --------
    >>> from steepest.losses import get
    >>> get("hinge").at_zero(n_classes=10)
    9.0
    >>> get("softmax", smoothing=0.1)
    <loss softmax, smoothing 0.1>
    """
    if isinstance(loss, Loss):
        if parameters:
            raise InputError(f"{loss!r} has its parameters already: drop {', '.join(parameters)}, or give its name")
        return loss
    if not isinstance(loss, str) or loss not in _LOSSES:
        raise InputError(f"there is no loss {loss!r}: {near(loss, NAMES)}")
    found = _LOSSES[loss]
    known: list[str] = [field.name for field in fields(found)] if is_dataclass(found) else []
    for parameter in parameters:
        if parameter not in known:
            takes = f"its parameter is {', '.join(known)}" if known else "it takes none"
            raise InputError(f"loss {loss} has no parameter {parameter!r}: {takes}")
    return type(found)(**parameters) if parameters else found


def judge(loss: Loss) -> Loss:
    """Return the loss that rows are judged by which were held out: itself, and of a smoothed one the plain.

    >>> judge(Softmax(smoothing=0.1))
    <loss softmax>
    """
    return _LOSSES[loss.name] if isinstance(loss, Softmax | Hinge | OvaHinge) else loss
