"""From a model as it is specified to the layers of a native program, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from steepest import losses, penalties
from steepest.kernels import dispatch as kernels
from steepest.losses import Loss
from steepest.nn import chain
from steepest.nn.layers.activation import Activation
from steepest.nn.layers.dropout import Dropout
from steepest.nn.layers.linear import Linear
from steepest.nn.sequential import Sequential
from steepest.penalties import Penalty

__all__ = ["ACTIVATIONS", "NotLowered", "Stage", "coefficients", "lower"]

ACTIVATIONS = ("identity", "step", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus")
"""Those that the native program knows."""


class NotLowered(Exception):  # noqa: N818  it is an answer, not an error
    """Why something runs on the graph instead of as a native program."""


@dataclass(frozen=True)
class Stage:
    """A linear layer with what follows it: one layer of the program.

    Attributes
    ----------
    name : str
        Of the linear layer: its parameters are ``name.W`` and ``name.b``.
    bias : bool
        Whether it has b.
    activation, slope
        What follows: ``identity`` if nothing does.
    keep : float
        The share that dropout keeps.
    key : int
        The place of the dropout in the model.
    """

    name: str
    bias: bool
    activation: str = "identity"
    slope: float = 0.0
    keep: float = 1.0
    key: int = 0


def lower(model: Sequential, loss: Loss, penalty: Penalty) -> list[Stage]:
    """Return the stages of the native program for a model, a loss and a penalty.

    Raises
    ------
    NotLowered
        If there is no native code for one of them: the first, by name.
    """
    if not kernels.runs_native():
        raise NotLowered("there is no native code in use")
    if loss.name not in losses.NAMES or losses.get(loss.name) != loss:
        raise NotLowered(f"the loss {loss!r} is not a native one")
    coefficients(penalty, 1.0)
    stages: list[Stage] = []
    done = 0  # what the last stage holds: 1 a product, 2 an activation too, 3 dropout too
    for place, (name, layer) in enumerate(zip(chain.names(model.layers), model.layers, strict=True)):
        match layer:
            case Linear():
                stages.append(Stage(name, layer.bias))
                done = 1
            case Activation(function=str(function)) if done == 1 and function in ACTIVATIONS:
                stages[-1] = replace(stages[-1], activation=function, slope=layer.slope or 0.0)
                done = 2
            case Dropout(rate=rate) if done in (1, 2):
                stages[-1] = replace(stages[-1], keep=1.0 - rate, key=place)
                done = 3
            case _:
                raise NotLowered(f"{name}, {layer!r}, is not native where it stands")
    if stages[-1].keep < 1:
        raise NotLowered("dropout of the scores is not native")
    return stages


def coefficients(penalty: Penalty, alpha: float) -> tuple[float, float]:
    """Return l2 and l1, where alpha R = l2 sum W^2 + l1 sum |W|; max norm is no price, and has none.

    Raises
    ------
    NotLowered
        If the penalty is not of this form.
    """
    match penalty:
        case penalties.L2():
            return alpha, 0.0
        case penalties.L1():
            return 0.0, alpha
        case penalties.ElasticNet(beta=beta):
            return alpha * beta, alpha
        case penalties.NoPenalty() | penalties.MaxNorm():
            return 0.0, 0.0
    raise NotLowered(f"the penalty {penalty!r} is not native in networks")
