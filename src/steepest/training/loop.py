"""The loop: epochs of shuffled rows through the objective's own program, Python entered a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np

from steepest import losses
from steepest.data.checks import align_test, check_finite
from steepest.data.dataset import Dataset
from steepest.data.order import EPOCH
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import AnyRows, Labels
from steepest.objective.compiled import CompiledLinear
from steepest.training.divergence import Witness, is_bounded, most
from steepest.training.evaluation import evaluate
from steepest.training.plan import Plan, State
from steepest.training.stepping import Trainable, descend

__all__ = ["Trainable", "Validation", "Watcher", "run"]

Watcher: TypeAlias = Callable[[State, Plan], bool | None]
"""Called after every slice of an epoch, the state up to date; returning True ends the run there, in good order."""

SLICE = 2e10
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

    @classmethod
    def of(cls, train: Dataset, held: Dataset) -> Validation:
        """Take the rows of a data set, in the classes and columns of the training data.

        Raises
        ------
        InputError
            When there are no rows or labels, or they do not fit.
        """
        if held.feature_shape == train.X.shape[1:]:  # rows already
            held = replace(held, feature_shape=train.feature_shape)
        held = align_test(train, held)
        check_finite(held)
        if held.y is None or not len(held):
            raise InputError(f"{held.source} has no {'labels' if len(held) else 'examples'}: validation needs them")
        return cls(held.X, held.y)


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
    slice_steps = max(1, int(SLICE / _work(objective, plan)))
    order, witness, bound = np.empty(n, np.int64), Witness(objective, plan, exact=slice_steps > 1), most(objective)
    while not plan.is_over(state):
        kernels.order(plan.seed, EPOCH, state.epoch, order)
        lr = plan.rates(n, state.epoch, state.history)
        while state.step < steps:
            began = time.perf_counter()
            upto = min(steps, state.step + slice_steps)
            rows = order[state.step * plan.batch_size : upto * plan.batch_size]
            first = plan.before + state.epoch * steps + state.step
            witness.look(state)
            loss, correct = descend(objective, plan, state, rows, lr[state.step : upto], first, bound * len(rows))
            state.loss, state.correct, state.step = state.loss + loss, state.correct + correct, upto
            state.seconds += time.perf_counter() - began
            mean = state.loss / min(n, upto * plan.batch_size)
            if not is_bounded(objective, state, mean):
                last = order[(upto - 1) * plan.batch_size : upto * plan.batch_size]
                raise witness.report(state, last, float(lr[upto - 1]), mean)
            if state.step == steps:
                _close_epoch(objective, state, float(lr[-1]), validation)
            if watch is not None and watch(state, plan):
                return plan.is_over(state)
            if state.step == 0:
                break
    return True


def _work(objective: Trainable, plan: Plan) -> float:
    """Floating-point operations of a step, or what takes as long."""
    batch_size, D = plan.batch_size, objective.X.shape[1]
    if isinstance(objective, CompiledLinear):
        return float(4 * batch_size * D * objective.n_classes)
    lines = objective.model.summary(D).lines
    each = sum(line.forward + line.backward + ACTIVATED * line.neurons for line in lines)
    step = float(batch_size * max(1, each) + UPDATED * sum(line.parameters for line in lines))
    return ON_GRAPH * step + A_LAYER * len(lines) if objective.in_steps_because(plan.rule, plan.clip) else step


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
        found = evaluate(state.model, *validation, losses.judge(objective.loss), threads=objective.threads)
        record |= {"val_loss": found.loss, "val_accuracy": found.accuracy}
    state.history.append(record)
    if state.best_epoch == state.epoch:
        state.best = {name: part.copy(order="K") for name, part in state.model.parameters.items()}
