"""A quadratic model of the mean loss near a point: Gram matrices of sampled rows, and what the last steps showed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import are_sparse
from steepest.kernels.types import F64, Order
from steepest.solvers.problem import Point, Problem

__all__ = ["Bend", "Pairs", "look"]

COUPLED = ("softmax", "squared_hinge")
"""Losses that a number added to all scores does not change."""
BLOCKS, NUMBERS = 32, 2**24
"""Classes, and numbers in the Gram matrices, up to which each direction of the scores has a matrix of its own."""
SAMPLED, LOOKED, SCORES = 16, 40_000, 2**22
"""Rows a feature in a Gram matrix, and rows and scores that are looked at to draw them."""
CHEAP = 2e8
"""Products in the Gram matrices up to which all rows are in them."""
PROBES, PART = 4, 4096
FLAT = 1e-6
KEPT = 0.1
"""<s, y> on the features of a model below which a pair, of 1 on all, has nothing to say about it."""


class Bend(NamedTuple):
    """B_0 = sum_k u_k u_k' (x) G_k on some of the features, near the Hessian of the mean loss.

    Attributes
    ----------
    features : int64 array (A,)
        Those that may move; the bias stands behind them.
    U : float64 array (C, K) or None
        Eigenvectors of the mean Hessian by the scores; None: one G for all classes.
    centred : bool
        With U = None: what all classes have in common bends nothing.
    G : float64 array (K or 1, A + 1, A + 1)
    """

    features: Order
    U: F64 | None
    centred: bool
    G: F64

    def times(self, d: F64) -> F64:
        """B_0 d, for several d (m, C, A + 1)."""
        if self.U is not None:
            along = np.einsum("mca,ck->kma", d, self.U, optimize=True) @ self.G
            return np.asarray(np.einsum("kma,ck->mca", along, self.U, optimize=True))
        return np.asarray((d - d.mean(axis=1, keepdims=True) if self.centred else d) @ self.G[0])


def look(problem: Problem, Z: F64, features: Order, rng: np.random.Generator) -> Bend:
    """Look at the curvature at Z, of rows drawn with a probability that goes with it."""
    N, C, A = len(problem), problem.shape[1], len(features)
    limit = N if isinstance(problem.dense, np.ndarray) else min(LOOKED, max(1, SCORES // C))
    seen = np.sort(rng.choice(N, min(N, limit), replace=False))
    scores, y, weight = problem.scores(Z, seen).astype(np.float64), problem.given.y[seen], problem.weight[seen]
    coupled = problem.given.loss.name in COUPLED
    rows = max(SAMPLED * (A + 1), int(CHEAP / (C * (A + 1) ** 2)))
    if C <= BLOCKS and C * (A + 1) ** 2 <= NUMBERS and np.any(Z[:-1]):
        bends, U = np.linalg.eigh(problem.dual.mean_hessian(scores, y, weight.astype(np.float64)))
        U = np.ascontiguousarray(U[:, bends > FLAT * bends[-1]] if bends[-1] > 0 else U[:, -1:])
        h = problem.dual.curvatures(scores, y, U) * weight[:, np.newaxis]
        grams = [_gram(problem, seen, np.asarray(h[:, k], np.float64), rows, features, rng) for k in range(U.shape[1])]
        return Bend(features, U, False, np.stack(grams))
    h = np.zeros(len(seen))
    for _ in range(PROBES):  # the trace of H_i is the mean of v'H_i v over random signs v
        v = rng.choice([-1.0, 1.0], scores.shape)
        h += (v * problem.dual.product(scores, y, v)).sum(axis=1)
    h *= weight / (PROBES * max(1, C - coupled))
    return Bend(features, None, coupled, _gram(problem, seen, h, rows, features, rng)[np.newaxis])


def _gram(problem: Problem, seen: Order, h: F64, count: int, features: Order, rng: np.random.Generator) -> F64:
    """Mean over the rows that are seen of h_i x_i x_i', (A + 1, A + 1), x_i with a 1 at its end."""
    drawn, share = _draw(np.maximum(h, 0), count, rng)
    rows, share, A, at = seen[drawn], share / len(seen), len(features), problem.centred
    out = np.zeros((A + 1, A + 1))
    if problem.dense is not None:
        for part, X in _parts(problem, rows, features):
            out += (X * share[part, np.newaxis]).T @ X
        return out
    if not len(rows) or not A:
        out[A, A] = share.sum()
        return out
    X, order, weight = at.X, rows, np.zeros(len(problem), np.float32)
    weight[rows] = share * len(seen)
    if X.shape[1] > A:
        X, order, weight = np.ascontiguousarray(X[np.ix_(rows, features)]), np.arange(len(rows)), weight[rows]
    G, sums, scaling = np.empty((A, A)), np.empty((1, A)), (at.scaling.shift[features], at.scaling.scale[features])
    kernels.gram(X, order, weight, *scaling, G, threads=at.threads)
    kernels.cross(X, np.zeros(len(X), np.int64), order, weight, *scaling, sums, threads=at.threads)
    out[:A, :A], out[A, A] = G / len(seen), share.sum()
    out[A, :A] = out[:A, A] = sums[0] / len(seen)
    return out


