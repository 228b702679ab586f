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

``nll`` is the softmax loss for those who have log-probabilities already.
"""

from steepest.errors import InputError, near
from steepest.losses._hinge import hinge
from steepest.losses._hinge_max import hinge_max
from steepest.losses._logistic import logistic
from steepest.losses._nll import nll
from steepest.losses._ova_hinge import ova_hinge
from steepest.losses._ova_squared_hinge import ova_squared_hinge
from steepest.losses._perceptron import perceptron
from steepest.losses._softmax import softmax
from steepest.losses._squared import squared
from steepest.losses._squared_hinge import squared_hinge
from steepest.losses.base import Loss

__all__ = [
    "NAMES",
    "Loss",
    "get",
    "hinge",
    "hinge_max",
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


def get(loss: str | Loss) -> Loss:
    """Return the loss of this name; a loss object comes back as it is.

    Raises
    ------
    InputError
        If there is no such loss: the message has the near names, or all.

    Examples
    --------
    >>> from steepest.losses import get
    >>> get("hinge").at_zero(n_classes=10)
    9.0
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str) and loss in _LOSSES:
        return _LOSSES[loss]
    raise InputError(f"there is no loss {loss!r}: {near(loss, NAMES)}")
