"""An approximate inverse of the Hessian: from a sample of the rows, factored once and used for many steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, F64, Order
from steepest.solvers.problem import Problem

__all__ = ["Along", "Inverse", "Shared"]

FLOOR = 1e-7
"""Least eigenvalue of a factored matrix, relative to the mean one: a Gram of a sample may have none of its own."""


FLAT = 1e-12
"""Of the largest bend that the loss may have: less is none."""
CAUTION = 1e-3
"""Of the mean bend along the other directions, what is taken for that of one that has hardly any."""


class Inverse(Protocol):
    """M^-1, for a matrix M near the Hessian of L(W)."""

    def __call__(self, R: F64) -> F64:
        """M^-1 R for a gradient R (D + 1, C), biases last; or for several side by side."""


class Shared:
    """M = 1/2 (X'X/n + ...) for all classes alike, from n rows.

    The Hessian of the softmax loss is below 1/2 X'X/N (x) (I - 11'/C) + 2 alpha I wherever W is (Boehning's bound), and
    that of any other loss below its own bound on the curvature in the place of 1/2. The biases stand apart, for the
    features are centred.

    References
    ----------
    Boehning, Multinomial logistic regression algorithm, 1992.
    """

    def __init__(self, problem: Problem, rng: np.random.Generator, rows: int) -> None:
        D = problem.shape[0] - 1
        self._bend = _most(problem)
        if "gram" not in problem.kept:
            chosen = np.sort(rng.choice(len(problem), min(len(problem), rows), replace=False))
            problem.kept["gram"] = _gram(problem, chosen, problem.weight)[:D, :D] / len(chosen)
        self._factor = _factor(self._bend * problem.kept["gram"], problem.alpha, D)

    def __call__(self, R: F64) -> F64:
        """M^-1 R."""
        return np.vstack([_solve(self._factor, R[:-1]), R[-1] / self._bend])


class Along:
    """M = sum_k u_k u_k' (x) (X'diag(h_k) X / N + 2 alpha I), h_ik = u_k' H_i u_k, u_k eigenvectors of the mean of H_i.

    H_i is the Hessian of L_i by the scores at the W of now. In the basis of the classes its blocks beside the diagonal
    would be lost, though classes that are often confused bend the objective together; in the basis of the
    eigenvectors of its mean these blocks are nought on average. Each block is a Gram of rows drawn with a probability
    that goes with h_ik, so that few are enough. Features and bias are one block.
    """

    def __init__(self, problem: Problem, Z: F64, rng: np.random.Generator, rows: int, look: int) -> None:
        D, N = problem.shape[0] - 1, len(problem)
        seen = np.sort(rng.choice(N, min(N, look), replace=False))
        scores, y, weight = problem.scores(Z, seen).astype(np.float64), problem.given.y[seen], problem.weight[seen]
        A = problem.dual.mean_hessian(scores, y, weight.astype(np.float64))
        bends, U = np.linalg.eigh(A)
        self._U = U[:, bends > max(1e-6 * bends[-1], FLAT * _most(problem))]
        self._rest = np.inf
        h = problem.dual.curvatures(scores, y, self._U) * weight[:, np.newaxis]
        with ThreadPoolExecutor(problem.given.threads) as pool:  # LAPACK lets go of the interpreter
            waiting = []
            for k in range(self._U.shape[1]):
                drawn, share = _draw(np.asarray(h[:, k], np.float64), rows, rng)
                weights = np.zeros(N, np.float32)
                weights[seen[drawn]] = share / len(seen)
                G = _gram(problem, seen[drawn], weights)
                self._rest = min(self._rest, 2 * problem.alpha + CAUTION * float(np.trace(G)) / len(G))
                waiting.append(pool.submit(_inverted_factor, G, problem.alpha, D))
            self._inverses = [inverse.result() for inverse in waiting]
        if not self._inverses:  # nothing bends here but the penalty
            self._rest = 2 * problem.alpha or 1.0

    def __call__(self, R: F64) -> F64:
        """M^-1 R; along what no u_k spans, where the loss hardly bends, by a number that is rather too large."""
        each = R.reshape(len(R), -1, len(self._U))
        along = each @ self._U
        rest = (each - along @ self._U.T) / self._rest
        columns = np.ascontiguousarray(along.transpose(2, 1, 0), np.float32)
        for inverse, some in zip(self._inverses, columns, strict=True):
            for column in some:  # BLAS takes half as long for two vectors as for a matrix of two columns
                column[:] = inverse.T @ (inverse @ column)
        return np.asarray(columns.transpose(2, 1, 0) @ self._U.T + rest).reshape(R.shape)


def _most(problem: Problem) -> float:
    curvature = problem.given.loss.curvature(problem.shape[1])
    assert curvature is not None
    return curvature


def _draw(h: F64, count: int, rng: np.random.Generator) -> tuple[Order, F64]:
    """Return rows, and weights with which they stand for all rows with theirs, h: so many draws, or all if fewer."""
    if len(h) <= count:
        drawn = np.flatnonzero(h > 0)
        return drawn, h[drawn]
    total = np.cumsum(np.maximum(h, 0))
    draws = (np.arange(count) + rng.random()) * (total[-1] / count)
    drawn, times = np.unique(np.searchsorted(total, draws).clip(0, len(h) - 1), return_counts=True)
    return drawn, times * (total[-1] / count)


def _gram(problem: Problem, rows: Order, weight: F32) -> F64:
    """Sum over the rows of w_i x_i x_i', (D + 1, D + 1), x_i with a 1 at its end."""
    at, D = problem.centred, problem.shape[0] - 1
    if isinstance(problem.dense, np.ndarray):
        X = np.column_stack([problem.dense[rows], np.ones(len(rows))])
        return np.asarray((X * weight[rows, np.newaxis]).T @ X)
    G = np.empty((D, D))
    kernels.gram(at.X, rows, weight, *at.scaling, G, threads=at.threads)
    whole, sums = np.empty((D + 1, D + 1)), np.empty((1, D))
    kernels.cross(at.X, np.zeros(len(at.X), np.int64), rows, weight, *at.scaling, sums, threads=at.threads)
    whole[:D, :D], whole[D, D] = G, weight[rows].sum(dtype=np.float64)
    whole[D, :D] = whole[:D, D] = sums[0]
    return whole


def _factor(A: F64, alpha: float, D: int) -> F32:
    """Return the Cholesky factor of A + 2 alpha I in float32; the bias, which lies beyond D, has no penalty."""
    from scipy.linalg import cholesky  # type: ignore[import-untyped]

    floor = FLOOR * float(np.trace(A)) / max(1, len(A)) + np.finfo(np.float32).tiny
    A[np.diag_indices(D)] += 2 * alpha
    while True:  # the Gram of a kernel is rounded, and its least eigenvalues may be negative
        A[np.diag_indices(len(A))] += floor
        try:
            return np.asarray(cholesky(A, lower=True, check_finite=False), np.float32, order="F")
        except np.linalg.LinAlgError:
            floor *= 10


def _inverted_factor(A: F64, alpha: float, D: int) -> F32:
    """Return the inverse of the factor, with zeros above: products are faster than substitutions."""
    from scipy.linalg.lapack import strtri  # type: ignore[import-untyped]

    return np.tril(strtri(_factor(A, alpha, D), lower=1)[0])


def _solve(factor: F32, R: F64) -> F64:
    from scipy.linalg import cho_solve

    return np.asarray(cho_solve((factor, True), R.astype(np.float32), check_finite=False), np.float64)