def _parts(problem: Problem, rows: Order, features: Order) -> Iterator[tuple[slice, F64]]:
    """Yield these features of these rows in float64, scaled, with a 1 at the end; of sparse ones, some at a time."""
    X, at = problem.given.X, problem.centred.scaling
    if not are_sparse(X):
        assert isinstance(problem.dense, np.ndarray)
        yield slice(None), np.column_stack([problem.dense[np.ix_(rows, features)], np.ones(len(rows))])
        return
    place = np.full(X.shape[1], -1)
    place[features] = np.arange(len(features))
    for first in range(0, len(rows), PART):
        part = X[rows[first : first + PART]]
        values, columns = part.stored()
        row, to = np.repeat(np.arange(len(part)), np.diff(part.starts)), place[columns]
        Z = np.zeros((len(part), len(features)))
        Z[row[to >= 0], to[to >= 0]] = values[to >= 0]
        Z = (Z - at.shift[features]) * at.scale[features]
        yield slice(first, first + PART), np.column_stack([Z, np.ones(len(part))])


def _draw(h: F64, count: int, rng: np.random.Generator) -> tuple[Order, F64]:
    """Return rows, and weights with which they stand for all with theirs, h: so many draws, or all if fewer."""
    if len(h) <= count or not h.any():
        drawn = np.flatnonzero(h)
        return drawn, h[drawn]
    total = np.cumsum(h)
    draws = (np.arange(count) + rng.random()) * (total[-1] / count)
    drawn, times = np.unique(np.searchsorted(total, draws).clip(0, len(h) - 1), return_counts=True)
    return drawn, times * (total[-1] / count)


class Pairs:
    """The last steps s and changes y of the gradient, at most `size`: what they add to B_0.

        B  =  B_0 - [B_0 S, Y] [S'B_0 S, L; L', -D]^-1 [B_0 S, Y]'         S'Y = L + D + (above the diagonal)

    with L strictly below the diagonal and D on it: the BFGS update, all pairs at once. B s = y for the last of them.

    References
    ----------
    Byrd, Nocedal and Schnabel, Representations of quasi-Newton matrices and their use in limited memory methods, 1994.
    """

    def __init__(self, size: int) -> None:
        self._pairs: deque[tuple[F64, F64]] = deque(maxlen=size)

    def learn(self, before: Point, after: Point) -> None:
        """Remember a step, scaled so that <s, y> = 1; one along which the gradient did not grow is left out."""
        s, y = after.Z - before.Z, after.gradient - before.gradient
        product = float(np.vdot(s, y))
        if product > 1e-10 * float(np.linalg.norm(s) * np.linalg.norm(y)):
            self._pairs.append((s / product**0.5, y / product**0.5))

    def forget(self) -> None:
        """Begin anew."""
        self._pairs.clear()

    def added(self, bend: Bend) -> tuple[F64, F64, float]:
        """Return P (C, A + 1, R), signs (R,) and c: B = c B_0 + sum_r sign_r P_r P_r'."""
        at, C = np.append(bend.features, -1), self._pairs[0][0].shape[1] if self._pairs else 1
        kept = [(s[at].T, y[at].T) for s, y in self._pairs if float(np.vdot(s[at], y[at])) > KEPT]
        while kept:
            S, Y = (np.stack(each) for each in zip(*kept, strict=True))
            BS = bend.times(S)
            SBS, SY = (np.einsum("mca,nca->mn", S, other, optimize=True) for other in (BS, Y))
            c = 1.0 if bend.U is not None else min(1.0, float(SY[-1, -1]) / max(float(SBS[-1, -1]), 1e-12))
            L = np.tril(SY, -1)
            values, E = np.linalg.eigh(np.block([[c * SBS, L], [L.T, -np.diag(np.diag(SY))]]))
            if np.abs(values).min() > 1e-8 * np.abs(values).max():
                P = np.tensordot(np.concatenate([c * BS, Y]), E, axes=(0, 0))
                return np.ascontiguousarray(P / np.sqrt(np.abs(values))), -np.sign(values), c
            del kept[0]
        return np.zeros((C, len(at), 0)), np.zeros(0), 1.0
