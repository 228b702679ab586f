"""What lr="auto" becomes: from the curvature where the objective is convex, from a range test where it is a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import Order
from steepest.objective.compiled import CompiledLinear, mu_of
from steepest.objective.network import NetworkObjective
from steepest.optim import StepRule, learning_rate
from steepest.optim.range_test import RangeTest, range_test
from steepest.training.automatic import check_number
from steepest.training.loop import Trainable
from steepest.training.plan import Plan, State

__all__ = ["RATES", "curvature_rate", "test_rates", "with_rate"]

RATES = {
    "sgd": 0.2, "momentum": 0.05, "nesterov": 0.05, "adagrad": 0.02, "rmsprop": 1e-3, "adam": 2e-3, "adamw": 2e-3,
}  # fmt: skip
"""Peak learning rate of a network by step rule, where a range test looks around: see docs/decisions/0018 and 0019."""

SPAN = 1000.0
"""The test begins at the rate of the table over this, and ends at the rate times this."""

SHARE = 50
"""A test takes at most one step for so many of the run."""

FEWEST, MOST = 40, 100
"""Steps of a test. Fewer would see nothing; then the table is taken as it is."""

BELOW_LEAST = 2.0
"""The choice is the rate of the least smoothed loss over this: above a third, for the bounds keep it from the worst."""

LOWEST, HIGHEST = 0.7, 4.0
"""The choice stays within these times the table's rate."""


def with_rate(plan: Plan, asked: float | Literal["auto"], objective: Trainable, state: State) -> Plan:
    """Return the plan with its peak learning rate, and where that came from."""
    lr: Any = plan.rule.lr if asked == "auto" else asked
    if lr is not None:
        return replace(plan, lr=check_number("lr", lr, 0.0, above=True), lr_from="given")
    if isinstance(objective, CompiledLinear):
        lr = curvature_rate(objective, plan.rule, plan.batch_size)
        return replace(plan, lr=check_number("lr", lr, 0.0, above=True), lr_from="curvature")
    usual = RATES.get(plan.rule.name, RATES["sgd"])
    found = test_rates(plan, objective, state, usual)
    if found is None:
        return replace(plan, lr=usual, lr_from="table")
    lr = float(found.rates[found.losses.argmin()]) / BELOW_LEAST
    return replace(plan, lr=min(HIGHEST * usual, max(LOWEST * usual, lr)), lr_from="range test")


def test_rates(plan: Plan, objective: NetworkObjective, state: State, usual: float) -> RangeTest | None:
    """Do a range test with the very steps of the training, on copies; None where the run is too short to pay for it."""
    steps = min(MOST, plan.steps(len(objective)) * plan.epochs // SHARE)
    if steps < FEWEST:
        return None
    at = {name: part.copy() for name, part in state.model.parameters.items()}
    memory = {what: {name: part.copy() for name, part in parts.items()} for what, parts in state.memory.items()}
    taken = 0

    def step(rows: Order, lr: float) -> float:
        nonlocal taken
        rate = np.array([lr], np.float32)
        try:
            loss, _ = objective.descend(
                at, memory, plan.rule, rows, len(rows), rate, seed=plan.seed, first_step=taken, clip=plan.clip
            )
        except InputError:  # the graph refuses to go back through a NaN
            return np.inf
        taken += 1
        return loss / len(rows)

    try:
        return range_test(
            step, len(objective), batch_size=plan.batch_size, seed=plan.seed, low=usual / SPAN, high=usual * SPAN,
            steps=steps,
        )  # fmt: skip
    except InputError:  # it learns at no rate: the training itself will say what is wrong
        return None


def curvature_rate(objective: CompiledLinear, rule: StepRule, batch_size: int) -> float:
    """Take lr from the curvature of the objective along its steepest direction.

    A loss with a kink has no curvature; C in its place gives rates near the best of a grid. Where the gradient grows
    without bound, the steepest single row has a say too.
    """
    eigenvalue = learning_rate.top_eigenvalue(objective.X, *objective.scaling)
    curvature = objective.loss.curvature(objective.n_classes)
    if curvature is None:
        curvature = float(objective.n_classes)
    l2 = objective.alpha if objective.penalty.name in ("l2", "elastic_net") else 0.0
    lr = learning_rate.from_curvature(curvature, eigenvalue, l2, mu_of(rule))
    if objective.loss.grows:
        square = learning_rate.largest_square(objective.X, *objective.scaling)
        lr = min(lr, learning_rate.for_batches(curvature, square, batch_size, mu_of(rule)))
    return lr
