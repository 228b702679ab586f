"""One-hot ridge regression, to the optimum in one pass: one decomposition, and then every alpha for little."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steepest.data.options import Progress
from steepest.errors import InputError, near
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64, AnyRows, Labels
from steepest.nn.scaling import Scaling
from steepest.solvers.centred import Centred, Index
from steepest.solvers.certificate import Certificate
from steepest.solvers.left_out import squared_errors
from steepest.solvers.spectrum import Spectrum, blas, decompose, require_memory

__all__ = ["SCORINGS", "Curve", "Ridge", "Solution"]

SCORINGS = ("loo", "gcv")
FLOAT32_FROM = 4e9
"""Products N D^2 from which leave-one-out turns the rows in float32."""


class Solution(NamedTuple):
    """The optimum at one alpha: W (D, C) of the scaled features and b (C,), in float64."""

    W: F64
    b: F64
    certificate: Certificate


class Curve(NamedTuple):
    """What each alpha promises on rows that were not seen: weighted mean of |t - scores|^2, (A,)."""

    alphas: F64
    errors: F64

    @property
    def best(self) -> float:
        """The alpha with the least error."""
        return float(self.alphas[np.argmin(self.errors)])


@dataclass(frozen=True, eq=False)
class Ridge:
    """Ridge regression to one-hot targets, decomposed: ready for any alpha.

        L(W) = 1/N sum_i w_i |W' z_i + b - t_i|^2 + alpha |W|^2,        z = (x - shift) * scale, its mean 0

    b is free, so it is the mean of t, and what is left is

        (G + alpha I) W = R        G = 1/N sum_i w_i z_i z_i' = V diag(lambda) V'        R = 1/N sum_i w_i z_i t_i'

        W(alpha) = V diag(1 / (lambda + alpha)) V' R

    In the basis U = (rows sqrt(w) z) V / sqrt(N lambda) of the rows, with g = U' (rows sqrt(w) (t - mean t)), all else
    is said without V. Where there are no more rows than features, U comes first, from the products of the rows, and
    W = sum_i a_i sqrt(w_i) z_i. Directions in which the rows hardly differ, lambda below the noise of 8 max(min(N, D),
    sqrt(N)) units in the last place of the largest, count for nothing where alpha is below it too: at alpha = 0 that
    gives the optimum of least norm.

    Make it with `Ridge.of`.

    Attributes
    ----------
    rows : Centred
        The rows, their targets and weights.
    R : array (D, C)
        As above.
    G : array (D, D) or None
        As above; None where the products of the rows were decomposed.
    eigenvalues : array (K,)
        lambda, rising.
    basis : array (D, K) or (N, K)
        V, or U.
    projected : array (K, C)
        V' R, or U' (rows sqrt(w) (t - mean t)).
    noise : float
        What eigenvalues may be off by.
    began : float
        When the work began, by `time.perf_counter`.
    threads : int
        The last bits of LAPACK's decompositions may depend on it.
    """

    rows: Centred
    R: F64
    G: F64 | None
    eigenvalues: F64
    basis: F64
    projected: F64
    noise: float
    began: float
    threads: int

    @classmethod
    def of(
        cls, X: AnyRows, y: Labels, n_classes: int, scaling: Scaling, weight: NDArray[Any] | None = None,
        *, threads: int = 1, progress: Progress | None = None,
    ) -> Ridge:  # fmt: skip
        """Decompose the rows.

        Parameters
        ----------
        X : array (N, D)
            uint8, float16, float32 or float64, finite; read in place.
        y : int64 array (N,)
            Class indices below `n_classes`.
        n_classes : int
            C.
        scaling : Scaling
            What happens to the features first. Where there are weights, the shift becomes their weighted mean.
        weight : array (N,) or None
            Of each row, not negative; only ratios matter.
        threads : int
            For all of it.
        progress : callable or None
            Told of each stage.

        Raises
        ------
        InputError
            When the decomposition would not fit into the free memory.
        """
        began, (N, D) = time.perf_counter(), X.shape
        tell = progress or (lambda *_: None)
        require_memory(N, D)
        tell("products of features" if D < N else "products of rows", 0, 0)
        rows, R = Centred.of(X, y, n_classes, scaling, weight, threads)
        with blas(threads):
            if D < N:
                G = np.empty((D, D))
                kernels.gram(X, None, rows.weight, *rows.scaling, G, precision="float64", threads=threads)
                G /= rows.total
                tell("eigenvectors", 0, 0)
                eigenvalues, V, noise = decompose(G, N)
                return cls(rows, R, G, eigenvalues, V, V.T @ R, noise, began, threads)
            K = np.zeros((N, N))
            for _, Z in rows.columns():
                K += Z @ Z.T
            K /= rows.total
            tell("eigenvectors", 0, 0)
            eigenvalues, U, noise = decompose(K, N)
            return cls(rows, R, None, eigenvalues, U, U.T @ rows.targets(), noise, began, threads)

    def at(self, alpha: float) -> Solution:
        """Solve for one alpha.

        The certificate takes the gradient at this very W, in float64, from G and R (with few rows: from the rows). L is
        quadratic, its curvature 2 (lambda_k + alpha) along v_k and 2 alpha across all of them, so

            L(W) - min L  =  sum_k |v_k' dL/dW|^2 / (4 (lambda_k + alpha))  +  |what is left of dL/dW|^2 / (4 alpha)

        which is at most |dL/dW|^2 / (4 alpha). At alpha = 0 the directions are those that count, and nothing depends on
        what is left.
        """
        with blas(self.threads):
            W, objective, dW, along = (self._few if self.G is None else self._many)(alpha)
        inverse, squares = self._inverse(alpha), np.sum(along**2, axis=1)
        bound = float(inverse @ squares) / 4
        if alpha > 0:
            bound += max(0.0, float(np.sum(dW**2) - np.sum(squares[inverse > 0]))) / (4 * alpha)
        seconds = time.perf_counter() - self.began
        return Solution(W, self.rows.frequencies, Certificate(objective, bound, 2.0, seconds, "ridge"))

    def _many(self, alpha: float) -> tuple[F64, float, F64, F64]:
        """W, L(W), dL/dW and V' dL/dW, from the features' products."""
        assert self.G is not None
        W = self.basis @ (self.projected * self._inverse(alpha)[:, np.newaxis])
        GW = self.G @ W
        fit = self._spread() / self.rows.total - 2 * np.sum(W * self.R) + np.sum(W * GW)
        dW = 2 * (GW - self.R + alpha * W)
        return W, max(0.0, float(fit)) + alpha * float(np.sum(W**2)), dW, self.basis.T @ dW

    def _few(self, alpha: float) -> tuple[F64, float, F64, F64]:
        """W, L(W), dL/dW and V' dL/dW, from the rows."""
        a = self.basis @ (self.projected * self._inverse(alpha)[:, np.newaxis]) / self.rows.total
        W, e = np.empty_like(self.R), -self.rows.targets()
        for J, Z in self.rows.columns():
            W[J] = Z.T @ a
            e += Z @ W[J]
        dW, seen = 2 * alpha * W, np.zeros_like(e)
        for J, Z in self.rows.columns():
            dW[J] += 2 / self.rows.total * (Z.T @ e)
            seen += Z @ dW[J]
        value = float(np.sum(e**2)) / self.rows.total + alpha * float(np.sum(W**2))
        root = np.sqrt(self.rows.total * np.maximum(self.eigenvalues, self.noise + 1e-300))
        return W, value, dW, self.basis.T @ seen / root[:, np.newaxis]

    def _inverse(self, alpha: float) -> F64:
        """1 / (lambda + alpha), (K,); 0 for directions that do not count."""
        kept = (self.eigenvalues > self.noise) | (alpha > self.noise)
        return np.divide(1.0, self.eigenvalues + alpha, out=np.zeros(len(kept)), where=kept)

    @cached_property
    def _counts(self) -> slice:
        """The directions that count at any alpha."""
        return slice(int(np.searchsorted(self.eigenvalues, self.noise, side="right")), None)

    @cached_property
    def _g(self) -> F64:
        """Projected targets in the orthonormal basis U of the rows, for the directions that count."""
        p, values = self.projected[self._counts], self.eigenvalues[self._counts]
        return p if self.G is None else p * np.sqrt(self.rows.total / values)[:, np.newaxis]

    def grid(self, count: int = 100) -> F64:
        """Alphas over ten orders of magnitude, up to ten times the largest eigenvalue."""
        return np.asarray(np.geomspace(1e-9, 10, count) * self.eigenvalues.max(initial=1e-300))

    def curve(self, alphas: F64, scoring: str = "loo", progress: Progress | None = None) -> Curve:
        """Score many alphas.

        Parameters
        ----------
        alphas : array (A,)
            Not negative.
        scoring : "loo" or "gcv"
            The mean squared error on each row when it is left out and N alpha kept, e_i / (1 - h_i) with the leverages
            h_i, from one more sweep over the rows; or generalized cross-validation, which puts the mean of the h_i in
            their place and needs no sweep.
        progress : callable or None
            Told how far the sweep is.

        References
        ----------
        Golub, Heath and Wahba, Generalized cross-validation as a method for choosing a good ridge parameter, 1979.
        """
        if scoring not in SCORINGS:
            raise InputError(f"there is no scoring {scoring!r}: {near(scoring, SCORINGS)}")
        spectrum, n = Spectrum(self.eigenvalues[self._counts], self._g, np.asarray(alphas, np.float64)), len(self.rows)
        if scoring == "loo":
            heavy = self.G is not None and n * float(self.R.shape[0]) ** 2 > FLOAT32_FROM
            dtype = np.dtype(np.float32 if heavy else np.float64)
            with blas(1):  # the blocks have the threads
                errors = squared_errors(spectrum, self._turned, n, dtype, self.threads, progress)
                return Curve(spectrum.alphas, errors / self.rows.total)
        kept = spectrum.kept()
        seen = n if self.rows.weight is None else int(np.count_nonzero(self.rows.weight))
        idle = seen - 1 - len(spectrum.eigenvalues)  # directions of the rows that no W reaches
        residual = max(0.0, self._spread() - float(np.sum(self._g**2))) if idle else 0.0
        residual = residual + np.sum(self._g**2, axis=1) @ kept**2
        return Curve(spectrum.alphas, residual / self.rows.total / ((idle + kept.sum(axis=0)) / seen) ** 2)

    def _spread(self) -> float:
        """Sum of w_i |t_i - mean t|^2."""
        f = self.rows.frequencies
        return self.rows.total * float(np.sum(f * (1 - f)))

    @cached_property
    def _turn(self) -> F64:
        """V / sqrt(N lambda) for rows that are not scaled yet."""
        lengths = np.sqrt(self.rows.total * self.eigenvalues[self._counts])
        return self.rows.scaling.scale[:, np.newaxis] * self.basis[:, self._counts] / lengths

    @cached_property
    def _turn32(self) -> NDArray[np.float32]:
        return self._turn.astype(np.float32)

    def _turned(self, index: Index, dtype: np.dtype[Any]) -> tuple[NDArray[Any], F64, F64]:
        """Return rows of U, targets, and w / N. Directions of little spread are turned in float64 always."""
        targets, shares = self.rows.targets(index), self.rows.shares(index)
        if self.G is None:
            return self.basis[index, self._counts], targets, shares
        whole, small = np.dtype(np.float64), self._small
        if dtype == whole:
            return self.rows.unscaled(index, whole) @ self._turn, targets, shares
        u = self.rows.unscaled(index, dtype) @ self._turn32
        if small:
            u[:, :small] = self.rows.unscaled(index, whole) @ self._turn[:, :small]
        return u, targets, shares

    @cached_property
    def _small(self) -> int:
        """How many of the directions that count have too little spread for float32."""
        return int(np.searchsorted(self.eigenvalues[self._counts], 1e-9 * self.eigenvalues[-1]))
