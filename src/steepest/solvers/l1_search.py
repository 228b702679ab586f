"""The search for sparse weights: each step goes to the minimum of a quadratic model plus the penalty."""

from __future__ import annotations

import math

import numpy as np

from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64
from steepest.solvers.duality import over_rows
from steepest.solvers.l1_metric import BLOCKS, NUMBERS, SAMPLED, Bend, Pairs, look
from steepest.solvers.l1_problem import Penalized
from steepest.solvers.problem import Point
from steepest.solvers.smooth import Watcher

__all__ = ["STUCK", "SparseSearch"]

PAIRS = 10
FIRST = 1024
"""Features that may move at most, or twice those in use; all at first, where there are no more."""
NEAR = 0.7
"""Of alpha: features of such slopes may move too."""
SHARE = 2
"""A new model may cost a part of the passes since the last, or so many times less."""
EARLY = 2
"""Steps after which the model of W = 0, where all rows bend alike, is replaced."""
EXACT, EPOCHS = 0.05, 80
"""What is left of a model's minimum, of the residual; and sweeps over it."""
DAMPED, LEAST, MOST = 1e-4, 1e-8, 10.0
"""The damping at first, of the loss's own bound on its curvature; it follows the steps between the other two."""
ARMIJO = 1e-4
ROUNDING = {False: 1e-8, True: 1e-14}
"""Of L, in sweeps and in float64."""
PATIENT = 10
"""Times as many passes are allowed over small data, where one takes no time."""
TRIED = 3
STALLED = {False: 6, True: 30}
"""Steps without a better bound or a lower objective, in sweeps, after which float64 takes over, and in float64."""


STUCK = "rounding is all that is left to gain"


