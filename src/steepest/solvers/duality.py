"""From any point to a bound on what is left: no point of the objective lies more than that below it."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from steepest.kernels.types import F64
from steepest.solvers.problem import Point, Problem

__all__ = ["Proof", "but_for_biases", "gap", "over_rows"]

BLOCK = 2**20
"""Scores that are looked at together."""


def but_for_biases(problem: Problem, point: Point) -> float:
    """Return the bound |dL/dW|^2 / (4 alpha) on L - min L, which holds where dL/db = 0; infinite at alpha = 0."""
    dW = point.gradient[:-1]
    return float(np.vdot(dW, dW)) / (4 * problem.alpha) if problem.alpha > 0 else math.inf


def gap(problem: Problem, point: Point) -> float:
    """Return a bound on L(W) - min L: half a pass over the rows; see `Proof`."""
    return Proof(problem, point).bound


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
    """

    def __init__(self, problem: Problem, point: Point) -> None:
        self.bound, self.bends = point.value, None
        if problem.alpha == 0:
            return
        W, g = point.Z[:-1], point.gradient[-1]
        data = max(0.0, point.value - problem.alpha * float(np.vdot(W, W)))
        moved, lost = 0.0, 0.0
        if np.any(g):
            sums, self.bends = over_rows(problem, point.Z)
            moved, lost = problem.dual.correction(sums, g, data)
        kappa = math.sqrt(moved * problem.spread)
        steepness = float(np.linalg.norm(point.gradient[:-1]))
        self.bound = min(point.value, (steepness + kappa) ** 2 / (4 * problem.alpha) + lost)


def over_rows(problem: Problem, Z: F64, dtype: type[np.floating[Any]] = np.float32) -> tuple[F64, F64]:
    """Return what the correction wants to know, and the mean Hessian by the scores d2L/db2, of all rows: (C, C) each.

    Scores that come in float32 are looked at in `dtype`.
    """
    N, C, dual, y = len(problem), problem.shape[1], problem.dual, problem.given.y
    step = max(1, BLOCK // C)

    def look(first: int) -> tuple[F64, F64]:
        rows = np.arange(first, min(N, first + step))
        scores = problem.scores(Z, rows)
        scores, weight = scores.astype(np.result_type(scores, dtype), copy=False), problem.weight[rows].astype(dtype)
        hessian = dual.mean_hessian(scores, y[rows], weight)
        return len(rows) / N * dual.sums(scores, y[rows], weight, hessian), len(rows) / N * hessian

    sums, bends = np.zeros((C, C)), np.zeros((C, C))
    with ThreadPoolExecutor(problem.given.threads) as pool:  # NumPy lets go of the interpreter
        for some, bend in pool.map(look, range(0, N, step)):
            sums += some
            bends += bend
    return sums, bends
