"""Smooth convex objectives, to the optimum in few passes: preconditioned L-BFGS that stops on a proven bound."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from steepest.errors import ConvergenceWarning
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.certificate import Certificate
from steepest.solvers.duality import but_for_biases, gap
from steepest.solvers.preconditioner import Along, Inverse, Shared
from steepest.solvers.problem import Point, Problem
from steepest.solvers.quasi_newton import Memory

__all__ = ["Solution", "Watcher", "minimize"]

SOLVER = "preconditioned L-BFGS"
PAIRS = 12
SAMPLED = 4
"""Rows a feature in the sample for the first preconditioner."""
DRAWN, LOOKED = 3, 20_000
"""Rows a feature in each Gram of the later ones, and rows whose curvature is looked at to draw them."""
FIRST, LATER = 6, (15, 30, 50, 80, 120)
"""Steps after which a new one is made."""
PAYS = 40
"""New ones are made where D^2 is below so many times N: they cost about as much as 0.75 D^2 / N passes."""
TRIED = 3
"""Steps of the biases alone in a row, with a proof after each, before the weights move again."""
ARMIJO, ROUNDING = 1e-4, 1e-8
STALLED = 30
"""Steps without a better bound or a lower objective, by more than rounding, after which nothing is left to gain."""

ROUNDED = "rounding in float32 is all that is left to gain"

Watcher: TypeAlias = Callable[[Point, float], bool | None]
"""Told of every point and of about how far it is from the optimum at most; returning True ends the search there."""


@dataclass(frozen=True)
class Solution:
    """W and b, what is proven of them, and the way: objective and proven bound after each pass."""

    parameters: Parameters
    certificate: Certificate
    history: list[dict[str, float]]


def minimize(
    objective: CompiledLinear,
    tol: float = 1e-4,
    max_passes: int = 1000,
    seed: int = 0,
    because: str = "",
    watch: Watcher | None = None,
) -> Solution:
    """Minimize L(W) = mean loss + alpha |W|^2 of a linear classifier, until it is proven to be within `tol`.

        Z <- Z - t H dL/dZ,    H: L-BFGS on top of a preconditioner made of sampled Gram matrices

    Parameters
    ----------
    objective : CompiledLinear
        With a smooth loss (softmax, squared_hinge, ova_squared_hinge, logistic, or a hinge with a width) and the
        penalty "l2".
    tol : float
        Proven bound on (L - min L) / L at which it is done.
    max_passes : int
        Looks at all rows, at most.
    seed : int
        Of the samples.
    because : str
        Why this solver, for the certificate.
    watch : callable or None
        Told of every point.

    Returns
    -------
    Solution
        With its certificate. Where the bound was not reached a ConvergenceWarning says what is left and what to do.

    Raises
    ------
    InputError
        When the loss or the penalty is not of this kind.

    References
    ----------
    Boehning 1992 for the first preconditioner (`Shared`); the bound is weak duality (`duality.gap`).
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    began = time.perf_counter()
    with threadpool_limits(1, user_api="blas"):  # threads of its own would spin on into the sweeps
        problem = Problem(objective)
        search = _Search(problem, tol, max_passes, seed, watch)
        point = search.run(search.start())
    return search.solution(point, began, because)


