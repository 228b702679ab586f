"""From any point to a bound on what is left: no point of the objective lies more than that below it."""

from __future__ import annotations

import math

import numpy as np

from steepest.kernels.types import F64
from steepest.solvers.problem import Point, Problem

__all__ = ["but_for_biases", "gap"]

BLOCK = 2**20
"""Scores that are looked at together."""


def but_for_biases(problem: Problem, point: Point) -> float:
    """Return the bound |dL/dW|^2 / (4 alpha) on L - min L, which holds where dL/db = 0; infinite at alpha = 0."""
    dW = point.gradient[:-1]
    return float(np.vdot(dW, dW)) / (4 * problem.alpha) if problem.alpha > 0 else math.inf


def gap(problem: Problem, point: Point) -> float:
    """Return a bound on L(W) - min L: half a pass over the rows, for the slopes of the biases are never quite 0.

        L - min L  <=  (|dL/dW| + kappa)^2 / (4 alpha) + lost,    kappa^2 = mean |x|^2 moved

    The dual point is p_i + d_i: the slopes p_i = dL_i/ds at this point and a correction whose mean takes away their
    mean g = dL/db. `moved` and `lost` bound the mean of |d_i|^2 and what the conjugates lose by it; both are of the
    order of g^2 (`losses.duals`). For g = 0 it is the bound of strong convexity. No loss is below 0, so L itself is a
    bound too.
    """
    if problem.alpha == 0:
        return point.value
    W, g = point.Z[:-1], point.gradient[-1]
    data = point.value - problem.alpha * float(np.vdot(W, W))
    moved, lost = problem.dual.correction(_sums(problem, point.Z), g, data) if np.any(g) else (0.0, 0.0)
    kappa = math.sqrt(moved * problem.spread)
    steepness = float(np.linalg.norm(point.gradient[:-1]))
    return min(point.value, (steepness + kappa) ** 2 / (4 * problem.alpha) + lost)


def _sums(problem: Problem, Z: F64) -> F64:
    """Return what the correction wants to know, of all rows."""
    N, C = len(problem), problem.shape[1]
    total, step = np.zeros((C, C)), max(1, BLOCK // C)
    for first in range(0, N, step):
        rows = np.arange(first, min(N, first + step))
        scores, weight = problem.scores(Z, rows).astype(np.float64), problem.weight[rows].astype(np.float64)
        total += len(rows) * problem.dual.sums(scores, problem.given.y[rows], weight)
    return total / N
