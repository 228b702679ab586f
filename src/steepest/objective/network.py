"""The formula of a network: one native program where there is one for it, else the graph, with the same results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from steepest.autodiff.derivatives import value_and_grad
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, AnyRows, Labels, NetworkStage, Order, StageNorm, Tally
from steepest.losses import Loss
from steepest.nn.base import Mode
from steepest.nn.chain import naming
from steepest.nn.layers.batch_norm import BatchNorm, statistics
from steepest.nn.layers.standardize import Standardize
from steepest.nn.scaling import Scaling
from steepest.nn.sequential import Sequential
from steepest.objective.base import Parameters
from steepest.objective.lowering import NotLowered, Stage, coefficients, lower, native_loss
from steepest.optim import SGD, Adagrad, Adam, AdamW, Clip, Momentum, Nesterov, RMSProp, StepRule
from steepest.optim.base import State
from steepest.penalties import MaxNorm, Penalty

__all__ = ["NetworkObjective"]

NATIVE_RULES = (SGD, Momentum, Nesterov, Adagrad, RMSProp, Adam, AdamW)
"""Step rules that the native program knows."""

EVALUATED = 4096
"""Rows at a time where there is no native program."""

_Taken: TypeAlias = Callable[[Parameters, Order, Mode], tuple[Tally, Parameters]]
"""Sum of the losses of some rows, number classified right, and dL/dW."""


@dataclass(frozen=True, eq=False)
class NetworkObjective:
    """L(W) = 1/N sum_i w_i L_i(f(x_i, W), y_i) + alpha sum_k R(W_k), in float32; biases are not penalized.

    Attributes
    ----------
    model : Sequential
        f, of the scaled features.
    X : array (N, D)
        uint8, float16, float32 or float64; it is never copied.
    y : int64 array (N,)
        Class indices.
    loss, penalty, alpha
        L_i, R and the strength of R.
    scaling : Scaling
        What happens to the features first.
    weight : float32 array (N,) or None
        Weight of each example, of mean 1.
    threads : int
        They never change a result.
    precision : "float32" or "bf16"
        Of what the products of the native program multiply while it descends. Their sums, and everything else, are
        float32.
    """

    model: Sequential
    X: AnyRows
    y: Labels
    loss: Loss
    penalty: Penalty
    alpha: float
    scaling: Scaling
    weight: F32 | None = None
    threads: int = 1
    precision: str = "float32"

    def __len__(self) -> int:
        return len(self.X)

    @cached_property
    def _lowered(self) -> list[Stage] | str:
        try:
            return lower(self.model, self.loss, self.penalty)
        except NotLowered as reason:
            return str(reason)

    @property
    def on_graph_because(self) -> str | None:
        """Why this runs on the graph, in a few words; None where it is a native program."""
        return self._lowered if isinstance(self._lowered, str) else None

    def in_steps_because(self, rule: StepRule, clip: Clip | None = None) -> str | None:
        """Why a training is no native program but steps one by one, in a few words; None where it is one."""
        if self.on_graph_because is not None:
            return self.on_graph_because
        if type(rule) not in NATIVE_RULES:
            return f"the step rule {rule!r} is not native"
        if clip is not None:
            return "clipping is not native in networks"
        return "max norm is not native in networks" if isinstance(self.penalty, MaxNorm) else None

    @property
    def _native_loss(self) -> tuple[str, float]:
        found = native_loss(self.loss)
        assert found is not None
        return found

    @property
    def _differs_in_training(self) -> bool:
        """Whether the gradient of a step is another than that of evaluation, which alone is native."""
        return isinstance(self._lowered, str) or any(
            stage.keep < 1 or isinstance(stage.norm, BatchNorm) or (stage.skip is not None and stage.skip.keep < 1)
            for stage in self._lowered
        )

    @property
    def n_classes(self) -> int:
        """C, the number of scores."""
        return self.model.output_shape(self.X.shape[1])[0]

    def data_term(self) -> NetworkObjective:
        """Return the objective without its penalty."""
        return replace(self, alpha=0.0)

    def scores(self, at: Parameters, rows: Order | None = None) -> F32:
        """Scores (n, C) of all rows, or of those named."""
        if not isinstance(self._lowered, str):
            out = np.empty((len(self) if rows is None else len(rows), self.n_classes), np.float32)
            layers = [_stage(stage, at, {}) for stage in self._lowered]
            kernels.network_scores(self.X, rows, *self.scaling, layers, out, threads=self.threads)
            return out
        index = np.arange(len(self)) if rows is None else rows
        parts = [self.model(at, self._scaled(index[i : i + EVALUATED])) for i in range(0, len(index), EVALUATED)]
        return np.concatenate(parts) if parts else np.empty((0, self.n_classes), np.float32)

    def value(self, at: Parameters, rows: Order | None = None) -> float:
        """L(W)."""
        return self.evaluate(at, rows)[0]

    def evaluate(self, at: Parameters, rows: Order | None = None) -> tuple[float, float]:
        """L(W) and the share of the rows that are classified right."""
        scores, y = self.scores(at, rows), self.y if rows is None else self.y[rows]
        each = self.loss(scores, y).astype(np.float64)
        if self.weight is not None:
            each *= self.weight if rows is None else self.weight[rows]
        return float(each.mean()) + self._price(at), float((scores.argmax(axis=1) == y).mean())

    def value_and_gradient(self, at: Parameters, rows: Order | None = None) -> tuple[float, Parameters]:
        """L(W) and dL/dW, float32 arrays by the names of the parameters."""
        if isinstance(self._lowered, str):
            index = np.arange(len(self)) if rows is None else rows
            value, gradient = value_and_grad(self._batch)(self._trained(at), at, index, Mode())
            return float(value), gradient
        (total, _), gradient = self._native_gradient(at, rows)
        return total / (len(self) if rows is None else len(rows)) + self._price(at), gradient

    def descend(
        self, at: Parameters, memory: State, rule: StepRule, order: Order, batch_size: int, lr: F32, *,
        seed: int = 0, first_step: int = 0, clip: Clip | None = None, most: float = np.inf,
    ) -> Tally:  # fmt: skip
        """Step once for every `batch_size` rows of `order`, step i at the rate `lr[i]`; all arrays move in place.

        Parameters
        ----------
        at : dict of float32 arrays
            The parameters, and the statistics of layers that have some.
        memory : dict of dicts of arrays
            The state of the step rule, as its ``init`` made it.
        rule, order, batch_size, lr
            What to do.
        seed, first_step : int
            Masks depend on the seed and on the number of the step, which counts from `first_step`.
        clip : Clip or None
            What happens to every gradient first.
        most : float
            Where the native program finds that the losses add up to more, or a parameter no longer finite, it leaves
            all arrays as they were, and the loss is infinite.

        Returns
        -------
        (float, int)
            The sum of the rows' losses, each at the parameters that its batch met, and how many were classified right.
        """
        because = self.in_steps_because(rule, clip)
        if because is not None and self.precision != "float32":
            raise InputError(f"precision={self.precision!r} needs the native program, and {because}")
        if because is not None:
            take = self._tallied if self._differs_in_training else self._tallied_natively
            return self._step_by_step(take, at, memory, rule, order, batch_size, lr, seed, first_step, clip)
        assert not isinstance(self._lowered, str)
        alone = batch_size == 1 or len(order) % batch_size == 1
        if alone and any(isinstance(stage.norm, BatchNorm) for stage in self._lowered):
            raise InputError("a batch of 1 rows has no variance: train with batches, the last too, of at least two")
        loss, smoothing = self._native_loss
        layers = [_stage(stage, at, memory) for stage in self._lowered]
        l2, l1 = coefficients(self.penalty, self.alpha)
        tally = kernels.network_descend(
            self.X, self.y, order, self.weight, *self.scaling, layers, lr, loss=loss, smoothing=smoothing,
            batch_size=batch_size, rule=rule.name, constants=_constants(rule), l2=l2, l1=l1, seed=seed,
            first_step=first_step, precision=self.precision, most=most, threads=self.threads,
        )  # fmt: skip
        if "count" in memory:
            memory["count"]["t"][...] += len(lr)
        return tally

    def project(self, at: Parameters) -> None:
        """Put the weights back within the bounds of the penalty, in place."""
        for name, W in self._trained(at).items():
            if W.ndim > 1 and (allowed := self.penalty.project(W)) is not W:
                at[name][...] = allowed

    def _descend_on_graph(
        self, at: Parameters, memory: State, rule: StepRule, order: Order, batch_size: int, lr: F32, *,
        seed: int, first_step: int, clip: Clip | None = None,
    ) -> Tally:  # fmt: skip
        return self._step_by_step(self._tallied, at, memory, rule, order, batch_size, lr, seed, first_step, clip)

    def _step_by_step(
        self, take: _Taken, at: Parameters, memory: State, rule: StepRule, order: Order, batch_size: int, lr: F32,
        seed: int, first_step: int, clip: Clip | None,
    ) -> Tally:  # fmt: skip
        total, correct = 0.0, 0
        for step, rate in enumerate(lr):
            rows = order[step * batch_size : (step + 1) * batch_size]
            seen: dict[str, Any] = {}
            mode = Mode(training=True, seed=seed, step=first_step + step, collect=seen)
            trained = self._trained(at)
            (value, right), gradient = take(at, rows, mode)
            update, after = rule.step(gradient if clip is None else clip(gradient), memory, float(rate), trained)
            for name, part in update.items():
                at[name] += part
            self.project(at)
            for name, part in seen.items():
                at[name][...] = part
            for what, parts in after.items():
                for name, part in parts.items():
                    memory[what][name][...] = part
            total, correct = total + value, correct + right
        return total, correct

    def _tallied_natively(self, at: Parameters, rows: Order, mode: Mode) -> tuple[Tally, Parameters]:
        return self._native_gradient(at, rows)

    def _native_gradient(self, at: Parameters, rows: Order | None) -> tuple[Tally, Parameters]:
        """Return the sum of the losses, the number classified right, and dL/dW, by the native program."""
        assert not isinstance(self._lowered, str)
        gradient = {name: np.zeros_like(part, np.float32) for name, part in at.items()}
        layers = [_stage(stage, at, {"gradient": gradient}) for stage in self._lowered]
        loss, smoothing = self._native_loss
        tally = kernels.network_gradient(
            self.X, self.y, rows, self.weight, *self.scaling, layers, loss=loss, smoothing=smoothing,
            threads=self.threads,
        )  # fmt: skip
        count = np.float32(len(self) if rows is None else len(rows))
        for name, part in gradient.items():
            part /= count
            if self.alpha and part.ndim > 1:
                part += np.float32(self.alpha) * self.penalty.gradient(np.asarray(at[name], np.float32))
        return tally, gradient

    def _tallied(self, at: Parameters, rows: Order, mode: Mode) -> tuple[Tally, Parameters]:
        """Return the sum of the batch's losses, the number classified right, and dL/dW, on the graph."""
        said: dict[str, Any] = {}
        _, gradient = value_and_grad(self._batch)(self._trained(at), at, rows, mode, said)
        return (
            float(said["losses"].sum(dtype=np.float64)),
            int((said["scores"].argmax(axis=1) == self.y[rows]).sum()),
        ), gradient

    def _batch(self, trained: Any, at: Parameters, rows: Order, mode: Mode, said: dict[str, Any] | None = None) -> Any:
        """L(W) of some rows as a formula of the parameters that are trained."""
        scores = self.model({**at, **trained}, self._scaled(rows), mode)
        each = self.loss(scores, self.y[rows])
        if self.weight is not None:
            each = each * self.weight[rows]
        if said is not None:
            said |= {"scores": scores.value, "losses": each.value}
        total = each.mean()
        for W in trained.values():
            if self.alpha and W.ndim > 1:
                total = total + np.float32(self.alpha) * self.penalty(W)
        return total

    def _trained(self, at: Parameters) -> Parameters:
        """Return the parameters without the statistics."""
        statistics = self.model.state(self.X.shape[1])
        return {name: part for name, part in at.items() if name not in statistics}

    def _scaled(self, rows: Order) -> F32:
        return ((self.X[rows] - self.scaling.shift) * self.scaling.scale).astype(np.float32)

    def _price(self, at: Parameters) -> float:
        if not self.alpha:
            return 0.0
        return self.alpha * sum(self.penalty(W) for W in self._trained(at).values() if W.ndim > 1)


