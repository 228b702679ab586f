"""Where a training went to infinity: the step, the layer, and the likely cause."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from steepest.data.order import EPOCH
from steepest.errors import DivergenceError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import Order
from steepest.objective.compiled import CompiledLinear
from steepest.training.network import Network
from steepest.training.plan import Plan, State, with_parameters
from steepest.training.stepping import Trainable, descend, keeps

__all__ = ["GROWN", "Witness", "is_bounded", "most"]

GROWN = 1e6
"""A mean loss so many times that of W = 0 is on its way to infinity: no step will bring it back in useful time."""

PAUSE = 0.5
"""Seconds of training between two copies of the state."""

LARGE = 1e3
"""Scaled features beyond this are the first to be suspected; weights are when they have grown tenfold."""


def most(objective: Trainable) -> float:
    """Return the largest mean loss that is bounded: GROWN times an untrained classifier's."""
    return GROWN * max(1.0, objective.loss.at_zero(objective.n_classes))


def is_bounded(objective: Trainable, state: State, mean: float) -> bool:
    """Say whether a mean loss is at most that, and every parameter finite."""
    if not mean <= most(objective):
        return False
    return all(np.isfinite(part).all() for part in state.model.parameters.values())


class Step(NamedTuple):
    """A step that was taken once more: its place, its rows and its rate, their mean loss, and the state before it."""

    epoch: int
    step: int
    rows: Order
    lr: float
    mean: float
    before: State


class Witness:
    """An earlier state of a run. When the run has diverged it is gone through once more from there, step by step.

    Parameters
    ----------
    objective, plan
        Of the run.
    exact : bool
        False where the loop looks after every step anyway: then nothing is remembered.
    """

    def __init__(self, objective: Trainable, plan: Plan, *, exact: bool) -> None:
        self._objective, self._plan, self._exact = objective, plan, exact
        self._kept = keeps(objective, plan)
        self._seen: State | None = None
        self._start: float | None = None

    def look(self, state: State) -> None:
        """Remember the state: a copy, if the last has grown old, or no copy where a slice that diverges leaves it."""
        if self._start is None:
            self._start = max(_sizes(state).values())
        if self._exact and self._kept:
            self._seen = replace(state)
        elif self._exact and (self._seen is None or state.seconds - self._seen.seconds > PAUSE):
            self._seen = _copy(state)

    def report(self, state: State, rows: Order, lr: float, mean: float) -> DivergenceError:
        """Return the error for a run that was found not to be bounded after a slice.

        Parameters
        ----------
        state : State
            After the slice.
        rows : int64 array
            The last batch of the slice.
        lr : float
            Its rate.
        mean : float
            The mean loss of the epoch so far.
        """
        found = self._first(state) or Step(state.epoch, state.step, rows, lr, mean, state)
        return DivergenceError(
            f"training diverged in epoch {found.epoch + 1} at step {found.step}: the mean loss is {found.mean:.3g} at "
            f"lr={found.lr:.3g}{self._layer(found.before)}; {self._cause(found)}",
            found.epoch + 1, found.step, state.history[: found.epoch],
        )  # fmt: skip

    def _first(self, upto: State) -> Step | None:
        """Return the first step whose loss, or what it made of the parameters, is not bounded."""
        if self._seen is None:
            return None
        objective, plan, state = self._objective, self._plan, _copy(self._seen)
        n = len(objective)
        steps, order = plan.steps(n), np.empty(n, np.int64)
        for epoch in range(state.epoch, upto.epoch + 1):
            kernels.order(plan.seed, EPOCH, epoch, order)
            rates = plan.rates(n, epoch, upto.history[:epoch])
            begin = state.step if epoch == state.epoch else 0
            for step in range(begin, upto.step if epoch == upto.epoch else steps):
                rows, rate = order[step * plan.batch_size :][: plan.batch_size], rates[step : step + 1]
                before = _copy(state)
                loss, _ = descend(objective, plan, state, rows, rate, plan.before + epoch * steps + step)
                if not is_bounded(objective, state, loss / len(rows)):
                    return Step(epoch, step + 1, rows, float(rate[0]), loss / len(rows), before)
        return None

    def _layer(self, state: State) -> str:
        """Name the parameter that is not finite, or the one that has grown most."""
        for name, part in state.model.parameters.items():
            if not np.isfinite(part).all():
                return f", and {name} is not finite"
        sizes = _sizes(state)
        name = max(sizes, key=lambda name: sizes[name])
        return f", and {name} has grown to {sizes[name]:.3g}" if sizes[name] > 10 * max(self._start or 0.0, 1.0) else ""

    def _cause(self, found: Step) -> str:
        objective, plan = self._objective, self._plan
        with np.errstate(all="ignore"):
            features = np.abs((objective.X[found.rows] - objective.scaling.shift) * objective.scaling.scale)
        largest = float(features.max())
        if largest > LARGE:
            return f"the scaled features go up to {largest:.3g}: use scaling='standard', or look for a row out of place"
        if not self._layer(found.before) and found.step + found.epoch * plan.steps(len(objective)) > 1:
            return "the weights are of ordinary size: look for a logarithm or a root of what is not positive"
        clip = "" if plan.clip is not None or isinstance(objective, CompiledLinear) else ", or clip_norm=1"
        return f"the steps are too long: use a lower lr than {plan.lr:.3g}{clip}"


def _sizes(state: State) -> dict[str, float]:
    """Return the size of the largest entry of each trained parameter."""
    model = state.model
    parts = model.trained if isinstance(model, Network) else model.parameters
    return {name: float(np.abs(part).max(initial=0)) for name, part in parts.items()}


def _copy(state: State) -> State:
    """Return a state that can be moved without the other."""
    at = {name: part.copy(order="K") for name, part in state.model.parameters.items()}
    memory = {
        what: {name: part.copy(order="K") for name, part in parts.items()} for what, parts in state.memory.items()
    }
    return replace(state, model=with_parameters(state.model, at), memory=memory, best=None)
