"""A convex objective as the solvers see it: one array of parameters, centred features, and what proofs need to know."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest import losses, penalties
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, F64, Order
from steepest.losses.duals import Dual, dual
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear

__all__ = ["Point", "Problem"]


@dataclass(frozen=True)
class Point:
    """L(W) and its gradient at Z (D + 1, C), the weights of the centred features with the biases as the last row.

    `passes` are the looks at all rows until then.
    """

    Z: F64
    value: float
    gradient: F64
    passes: float = 0.0


class Problem:
    """L(W) = mean loss + alpha |W|^2 of a linear classifier with a free bias; `passes` counts looks at all rows.

    Centring changes no optimum, for the bias is free, and sets the bias apart from the weights.

    Parameters
    ----------
    objective : CompiledLinear
        With the penalty "l2", or none.

    Raises
    ------
    InputError
        If it has another penalty, or a loss whose other side is not known.
    """

    def __init__(self, objective: CompiledLinear) -> None:
        if not isinstance(objective.penalty, penalties.L2 | penalties.NoPenalty):
            raise InputError(f"this solver needs the penalty 'l2', not {objective.penalty!r}")
        other = dual(objective.loss)
        if other is None:
            raise InputError(f"this solver does not know the loss {objective.loss!r}: {', '.join(KNOWN)}")
        self.dual: Dual = other
        self.given = objective
        self.alpha = 0.0 if isinstance(objective.penalty, penalties.NoPenalty) else float(objective.alpha)
        self.passes = 0.0
        self.weight: F32 = np.ones(len(objective), np.float32) if objective.weight is None else objective.weight
        self.centred, self.spread = self._centre()
        self.dense = self._rows(slice(None)) if objective.X.size <= SMALL else None

    def __len__(self) -> int:
        return len(self.given)

    @property
    def shape(self) -> tuple[int, int]:
        """D + 1 and C."""
        return self.given.X.shape[1] + 1, self.given.n_classes

    def with_loss(self, loss: losses.Loss, passes: float) -> Problem:
        """Return the same problem with another loss, after so many passes."""
        twin, other = copy(self), dual(loss)
        assert other is not None
        twin.given, twin.centred = replace(self.given, loss=loss), replace(self.centred, loss=loss)
        twin.dual, twin.passes = other, passes
        return twin

    def evaluate(self, Z: F64) -> Point:
        """Look at all rows: small data in float64, all else in the native sweep."""
        self.passes += 1
        if self.dense is not None:
            return self._evaluate_dense(Z, self.dense)
        value, gradient = self.centred.value_and_gradient(_parameters(Z))
        return Point(Z, value, np.vstack([gradient["W"], gradient["b"]]).astype(np.float64), self.passes)

    def scores(self, Z: F64, rows: Order) -> NDArray[np.floating[Any]]:
        """Scores (n, C) of these rows."""
        if self.dense is not None:
            self.passes += len(rows) / (2 * len(self))
            return np.asarray(self.dense[rows] @ Z[:-1] + Z[-1])
        at = _parameters(Z)
        self.passes += len(rows) / (2 * len(self))
        return Linear(at["W"], at["b"], self.centred.scaling).scores(self.given.X, rows, threads=self.given.threads)

    def _centre(self) -> tuple[CompiledLinear, float]:
        """Move the shift to the weighted mean; and the mean of w_i |x_i|^2."""
        L, scaling = self.given, self.given.scaling
        mean, variance = np.empty(L.X.shape[1]), np.empty(L.X.shape[1])
        self.passes += 0.5
        if L.weight is None:
            kernels.moments(L.X, None, mean, variance, threads=L.threads)
            return replace(L, scaling=Scaling(mean, scaling.scale)), float(variance @ scaling.scale**2)
        sums, spread = np.empty((1, len(mean))), 0.0
        kernels.cross(L.X, np.zeros_like(L.y), None, L.weight, *scaling, sums, threads=L.threads)
        at = Scaling(scaling.shift + sums[0] / len(L) / scaling.scale, scaling.scale)
        step = max(1, 2**20 // max(1, len(mean)))
        for first in range(0, len(L), step):
            rows = slice(first, first + step)
            spread += float(L.weight[rows] @ (((L.X[rows] - at.shift) * at.scale) ** 2).sum(axis=1))
        return replace(L, scaling=at), spread / len(L)

    def _rows(self, rows: slice) -> F64:
        at = self.centred.scaling
        return np.asarray((self.given.X[rows] - at.shift) * at.scale, np.float64)

    def _evaluate_dense(self, Z: F64, X: F64) -> Point:
        W, L, y = Z[:-1], self.given.loss, self.given.y
        S = X @ W + Z[-1]
        P = L.gradient(S, y) * (self.weight / len(self))[:, np.newaxis]
        value = float(self.weight @ L(S, y)) / len(self) + self.alpha * float(np.vdot(W, W))
        return Point(Z, value, np.vstack([X.T @ P + 2 * self.alpha * W, P.sum(axis=0)]), self.passes)

    def start(self, at: Parameters | None = None) -> F64:
        """W = 0, or these W and b of the features as the objective scales them."""
        if at is None:
            return np.zeros(self.shape)
        W = np.asarray(at["W"], np.float64)
        if W.shape != (self.shape[0] - 1, self.shape[1]):
            raise InputError(
                f"start: W of shape {W.shape}, not of {self.shape[0] - 1} features, {self.shape[1]} classes"
            )
        return np.vstack([W, np.asarray(at["b"], np.float64) + self._moved @ W])

    def parameters(self, Z: F64) -> Parameters:
        """W and b of the features as the objective scales them."""
        return _parameters(np.vstack([Z[:-1], Z[-1] - self._moved @ Z[:-1]]))

    @property
    def _moved(self) -> F64:
        return (self.centred.scaling.shift - self.given.scaling.shift) * self.given.scaling.scale


SMALL = 2**21
"""Numbers in X up to which a copy of it in float64 is made."""
KNOWN = ("softmax", "squared_hinge", "logistic", "ova_squared_hinge", "hinge", "ova_hinge")


def _parameters(Z: NDArray[np.float64]) -> dict[str, F32]:
    return {"W": np.asarray(Z[:-1], np.float32, order="F"), "b": Z[-1].astype(np.float32)}
