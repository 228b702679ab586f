"""The loop: epochs of shuffled rows through the objective's own program, Python entered a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from steepest.data.order import EPOCH
from steepest.errors import DivergenceError, InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, AnyRows, Labels, Order, Tally
from steepest.nn.linear import Linear
from steepest.objective.compiled import CompiledLinear
from steepest.objective.network import NetworkObjective
from steepest.training.evaluation import evaluate
from steepest.training.network import Network
from steepest.training.plan import Plan, State

__all__ = ["Trainable", "Validation", "Watcher", "run"]

Trainable: TypeAlias = CompiledLinear | NetworkObjective
"""L(W) and its data."""

Watcher: TypeAlias = Callable[[State, Plan], bool | None]
"""Called after every slice of an epoch, the state up to date; returning True ends the run there, in good order."""

GROWN = 1e6
"""A mean loss so many times that of W = 0 is on its way to infinity: no step will bring it back in useful time."""

SLICE = 1e10
"""Floating-point operations in a slice: about a tenth of a second on two cores.

Slices follow from shapes, never from clocks, so that sums add up alike in a run that is resumed.
"""

ACTIVATED, UPDATED = 100, 50
"""What the activation of one neuron, and a step of one parameter, take in the time of floating-point operations."""

ON_GRAPH, A_LAYER = 5, 3e6
"""The same for the graph: it is so many times as slow, and a layer takes so much in every step besides."""


class Validation(NamedTuple):
    """The rows that each epoch is judged by: X (N, D), y (N,)."""

    X: AnyRows
    y: Labels


def run(
    objective: Trainable,
    plan: Plan,
    state: State,
    watch: Watcher | None = None,
    validation: Validation | None = None,
) -> bool:
    """Train until the plan's last epoch, or as long as its patience lasts, from wherever the state stands.

    Parameters
    ----------
    objective : CompiledLinear or NetworkObjective
        L(W) and its data.
    plan : Plan
        What to do.
    state : State
        Moved in place; after every slice it is complete, and a copy of it can be continued to the same bits.
    watch : callable or None
        Told of every slice.
    validation : Validation or None
        Rows of the user's own that every epoch is tested on: `state.result` is then the best epoch's model.

    Returns
    -------
    bool
        Whether the run came to its end; False when the watcher stopped it.

    Raises
    ------
    DivergenceError
        When the loss or a parameter goes to infinity; names the epoch, the step, the parameter and the rate.
    """
    n = len(objective)
    steps = plan.steps(n)
    slice_steps = max(1, int(SLICE / _work(objective, plan.batch_size)))
    order = np.empty(n, np.int64)
    while not plan.is_over(state):
        kernels.order(plan.seed, EPOCH, state.epoch, order)
        lr = plan.rates(n, state.epoch)
        while state.step < steps:
            began = time.perf_counter()
            upto = min(steps, state.step + slice_steps)
            rows = order[state.step * plan.batch_size : upto * plan.batch_size]
            first = plan.before + state.epoch * steps + state.step
            loss, correct = _descend(objective, plan, state, rows, lr[state.step : upto], first)
            state.loss, state.correct, state.step = state.loss + loss, state.correct + correct, upto
            state.seconds += time.perf_counter() - began
            _check_bounded(objective, plan, state, min(n, upto * plan.batch_size), float(lr[upto - 1]))
            if state.step == steps:
                _close_epoch(objective, state, float(lr[-1]), validation)
            if watch is not None and watch(state, plan):
                return plan.is_over(state)
            if state.step == 0:
                break
    return True


def _descend(objective: Trainable, plan: Plan, state: State, rows: Order, lr: F32, first: int) -> Tally:
    if isinstance(objective, CompiledLinear):
        assert isinstance(state.model, Linear)
        return objective.descend(state.model, state.velocity, plan.rule, rows, plan.batch_size, lr)
    assert isinstance(state.model, Network)
    at = state.model.parameters
    with np.errstate(over="ignore", invalid="ignore"):  # infinity is found, and named, after the slice
        try:
            return objective.descend(
                at, state.memory, plan.rule, rows, plan.batch_size, lr, seed=plan.seed, first_step=first
            )
        except InputError:  # the graph refuses to go back through a NaN
            if np.isfinite(objective.value(at, rows)):
                raise
            return np.inf, 0


def _work(objective: Trainable, batch_size: int) -> float:
    """Floating-point operations of a step, or what takes as long."""
    D = objective.X.shape[1]
    if isinstance(objective, CompiledLinear):
        return float(4 * batch_size * D * objective.n_classes)
    lines = objective.model.summary(D).lines
    each = sum(line.forward + line.backward + ACTIVATED * line.neurons for line in lines)
    step = float(batch_size * max(1, each) + UPDATED * sum(line.parameters for line in lines))
    return ON_GRAPH * step + A_LAYER * len(lines) if objective.on_graph_because else step


def _close_epoch(objective: Trainable, state: State, lr: float, validation: Validation | None) -> None:
    n = len(objective)
    state.epoch, state.step = state.epoch + 1, 0
    record = {
        "epoch": state.epoch,
        "loss": state.loss / n,
        "accuracy": state.correct / n,
        "lr": lr,
        "seconds": round(state.seconds, 4),
    }
    state.loss, state.correct = 0.0, 0
    if validation is not None:
        found = evaluate(state.model, *validation, objective.loss, threads=objective.threads)
        record |= {"val_loss": found.loss, "val_accuracy": found.accuracy}
    state.history.append(record)
    if state.best_epoch == state.epoch:
        state.best = {name: part.copy(order="K") for name, part in state.model.parameters.items()}


def _check_bounded(objective: Trainable, plan: Plan, state: State, rows: int, lr: float) -> None:
    """Raise DivergenceError unless the epoch's mean loss is bounded and every parameter finite.

    Bounded is what is within GROWN of an untrained classifier's.
    """
    mean = state.loss / rows
    # The biases of a linear classifier follow its weights to infinity; of a network every layer is looked at.
    at = {"b": state.model.b} if isinstance(state.model, Linear) else state.model.parameters
    lost = next((name for name, part in at.items() if not np.isfinite(part).all()), None)
    if lost is None and mean <= GROWN * max(1.0, objective.loss.at_zero(objective.n_classes)):
        return
    where = "" if isinstance(state.model, Linear) else f", and {lost} is not finite"
    if where and lost is None:
        name = max(at, key=lambda name: float(np.abs(at[name]).max()))
        where = f", and {name} has grown to {float(np.abs(at[name]).max()):.3g}"
    raise DivergenceError(
        f"training diverged in epoch {state.epoch + 1} before step {state.step}: the mean loss is {mean:.3g} at "
        f"lr={lr:.3g}{where}; use a lower lr than {plan.lr:.3g}, or scale the features (scaling='standard')"
    )
