"""From a model as it is specified to the layers of a native program, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steepest import losses, penalties
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import StageSkip
from steepest.losses import Loss, Softmax
from steepest.nn import chain
from steepest.nn.base import EVALUATION, Layer, Mode
from steepest.nn.layers.activation import NAMES as ACTIVATIONS
from steepest.nn.layers.activation import Activation
from steepest.nn.layers.batch_norm import BatchNorm
from steepest.nn.layers.dropout import Dropout
from steepest.nn.layers.flatten import Flatten
from steepest.nn.layers.layer_norm import LayerNorm
from steepest.nn.layers.linear import Linear
from steepest.nn.layers.residual import Residual
from steepest.nn.layers.standardize import Standardize
from steepest.nn.sequential import Sequential
from steepest.penalties import Penalty

__all__ = ["ACTIVATIONS", "NotLowered", "Stage", "coefficients", "lower", "native_loss"]


class NotLowered(Exception):  # noqa: N818  it is an answer, not an error
    """Why something runs on the graph instead of as a native program."""


@dataclass(frozen=True)
class Stage:
    """A linear layer with what follows it, or layers that no linear one goes before: one stage of the program.

        dropout(activation(norm(x W + b))) + what an earlier stage made

    Attributes
    ----------
    linear : str or None
        Name of the linear layer: its parameters are ``linear.W`` and ``linear.b``. None for x itself.
    bias : bool
        Whether it has b.
    norm : BatchNorm, LayerNorm, Standardize or None
        What follows.
    normed : str
        Its name.
    activation, slope
        ``identity`` if there is none.
    keep : float
        The share that dropout keeps.
    key : int
        The place of the dropout in the model.
    skip : StageSkip or None
        What is added at the end of a residual block.
    """

    linear: str | None = None
    bias: bool = False
    norm: BatchNorm | LayerNorm | Standardize | None = None
    normed: str = ""
    activation: str = "identity"
    slope: float = 0.0
    keep: float = 1.0
    key: int = 0
    skip: StageSkip | None = None


def lower(model: Sequential, loss: Loss, penalty: Penalty) -> list[Stage]:
    """Return the stages of the native program for a model, a loss and a penalty.

    Raises
    ------
    NotLowered
        If there is no native code for one of them: the first, by name.
    """
    if not kernels.runs_native():
        raise NotLowered("there is no native code in use")
    if native_loss(loss) is None:
        raise NotLowered(f"the loss {loss!r} is not a native one")
    coefficients(penalty, 1.0)
    builder = _Builder()
    builder.chain(model.layers, EVALUATION)
    if not any(stage.linear for stage in builder.stages):
        raise NotLowered("there is no linear layer")
    return builder.stages


class _Builder:
    """Stages so far; a layer joins the last one where its parts come in their order, else it opens one."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self._holds = 9  # of the last stage: 1 a product, 2 a norm, 3 an activation, 4 dropout; 9: it is closed

    def chain(self, layers: Sequence[Layer], mode: Mode) -> None:
        for place, (name, layer) in enumerate(zip(chain.names(layers), layers, strict=True)):
            self._add(layer, mode.inside(name, place))

    def _add(self, layer: Layer, mode: Mode) -> None:
        """Lower one layer; `mode` has its full name and its place, as in the model's own evaluation."""
        match layer:
            case Flatten() | Activation(function="identity") | Dropout(rate=0.0):
                pass
            case Linear():
                self.stages.append(Stage(linear=mode.path, bias=layer.bias))
                self._holds = 1
            case BatchNorm() | LayerNorm() | Standardize():
                self._join(2)
                self.stages[-1] = replace(self.stages[-1], norm=layer, normed=mode.path)
            case Activation(function=str(function)):
                self._join(3)
                self.stages[-1] = replace(self.stages[-1], activation=function, slope=layer.slope or 0.0)
            case Dropout(rate=rate):
                self._join(4)
                self.stages[-1] = replace(self.stages[-1], keep=1.0 - rate, key=mode.layer)
            case Residual():
                self._block(layer, mode)
            case _:
                raise NotLowered(f"{mode.path}, {layer!r}, has no native code")

    def _join(self, part: int) -> None:
        if self._holds >= part:
            self.stages.append(Stage())
        self._holds = part

    def _block(self, block: Residual, mode: Mode) -> None:
        if not self.stages:
            self.stages.append(Stage())
        source = len(self.stages) - 1
        self._holds = 9
        self.chain(block.layers, mode)
        last = self.stages[-1]
        # The slopes of an activation follow from its value, which must not be mixed with another's.
        if len(self.stages) - 1 == source or last.activation != "identity" or last.skip is not None:
            self.stages.append(Stage())
        self.stages[-1] = replace(self.stages[-1], skip=StageSkip(source, 1.0 - block.drop, mode.layer))
        self._holds = 9


def native_loss(loss: Loss) -> tuple[str, float] | None:
    """Return the name of a loss's native twin and how far it is smoothed; None if it has no twin."""
    match loss:
        case Softmax(smoothing=smoothing):
            return loss.name, float(smoothing)
        case losses.Hinge(width=width) | losses.OvaHinge(width=width):
            return loss.name, float(width)
    return (loss.name, 0.0) if loss.name in losses.NAMES and losses.get(loss.name) == loss else None


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
