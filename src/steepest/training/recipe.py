"""From the words of a user to an objective, a plan and a starting state.

Every "auto" is resolved here, once, for every front door.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from steepest import losses, optim, penalties
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import AnyRows, Labels
from steepest.losses import Loss
from steepest.nn.linear import Linear
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear, mu_of
from steepest.optim import StepRule, learning_rate, schedules
from steepest.penalties import Penalty
from steepest.training.plan import Plan, State

__all__ = ["Recipe", "Stream", "prepare", "prepare_stream"]

MOST_STEPS, LEAST_STEPS = 6000, 3000
"""Steps that an unattended run aims at: at least the second number, and not more than 200 epochs for it."""


@dataclass(frozen=True)
class Recipe:
    """How to train a linear classifier; the defaults work unattended.

    Attributes
    ----------
    loss : str or Loss
        L_i.
    penalty, alpha : str, Penalty or None; float
        R and its strength.
    beta, radius : float
        Parameters of `elastic_net` and `max_norm`.
    optimizer, momentum : str or StepRule; float
        Step rule, and its momentum.
    lr : float or "auto"
        Peak learning rate; auto takes it from the curvature of the objective.
    schedule : str or Schedule
        Its course.
    batch_size, epochs : int or "auto"
        auto: at most 256 rows, and as many epochs as give some thousand steps.
    scaling : "auto", "unit", "standard" or None
        What happens to the features first.
    seed : int
        Keys every random choice.
    threads : int or None
        None uses the processors that this process may use.
    """

    loss: str | Loss = "softmax"
    penalty: str | Penalty | None = "l2"
    alpha: float = 1e-4
    beta: float = 1.0
    radius: float = 1.0
    optimizer: str | StepRule = "momentum"
    momentum: float = 0.9
    lr: float | Literal["auto"] = "auto"
    schedule: str | schedules.Schedule = "cosine"
    batch_size: int | Literal["auto"] = "auto"
    epochs: int | Literal["auto"] = "auto"
    scaling: str | None = "auto"
    seed: int = 0
    threads: int | None = None


def prepare(
    X: AnyRows, y: Labels, n_classes: int, recipe: Recipe, weight: NDArray[Any] | None = None
) -> tuple[CompiledLinear, Plan, State]:
    """Resolve a recipe for this data.

    Parameters
    ----------
    X : array (N, D)
        uint8, float16, float32 or float64, finite.
    y : int64 array (N,)
        Class indices below `n_classes`.
    weight : array (N,) or None
        Weight of each example; only ratios matter.

    Returns
    -------
    objective, plan, state
        For `loop.run`.

    Raises
    ------
    InputError
        When a word is not known or a number makes no sense; names the parameter.
    """
    loss = losses.get(recipe.loss)
    penalty = _penalty(recipe)
    rule = _rule(recipe)
    _check_number("alpha", recipe.alpha, 0.0)
    threads = _threads(recipe)
    scaling = fit_scaling(X, recipe.scaling, threads=threads)
    objective = CompiledLinear(
        X, y, n_classes, loss, penalty, recipe.alpha, scaling, _mean_one(weight, len(X)), threads
    )
    batch_size = min(len(X), _batch_size(recipe, len(X)))
    epochs = _epochs(recipe, -(-len(X) // batch_size))
    lr = _rate(recipe, rule, objective, batch_size)
    plan = Plan(rule, schedules.get(recipe.schedule), lr, batch_size, epochs, recipe.seed)
    return objective, plan, State.start(Linear.zeros(n_classes, scaling))


@dataclass(frozen=True)
class Stream:
    """Where training on a stream stands between two portions of it."""

    plan: Plan
    state: State
    lr: float
    steps: int


def prepare_stream(
    X: AnyRows, y: Labels, n_classes: int, recipe: Recipe, weight: NDArray[Any] | None, before: Stream | None
) -> tuple[CompiledLinear, Stream]:
    """Resolve a recipe for one pass over the next rows of a stream, going on from the pass before.

    With `before` None these are the first rows: they fix scaling and learning rate for good. The rate falls as
    1 / sqrt(1 + t / 30) over the steps t done before.
    """
    if before is None:
        objective, plan, state = prepare(X, y, n_classes, replace(recipe, epochs=1, schedule="constant"), weight)
        return objective, Stream(plan, state, plan.lr, plan.steps(len(X)))
    state, steps = before.state, before.steps
    objective = CompiledLinear(
        X, y, n_classes, losses.get(recipe.loss), _penalty(recipe), recipe.alpha, state.model.scaling,
        _mean_one(weight, len(X)), _threads(recipe),
    )  # fmt: skip
    plan = replace(
        before.plan,
        schedule=schedules.get("constant"),
        lr=before.lr / math.sqrt(1 + steps / 30),
        epochs=state.epoch + 1,
    )
    return objective, Stream(plan, state, before.lr, steps + plan.steps(len(X)))


def automatic_rate(objective: CompiledLinear, rule: StepRule, batch_size: int) -> float:
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


def _threads(recipe: Recipe) -> int:
    return kernels.default_threads() if recipe.threads is None else _check_count("threads", recipe.threads)


def _penalty(recipe: Recipe) -> Penalty:
    match recipe.penalty:
        case "elastic_net":
            return penalties.get("elastic_net", beta=recipe.beta)
        case "max_norm":
            return penalties.get("max_norm", radius=recipe.radius)
        case penalty:
            return penalties.get(penalty)


def _rule(recipe: Recipe) -> StepRule:
    if recipe.optimizer in ("momentum", "nesterov"):
        return optim.get(recipe.optimizer, mu=_check_number("momentum", recipe.momentum, 0.0))
    return optim.get(recipe.optimizer)


def _rate(recipe: Recipe, rule: StepRule, objective: CompiledLinear, batch_size: int) -> float:
    lr = rule.lr if recipe.lr == "auto" else recipe.lr
    return _check_number("lr", automatic_rate(objective, rule, batch_size) if lr is None else lr, 0.0, above=True)


def _mean_one(weight: NDArray[Any] | None, n: int) -> NDArray[np.float32] | None:
    if weight is None:
        return None
    w = np.asarray(weight, dtype=np.float64)
    if w.shape != (n,):
        raise InputError(f"sample_weight has shape {w.shape}; it needs one number for each of the {n} examples")
    if not np.isfinite(w).all() or (w < 0).any():
        row = int(np.flatnonzero(~np.isfinite(w) | (w < 0))[0])
        raise InputError(f"sample_weight[{row}] is {w[row]}: weights must be finite and not negative")
    if w.sum() == 0:
        raise InputError("sample_weight is zero everywhere: at least one example must count")
    return np.asarray(w / w.mean(), dtype=np.float32)


def _batch_size(recipe: Recipe, n: int) -> int:
    if recipe.batch_size == "auto":
        return int(min(256, max(16, 2 ** math.floor(math.log2(max(1, n / 40))))))
    return _check_count("batch_size", recipe.batch_size)


def _epochs(recipe: Recipe, steps: int) -> int:
    if recipe.epochs == "auto":
        return int(min(200, max(20, math.ceil(LEAST_STEPS / steps), min(30, MOST_STEPS // steps))))
    return _check_count("epochs", recipe.epochs)


def _check_count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(
            f"{name}={value!r} must be a whole number from 1 on" + (" or 'auto'" if name != "threads" else "")
        )
    return int(value)


def _check_number(name: str, value: Any, least: float, *, above: bool = False) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | np.integer | np.floating)
        or not math.isfinite(value)
    ):
        raise InputError(f"{name}={value!r} must be a finite number")
    if value < least or (above and value == least):
        raise InputError(f"{name}={value!r} must be {'above' if above else 'at least'} {least:g}")
    return float(value)
