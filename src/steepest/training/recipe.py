"""From the words of a user to an objective, a plan and a starting state.

Every "auto" is resolved here, once, for every front door.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.kernels.types import AnyRows, Labels
from steepest.losses import Loss
from steepest.nn import Activation
from steepest.nn.initialization import Initialization
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.nn.sequential import Sequential
from steepest.objective.compiled import CompiledLinear
from steepest.objective.network import NetworkObjective
from steepest.optim import StepRule, schedules
from steepest.penalties import Penalty
from steepest.training import automatic, choices
from steepest.training.automatic import check_count, mean_one
from steepest.training.loop import Trainable
from steepest.training.network import Network
from steepest.training.plan import Fitted, Plan, State
from steepest.training.rate import with_rate

__all__ = ["Recipe", "formula", "prepare"]


@dataclass(frozen=True)
class Recipe:
    """How to train a classifier; the defaults work unattended.

    Attributes
    ----------
    loss, smoothing : str or Loss; float
        L_i, and the label smoothing of "softmax".
    penalty, alpha : str, Penalty or None; float
        R and its strength.
    beta, radius : float
        Parameters of `elastic_net` and `max_norm`.
    optimizer, momentum : str or StepRule; float
        Step rule, and its momentum; auto is momentum for linear classifiers and adam for networks.
    clip_norm, clip_value : float or None
        Bounds on every gradient; see `steepest.optim.Clip`.
    lr : float or "auto"
        Peak learning rate; auto takes it from the curvature of the objective, for networks from a range test.
    schedule : str, Schedule or Plateau
        Its course.
    warm_up : float
        The share of the run in which it rises first.
    batch_size, epochs : int or "auto"
        auto: at most 256 rows, and as many epochs as give some thousand steps.
    scaling : "auto", "unit", "standard" or None
        What happens to the features first.
    precision : "float32" or "bf16"
        Of what the products of a network's native program multiply.
    seed : int
        Keys every random choice.
    threads : int or None
        None uses the processors that this process may use.
    model : "linear", "mlp" or Sequential
        f. A linear classifier whose steps have no program of their own is trained as a network of one layer.
    hidden, activation, dropout, norm, init
        Of the "mlp"; see `steepest.nn.MLP`.
    patience : int or None
        Epochs to wait for a lower validation loss, where there is a validation set.
    """

    loss: str | Loss = "softmax"
    smoothing: float = 0.0
    penalty: str | Penalty | None = "l2"
    alpha: float = 1e-4
    beta: float = 1.0
    radius: float = 1.0
    optimizer: str | StepRule = "auto"
    momentum: float = 0.9
    clip_norm: float | None = None
    clip_value: float | None = None
    lr: float | Literal["auto"] = "auto"
    schedule: str | schedules.Schedule | schedules.Plateau = "cosine"
    warm_up: float = 0.0
    batch_size: int | Literal["auto"] = "auto"
    epochs: int | Literal["auto"] = "auto"
    scaling: str | None = "auto"
    precision: str = "float32"
    seed: int = 0
    threads: int | None = None
    model: str | Sequential = "linear"
    hidden: Sequence[int] = (128,)
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
    rule, clip = choices.rule(recipe), choices.clip(recipe)
    model = choices.model(recipe, rule, X.shape[1], n_classes)
    course = schedules.course(recipe.schedule, recipe.warm_up)
    patience = None if recipe.patience is None else check_count("patience", recipe.patience)
    scaling = fit_scaling(X, recipe.scaling, weight=weight, threads=choices.threads(recipe))
    objective = formula(recipe, model, X, y, n_classes, scaling, weight)
    batch_size = automatic.batch_size(recipe.batch_size, len(X))
    if model is not None and len(X) % batch_size == 1 and choices.has_batch_norm(model.layers):
        batch_size = choices.without_single_row(recipe, batch_size, len(X))
    epochs = automatic.epochs(recipe.epochs, -(-len(X) // batch_size))
    start: Fitted = Linear.zeros(n_classes, scaling) if model is None else Network.start(model, scaling, recipe.seed)
    if isinstance(objective, NetworkObjective):
        objective.project(dict(start.parameters))
    plan = Plan(
        rule, course.schedule, math.nan, batch_size, epochs, recipe.seed, patience, plateau=course.plateau, clip=clip
    )
    state = State.start(start, rule)
    return objective, with_rate(plan, recipe.lr, objective, state), state


def formula(
    recipe: Recipe, model: Sequential | None, X: AnyRows, y: Labels, n_classes: int, scaling: Scaling,
    weight: NDArray[Any] | None,
) -> Trainable:  # fmt: skip
    """Return L(W) of a model on this data; None is the linear classifier."""
    loss, penalty, threads = choices.loss(recipe), choices.penalty(recipe), choices.threads(recipe)
    alpha, weights = automatic.check_number("alpha", recipe.alpha, 0.0), mean_one(weight, len(X))
    if model is None:
        if choices.precision(recipe) != "float32":
            raise InputError(f"precision={recipe.precision!r} is for networks, and a linear classifier is none")
        return CompiledLinear(X, y, n_classes, loss, penalty, alpha, scaling, weights, threads)
    return NetworkObjective(model, X, y, loss, penalty, alpha, scaling, weights, threads, choices.precision(recipe))
