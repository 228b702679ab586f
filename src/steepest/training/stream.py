"""Training on a stream: portion by portion, each gone over once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from steepest.kernels.types import AnyRows, Labels
from steepest.optim import schedules
from steepest.training.loop import Trainable
from steepest.training.network import Network
from steepest.training.plan import Plan, State
from steepest.training.recipe import Recipe, formula, prepare

__all__ = ["Stream", "prepare_stream"]


@dataclass(frozen=True)
class Stream:
    """Where training on a stream stands between two portions of it."""

    plan: Plan
    state: State
    lr: float
    steps: int


def prepare_stream(
    X: AnyRows, y: Labels, n_classes: int, recipe: Recipe, weight: NDArray[Any] | None, before: Stream | None
) -> tuple[Trainable, Stream]:
    """Resolve a recipe for one pass over the next rows of a stream, going on from the pass before.

    With `before` None these are the first rows: they fix scaling and learning rate for good. The rate falls as
    1 / sqrt(1 + t / 30) over the steps t done before.
    """
    recipe = replace(recipe, patience=None, schedule="constant", warm_up=0.0)
    if before is None:
        objective, plan, state = prepare(X, y, n_classes, replace(recipe, epochs=1), weight)
        return objective, Stream(plan, state, plan.lr, plan.steps(len(X)))
    state, steps = before.state, before.steps
    model = state.model.model if isinstance(state.model, Network) else None
    objective = formula(recipe, model, X, y, n_classes, state.model.scaling, weight)
    plan = replace(
        before.plan,
        schedule=schedules.get("constant"),
        plateau=None,
        lr=before.lr / math.sqrt(1 + steps / 30),
        epochs=state.epoch + 1,
        patience=None,
    )
    plan = replace(plan, before=steps - state.epoch * plan.steps(len(X)))
    return objective, Stream(plan, state, before.lr, steps + plan.steps(len(X)))