class _Search:
    def __init__(self, problem: Problem, tol: float, max_passes: float, seed: int, watch: Watcher | None) -> None:
        self.problem, self.tol, self.max_passes, self.watch = problem, tol, max_passes, watch
        self.rng, self.memory = np.random.Generator(np.random.Philox(seed)), Memory(PAIRS)
        self.history: list[dict[str, float]] = []
        self.inverse: Inverse = Shared(problem, self.rng, SAMPLED * problem.shape[0])
        self.bends = problem.shape[0] ** 2 <= PAYS * len(problem)
        self.bound, self.ended = math.inf, ""

    def start(self) -> Point:
        return self.problem.evaluate(self.problem.start())

    def run(self, point: Point) -> Point:
        """Step until the bound is reached, the passes are spent, or rounding is all that is left."""
        best, waited, steps, tried = (point.value, math.inf), 0, 0, 0
        while not self._is_over(point):
            left = but_for_biases(self.problem, point)
            if left <= 0.7 * self.tol * point.value and tried < TRIED:
                if tried > 0 and (bound := gap(self.problem, point)) <= self.tol * point.value:
                    self.bound = bound
                    return point
                after: Point | None = self._balance(point)
                tried += 1
            else:
                if steps in (FIRST, *LATER) and self.bends:
                    self._look_again(point)
                after, steps, tried = self._step(point), steps + 1, 0
            if after is None:
                self.ended = ROUNDED
                break
            self.memory.learn(point, after)
            point = after
            if point.value < best[0] * (1 - 1e-7) or left < best[1] * (1 - 1e-2):
                best, waited = (min(best[0], point.value), min(best[1], left)), 0
            elif (waited := waited + 1) >= STALLED:
                self.ended = ROUNDED
                break
        self.bound = gap(self.problem, point)
        return point

    def _is_over(self, point: Point) -> bool:
        left = but_for_biases(self.problem, point)
        self.history.append({"pass": self.problem.passes, "objective": point.value, "bound": min(point.value, left)})
        if self.watch is not None and self.watch(point, left):
            self.ended = "it was asked to stop"
        elif self.problem.passes >= self.max_passes:
            self.ended = f"max_passes={self.max_passes:g} were spent"
        return bool(self.ended)

    def _look_again(self, point: Point) -> None:
        self.inverse = Along(self.problem, point.Z, self.rng, DRAWN * self.problem.shape[0], LOOKED)

    def _step(self, point: Point) -> Point | None:
        """Go along the direction of the memory, half as far until the objective has fallen enough."""
        direction = self.memory.direction(point.gradient, self.inverse)
        slope = float(np.vdot(direction, point.gradient))
        if not slope < 0:
            self.memory.forget()
            direction = -self.inverse(point.gradient)
            slope = float(np.vdot(direction, point.gradient))
        length = 1.0
        while slope < 0 and length > 1e-6 and self.problem.passes < self.max_passes + 20:
            after = self.problem.evaluate(point.Z + length * direction)
            if after.value <= point.value + ARMIJO * length * slope + ROUNDING * abs(point.value):
                return after
            length *= 0.5
        return None

    def _balance(self, point: Point) -> Point:
        """Take a Newton step of the biases alone: while dL/db is not 0, little is proven."""
        problem = self.problem
        seen = np.sort(self.rng.choice(len(problem), min(len(problem), LOOKED), replace=False))
        scores = problem.scores(point.Z, seen).astype(np.float64)
        A = problem.dual.mean_hessian(scores, problem.given.y[seen], problem.weight[seen].astype(np.float64))
        Z = point.Z.copy()
        Z[-1] -= np.linalg.pinv(A, rcond=1e-6, hermitian=True) @ point.gradient[-1]
        return problem.evaluate(Z)

    def solution(self, point: Point, began: float, because: str) -> Solution:
        problem = self.problem
        seconds = time.perf_counter() - began
        certificate = Certificate(point.value, self.bound, problem.passes, seconds, SOLVER, because)
        if self.bound > self.tol * point.value:
            _warn(problem, certificate, self.tol, self.ended)
        return Solution(problem.parameters(point.Z), certificate, self.history)


def _warn(problem: Problem, found: Certificate, tol: float, ended: str) -> None:
    if problem.alpha == 0:
        fix = "without a penalty there may be no optimum, and nothing bounds it from below but 0: give alpha > 0"
    elif ended.startswith("max_passes"):
        fix = "give it more passes, a larger alpha, or scaling='standard'"
    else:
        fix = f"a tol of {found.gap:.0e} was reached; a larger alpha or scaling='standard' makes more of it provable"
    warnings.warn(
        f"the fit is proven to be within {found.gap:.1e} of the optimum only, not {tol:g}: {ended}; {fix}",
        ConvergenceWarning,
        stacklevel=4,
    )