class SparseSearch:
    """Proximal quasi-Newton steps until a bound is proven.

        W  <-  W + t d,      d = argmin <Z, d> + 1/2 <d, B d> + 1/2 damping |d|^2 + alpha R(W + d)

    Z is the gradient of the mean loss, B the model of its curvature (`l1_metric`), t the first of 1, 1/2, 1/4 ... that
    lowers L enough. Only a working set of features moves: those in use and those whose slopes are beyond alpha. The
    gradient comes for all features at each step, so that none is forgotten and the bound speaks of all.

    Parameters
    ----------
    problem : Penalized
        What to minimize.
    tol : float
        Relative bound at which it is done.
    max_passes : float
        Looks at all rows.
    rng : Generator
        For the samples.
    watch : callable or None
        Told of every point.

    Attributes
    ----------
    bound : float
        What was proven of the last point.
    ended : str
        Why it ended before `tol` was reached; empty if it was.
    history : list of dict
        Passes, objective, bound (but for the biases), weights and features in use, features that may move.

    References
    ----------
    Lee, Sun and Saunders, Proximal Newton-type methods for minimizing composite functions, 2014.
    """

    def __init__(
        self, problem: Penalized, tol: float, max_passes: float, rng: np.random.Generator, watch: Watcher | None = None
    ) -> None:
        self.problem, self.data, self.tol, self.max_passes, self.watch = problem, problem.data, tol, max_passes, watch
        self.rng, self.pairs, self.damping = rng, Pairs(PAIRS), DAMPED
        self.history: list[dict[str, float]] = []
        self.bound, self.ended = math.inf, ""
        self.best: tuple[float, Point]
        self.proven: Point
        self.model: Bend | None = None
        self.steps = self.made = 0
        self.early = False

    def run(self, point: Point) -> Point:
        """Step until the bound is reached, the passes are spent, or rounding is all that is left."""
        least, waited, tried = (point.value, math.inf), 0, 0
        self.best = (self.problem.but_for_biases(point), point)
        while not self._is_over(point):
            left = self.problem.but_for_biases(point)
            if left <= 0.7 * self.tol * point.value and tried < TRIED:
                if self._is_proven(point):
                    return point
                after: Point | None = self._balance(point)
                tried += 1
            else:
                after, tried = self._step(point), 0
            if after is None or waited >= STALLED[self.problem.exact]:
                if self.problem.exact:
                    self.ended = STUCK
                    break
                after, waited = self._in_float64(), 0
            point = after
            if point.value < least[0] * (1 - 1e-7) or left < least[1] * (1 - 1e-2):
                least, waited = (min(least[0], point.value), min(least[1], left)), 0
            else:
                waited += 1
        return self._last()

    def _in_float64(self) -> Point:
        """Go on from the best point, in float64; what sweeps have shown of the curvature is rounded, and forgotten."""
        self.problem.exact = True
        self.pairs.forget()
        point = self.problem.evaluate(self.best[1].Z)
        self.best = (self.problem.but_for_biases(point), point)
        return point

    def _is_proven(self, point: Point) -> bool:
        """Take the bound of a point for the search's own where it is the least so far."""
        bound = self.problem.gap(point)
        if bound < self.bound:
            self.bound, self.proven = bound, point
        return bound <= self.tol * point.value

    def _last(self) -> Point:
        """Return what most could be proven of: the best point but for its biases, these balanced, or an earlier one."""
        point = self.best[1]
        for _ in range(TRIED):
            if self._is_proven(point):
                self.ended = ""
                break
            point = self._balance(point)
        return self.proven

    def _is_over(self, point: Point) -> bool:
        left, used = self.problem.but_for_biases(point), point.Z[:-1] != 0
        if left < self.best[0]:
            self.best = (left, point)
        self.history.append(
            {
                "pass": self.data.passes, "objective": point.value, "bound": left, "weights": int(used.sum()),
                "features": int(used.any(axis=1).sum()),
                "working_set": 0 if self.model is None else len(self.model.features),
            }
        )  # fmt: skip
        if self.watch is not None and self.watch(point, left):
            self.ended = "it was asked to stop"
        elif self.data.passes >= self.max_passes * (PATIENT if self.data.small else 1):
            self.ended = f"max_passes={self.max_passes:g} were spent"
        return bool(self.ended)

    def _step(self, point: Point) -> Point | None:
        """Go to the minimum of the model, or half as far until the objective has fallen enough."""
        model, rounding = self._model(point), ROUNDING[self.problem.exact] * abs(point.value)
        for _ in range(2):
            d = self._towards(point, model)
            slope = self.problem.slope(point, d)
            if slope < 0:
                break
            self.pairs.forget()
        length = 1.0
        while slope < rounding and length > 1e-12:
            after = self.problem.evaluate(point.Z + length * d)
            if after.value <= point.value + ARMIJO * length * slope + rounding:
                self.damping = max(LEAST, self.damping / 10) if length == 1 else min(MOST, self.damping * 10)
                self.pairs.learn(point, after)
                self.steps += 1
                return after
            length *= 0.5
        return None

    def _towards(self, point: Point, model: Bend) -> F64:
        """Return the step d (D + 1, C) to the minimum of the model: zeros outside the working set."""
        at, problem = np.append(model.features, -1), self.problem
        P, signs, c = self.pairs.added(model)
        if not signs.size:
            P = np.zeros((self.data.shape[1], len(at), 0))
        penalized = np.append(np.ones(len(model.features)), 0.0)
        bend = self.data.given.loss.curvature(self.data.shape[1])
        assert bend is not None
        damping = self.damping * bend * np.append(problem.data.squares[model.features], 1.0)
        V = np.ascontiguousarray(point.Z[at].T)
        Q = np.empty((len(V) if model.U is None else model.U.shape[1], len(at)))
        kernels.coordinate(
            c * model.G, model.U, P, signs, damping, np.ascontiguousarray(point.gradient[at].T),
            problem.alpha * penalized, problem.alpha * problem.beta * penalized, V, Q, centred=model.centred,
            tol=EXACT * float(problem.residual(point).max()), epochs=EPOCHS, threads=self.data.given.threads,
        )  # fmt: skip
        d = np.zeros_like(point.Z)
        d[at] = V.T - point.Z[at]
        return d

    def _model(self, point: Point) -> Bend:
        """Make a model where features must come in, or the last one is old enough to be paid for."""
        alpha, model = self.problem.alpha, self.model
        slope = np.abs(point.gradient[:-1]).max(axis=1)
        used = np.asarray(point.Z[:-1].any(axis=1))
        wanted, near = used | (slope > alpha), used | (slope > NEAR * alpha)
        if model is None:
            missing, due = 0, True
            near = near | (len(used) <= FIRST)
        else:
            missing = int(wanted.sum() - wanted[model.features].sum())
            age = self.steps - self.made
            due = age >= (EARLY if self.early else max(1.0, self._cost(len(model.features)) / SHARE))
            if not missing and not due:
                return model
            if self.early or not due:
                near[model.features] = True
        room = max(FIRST, 2 * int(used.sum()), 2 * len(model.features) if model is not None and missing else 0)
        rank = np.where(used, np.inf, slope)
        rank[~near] = -1.0
        features = np.argsort(-rank, kind="stable")[: min(room, int(near.sum()), int(NUMBERS**0.5))]
        self.model, self.made = look(self.data, point.Z, np.sort(features), self.rng), self.steps
        self.early = not np.any(point.Z[:-1])
        return self.model

    def _cost(self, A: int) -> float:
        """Of a model, in passes."""
        N, (D, C) = len(self.data), self.data.shape
        blocks = C if C <= BLOCKS and C * (A + 1) ** 2 <= NUMBERS else 1
        return min(N, SAMPLED * A) * A * A * blocks / (4.0 * N * D * C)

    def _balance(self, point: Point) -> Point:
        """Take a Newton step of the biases alone: while dL/db is not 0, little is proven."""
        _, bends = over_rows(self.problem.data, point.Z, np.float64)
        Z = point.Z.copy()
        Z[-1] -= np.linalg.pinv(bends, rcond=1e-6, hermitian=True) @ point.gradient[-1]
        return self.problem.evaluate(Z)
