"""The formula on the computational graph: any model, any loss, any penalty; the reference for all that is faster."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steepest import losses, penalties
from steepest.autodiff.derivatives import value_and_grad
from steepest.autodiff.graph import raw
from steepest.autodiff.trees import transform
from steepest.errors import InputError
from steepest.kernels.types import AnyRows, Labels, Order
from steepest.losses import Loss
from steepest.objective.base import Parameters
from steepest.penalties import Penalty

__all__ = ["GraphObjective"]


@dataclass(frozen=True, eq=False)
class GraphObjective:
    """L(W) = 1/N sum_i w_i L_i(f(x_i, W), y_i) + alpha sum_k R(W_k), evaluated in float64 on the graph.

    Attributes
    ----------
    model : function
        f: ``model(parameters, X)`` returns the scores, (N, C) for the losses of steepest. It is written with operators
        and ops, so that it works on tensors.
    X : array (N, ...)
        The examples.
    y : array (N,)
        Class indices.
    loss : str, Loss or function
        L_i: ``loss(scores, y)`` returns the loss of each example, (N,).
    penalty : str, Penalty, function or None
        R: ``penalty(W)`` returns one number.
    alpha : float
        The strength of the penalty.
    weight : array (N,) or None
        Weight w_i of each example, of mean 1.
    penalized : names or None
        The parameters W_k that R acts on; by default those of two axes or more: weights, and not biases.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.objective.graph import GraphObjective
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([0, 2])
    >>> L = GraphObjective(lambda p, X: X @ p["W"] + p["b"], X, y, loss="softmax", penalty="l2", alpha=0.5)
    >>> zero = {"W": np.zeros((2, 3)), "b": np.zeros(3)}
    >>> round(L.value(zero), 2)  # log 3
    1.1
    >>> L.value_and_gradient(zero)[1]["b"].round(3)
    array([-0.167,  0.333, -0.167])
    """

    model: Callable[[Any, Any], Any]
    X: AnyRows
    y: Labels
    loss: str | Loss | Callable[[Any, Any], Any] = "softmax"
    penalty: str | Penalty | Callable[[Any], Any] | None = None
    alpha: float = 0.0
    weight: NDArray[Any] | None = None
    penalized: Collection[str] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.loss, str):
            object.__setattr__(self, "loss", losses.get(self.loss))
        if self.penalty is None or isinstance(self.penalty, str):
            object.__setattr__(self, "penalty", penalties.get(self.penalty))
        if len(self.X) == 0:
            raise InputError("an objective needs at least one example, and X has no rows")
        for name, array in (("y", self.y), ("weight", self.X if self.weight is None else self.weight)):
            if len(array) != len(self.X):
                raise InputError(
                    f"{name} must have one entry for each of the {len(self.X)} rows of X, not {len(array)}"
                )

    def __len__(self) -> int:
        return len(self.X)

    def value(self, at: Parameters, rows: Order | None = None) -> float:
        """L(W)."""
        return float(self.formula(_in_float64(at), rows))

    def value_and_gradient(self, at: Parameters, rows: Order | None = None) -> tuple[float, Parameters]:
        """L(W) and dL/dW, in the form of the parameters."""
        value, gradient = value_and_grad(self.formula)(_in_float64(at), rows)
        return float(value), gradient

    def data_term(self) -> GraphObjective:
        """Return the objective without its penalty."""
        return replace(self, alpha=0.0)

    def formula(self, at: Any, rows: Order | None = None) -> Any:
        """L(W) as it is written: of tensors the graph, to be drawn or differentiated; of arrays the number."""
        X, y = (self.X, self.y) if rows is None else (self.X[rows], self.y[rows])
        each: Any = cast(Loss, self.loss)(self.model(at, X), y)
        if np.shape(raw(each)) != (len(y),):
            raise InputError(
                f"the loss must be one number for each of the {len(y)} examples, and has shape {np.shape(raw(each))}"
            )
        if self.weight is not None:
            each = each * (self.weight if rows is None else self.weight[rows])
        total = each.mean()
        for W in self._weights(at) if self.alpha else ():
            total = total + self.alpha * cast(Penalty, self.penalty)(W)
        return total

    def _weights(self, at: Any) -> list[Any]:
        names = [name for name, W in at.items() if W.ndim > 1] if self.penalized is None else self.penalized
        unknown = [name for name in names if name not in at]
        if unknown:
            raise InputError(f"there is no parameter {unknown[0]!r} to penalize: the model has {', '.join(at)}")
        return [at[name] for name in names]


def _in_float64(at: Any) -> Any:
    return transform(lambda part: np.asarray(raw(part), np.float64), at)
