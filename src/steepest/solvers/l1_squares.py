"""Least squares with an L1 penalty: one pass for the Gram matrix, and a lasso for each class without another look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steepest.data.describing import readable_bytes
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64
from steepest.nn.scaling import Scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.centred import Centred
from steepest.solvers.l1_limit import strengths
from steepest.solvers.spectrum import free_memory

__all__ = ["Lasso"]

EPOCHS = 20
"""Sweeps between two looks at the gap."""
SOLVED = 4000
"""Weights of a class that are solved for at once, at most."""


@dataclass(eq=False)
class Lasso:
    """All classes of a lasso, or an elastic net, with the products of the rows at hand.

        L(W) = 1/N sum_i w_i |W' z_i + b - t_i|^2 + alpha sum (|W| + beta W^2)
             = sum_j  T_j - 2 r_j'w_j + w_j'G w_j + alpha (|w_j|_1 + beta |w_j|^2)        G, R as in `Ridge`

    with b the mean of t. Sweeps of coordinate descent find which weights are not 0; once a sweep leaves the signs of a
    class as they are, these are solved for directly. The dual of a class at the residuals, scaled by theta, is

        2 theta (T_j - r_j'w_j) - theta^2 fit_j - sum max(0, theta |Z_j| - alpha)^2 / (4 alpha beta)

    with fit_j its first three terms, Z_j = 2 (G w_j - r_j), and for beta = 0 with theta |Z_j| <= alpha.

    Attributes
    ----------
    rows : Centred
        The rows, their targets and weights.
    G2, R : float64 arrays (D, D) and (D, C)
        2 G; R.
    alpha, beta : float
        Of the penalty.
    W : float64 array (D, C)
        Where it stands.
    """

    rows: Centred
    G2: F64
    R: F64
    alpha: float
    beta: float
    W: F64

    @classmethod
    def of(cls, objective: CompiledLinear) -> Lasso:
        """Look at the rows.

        Raises
        ------
        InputError
            When a Gram matrix of the features would not fit into the free memory.
        """
        L, D = objective, objective.X.shape[1]
        needed, free = 3 * 8 * D**2, free_memory()
        if needed > free:
            raise InputError(
                f"coordinate descent on the products of {D:,} features needs {readable_bytes(needed)}, and "
                f"{readable_bytes(free)} of memory are free: use fewer features, or solver='sgd'"
            )
        mean, variance = np.empty(D), np.empty(D)
        kernels.moments(L.X, None, mean, variance, threads=L.threads)
        scaling = Scaling(mean, L.scaling.scale)
        rows, R = Centred.of(L.X, L.y, L.n_classes, scaling, L.weight, L.threads)
        G = np.empty((D, D))
        kernels.gram(L.X, None, rows.weight, *rows.scaling, G, precision="float64", threads=L.threads)
        G *= 2 / rows.total
        return cls(rows, G, R, *strengths(L), np.zeros_like(R))

    def sweep(self, tol: float, epochs: int = EPOCHS, threads: int = 1) -> None:
        """Go over the features, and solve for the weights in use where no sign has changed."""
        D, C = self.R.shape
        V, Q, signs = np.ascontiguousarray(self.W.T), np.empty((C, D)), np.sign(self.W)
        every = np.full(D, self.alpha)
        kernels.coordinate(
            self.G2[np.newaxis], None, np.zeros((C, D, 0)), np.zeros(0), np.zeros(D),
            np.ascontiguousarray(self.slopes().T), every, self.beta * every, V, Q,
            tol=tol, epochs=epochs, threads=threads,
        )  # fmt: skip
        self.W = V.T.copy()
        for j in np.flatnonzero(np.all(np.sign(self.W) == signs, axis=0)):
            self._solve(int(j))

    def slopes(self) -> F64:
        """Z = 2 (G W - R), the gradient of the fit (D, C)."""
        return np.asarray(self.G2 @ self.W - 2 * self.R)

    def value_and_bound(self) -> tuple[float, float]:
        """L(W), and what is left of it at most."""
        f, Z = self.rows.frequencies, self.slopes()
        T, Rw, wGw = f * (1 - f), np.sum(self.R * self.W, axis=0), np.sum(self.W * (self.G2 @ self.W), axis=0) / 2
        fit, along = np.maximum(T - 2 * Rw + wGw, 0), T - Rw
        price = self.alpha * (np.abs(self.W).sum(axis=0) + self.beta * np.sum(self.W**2, axis=0))
        steepest = np.maximum(np.abs(Z).max(axis=0, initial=0.0), 1e-300)
        theta = np.minimum(along / np.maximum(fit, 1e-300), self.alpha / steepest)
        lower = 2 * theta * along - theta**2 * fit
        if self.beta > 0:
            beyond = np.maximum(np.abs(Z) - self.alpha, 0)
            lower = np.maximum(lower, 2 * along - fit - np.sum(beyond**2, axis=0) / (4 * self.alpha * self.beta))
        value = fit + price
        return float(value.sum()), float(np.maximum(value - np.maximum(lower, 0), 0).sum())

    def _solve(self, j: int) -> None:
        """Solve for the weights in use with their signs; go there, or as far as the first of them that comes to 0."""
        from scipy.linalg import cho_factor, cho_solve  # type: ignore[import-untyped]

        w = self.W[:, j]
        used = np.flatnonzero(w)
        if not 0 < len(used) <= SOLVED:
            return
        A = self.G2[np.ix_(used, used)]
        A[np.diag_indices(len(used))] += 2 * self.alpha * self.beta
        try:
            goal = cho_solve(cho_factor(A, lower=True), 2 * self.R[used, j] - self.alpha * np.sign(w[used]))
        except np.linalg.LinAlgError:  # features that say the same: coordinate descent goes on alone
            return
        now, crossing = w[used], np.ones(len(used))
        crosses = now * goal < 0
        crossing[crosses] = now[crosses] / (now[crosses] - goal[crosses])
        t = float(crossing.min())
        moved = now + t * (goal - now)
        moved[crosses & (crossing <= t)] = 0.0
        before, after = self._class_value(j, used, now), self._class_value(j, used, moved)
        if np.isfinite(after) and after <= before:
            self.W[used, j] = moved

    def _class_value(self, j: int, used: np.ndarray, w: F64) -> float:
        """Return L of a class but for a constant."""
        fit = w @ (self.G2[np.ix_(used, used)] @ w) / 2 - 2 * self.R[used, j] @ w
        return float(fit + self.alpha * (np.abs(w).sum() + self.beta * w @ w))
