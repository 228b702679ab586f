"""From the words of a user to an objective, a plan and a starting state.

Every "auto" is resolved here, once, for every front door.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from numpy.typing import NDArray

from steepest import losses, optim, penalties
from steepest.errors import InputError, near
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import AnyRows, Labels
from steepest.losses import Loss
from steepest.nn import MLP, Activation, BatchNorm, Residual
from steepest.nn import Linear as LinearLayer
from steepest.nn.base import Layer
from steepest.nn.initialization import Initialization
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.nn.sequential import Sequential
from steepest.objective.compiled import CompiledLinear
from steepest.objective.network import NetworkObjective
from steepest.optim import SGD, Momentum, Nesterov, StepRule, schedules
from steepest.penalties import MaxNorm, Penalty
from steepest.training import automatic
from steepest.training.automatic import check_count, check_number, mean_one
from steepest.training.loop import Trainable
from steepest.training.network import Network
from steepest.training.plan import Fitted, Plan, State

__all__ = ["MODELS", "Recipe", "Stream", "default_optimizer", "prepare", "prepare_stream"]

MODELS = ("linear", "mlp")
"""Models that have a name."""


@dataclass(frozen=True)
class Recipe:
    """How to train a classifier; the defaults work unattended.

    Attributes
    ----------
    loss : str or Loss
        L_i.
    penalty, alpha : str, Penalty or None; float
        R and its strength.
    beta, radius : float
        Parameters of `elastic_net` and `max_norm`.
    optimizer, momentum : str or StepRule; float
        Step rule, and its momentum; auto is momentum for linear classifiers and adam for networks.
    lr : float or "auto"
        Peak learning rate; auto takes it from the curvature of the objective, for networks by the step rule.
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
    model : "linear", "mlp" or Sequential
        f. A linear classifier whose step rule has no program of its own is trained as a network of one layer.
    hidden, activation, dropout, norm, init
        Of the "mlp"; see `steepest.nn.MLP`.
    patience : int or None
        Epochs to wait for a lower validation loss, where there is a validation set.
    """

    loss: str | Loss = "softmax"
    penalty: str | Penalty | None = "l2"
    alpha: float = 1e-4
    beta: float = 1.0
    radius: float = 1.0
    optimizer: str | StepRule = "auto"
    momentum: float = 0.9
    lr: float | Literal["auto"] = "auto"
    schedule: str | schedules.Schedule = "cosine"
    batch_size: int | Literal["auto"] = "auto"
    epochs: int | Literal["auto"] = "auto"
    scaling: str | None = "auto"
    seed: int = 0
    threads: int | None = None
    model: str | Sequential = "linear"
    hidden: tuple[int, ...] = (128,)
    activation: str | Callable[[Any], Any] | Activation = "relu"
    dropout: float = 0.0
    norm: str | None = None
    init: str | Initialization = "he"
    patience: int | None = None


def prepare(
    X: AnyRows, y: Labels, n_classes: int, recipe: Recipe, weight: NDArray[Any] | None = None
) -> tuple[Trainable, Plan, State]:
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
    rule = _rule(recipe)
    check_number("alpha", recipe.alpha, 0.0)
    threads = _threads(recipe)
    model = _network(recipe, rule, X.shape[1], n_classes)
    scaling = fit_scaling(X, recipe.scaling, threads=threads)
    objective = _objective(recipe, model, X, y, n_classes, scaling, weight)
    batch_size = automatic.batch_size(recipe.batch_size, len(X))
    if model is not None and len(X) % batch_size == 1 and _has_batch_norm(model.layers):
        batch_size = _without_single_row(recipe, batch_size, len(X))
    epochs = automatic.epochs(recipe.epochs, -(-len(X) // batch_size))
    lr = _rate(recipe, rule, objective, batch_size)
    patience = None if recipe.patience is None else check_count("patience", recipe.patience)
    plan = Plan(rule, schedules.get(recipe.schedule), lr, batch_size, epochs, recipe.seed, patience)
    start: Fitted = Linear.zeros(n_classes, scaling) if model is None else Network.start(model, scaling, recipe.seed)
    return objective, plan, State.start(start, rule)


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
    recipe = replace(recipe, patience=None)
    if before is None:
        objective, plan, state = prepare(X, y, n_classes, replace(recipe, epochs=1, schedule="constant"), weight)
        return objective, Stream(plan, state, plan.lr, plan.steps(len(X)))
    state, steps = before.state, before.steps
    model = state.model.model if isinstance(state.model, Network) else None
    objective = _objective(recipe, model, X, y, n_classes, state.model.scaling, weight)
    plan = replace(
        before.plan,
        schedule=schedules.get("constant"),
        lr=before.lr / math.sqrt(1 + steps / 30),
        epochs=state.epoch + 1,
        patience=None,
    )
    plan = replace(plan, before=steps - state.epoch * plan.steps(len(X)))
    return objective, Stream(plan, state, before.lr, steps + plan.steps(len(X)))


def default_optimizer(model: str | Sequential) -> str:
    """Name the step rule that "auto" stands for."""
    return "momentum" if model == "linear" else "adam"


def _objective(
    recipe: Recipe, model: Sequential | None, X: AnyRows, y: Labels, n_classes: int, scaling: Scaling,
    weight: NDArray[Any] | None,
) -> Trainable:  # fmt: skip
    loss, penalty, weights = losses.get(recipe.loss), _penalty(recipe), mean_one(weight, len(X))
    threads = _threads(recipe)
    if model is None:
        return CompiledLinear(X, y, n_classes, loss, penalty, recipe.alpha, scaling, weights, threads)
    if isinstance(penalty, MaxNorm):
        raise InputError(
            "max_norm is there for linear classifiers trained by sgd, momentum or nesterov: use l2, l1, elastic_net "
            "or none"
        )
    return NetworkObjective(model, X, y, loss, penalty, recipe.alpha, scaling, weights, threads)


def _network(recipe: Recipe, rule: StepRule, D: int, C: int) -> Sequential | None:
    """Return the model; None for a linear classifier, which has a program of its own."""
    match recipe.model:
        case Sequential() as model:
            made = model.output_shape(D)
            if made != (C,):
                raise InputError(f"the model makes scores of shape {made}, and the data have {C} classes")
            return model
        case "linear":
            native = isinstance(rule, SGD | Momentum | Nesterov)
            return None if native else Sequential(LinearLayer(D, C), init="zeros")
        case "mlp":
            return MLP(
                [D, *recipe.hidden, C], recipe.activation, init=recipe.init, dropout=recipe.dropout, norm=recipe.norm
            )
    raise InputError(f"there is no model {recipe.model!r}: {near(recipe.model, MODELS)}")


def _has_batch_norm(layers: tuple[Layer, ...]) -> bool:
    return any(
        isinstance(layer, BatchNorm) or (isinstance(layer, Residual) and _has_batch_norm(layer.layers))
        for layer in layers
    )


def _without_single_row(recipe: Recipe, batch_size: int, n: int) -> int:
    """Return a batch size that leaves no batch of one row, which would have no variance."""
    if n < 2 or recipe.batch_size != "auto":
        raise InputError(
            f"batch norm needs two rows or more in every batch, and the last of {n} rows by {batch_size} has one: use "
            f"another batch_size than {batch_size}"
        )
    return next(size for size in range(batch_size + 1, n + 1) if n % size != 1)


def _threads(recipe: Recipe) -> int:
    return kernels.default_threads() if recipe.threads is None else check_count("threads", recipe.threads)


def _penalty(recipe: Recipe) -> Penalty:
    match recipe.penalty:
        case "elastic_net":
            return penalties.get("elastic_net", beta=recipe.beta)
        case "max_norm":
            return penalties.get("max_norm", radius=recipe.radius)
        case penalty:
            return penalties.get(penalty)


def _rule(recipe: Recipe) -> StepRule:
    name = default_optimizer(recipe.model) if recipe.optimizer == "auto" else recipe.optimizer
    if name in ("momentum", "nesterov"):
        return optim.get(name, mu=check_number("momentum", recipe.momentum, 0.0))
    return optim.get(name)


def _rate(recipe: Recipe, rule: StepRule, objective: Trainable, batch_size: int) -> float:
    lr = rule.lr if recipe.lr == "auto" else recipe.lr
    if lr is None and isinstance(objective, CompiledLinear):
        lr = automatic.curvature_rate(objective, rule, batch_size)
    elif lr is None:
        lr = automatic.network_rate(rule)
    return check_number("lr", lr, 0.0, above=True)
