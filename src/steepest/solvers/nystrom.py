"""Approximate inverse Hessians where no Gram matrix of the features is made: of sparse rows, and of many features."""

from __future__ import annotations

import numpy as np

from steepest.kernels.types import F32, F64, Order
from steepest.solvers.kronecker import Kronecker, many_classes
from steepest.solvers.preconditioner import Inverse, Shared
from steepest.solvers.problem import Problem
from steepest.solvers.spectrum import blas

__all__ = ["Diagonal", "Nystrom", "first"]

SAMPLED = 4
"""Rows for each feature, or for each direction, that a sample has."""
RANK, ROOM = 256, 2**26
"""Directions that are kept, and numbers that they may take, at most."""
NOISE = 1e-6
"""Of the largest eigenvalue, what products in float32 are off by."""
LOOKED = 2**20
"""Scores that are looked at for the curvature."""
COLUMNS = 1024
"""Features whose products are summed at a time."""


def first(problem: Problem, Z: F64, rng: np.random.Generator) -> Inverse:
    """Choose the preconditioner to begin with, at the W and b of Z."""
    if many_classes(problem):
        return Kronecker(problem, Z, rng)
    if problem.grams:
        return Shared(problem, rng, SAMPLED * problem.shape[0])
    return Diagonal(problem, Z, rng) if problem.sparse else Nystrom.of(problem, rng)


class Diagonal:
    """M = h_c s_f + 2 alpha for the weight of feature f and class c, h_c for the bias of class c.

    s_f is the mean of z_if^2 and h_c that of d2L_i/ds_c^2 at the W of now: the diagonal of the Hessian where the two do
    not go together. Features that are in few rows are bent by the penalty alone, and those in many by the data too.
    """

    def __init__(self, problem: Problem, Z: F64, rng: np.random.Generator) -> None:
        h = bends(problem, Z, rng)
        M = problem.squares[:, np.newaxis] * h + 2 * problem.alpha
        self._inverse = 1 / np.vstack([np.where(M > 0, M, 1.0), h])

    def __call__(self, R: F64) -> F64:
        """M^-1 R."""
        D, C = self._inverse.shape
        return np.asarray(R.reshape(D, -1, C) * self._inverse[:, np.newaxis]).reshape(R.shape)


class Nystrom:
    """M = h_c U diag(lambda - rest) U' + (h_c rest + 2 alpha) I for class c, h_c for its bias, from a sketch of rows.

    U are the leading eigenvectors of 1/n sum_i w_i z_i z_i' over n sampled rows, lambda their eigenvalues, `rest` the
    next one. They come from the products of these rows with each other, (n, n), so nothing is (D, D).

    Parameters
    ----------
    U : float32 array (D, r)
        The directions.
    eigenvalues, rest : float64 array (r,), float
        lambda, falling, and the one below them.
    h : float64 array (C,)
        Mean of d2L_i/ds_c^2.
    alpha : float
        Strength of the penalty.

    References
    ----------
    Frangella, Tropp and Udell, Randomized Nystroem preconditioning, 2021.
    """

    def __init__(self, U: F32, eigenvalues: F64, rest: float, h: F64, alpha: float) -> None:
        flat = h * rest + 2 * alpha
        self._U, self._flat, self._bias = U, np.where(flat > 0, flat, h * (1e-7 * eigenvalues[0] or 1.0)), 1 / h
        self._along = 1 / np.maximum(np.outer(eigenvalues, h) + 2 * alpha, self._flat) - 1 / self._flat

    @classmethod
    def of(cls, problem: Problem, rng: np.random.Generator) -> Nystrom:
        """Take a sketch, of as many directions as there is room for and as pay."""
        from scipy.linalg import eigh  # type: ignore[import-untyped]

        N, D = len(problem), problem.shape[0] - 1
        most = max(1, min(RANK, ROOM // D))
        n = min(N, SAMPLED * most)
        rows, h = np.sort(rng.choice(N, n, replace=False)), bends(problem, problem.start(), rng)
        root = np.sqrt(problem.weight[rows].astype(np.float64))
        with blas(problem.given.threads):
            K = _products(problem, rows) * root * root[:, np.newaxis] / n
            values, V = eigh(K, subset_by_index=(n - min(n, most + 1), n - 1), check_finite=False)
            values, V = np.maximum(values[::-1], 0.0), V[:, ::-1]
            values = values[: max(1, int(np.count_nonzero(values > NOISE * values[0])))]
            after = np.append(values[1:], 0.0)[:most]
            rank = worthwhile(float(h.max()) * after, 2 * problem.alpha, 2 / N)
            lengths = np.sqrt(n * values[:rank])  # 0 where no feature ever changes: then there are no directions
            A = V[:, :rank] * (root[:, np.newaxis] / np.where(lengths > 0, lengths, 1.0))
            U = _combined(problem, rows, A.astype(np.float32))
        return cls(U, values[:rank], float(after[rank - 1]), h, problem.alpha)

    def __call__(self, R: F64) -> F64:
        """M^-1 R."""
        each = R.reshape(len(R), -1, len(self._flat))
        out = np.empty_like(each)
        for k in range(each.shape[1]):
            along = (self._U.T @ each[:-1, k].astype(np.float32)) * self._along
            out[:-1, k] = each[:-1, k] / self._flat + self._U @ along.astype(np.float32)
        out[-1] = each[-1] * self._bias
        return out.reshape(R.shape)


def worthwhile(left: F64, shift: float, price: float) -> int:
    """Return how many leading directions to take out, at least one, so that all products take the least time.

    Conjugate gradients take about as many steps as the root of the condition number, (left_k + shift) / shift where k
    directions are taken out and left_k is the largest bend of the others; each step is by `price` k longer.
    """
    return int(np.argmin(np.sqrt(left + shift) * (1 + price * np.arange(1, len(left) + 1)))) + 1


def bends(problem: Problem, Z: F64, rng: np.random.Generator) -> F64:
    """Return the mean over rows of d2L_i/ds_c^2, (C,), each at least a thousandth of the largest."""
    seen = min(len(problem), max(1, LOOKED // problem.shape[1]))
    rows = np.sort(rng.choice(len(problem), seen, replace=False))
    scores, weight = problem.scores(Z, rows).astype(np.float64), problem.weight[rows].astype(np.float64)
    h = np.diag(problem.dual.mean_hessian(scores, problem.given.y[rows], weight))
    return np.maximum(h, 1e-3 * float(h.max(initial=0.0)) or 1.0)


def _products(problem: Problem, rows: Order) -> F64:
    """z_i' z_j of all pairs, (n, n)."""
    K = np.zeros((len(rows), len(rows)))
    for first in range(0, problem.shape[0] - 1, COLUMNS):
        Z = _features(problem, rows, slice(first, first + COLUMNS))
        K += Z @ Z.T
    return K


def _combined(problem: Problem, rows: Order, A: F32) -> F32:
    """Return sum_i z_i a_i', (D, r)."""
    U = np.empty((problem.shape[0] - 1, A.shape[1]), np.float32)
    for first in range(0, len(U), COLUMNS):
        J = slice(first, first + COLUMNS)
        U[J] = _features(problem, rows, J).T @ A
    return U


def _features(problem: Problem, rows: Order, J: slice) -> F32:
    X, at = problem.centred.X, problem.centred.scaling
    return np.asarray((X[rows, J] - at.shift[J]) * at.scale[J], np.float32)
