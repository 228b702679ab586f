"""The search of the convex solvers: steps along an approximate inverse Hessian until a bound is proven."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from steepest.kernels.types import F64
from steepest.solvers import newton
from steepest.solvers.continuation import ROUGHLY, stages
from steepest.solvers.duality import Proof, but_for_biases
from steepest.solvers.kronecker import Kronecker, many_classes
from steepest.solvers.nystrom import Diagonal, first
from steepest.solvers.preconditioner import Along, Inverse
from steepest.solvers.problem import Point, Problem
from steepest.solvers.quasi_newton import Memory

__all__ = ["SmoothSearch", "Watcher"]

PAIRS = 12
DRAWN, LOOKED = 3, 20_000
"""Rows a feature in each Gram of the later ones, and rows whose curvature is looked at to draw them."""
FIRST, LATER = 8, (24, 72)
"""Steps after which a new one is made."""
PAYS, BLOCKS = 40, 32
"""New ones are made where D^2 is below so many times N, for they cost about as much as 0.75 D^2 / N passes; and where
there are no more classes than that, for there is a factor of D^2 numbers for each.
"""
SCORES = 2**22
"""Scores that are looked at for a sample, at most."""
TRIED = 3
"""Steps of the biases alone in a row, with a proof after each, before the weights move again."""
ARMIJO, ROUNDING = 1e-4, 1e-8
PATIENT = 10
"""Times as many passes are allowed over small data, where one takes no time."""
STALLED = 30
"""Steps without a better bound or a lower objective, by more than rounding, after which nothing is left to gain."""

ROUNDED = "rounding in float32 is all that is left to gain"

Watcher: TypeAlias = Callable[[Point, float], bool | None]
"""Told of every point and of about how far it is from the optimum at most; returning True ends the search there."""


class SmoothSearch:
    """Newton's method for small data; L-BFGS on a preconditioner of sampled Gram matrices for all other.

    With many classes by way of stronger penalties, see `continuation`.

    Parameters
    ----------
    problem : Problem
        With a smooth loss.
    tol : float
        Relative bound at which it is done.
    max_passes : float
        Looks at all rows.
    rng : Generator
        For the samples.
    watch : callable or None
        Told of every point.
    inverse : Inverse or None
        The preconditioner to begin with; None makes one.

    Attributes
    ----------
    problem : Problem
        With the penalty of now, and the passes.
    bound : float
        What was proven of the last point.
    proof : Proof
        Of that, after `run`.
    ended : str
        Why it ended before `tol` was reached; empty if it was.
    history : list of dict
        Passes, objective and bound (but for the biases) of every point.
    """

    def __init__(
        self, problem: Problem, tol: float, max_passes: float, rng: np.random.Generator,
        watch: Watcher | None = None, inverse: Inverse | None = None,
    ) -> None:  # fmt: skip
        self.problem, self.tol, self.max_passes, self.watch = problem, tol, max_passes, watch
        self._ahead, self._goal = list[float](), problem.alpha
        self.rng, self.memory = rng, Memory(PAIRS)
        self.history: list[dict[str, float]] = []
        self._begin_with = inverse
        D, C = problem.shape
        if problem.grams:
            self.bends = many_classes(problem) or (PAYS * len(problem) >= D**2 and C <= BLOCKS and self._have_room())
        else:
            self.bends = problem.sparse
        self.look = len(problem) if isinstance(problem.dense, np.ndarray) else min(LOOKED, SCORES // C)
        self.bound, self.ended, self.first = math.inf, "", 0.0

    def _have_room(self) -> bool:
        """Say whether factors for each class fit into memory."""
        D, C = self.problem.shape
        return self.problem.room >= 4 * D**2 * (C + 4)

    def run(self, point: Point) -> Point:
        """Step until the bound is reached, the passes are spent, or rounding is all that is left."""
        best, waited, steps, tried = (point.value, math.inf), 0, 0, 0
        self._ahead = stages(self.problem, point)
        point = self._weaken(point)
        while not self._is_over(point):
            left = but_for_biases(self.problem, point)
            if not self._ahead and left <= 0.7 * self.tol * point.value and tried < TRIED:
                proof = Proof(self.problem, point)
                if proof.bound <= self.tol * point.value:
                    self.bound, self.proof = proof.bound, proof
                    return point
                after: Point | None = self._balance(point, proof.bends)
                tried += 1
            else:
                if self.bends and (self.problem.dense is not None or steps in (FIRST, *LATER)):
                    self._look_again(point)
                after, steps, tried = self._step(point), steps + 1, 0
            if after is None:
                self.ended = ROUNDED
                break
            if self.problem.dense is None:
                self.memory.learn(point, after)
            point = after
            while self._ahead and but_for_biases(self.problem, point) <= ROUGHLY * point.value:
                point, steps = self._weaken(point), 0
            if point.value < best[0] * (1 - 1e-7) or left < best[1] * (1 - 1e-2):
                best, waited = (min(best[0], point.value), min(best[1], left)), 0
            elif (waited := waited + 1) >= STALLED:
                self.ended = ROUNDED
                break
        if self._ahead:  # it ended before its time
            point = self._turn_to(self._ahead.pop(), point)
        self.proof = Proof(self.problem, point)
        self.bound = self.proof.bound
        return point

    def _weaken(self, point: Point) -> Point:
        """Go over to the next alpha, with all that is known."""
        point = self._turn_to(self._ahead.pop(0), point)
        self.inverse: Inverse = self._begin_with or first(self.problem, point.Z, self.rng)
        return point

    def _turn_to(self, alpha: float, point: Point) -> Point:
        more, self.problem = alpha - self.problem.alpha, self.problem.with_alpha(alpha, self.problem.passes)
        self.memory.penalize(more)
        return point.penalized(more)

    def _is_over(self, point: Point) -> bool:
        seen, asked = point.penalized(self._goal - self.problem.alpha), self.problem.with_alpha(self._goal)
        left = but_for_biases(asked, seen)
        self.history.append({"pass": self.problem.passes, "objective": seen.value, "bound": min(seen.value, left)})
        if self.watch is not None and self.watch(seen, left):
            self.ended = "it was asked to stop"
        elif self.problem.passes >= self.max_passes * (PATIENT if self.problem.small else 1):
            self.ended = f"max_passes={self.max_passes:g} were spent"
        return bool(self.ended)

    def _look_again(self, point: Point) -> None:
        if not self.problem.grams:
            self.inverse = Diagonal(self.problem, point.Z, self.rng)
            return
        if isinstance(self.inverse, Kronecker):
            self.inverse = Kronecker(self.problem, point.Z, self.rng)
            return
        few = isinstance(self.problem.dense, np.ndarray)
        rows = len(self.problem) if few else DRAWN * self.problem.shape[0]
        self.inverse = Along(self.problem, point.Z, self.rng, rows, self.look)

    def _step(self, point: Point) -> Point | None:
        """Go along the direction of the memory, half as far until the objective has fallen enough."""
        self.first = max(self.first, float(np.linalg.norm(point.gradient)))
        if self.problem.dense is not None:
            direction = newton.direction(self.problem, point, self.inverse, self.first, self.tol)
        else:
            direction = self.memory.direction(point.gradient, self.inverse)
        slope = float(np.vdot(direction, point.gradient))
        if not slope < 0:
            self.memory.forget()
            direction = -self.inverse(point.gradient)
            slope = float(np.vdot(direction, point.gradient))
        length = 1.0
        while slope < 0 and length > 1e-12:
            after = self.problem.evaluate(point.Z + length * direction)
            if after.value <= point.value + ARMIJO * length * slope + ROUNDING * abs(point.value):
                return after
            length *= 0.5
        return None

    def _balance(self, point: Point, bends: F64 | None) -> Point | None:
        """Take a Newton step of the biases alone: while dL/db is not 0, little is proven."""
        if bends is None:
            return None
        Z = point.Z.copy()
        Z[-1] -= np.linalg.pinv(bends, rcond=1e-9, hermitian=True) @ point.gradient[-1]
        return self.problem.evaluate(Z)
