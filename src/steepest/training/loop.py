"""The loop: epochs of shuffled rows through the objective's own program, Python entered a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from steepest.data.order import EPOCH
from steepest.errors import DivergenceError
from steepest.kernels import dispatch as kernels
from steepest.objective.compiled import CompiledLinear
from steepest.training.plan import Plan, State

__all__ = ["Watcher", "run"]

Watcher = Callable[[State, Plan], bool | None]
"""Called after every slice of an epoch, the state up to date; returning True ends the run there, in good order."""

GROWN = 1e6
"""A mean loss so many times that of W = 0 is on its way to infinity: no step will bring it back in useful time."""

SLICE = 1e10
"""Floating-point operations in a slice: about a tenth of a second on two cores.

Slices follow from shapes, never from clocks, so that sums add up alike in a run that is resumed.
"""


def run(objective: CompiledLinear, plan: Plan, state: State, watch: Watcher | None = None) -> bool:
    """Train until the plan's last epoch, from wherever the state stands.

    Parameters
    ----------
    objective : CompiledLinear
        L(W) and its data.
    plan : Plan
        What to do.
    state : State
        Moved in place; after every slice it is complete, and a copy of it can be continued to the same bits.
    watch : callable or None
        Told of every slice.

    Returns
    -------
    bool
        Whether the run came to its end; False when the watcher stopped it.

    Raises
    ------
    DivergenceError
        When the loss goes to infinity; names the epoch, the step and the rate.
    """
    n = len(objective)
    steps = plan.steps(n)
    slice_steps = max(1, int(SLICE / (4 * plan.batch_size * objective.X.shape[1] * objective.n_classes)))
    order = np.empty(n, np.int64)
    while state.epoch < plan.epochs:
        kernels.order(plan.seed, EPOCH, state.epoch, order)
        lr = plan.rates(n, state.epoch)
        while state.step < steps:
            began = time.perf_counter()
            upto = min(steps, state.step + slice_steps)
            rows = order[state.step * plan.batch_size : upto * plan.batch_size]
            loss, correct = objective.descend(
                state.model, state.velocity, plan.rule, rows, plan.batch_size, lr[state.step : upto]
            )
            state.loss, state.correct, state.step = state.loss + loss, state.correct + correct, upto
            state.seconds += time.perf_counter() - began
            _check_bounded(objective, plan, state, min(n, upto * plan.batch_size), float(lr[upto - 1]))
            if state.step == steps:
                _close_epoch(state, n, float(lr[-1]))
            if watch is not None and watch(state, plan):
                return state.epoch == plan.epochs
            if state.step == 0:
                break
    return True


def _close_epoch(state: State, n: int, lr: float) -> None:
    state.epoch, state.step = state.epoch + 1, 0
    state.history.append(
        {
            "epoch": state.epoch,
            "loss": state.loss / n,
            "accuracy": state.correct / n,
            "lr": lr,
            "seconds": round(state.seconds, 4),
        }
    )
    state.loss, state.correct = 0.0, 0


def _check_bounded(objective: CompiledLinear, plan: Plan, state: State, rows: int, lr: float) -> None:
    """Raise DivergenceError unless the epoch's mean loss is finite and within GROWN of an untrained classifier's."""
    mean = state.loss / rows
    if mean <= GROWN * max(1.0, objective.loss.at_zero(objective.n_classes)) and np.isfinite(state.model.b).all():
        return
    raise DivergenceError(
        f"training diverged in epoch {state.epoch + 1} before step {state.step}: the mean loss is {mean:.3g} at "
        f"lr={lr:.3g}; use a lower lr than {plan.lr:.3g}, or scale the features (scaling='standard')"
    )
