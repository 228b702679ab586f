"""An approximate inverse of the Hessian for many classes: a diagonal in a basis of the classes and one of features."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, F64, Order
from steepest.solvers.problem import Problem
from steepest.solvers.spectrum import blas

__all__ = ["Kronecker", "many_classes"]

CLASSES, PAYS = 32, 0.4
"""There are many classes where there are more than that, and D^2 is below so many times N C: eigenvectors of a Gram
matrix then cost less than ten passes.
"""
LOOKED = 20_000
"""Rows in the sample."""
SCORES = 2**21
"""Scores that are looked at together."""
PRIOR = 0.1
"""The share that independence of bends and features has in what is estimated of their mean product."""
FLAT, CAUTION = 1e-6, 0.01
"""Of the largest bend, less is none. Of the mean square of a feature, the least that is taken for its variance."""


class Kronecker:
    """M = (Q (x) U) diag(h_jk + 2 alpha) (Q (x) U)',    h_jk = mean_i (u_k' H_i u_k) (q_j' (x_i - mu_k))^2.

    H_i is the Hessian of L_i by the scores at the W of now; u_k are the eigenvectors of its mean, with eigenvalues b_k,
    and q_j those of the mean of x_i x_i', from a sample of the rows. mu_k is the mean of x_i by the weights
    u_k' H_i u_k: about it the bias of u_k goes its own way, with the bend b_k. A factor for each class, as of `Along`,
    would be C D^2 numbers; this is C D, and is applied in 4 (D^2 C + D C^2) flops.

    Parameters
    ----------
    problem : Problem
        Of dense rows.
    Z : array (D + 1, C)
        The W and b of now.
    rng : Generator
        For the sample.

    References
    ----------
    George, Laurent, Bouthillier, Ballas and Vincent, Fast approximate natural gradient descent in a
    Kronecker-factored eigenbasis, 2018.
    """

    def __init__(self, problem: Problem, Z: F64, rng: np.random.Generator) -> None:
        N, (D, C) = len(problem), problem.shape
        seen = np.sort(rng.choice(N, min(N, LOOKED), replace=False))
        if "basis" not in problem.kept:
            problem.kept["basis"] = _basis(problem, seen)
        self._Q = problem.kept["basis"]
        blocks = [seen[first : first + SCORES // C] for first in range(0, len(seen), SCORES // C)]
        at, y, weight = np.vstack([self._Q, np.zeros((1, D - 1))]), problem.given.y, problem.weight

        def bend(rows: Order) -> F64:
            return problem.dual.mean_hessian(problem.scores(Z, rows), y[rows], weight[rows]) * len(rows)

        def along(rows: Order) -> tuple[F32, F32, F64]:
            h = np.asarray(problem.dual.curvatures(problem.scores(Z, rows), y[rows], self._U), np.float32)
            h *= weight[rows, np.newaxis]
            x = np.asarray(problem.scores(at, rows), np.float32)
            return (x**2).T @ h, x.T @ h, (x**2).sum(axis=0, dtype=np.float64)

        squares, means, spread = np.zeros((D - 1, C)), np.zeros((D - 1, C)), np.zeros(D - 1)
        with ThreadPoolExecutor(problem.given.threads) as pool:  # NumPy lets go of the interpreter
            A = sum(pool.map(bend, blocks), np.zeros((C, C))) / len(seen)
            with blas(problem.given.threads):
                b, U = np.linalg.eigh(A)
            self._U = U.astype(np.float32)
            for one, two, three in pool.map(along, blocks):
                squares += one
                means += two
                spread += three
        squares, means, spread = squares / len(seen), means / len(seen), spread / len(seen)
        bends = b > max(0.0, FLAT * b[-1])
        self._inverse_b = np.where(bends, 1 / np.where(bends, b, 1), 0)
        self._means = (means * self._inverse_b).astype(np.float32)
        h = np.maximum(squares - means**2 * self._inverse_b, CAUTION * squares)
        h = (1 - PRIOR) * h + PRIOR * np.outer(spread, np.maximum(b, 0)) + 2 * problem.alpha
        self._h = np.maximum(h, np.finfo(np.float32).tiny).astype(np.float32)

    def __call__(self, R: F64) -> F64:
        """M^-1 R."""
        out, C = np.empty_like(R), len(self._U)
        for first in range(0, R.shape[1], C):
            some = slice(first, first + C)
            slope = R[-1, some] @ self._U
            W = self._Q.T @ (R[:-1, some].astype(np.float32) @ self._U)
            W -= self._means * slope.astype(np.float32)
            W /= self._h
            out[:-1, some] = self._Q @ W @ self._U.T
            out[-1, some] = (self._inverse_b * slope - np.einsum("jk,jk->k", self._means, W)) @ self._U.T
        return out


def many_classes(problem: Problem) -> bool:
    """Say whether this is for the problem: dense rows that are not held in float64, and many classes."""
    D, C = problem.shape
    return problem.grams and problem.dense is None and C > CLASSES and PAYS * len(problem) * C >= D**2


def _basis(problem: Problem, rows: Order) -> F32:
    """Return the eigenvectors of the mean of w_i x_i x_i'."""
    at, D = problem.centred, problem.shape[0] - 1
    G = np.empty((D, D))
    kernels.gram(at.X, rows, problem.weight, *at.scaling, G, threads=at.threads)
    with blas(at.threads):
        return np.asarray(np.linalg.eigh(G)[1], np.float32)
