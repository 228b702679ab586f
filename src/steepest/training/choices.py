"""From each word of a recipe to what it names: the loss, the penalty, the step rule, the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steepest import losses, optim, penalties
from steepest.data.describing import readable_bytes
from steepest.data.limits import memory_size
from steepest.errors import InputError, near
from steepest.kernels import dispatch as kernels
from steepest.losses import Loss
from steepest.nn import MLP, BatchNorm, Residual
from steepest.nn import Linear as LinearLayer
from steepest.nn.base import Layer
from steepest.nn.sequential import Sequential
from steepest.optim import SGD, Clip, Momentum, Nesterov, StepRule
from steepest.penalties import Penalty
from steepest.training.automatic import check_count, check_number

if TYPE_CHECKING:
    from steepest.training.recipe import Recipe

__all__ = [
    "DESCENDING",
    "clip",
    "default_optimizer",
    "has_batch_norm",
    "loss",
    "model",
    "penalty",
    "precision",
    "rule",
    "threads",
    "without_single_row",
]

DESCENDING = ("linear", "mlp")
"""Models that have a name and are trained by descent."""

PRECISIONS = ("float32", "bf16")
"""What products may multiply."""


def default_optimizer(model: str | Sequential) -> str:
    """Name the step rule that "auto" stands for."""
    return "momentum" if model == "linear" else "adam"


def threads(recipe: Recipe) -> int:
    """Return the number of threads."""
    return kernels.default_threads() if recipe.threads is None else check_count("threads", recipe.threads)


def loss(recipe: Recipe) -> Loss:
    """Return L_i."""
    if not recipe.smoothing:
        return losses.get(recipe.loss)
    if recipe.loss != "softmax":
        raise InputError(
            f"smoothing={recipe.smoothing!r} is a parameter of the softmax loss, and the loss is {recipe.loss!r}: use "
            "loss='softmax', or no smoothing"
        )
    return losses.get("softmax", smoothing=check_number("smoothing", recipe.smoothing, 0.0))


def penalty(recipe: Recipe) -> Penalty:
    """Return R."""
    match recipe.penalty:
        case "elastic_net":
            return penalties.get("elastic_net", beta=recipe.beta)
        case "max_norm":
            return penalties.get("max_norm", radius=recipe.radius)
        case penalty:
            return penalties.get(penalty)


def precision(recipe: Recipe) -> str:
    """Return what the products multiply."""
    if recipe.precision not in PRECISIONS:
        raise InputError(f"there is no precision {recipe.precision!r}: {near(recipe.precision, PRECISIONS)}")
    return recipe.precision


def rule(recipe: Recipe) -> StepRule:
    """Return the step rule."""
    name = default_optimizer(recipe.model) if recipe.optimizer == "auto" else recipe.optimizer
    if name in ("momentum", "nesterov"):
        return optim.get(name, mu=check_number("momentum", recipe.momentum, 0.0))
    return optim.get(name)


def clip(recipe: Recipe) -> Clip | None:
    """Return what happens to gradients, None where nothing does."""
    if recipe.clip_norm is None and recipe.clip_value is None:
        return None
    return Clip(recipe.clip_norm, recipe.clip_value)


def model(recipe: Recipe, rule: StepRule, D: int, C: int) -> Sequential | None:
    """Return the model for D features and C classes; None for a linear classifier, which has a program of its own."""
    match recipe.model:
        case Sequential() as given:
            made = given.output_shape(D)
            if made != (C,):
                raise InputError(f"the model makes scores of shape {made}, and the data have {C} classes")
            found = given
        case "linear":
            native = isinstance(rule, SGD | Momentum | Nesterov) and clip(recipe) is None
            if native:
                return None
            found = Sequential(LinearLayer(D, C), init="zeros")
        case "mlp":
            if not isinstance(recipe.hidden, Sequence):
                raise InputError(f"hidden={recipe.hidden!r} must be the neurons of each hidden layer, as in (128,)")
            found = MLP(
                [D, *recipe.hidden, C], recipe.activation, init=recipe.init, dropout=recipe.dropout, norm=recipe.norm
            )
        case _:
            raise InputError(f"there is no model {recipe.model!r}: {near(recipe.model, DESCENDING)}")
    _require_memory(found, rule)
    return found


def _require_memory(model: Sequential, rule: StepRule) -> None:
    """Raise an InputError unless weights, gradient and the memory of the step rule fit into this machine."""
    count = _weights(model.layers)
    arrays = 2 + sum(what != "count" for what in rule.init({}))
    if 4 * count * arrays > memory_size():
        raise InputError(
            f"the model has {count:,} weights, which with their gradients and the memory of {rule.name} take "
            f"{readable_bytes(4 * count * arrays)}, and there are {readable_bytes(memory_size())} of memory: "
            "use fewer neurons"
        )


def _weights(layers: tuple[Layer, ...]) -> int:
    count = 0
    for layer in layers:
        match layer:
            case LinearLayer():
                count += layer.inputs * layer.outputs
            case Residual():
                count += _weights(layer.layers)
    return count


def has_batch_norm(layers: tuple[Layer, ...]) -> bool:
    """Say whether there is a batch norm among the layers."""
    return any(
        isinstance(layer, BatchNorm) or (isinstance(layer, Residual) and has_batch_norm(layer.layers))
        for layer in layers
    )


def without_single_row(recipe: Recipe, batch_size: int, n: int) -> int:
    """Return a batch size that leaves no batch of one row, which would have no variance."""
    if n < 2 or recipe.batch_size != "auto":
        raise InputError(
            f"batch norm needs two rows or more in every batch, and the last of {n} rows by {batch_size} has one: use "
            f"another batch_size than {batch_size}"
        )
    return next(size for size in range(batch_size + 1, n + 1) if n % size != 1)
