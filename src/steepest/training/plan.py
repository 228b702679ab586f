"""What a run is going to do, and where it stands: two records, and nothing else is needed to go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.kernels.types import F32
from steepest.nn.linear import Linear
from steepest.optim import StepRule
from steepest.optim.schedules import Schedule

__all__ = ["Plan", "State"]


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
        Keys the order of every epoch.
    """

    rule: StepRule
    schedule: Schedule
    lr: float
    batch_size: int
    epochs: int
    seed: int

    def steps(self, n: int) -> int:
        """Return the number of steps in an epoch of n rows."""
        return -(-n // self.batch_size)

    def rates(self, n: int, epoch: int) -> F32:
        """Learning rate of every step of an epoch."""
        steps = self.steps(n)
        factors = self.schedule(np.arange(epoch * steps, (epoch + 1) * steps), self.epochs * steps)
        return np.asarray(self.lr * np.asarray(factors), dtype=np.float32)


@dataclass
class State:
    """Where a run stands: with the plan and the data, all that is needed to go on to the same bits.

    Attributes
    ----------
    model, velocity : Linear
        The weights, and the step rule's memory of the same shapes.
    epoch, step : int
        Epochs completed; steps completed in the one under way.
    loss, correct : float, int
        Sums over the rows visited in the epoch under way.
    seconds : float
        Time spent in training so far.
    history : list of dict
        One record an epoch: epoch, loss, accuracy, lr, seconds.
    """

    model: Linear
    velocity: Linear
    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def start(cls, model: Linear) -> State:
        """Begin at this model, at rest."""
        return cls(model, Linear.zeros(model.n_classes, model.scaling))
