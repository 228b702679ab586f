"""What a run is going to do, and where it stands: two records, and nothing else is needed to go on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steepest.kernels.types import F32
from steepest.nn.linear import Linear
from steepest.optim import Clip, StepRule
from steepest.optim.schedules import Plateau, Schedule
from steepest.training.network import Network

__all__ = ["Fitted", "Memory", "Plan", "State", "with_parameters"]

Fitted: TypeAlias = Linear | Network
"""What a run trains: f(x, W) with its W."""

Memory: TypeAlias = dict[str, dict[str, NDArray[Any]]]
"""What a step rule remembers, by the names of its recurrence and of the parameters."""


@dataclass(frozen=True)
class Plan:
    """The settings of a run, every "auto" resolved.

    Attributes
    ----------
    rule : StepRule
        How a gradient becomes a step.
    schedule : Schedule
        The learning rate's course over the run.
    lr : float
        Its peak.
    batch_size, epochs : int
        Rows a step; passes over the training rows.
    seed : int
        Keys the order of every epoch, and the masks of dropout.
    patience : int or None
        The run ends when so many epochs in a row did not lower the least validation loss; None: it goes to its end.
    before : int
        Steps taken before epoch 0 of this plan: masks depend on the number of the step.
    plateau : Plateau or None
        Another factor on the learning rate, by the history.
    clip : Clip or None
        What happens to every gradient before its step.
    lr_from : str
        Where the rate came from: "given", "curvature", "range test" or "table".
    """

    rule: StepRule
    schedule: Schedule
    lr: float
    batch_size: int
    epochs: int
    seed: int
    patience: int | None = None
    before: int = 0
    plateau: Plateau | None = None
    clip: Clip | None = None
    lr_from: str = "given"

    def steps(self, n: int) -> int:
        """Return the number of steps in an epoch of n rows."""
        return -(-n // self.batch_size)

    def rates(self, n: int, epoch: int, history: Sequence[Mapping[str, Any]] = ()) -> F32:
        """Learning rate of every step of an epoch; the history is that of the epochs before."""
        steps = self.steps(n)
        factors = self.schedule(np.arange(epoch * steps, (epoch + 1) * steps), self.epochs * steps)
        return np.asarray(self.lr * self._factor(history) * np.asarray(factors), dtype=np.float32)

    def _factor(self, history: Sequence[Mapping[str, Any]]) -> float:
        """Return that of the plateau: nothing but the history has to be kept for it."""
        if self.plateau is None:
            return 1.0
        f, state = 1.0, self.plateau.init()
        for record in history:
            f, state = self.plateau.step(_figure(record), state)
        return f

    def is_over(self, state: State) -> bool:
        """Say whether the last epoch is done, or patience is at its end."""
        waited = state.epoch - (state.best_epoch or state.epoch)
        return state.epoch >= self.epochs or (self.patience is not None and waited >= self.patience)


@dataclass
class State:
    """Where a run stands: with the plan and the data, all that is needed to go on to the same bits.

    Attributes
    ----------
    model : Linear or Network
        The weights.
    memory : dict of dicts of arrays
        The step rule's.
    epoch, step : int
        Epochs completed; steps completed in the one under way.
    loss, correct : float, int
        Sums over the rows visited in the epoch under way.
    seconds : float
        Time spent in training so far.
    history : list of dict
        One record an epoch: epoch, loss, accuracy, lr, seconds; with a validation set val_loss and val_accuracy.
    best : dict of arrays or None
        With a validation set, the parameters at the end of the epoch with the least val_loss.
    """

    model: Fitted
    memory: Memory
    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, F32] | None = None

    @classmethod
    def start(cls, model: Fitted, rule: StepRule | None = None) -> State:
        """Begin at this model, at rest; the rule is that of a network."""
        if isinstance(model, Linear):  # its program has a velocity for every rule that it knows
            rest = Linear.zeros(model.n_classes, model.scaling)
            return cls(model, {"velocity": rest.parameters})
        assert rule is not None
        state = rule.init(model.trained)
        return cls(
            model, {what: {name: np.array(part) for name, part in parts.items()} for what, parts in state.items()}
        )

    @property
    def velocity(self) -> Linear:
        """The memory of a linear classifier, in its form."""
        assert isinstance(self.model, Linear)
        rest = self.memory["velocity"]
        return replace(self.model, W=rest["W"], b=rest["b"])

    @property
    def best_epoch(self) -> int | None:
        """The first epoch with the least validation loss; None where there is none."""
        found = [(record["val_loss"], record["epoch"]) for record in self.history if _is_finite(record.get("val_loss"))]
        return min(found)[1] if found else None

    @property
    def result(self) -> Fitted:
        """The model of the best epoch where there is a validation set, else the one that was reached."""
        return self.model if self.best is None else with_parameters(self.model, self.best)


def with_parameters(model: Fitted, parameters: Mapping[str, F32]) -> Fitted:
    """Return the model with other parameters, not copied."""
    if isinstance(model, Linear):
        return replace(model, W=parameters["W"], b=parameters["b"])
    return replace(model, parameters=dict(parameters))


def _figure(record: Mapping[str, Any]) -> float:
    """Return what a plateau watches: the validation loss, or that of training; null, in JSON, was not finite."""
    found = record["val_loss"] if "val_loss" in record else record["loss"]
    return math.nan if found is None else float(found)


def _is_finite(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))
