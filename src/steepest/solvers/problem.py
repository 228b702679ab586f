"""A convex objective as the solvers see it: one array of parameters, centred features, and what proofs need to know."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest import losses, penalties
from steepest.data.describing import readable_bytes
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import are_sparse
from steepest.kernels.types import F32, F64, Order
from steepest.losses.duals import Dual, dual
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.objective.sparse import ScaledRows
from steepest.solvers.spectrum import free_memory

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

    def penalized(self, more: float) -> Point:
        """Return the same W and b, with alpha larger by so much; nothing has to be looked at."""
        if more == 0:
            return self
        gradient, W = self.gradient.copy(), self.Z[:-1]
        gradient[:-1] += 2 * more * W
        return Point(self.Z, self.value + more * float(np.vdot(W, W)), gradient, self.passes)


class Problem:
    """L(W) = mean loss + alpha |W|^2 of a linear classifier with a free bias; `passes` counts looks at all rows.

    Centring changes no optimum, for the bias is free, and sets the bias apart from the weights. Rows of small data are
    held in float64 and centred; sparse rows stay as they are, and the products with them are centred.

    Parameters
    ----------
    objective : CompiledLinear
        With the penalty "l2", or none.

    Raises
    ------
    InputError
        If it has another penalty, or a loss whose other side is not known; or if the weights are too many for the free
        memory.
    """

    def __init__(self, objective: CompiledLinear) -> None:
        if not isinstance(objective.penalty, penalties.L2 | penalties.NoPenalty):
            raise InputError(f"this solver needs the penalty 'l2', not {objective.penalty!r}")
        other = dual(objective.loss)
        if other is None:
            raise InputError(f"this solver does not know the loss {objective.loss!r}: {', '.join(KNOWN)}")
        self.dual: Dual = other
        self.given = objective
        _require_memory(*self.shape, NEWTON if self.sparse or self.small else QUASI_NEWTON)
        self.alpha = 0.0 if isinstance(objective.penalty, penalties.NoPenalty) else float(objective.alpha)
        self.passes = 0.0
        self.kept: dict[str, NDArray[Any]] = {}
        """What preconditioners made of a sample, for other alphas."""
        self.room = free_memory() // 2
        """Bytes that preconditioners may take; where they are few, plainer ones take more passes."""
        self.weight: F32 = np.ones(len(objective), np.float32) if objective.weight is None else objective.weight
        self.centred, self.squares = self._centre()
        if not (spread := float(self.squares.max(initial=0.0))) < HUGE:
            raise InputError(
                f"a feature varies by {spread**0.5:.1e}, and float32 cannot hold the square of that: use "
                "scaling='standard', or other units"
            )
        self.spread = float(self.squares.sum())
        self.dense = self._at_hand()

    def __len__(self) -> int:
        return len(self.given)

    @property
    def sparse(self) -> bool:
        """Whether the rows are sparse."""
        return are_sparse(self.given.X)

    @property
    def small(self) -> bool:
        """Whether a pass takes no time."""
        X: object = self.given.X
        return (X.nnz if are_sparse(X) else self.given.X.size) <= SMALL

    @property
    def grams(self) -> bool:
        """Whether Gram matrices of the features are made: not of too many, of sparse rows only where that is cheap."""
        X: object = self.given.X
        D = self.given.X.shape[1]
        return D <= MOST_FEATURES and self.room >= 4 * 8 * D**2 and (not are_sparse(X) or CHEAP * X.nnz >= D**3)

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

    def with_alpha(self, alpha: float, passes: float = 0.0) -> Problem:
        """Return the same problem with a penalty of another strength, after so many passes."""
        twin = copy(self)
        twin.given, twin.centred = replace(self.given, alpha=alpha), replace(self.centred, alpha=alpha)
        twin.alpha, twin.passes = alpha, passes
        return twin

    def evaluate(self, Z: F64) -> Point:
        """Look at all rows: small data in float64, all else in the native sweep."""
        self.passes += 1
        if self.dense is not None:
            return self._evaluate_at_hand(Z)
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

    def _centre(self) -> tuple[CompiledLinear, F64]:
        """Move the shift to the weighted mean; and the mean of w_i z_if^2 of each feature, (D,)."""
        L, scaling = self.given, self.given.scaling
        mean, squares = np.empty(L.X.shape[1]), np.empty(L.X.shape[1])
        self.passes += 0.5
        if L.weight is None:
            kernels.moments(L.X, None, mean, squares, threads=L.threads)
            return replace(L, scaling=Scaling(mean, scaling.scale)), squares * scaling.scale**2
        sums = np.empty((1, len(mean)))
        kernels.cross(L.X, np.zeros_like(L.y), None, L.weight, *scaling, sums, threads=L.threads)
        at = Scaling(scaling.shift + sums[0] / len(L) / scaling.scale, scaling.scale)
        if are_sparse(L.X):
            return replace(L, scaling=at), ScaledRows(L.X, at, L.threads).squares(L.weight) / len(L)
        squares[:] = 0
        step = max(1, 2**20 // max(1, len(mean)))
        for first in range(0, len(L), step):
            rows = slice(first, first + step)
            squares += L.weight[rows] @ ((L.X[rows] - at.shift) * at.scale) ** 2
        return replace(L, scaling=at), squares / len(L)

    def hessian(self, Z: F64) -> Callable[[F64], F64]:
        """Return the product V -> H V with the Hessian of L at Z, for rows at hand.

        H V = 1/N sum_i w_i x_i (H_i V' x_i)' + 2 alpha V,    H_i = d2L_i / ds2
        """
        y, weight, kept = self.given.y, self.weight.astype(np.float64) / len(self), dict[int, F64]()

        def scores(rows: slice) -> F64:
            assert self.dense is not None
            if (first := rows.start or 0) in kept:
                return kept[first]
            S = np.asarray(self.dense[rows] @ Z[:-1] + Z[-1])
            if len(self) * S.shape[1] <= KEPT:
                kept[first] = S
            return S

        def product(V: F64) -> F64:
            self.passes += 1

            def along(moved: F64, rows: slice) -> F64:
                return np.asarray(self.dual.product(scores(rows), y[rows], moved) * weight[rows, np.newaxis])

            HV = self._sweep(V, along)
            HV[:-1] += 2 * self.alpha * V[:-1]
            return HV

        return product

    def _at_hand(self) -> F64 | ScaledRows | None:
        """Return rows to multiply with in float64: a copy of small data, sparse ones in place."""
        X, at = self.given.X, self.centred.scaling
        if are_sparse(X):
            return ScaledRows(X, at, self.given.threads)
        return np.asarray((X - at.shift) * at.scale, np.float64) if self.small else None

    def _sweep(self, V: F64, slopes: Callable[[F64, slice], F64]) -> F64:
        """Return sum_i x_i p_i', the biases' last, p_i = slopes(scores at V, rows)."""
        X = self.dense
        assert X is not None
        if isinstance(X, ScaledRows):
            return X.sweep(V, slopes)
        P = slopes(X @ V[:-1] + V[-1], slice(None))
        return np.vstack([X.T @ P, P.sum(axis=0)])

    def _evaluate_at_hand(self, Z: F64) -> Point:
        L, weight, total = self.given, self.weight.astype(np.float64) / len(self), [0.0]

        def slopes(S: F64, rows: slice) -> F64:
            total[0] += float(weight[rows] @ L.loss(S, L.y[rows]))
            return np.asarray(L.loss.gradient(S, L.y[rows]) * weight[rows, np.newaxis])

        gradient = self._sweep(Z, slopes)
        gradient[:-1] += 2 * self.alpha * Z[:-1]
        value = total[0] + self.alpha * float(np.vdot(Z[:-1], Z[:-1]))
        return Point(Z, value, gradient, self.passes)

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


HUGE = 1e36
"""Mean square of a feature about its mean."""
SMALL = 2**21
"""Numbers in X up to which a copy of it in float64 is made."""
MOST_FEATURES = 8000
"""A Gram matrix of more features than these takes longer to factor than it saves."""
NEWTON, QUASI_NEWTON = 10, 34
"""Arrays of the size of the weights that a search holds: with conjugate gradients, with the memory of L-BFGS."""
CHEAP = 64
"""Sparse rows have Gram matrices where D^3 is below so many times their entries: about what ten passes take."""
KEPT = 2**24
"""Scores that are kept for products with the Hessian; more are computed anew."""
KNOWN = ("softmax", "squared_hinge", "logistic", "ova_squared_hinge", "hinge", "ova_hinge")


def _require_memory(features: int, classes: int, arrays: int) -> None:
    """Raise an InputError unless so many arrays (features, classes) fit into free memory."""
    needed, free = 8 * features * classes * arrays, free_memory()
    if needed > free:
        raise InputError(
            f"the search for {features - 1:,} x {classes:,} weights needs {readable_bytes(needed)} for {arrays} arrays "
            f"of that size, and {readable_bytes(free)} of memory are free: use fewer features, or solver='sgd'"
        )


def _parameters(Z: NDArray[np.float64]) -> dict[str, F32]:
    return {"W": np.asarray(Z[:-1], np.float32, order="F"), "b": Z[-1].astype(np.float32)}
