"""The formula as one native program: L(W) of a linear classifier, rows read in place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steepest import penalties
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, AnyRows, Formula, Labels, Order, Tally
from steepest.losses import Loss
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.objective.base import Parameters
from steepest.objective.lowering import native_loss
from steepest.optim import SGD, Momentum, Nesterov, StepRule
from steepest.penalties import Penalty

__all__ = ["CompiledLinear", "mu_of"]


@dataclass(frozen=True, eq=False)
class CompiledLinear:
    """L(W) = 1/N sum_i w_i L_i(W' x_i + b, y_i) + alpha R(W), the mean of the weights w being 1.

    Attributes
    ----------
    X : array (N, D)
        uint8, float16, float32 or float64; it is never copied.
    y : int64 array (N,)
        Class indices.
    n_classes : int
        C.
    loss, penalty, alpha
        L_i, R and the strength of R.
    scaling : Scaling
        What happens to the features first.
    weight : float32 array (N,) or None
        Weight of each example, of mean 1.
    threads : int
        Threads for each sweep; they never change a result.
    """

    X: AnyRows
    y: Labels
    n_classes: int
    loss: Loss
    penalty: Penalty
    alpha: float
    scaling: Scaling
    weight: F32 | None = None
    threads: int = 1

    def __len__(self) -> int:
        return len(self.X)

    def value(self, at: Parameters, rows: Order | None = None) -> float:
        """L(W), a number, at the parameters W (D, C) and b (C,), taken in float32."""
        return self.evaluate(at, rows)[0]

    def evaluate(self, at: Parameters, rows: Order | None = None) -> tuple[float, float]:
        """L(W) and the share of the rows that are classified right."""
        value, accuracy, _, _ = self._sweep(at, rows)
        return value, accuracy

    def value_and_gradient(self, at: Parameters, rows: Order | None = None) -> tuple[float, Parameters]:
        """L(W), and dL/dW (D, C) and dL/db (C,) in float32."""
        value, _, dW, db = self._sweep(at, rows)
        return value, {"W": dW, "b": db}

    def data_term(self) -> CompiledLinear:
        """Return the objective without its penalty."""
        return replace(self, alpha=0.0, penalty=penalties.none)

    def descend(self, model: Linear, velocity: Linear, rule: StepRule, order: Order, batch_size: int, lr: F32) -> Tally:
        """Step once for every `batch_size` rows of `order`, step i at the rate `lr[i]`.

        The model and the velocity move in place. Returns the sum of the rows' losses (each at the weights that its
        batch met) and how many were classified right.
        """
        l2, l1, radius = self._coefficients()
        return kernels.descend(
            self.X, self.y, order, self.weight, *self.scaling, model.W.T, model.b, velocity.W.T, velocity.b, lr,
            loss=self._formula(), batch_size=batch_size, momentum=mu_of(rule), nesterov=isinstance(rule, Nesterov),
            l2=l2, l1=l1, radius=radius, threads=self.threads,
        )  # fmt: skip

    def _sweep(self, at: Parameters, rows: Order | None) -> tuple[float, float, F32, F32]:
        count = len(self) if rows is None else len(rows)
        W, b = np.asarray(at["W"], np.float32), np.ascontiguousarray(at["b"], np.float32)
        dW, db = np.zeros((self.n_classes, self.X.shape[1]), np.float32), np.zeros(self.n_classes, np.float32)
        total, correct = kernels.gradient(
            self.X, self.y, rows, self.weight, *self.scaling, np.ascontiguousarray(W.T), b, dW, db,
            loss=self._formula(), threads=self.threads,
        )  # fmt: skip
        dW, db = dW.T / np.float32(count), db / np.float32(count)
        if self.alpha:
            dW += np.float32(self.alpha) * self.penalty.gradient(W)
        price = self.alpha * self.penalty(W) if self.alpha else 0.0
        return total / count + price, correct / count, dW, db

    def _formula(self) -> Formula:
        native = native_loss(self.loss)
        return Formula(self.loss, self.loss.gradient, *(native or (None, 0.0)))

    def _coefficients(self) -> tuple[float, float, float]:
        """Return l2, l1 and the norm's limit (0: none), where alpha R = l2 sum W^2 + l1 sum |W|."""
        match self.penalty:
            case penalties.L2():
                return self.alpha, 0.0, 0.0
            case penalties.L1():
                return 0.0, self.alpha, 0.0
            case penalties.ElasticNet(beta=beta):
                return self.alpha * beta, self.alpha, 0.0
            case penalties.MaxNorm(radius=radius):
                return 0.0, 0.0, radius
            case penalties.NoPenalty():
                return 0.0, 0.0, 0.0
        raise InputError(f"the native program has no penalty {self.penalty!r}: use one of {', '.join(penalties.NAMES)}")


def mu_of(rule: StepRule) -> float:
    """Momentum of a step rule that the native program knows.

    Raises InputError for a rule that it does not know.
    """
    match rule:
        case Momentum(mu=mu) | Nesterov(mu=mu):
            return mu
        case SGD():
            return 0.0
    raise InputError(f"the native program has no step rule {rule!r}: use sgd, momentum or nesterov")
