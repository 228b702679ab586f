"""A few steps of a run, by the program that its objective has."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import F32, Order, Tally
from steepest.nn.linear import Linear
from steepest.objective.compiled import CompiledLinear
from steepest.objective.network import NetworkObjective
from steepest.training.network import Network
from steepest.training.plan import Plan, State

__all__ = ["Trainable", "descend", "keeps"]

Trainable: TypeAlias = CompiledLinear | NetworkObjective
"""L(W) and its data."""


def keeps(objective: Trainable, plan: Plan) -> bool:
    """Say whether `descend` leaves the state as it was when the losses come to more than `most`."""
    return isinstance(objective, NetworkObjective) and objective.in_steps_because(plan.rule, plan.clip) is None


def descend(
    objective: Trainable, plan: Plan, state: State, rows: Order, lr: F32, first: int, most: float = np.inf
) -> Tally:
    """Step once for every batch of `rows`, the model and the memory of the state moving in place.

    Parameters
    ----------
    objective, plan, state
        Of the run.
    rows : int64 array
        What the batches are cut from, in their order.
    lr : float32 array
        The rate of each step.
    first : int
        Number of the first step, since the run began.
    most : float
        What the losses of the rows may come to, where `keeps` says so.

    Returns
    -------
    (float, int)
        Sum of the losses of the rows, infinite where they are not finite; how many were classified right.
    """
    if isinstance(objective, CompiledLinear):
        assert isinstance(state.model, Linear)
        return objective.descend(state.model, state.velocity, plan.rule, rows, plan.batch_size, lr)
    assert isinstance(state.model, Network)
    at = state.model.parameters
    with np.errstate(all="ignore"):  # infinity is found, and named, after the slice
        try:
            return objective.descend(
                at, state.memory, plan.rule, rows, plan.batch_size, lr,
                seed=plan.seed, first_step=first, clip=plan.clip, most=most,
            )  # fmt: skip
        except InputError:  # the graph refuses to go back through a NaN
            if np.isfinite(objective.value(at, rows)):
                raise
            return np.inf, 0
