"""From any point to a bound on what is left: no point of the objective lies more than that below it."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np

from steepest.kernels.types import F64, Labels
from steepest.losses.base import FloatArray
from steepest.losses.duals import Dual
from steepest.solvers.problem import Point, Problem

__all__ = ["Proof", "but_for_biases", "over_rows", "regained"]

BLOCK = 2**20
"""Scores that are looked at together."""

_Look: TypeAlias = Callable[[FloatArray, Labels, FloatArray], tuple[F64, ...]]


def but_for_biases(problem: Problem, point: Point) -> float:
    """Return the bound |dL/dW|^2 / (4 alpha) on L - min L, which holds where dL/db = 0; infinite at alpha = 0."""
    dW = point.gradient[:-1]
    return float(np.vdot(dW, dW)) / (4 * problem.alpha) if problem.alpha > 0 else math.inf


class Proof:
    """A bound on L(W) - min L: half a pass over the rows, for the slopes of the biases are never quite 0.

        L - min L  <=  (|dL/dW| + kappa)^2 / (4 alpha) + lost,    kappa^2 = mean |x|^2 moved

    The dual point is p_i + d_i: the slopes p_i = dL_i/ds at this point and a correction whose mean takes away their
    mean g = dL/db. `moved` and `lost` bound the mean of |d_i|^2 and what the conjugates lose by it; both are of the
    order of g^2 (`losses.duals`). For g = 0 it is the bound of strong convexity. No loss is below 0, so L itself is a
    bound too.

    Attributes
    ----------
    bound : float
        On L(W) - min L.
    bends : array (C, C) or None
        The mean Hessian by the scores, d2L/db2; None where g is 0 or there is no penalty, and nobody needs it.
    moved : float
        A bound on the mean of w_i |d_i|^2.
    below : float
        How far below L(W) the dual point is at most, which may be further than 0 is.
    """

    def __init__(self, problem: Problem, point: Point) -> None:
        self.bound, self.bends, self.moved, self.below = point.value, None, 0.0, math.inf
        if problem.alpha == 0:
            return
        W, g = point.Z[:-1], point.gradient[-1]
        data = max(0.0, point.value - problem.alpha * float(np.vdot(W, W)))
        lost = 0.0
        if np.any(g):
            sums, self.bends = over_rows(problem, point.Z)
            self.moved, lost = problem.dual.correction(sums, g, data)
        kappa = math.sqrt(self.moved * problem.spread)
        steepness = float(np.linalg.norm(point.gradient[:-1]))
        self.below = (steepness + kappa) ** 2 / (4 * problem.alpha) + lost
        self.bound = min(point.value, self.below)


def over_rows(problem: Problem, Z: F64, dtype: type[np.floating[Any]] = np.float32) -> tuple[F64, F64]:
    """Return what the correction wants to know, and the mean Hessian by the scores d2L/db2, of all rows: (C, C) each.

    Scores that come in float32 are looked at in `dtype`.
    """
    dual = problem.dual

    def look(scores: FloatArray, y: Labels, weight: FloatArray) -> tuple[F64, F64]:
        hessian = dual.mean_hessian(scores, y, weight)
        return dual.sums(scores, y, weight, hessian), hessian

    sums, bends = _mean(problem, Z, look, dtype)
    return sums, bends


def regained(rounded: Problem, sharp: Dual, at: Point, moved: float) -> float:
    """Return how much higher than the rounded hinge's the dual of the sharp one is, at the slopes p_i + d_i.

        width / 2 mean w_i |p_i + d_i|^2,  of the wrong classes alone where scores are compared

    Their conjugates differ by just that. What the rounded hinge is below the sharp one beyond its band is regained by
    it; what is left of the width is of the few margins within the band, and goes with its square.

    Parameters
    ----------
    rounded : Problem
        With the rounded hinge, `at` a point of it.
    sharp : Dual
        Of the hinge of width 0.
    moved : float
        The mean of w_i |d_i|^2 at most; `Proof` has it.
    """
    loss, dual = rounded.given.loss, rounded.dual
    width = float(loss.width)  # type: ignore[attr-defined]

    def look(scores: FloatArray, y: Labels, weight: FloatArray) -> tuple[F64]:
        p = loss.gradient(scores, y)
        return (np.asarray(np.mean(weight * (dual.conjugate(p, y) - sharp.conjugate(p, y)), dtype=np.float64)),)

    apart = math.sqrt(max(0.0, float(_mean(rounded, at.Z, look)[0])))
    return max(0.0, apart - math.sqrt(width / 2 * moved)) ** 2 if math.isfinite(moved) else 0.0


def _mean(problem: Problem, Z: F64, look: _Look, dtype: type[np.floating[Any]] = np.float32) -> tuple[F64, ...]:
    """Return the means over all rows of what `look` says of some of them: half a pass."""
    N, y = len(problem), problem.given.y
    step = max(1, BLOCK // problem.shape[1])

    def some(first: int) -> tuple[F64, ...]:
        rows = np.arange(first, min(N, first + step))
        scores = problem.scores(Z, rows)
        scores, weight = scores.astype(np.result_type(scores, dtype), copy=False), problem.weight[rows].astype(dtype)
        return tuple(len(rows) / N * each for each in look(scores, y[rows], weight))

    with ThreadPoolExecutor(problem.given.threads) as pool:  # NumPy lets go of the interpreter
        parts = pool.map(some, range(0, N, step))
        return tuple(np.asarray(sum(each)) for each in zip(*parts, strict=True))
