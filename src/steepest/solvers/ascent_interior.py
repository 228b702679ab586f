"""Hinges over small data: an interior point method, which finds weights and dual variables together, in float64."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol, final

import numpy as np

from steepest import losses
from steepest.kernels.types import F64, Labels
from steepest.losses.base import Loss, is_class, one_vs_all
from steepest.solvers.problem import Problem

__all__ = ["Interior", "work"]

SHORT = 0.995
"""Of the way to the nearest bound that a step takes."""
MOST = 100
"""Steps; some twenty are enough."""
FLOORS = 8
"""Times that more is added to a diagonal, each time ten times as much, until there is a Cholesky factor."""
NUMBERS = 2**22
"""Numbers that are held at a time where the equations of `hinge_max` are put together."""


class State(NamedTuple):
    """W and b (D + 1, C) of the features at hand, their scores (N, C), and what the loss keeps of its terms."""

    Z: F64
    S: F64
    terms: tuple[F64, ...]


class Watching(Protocol):
    """Told of W, b and of slopes p (N, C) after each step; returning True ends it."""

    def __call__(self, Z: F64, p: F64) -> bool: ...


class Interior:
    """Mehrotra's predictor and corrector for min sum_i w_i L_i(W' x_i + b) + lambda/2 |W|^2,  lambda = 2 alpha N.

        p z = mu,  (1 - p) u = mu      in place of      p z = 0,  (1 - p) u = 0,      mu -> 0

    A hinge max(0, m) is the least u with u >= 0 and z = u - m >= 0; its slope p in [0, 1] belongs to the second, 1 - p
    to the first. Newton's equations for all of them at once come down to those for W and b,

        (lambda I + sum_i w_i x_i x_i' (x) H_i) dZ = r,      dp_i = H_i ds_i + what does not depend on dZ

    with H_i of the form that the Hessian of a rounded loss has. How long it takes depends on no condition number.

    Parameters
    ----------
    problem : Problem
        With the rows at hand, and a hinge.

    References
    ----------
    Mehrotra, On the implementation of a primal-dual interior point method, 1992. For SVMs: Ferris and Munson,
    Interior-point methods for massive support vector machines, 2002.
    """

    def __init__(self, problem: Problem) -> None:
        X = np.asarray(problem.dense, np.float64)
        self.unit = float(np.abs(X).max(initial=0.0)) or 1.0
        X = X / self.unit  # else the bias might vanish beside the features
        self.problem, self.frame = problem, None
        if X.shape[1] > len(X):  # W lies in the span of the rows
            self.frame, R = np.linalg.qr(X.T)
            X = R.T
        self.X = np.column_stack([X, np.ones(len(X))])
        self.weight = problem.weight.astype(np.float64)
        self.strength = 2 * problem.alpha * len(X) / self.unit**2
        self.terms: _Terms = _terms(problem.given.loss, problem.given.y, problem.shape[1])

    def run(self, watch: Watching) -> None:
        """Step from W = 0 until it is told to stop, or rounding leaves nothing to gain."""
        Z = np.zeros((self.X.shape[1], self.problem.shape[1]))
        state = State(Z, self.X @ Z, self.terms.start())
        for _ in range(MOST):
            with np.errstate(all="ignore"):  # what is not finite ends it
                after = self._step(state)
            if after is None:
                return
            state = after
            self.problem.passes += 1
            if watch(self._weights(state.Z), self.terms.slopes(state.terms)):
                return

    def _weights(self, Z: F64) -> F64:
        W = Z[:-1] if self.frame is None else self.frame @ Z[:-1]
        return np.vstack([W / self.unit, Z[-1]])

    def _step(self, at: State) -> State | None:
        """Return the next state; None where the equations cannot be solved any more."""
        terms, w = self.terms, self.weight[:, np.newaxis]
        solver = self._factored(at)
        if solver is None:
            return None
        penalty = np.vstack([self.strength * at.Z[:-1], np.zeros((1, at.Z.shape[1]))])
        left = penalty + self.X.T @ (w * terms.slopes(at.terms))

        def towards(mu: float, second: F64 | None) -> tuple[F64, F64, tuple[F64, ...]]:
            shift, targets = terms.targets(at, mu, second)
            dZ = solver(-left - self.X.T @ (w * shift))
            dS = self.X @ dZ
            return dZ, dS, terms.moves(at, dS, targets)

        mu = terms.distance(at)
        _, dS, moves = towards(0.0, None)
        length = min(1.0, terms.furthest(at, dS, moves))
        ahead = terms.distance(_moved(at, np.zeros_like(at.Z), dS, moves, length))
        dZ, dS, moves = towards(mu * (ahead / mu) ** 3, terms.products(dS, moves))
        length = min(1.0, SHORT * terms.furthest(at, dS, moves))
        if not (length > 1e-8 and np.isfinite(dZ).all() and all(np.isfinite(change).all() for change in moves)):
            return None
        return _moved(at, dZ, dS, moves, length)

    def _factored(self, at: State):  # type: ignore[no-untyped-def]
        from scipy.linalg import cho_solve  # type: ignore[import-untyped]

        size, C = self.X.shape[1], at.Z.shape[1]
        A = self.terms.hessian(at, self.X, self.weight)
        alone = A.ndim == 3
        every, others = np.arange(C)[:, np.newaxis], np.arange(size - 1)
        A[(every, others, others) if alone else (every, others, every, others)] += self.strength
        if not alone:  # shifting all biases alike changes no difference of scores, and r does not ask for it
            A[:, -1, :, -1] += np.trace(A[:, -1, :, -1]) / C
        factors = [_factor(block) for block in (A if alone else [A.reshape(C * size, C * size)])]
        if any(factor is None for factor in factors):
            return None
        if alone:
            return lambda R: np.column_stack([cho_solve(f, R[:, j], check_finite=False) for j, f in enumerate(factors)])
        return lambda R: cho_solve(factors[0], R.T.ravel(), check_finite=False).reshape(C, size).T


def _moved(at: State, dZ: F64, dS: F64, moves: tuple[F64, ...], length: float) -> State:
    terms = tuple(a + length * d for a, d in zip(at.terms, moves, strict=True))
    return State(at.Z + length * dZ, at.S + length * dS, terms)


def _factor(A: F64):  # type: ignore[no-untyped-def]
    """Return the Cholesky factor; where rounding has left no room for one, of A with ever more on its diagonal."""
    from scipy.linalg import cho_factor

    more = float(np.finfo(np.float64).eps) * float(np.trace(A)) / len(A)
    for _ in range(FLOORS):
        try:
            return cho_factor(A, check_finite=False)
        except np.linalg.LinAlgError:
            A[np.diag_indices(len(A))] += more
            more *= 10
    return None


def _grams(X: F64, h: F64) -> F64:
    """sum_i h_ij x_i x_i' for each j, (C, size, size)."""
    return np.stack([(X * each[:, np.newaxis]).T @ X for each in h.T])


class _Terms(ABC):
    """What a loss keeps of each of its terms, and Newton's equations for that."""

    @abstractmethod
    def start(self) -> tuple[F64, ...]:
        """Return the terms at W = 0, well within their bounds."""

    @abstractmethod
    def slopes(self, terms: tuple[F64, ...]) -> F64:
        """Return p (N, C)."""

    @abstractmethod
    def distance(self, at: State) -> float:
        """Return mu, the mean of the products that are to be 0."""

    @abstractmethod
    def hessian(self, at: State, X: F64, weight: F64) -> F64:
        """Return sum_i w_i x_i x_i' (x) H_i, (C, size, C, size); (C, size, size) where the classes are apart."""

    @abstractmethod
    def targets(self, at: State, mu: float, second: F64 | None) -> tuple[F64, tuple[F64, ...]]:
        """Return what dp is at ds = 0, (N, C), and what the products are to become less what they are."""

    @abstractmethod
    def moves(self, at: State, dS: F64, targets: tuple[F64, ...]) -> tuple[F64, ...]:
        """Return the changes of the terms."""

    @abstractmethod
    def products(self, dS: F64, moves: tuple[F64, ...]) -> F64:
        """Return the products of the changes, which Newton's equations leave out."""

    @abstractmethod
    def furthest(self, at: State, dS: F64, moves: tuple[F64, ...]) -> float:
        """Return how many such steps lead to the nearest bound."""


class _Boxes(_Terms):
    """Terms max(0, m_j) with m = 1 + A s: p_j in [0, 1], u_j >= 0, z_j = u_j - m_j >= 0.

    Kept are (p, u, z, 1 - p): the last two would lose their digits as differences.
    """

    def __init__(self, y: Labels, C: int) -> None:
        self.y, self.C = y, C
        self.there = np.ones((len(y), C), bool)

    @abstractmethod
    def margins(self, S: F64) -> F64:
        """Return A s, (N, C)."""

    @abstractmethod
    def pull(self, p: F64) -> F64:
        """Return A' p, (N, C)."""

    @final
    def start(self) -> tuple[F64, ...]:
        half = np.where(self.there, 0.5, 0.0)
        return half, np.full(half.shape, 2.0), np.ones(half.shape), 1 - half

    @final
    def slopes(self, terms: tuple[F64, ...]) -> F64:
        return self.pull(np.clip(terms[0], 0, 1))

    @final
    def distance(self, at: State) -> float:
        p, u, z, rest = at.terms
        return float(((p * z + rest * u) * self.there).sum() / (2 * self.there.sum()))

    def _bend(self, at: State) -> F64:
        p, u, z, rest = at.terms
        return np.where(self.there, p * rest / (z * rest + u * p), 0)

    @final
    def targets(self, at: State, mu: float, second: F64 | None) -> tuple[F64, tuple[F64, ...]]:
        p, u, z, rest = at.terms
        first, other = (0.0, 0.0) if second is None else (second[0], second[1])
        lower, upper = mu - p * z - first, mu - rest * u - other
        shift = np.where(self.there, (lower * rest - upper * p) / (z * rest + u * p), 0)
        return self.pull(shift), (shift, upper)

    @final
    def moves(self, at: State, dS: F64, targets: tuple[F64, ...]) -> tuple[F64, ...]:
        _, u, _, rest = at.terms
        dm = self.margins(dS)
        dp = self._bend(at) * dm + targets[0]
        du = np.where(self.there, (targets[1] + u * dp) / rest, 0)
        return dp, du, np.where(self.there, du - dm, 0), -dp

    @final
    def products(self, dS: F64, moves: tuple[F64, ...]) -> F64:
        dp, du, dz, _ = moves
        return np.stack([dp * dz, -dp * du])

    @final
    def furthest(self, at: State, dS: F64, moves: tuple[F64, ...]) -> float:
        there = self.there
        return min(_furthest(value[there], change[there]) for value, change in zip(at.terms, moves, strict=True))


@final
class _Pairs(_Boxes):
    """Of `hinge`: m_j = 1 + s_j - s_y for the wrong classes."""

    def __init__(self, y: Labels, C: int) -> None:
        super().__init__(y, C)
        self.there = ~is_class(np.empty((len(y), C)), y)

    def margins(self, S: F64) -> F64:
        return np.where(self.there, S - S[np.arange(len(S)), self.y][:, np.newaxis], 0)

    def pull(self, p: F64) -> F64:
        p = np.where(self.there, p, 0)
        p[np.arange(len(p)), self.y] = -p.sum(axis=1)
        return p

    def hessian(self, at: State, X: F64, weight: F64) -> F64:
        h = self._bend(at) * weight[:, np.newaxis]
        # of the examples of class k, the terms of class j
        across = np.stack([_grams(X[self.y == k], h[self.y == k]) for k in range(self.C)])
        A = -across - across.swapaxes(0, 1)
        A[np.arange(self.C), np.arange(self.C)] += across.sum(axis=0) + across.sum(axis=1)
        return A.swapaxes(1, 2)


@final
class _OneVsAll(_Boxes):
    """Of `ova_hinge`: m_j = 1 - t_j s_j."""

    def __init__(self, y: Labels, C: int) -> None:
        super().__init__(y, C)
        self.t = one_vs_all(np.empty((len(y), C)), y)

    def margins(self, S: F64) -> F64:
        return np.asarray(-self.t * S)

    def pull(self, p: F64) -> F64:
        return np.asarray(-self.t * p)

    def hessian(self, at: State, X: F64, weight: F64) -> F64:
        return _grams(X, self._bend(at) * weight[:, np.newaxis])


@final
class _Simplex(_Terms):
    """Of `hinge_max`: max_j v_j - s_y, v_j = s_j + 1 for the wrong classes and s_y for the true one.

    q = p + e_y is a distribution, xi its bound with z_j = xi - v_j >= 0, and q z = mu. Kept are (q, xi, z).
    """

    def __init__(self, y: Labels, C: int) -> None:
        self.y, self.C = y, C
        self.truth = is_class(np.empty((len(y), C)), y)

    def start(self) -> tuple[F64, ...]:
        return np.full(self.truth.shape, 1 / self.C), np.full((len(self.y), 1), 2.0), np.where(self.truth, 2.0, 1.0)

    def slopes(self, terms: tuple[F64, ...]) -> F64:
        q = np.maximum(terms[0], 0)
        return np.asarray(q / q.sum(axis=1, keepdims=True) - self.truth)

    def distance(self, at: State) -> float:
        return float((at.terms[0] * at.terms[2]).mean())

    def hessian(self, at: State, X: F64, weight: F64) -> F64:
        h, (C, size) = at.terms[0] / at.terms[2], (self.C, X.shape[1])
        part = h * np.sqrt(weight / h.sum(axis=1))[:, np.newaxis]
        A, step = np.zeros((C * size, C * size)), max(1, NUMBERS // (C * size))
        for first in range(0, len(X), step):
            rows = slice(first, first + step)
            some = (part[rows, :, np.newaxis] * X[rows, np.newaxis]).reshape(-1, C * size)
            A -= some.T @ some
        A = A.reshape(C, size, C, size)
        A[np.arange(C), :, np.arange(C)] += _grams(X, h * weight[:, np.newaxis])
        return A

    def targets(self, at: State, mu: float, second: F64 | None) -> tuple[F64, tuple[F64, ...]]:
        q, _, z = at.terms
        wanted = (mu - q * z - (0.0 if second is None else second)) / z
        h = q / z
        shift = wanted - h * (wanted.sum(axis=1, keepdims=True) / h.sum(axis=1, keepdims=True))
        return shift, (wanted, shift)

    def moves(self, at: State, dS: F64, targets: tuple[F64, ...]) -> tuple[F64, ...]:
        h = at.terms[0] / at.terms[2]
        along = (h * dS).sum(axis=1, keepdims=True)
        total = h.sum(axis=1, keepdims=True)
        dxi = (along + targets[0].sum(axis=1, keepdims=True)) / total
        return np.asarray(h * (dS - along / total) + targets[1]), np.asarray(dxi), np.asarray(dxi - dS)

    def products(self, dS: F64, moves: tuple[F64, ...]) -> F64:
        return np.asarray(moves[0] * moves[2])

    def furthest(self, at: State, dS: F64, moves: tuple[F64, ...]) -> float:
        return min(_furthest(at.terms[0], moves[0]), _furthest(at.terms[2], moves[2]))


def _furthest(value: F64, change: F64) -> float:
    falling = change < 0
    return float((value[falling] / -change[falling]).min(initial=np.inf))


def _terms(loss: Loss, y: Labels, C: int) -> _Terms:
    if loss == losses.hinge:
        return _Pairs(y, C)
    return _OneVsAll(y, C) if loss == losses.ova_hinge else _Simplex(y, C)


def work(problem: Problem) -> float:
    """Multiplications of a step; of `hinge`, what they were if all pairs of classes met in every row."""
    N, C = len(problem), problem.shape[1]
    size = min(problem.shape[0], N + 1)
    if problem.given.loss == losses.ova_hinge:
        return C * (N * size**2 + size**3 / 3)
    return N * size**2 * C**2 / 2 + (C * size) ** 3 / 3