def _stage(stage: Stage, at: Parameters, memory: State) -> NetworkStage:
    """Return one stage of the program: views of the arrays, which it moves in place."""
    kept = [parts for what, parts in memory.items() if what != "count"]

    def part(layer: str | None, name: str, there: bool = True) -> tuple[F32 | None, list[F32]]:
        full = f"{layer}.{name}"
        return (at[full], [parts[full] for parts in kept]) if layer and there else (None, [])

    W, memory_W = part(stage.linear, "W")
    b, memory_b = part(stage.linear, "b", stage.bias)
    norm = None
    if isinstance(stage.norm, Standardize):
        norm = StageNorm("fixed", center=stage.norm.shift, factor=stage.norm.scale)
    elif stage.norm is not None:
        (scale, memory_scale), (shift, memory_shift) = part(stage.normed, "scale"), part(stage.normed, "shift")
        norm = StageNorm("layer", scale, shift, memory_scale, memory_shift, eps=stage.norm.eps)
        if isinstance(stage.norm, BatchNorm):
            own = {name: at[full] for name in ("mean", "variance") if (full := f"{stage.normed}.{name}") in at}
            with naming(stage.normed):
                running = statistics(own, at[f"{stage.normed}.scale"].shape)
            norm = norm._replace(kind="batch", momentum=stage.norm.momentum, **running)
    return NetworkStage(
        W, b, memory_W, memory_b, stage.activation, stage.slope, stage.keep, stage.key, norm, stage.skip
    )


def _constants(rule: StepRule) -> tuple[float, float, float, float]:
    """Return the constants of a rule in the order of the native program, padded with zeros."""
    found: list[float] = []
    match rule:
        case Momentum(mu=mu) | Nesterov(mu=mu):
            found = [mu]
        case Adagrad(epsilon=epsilon):
            found = [epsilon]
        case RMSProp(rho=rho, epsilon=epsilon):
            found = [rho, epsilon]
        case AdamW(beta1=beta1, beta2=beta2, epsilon=epsilon, decay=decay):
            found = [beta1, beta2, epsilon, decay]
        case Adam(beta1=beta1, beta2=beta2, epsilon=epsilon):
            found = [beta1, beta2, epsilon]
    a, b, c, d = (found + [0.0] * 4)[:4]
    return float(a), float(b), float(c), float(d)
