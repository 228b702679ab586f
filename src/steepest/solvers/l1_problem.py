"""A sparse problem as its search sees it: the data term, the penalty beside it, and what proves how much is left."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from steepest.kernels.types import F64
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.duality import over_rows
from steepest.solvers.l1_limit import biases_alone, strengths
from steepest.solvers.problem import Point, Problem

__all__ = ["Penalized"]

PARTS, ROWS = 32, 1024
"""Sums of so many parts of the rows are added up, and so many rows are held in float64 by each thread."""


class Penalized:
    """L(W) = mean loss + alpha sum (|W| + beta W^2), with a free bias. Points have the gradient of the mean loss alone.

    Parameters
    ----------
    objective : CompiledLinear
        With the penalty "l1" or "elastic_net", and a smooth loss whose other side is known.

    Attributes
    ----------
    data : Problem
        The mean loss; small and sparse data in float64.
    exact : bool
        Whether points are evaluated in float64; may be set.

    Raises
    ------
    InputError
        If it is not such an objective.
    """

    def __init__(self, objective: CompiledLinear) -> None:
        self.alpha, self.beta = strengths(objective)
        self.given, self.data = objective, Problem(objective.data_term())
        self.exact = self.data.dense is not None

    def evaluate(self, Z: F64) -> Point:
        """Look at all rows: in sweeps, which round Z to float32, or in float64, which takes some ten times as long."""
        if self.exact and self.data.dense is None:
            point = self._in_blocks(Z)
        else:
            Z = Z if self.exact else Z.astype(np.float32).astype(np.float64)
            point = self.data.evaluate(Z)
        return Point(Z, point.value + self.price(Z), point.gradient, self.data.passes)

    def price(self, Z: F64) -> float:
        """Alpha R(W)."""
        W = Z[:-1]
        return self.alpha * float(np.abs(W).sum() + self.beta * np.vdot(W, W))

    def slope(self, point: Point, d: F64) -> float:
        """Return <Z, d> + alpha R(W + d) - alpha R(W): what a step promises, taken weight by weight."""
        W, after = point.Z[:-1], point.Z[:-1] + d[:-1]
        price = np.abs(after) - np.abs(W) + self.beta * (after + W) * d[:-1]
        return float(np.sum(point.gradient[:-1] * d[:-1] + self.alpha * price) + point.gradient[-1] @ d[-1])

    def residual(self, point: Point) -> F64:
        """How far the slope of L is from one that is 0, (D + 1, C): the least of the subgradients, by size."""
        W, slope = point.Z[:-1], point.gradient[:-1] + 2 * self.alpha * self.beta * point.Z[:-1]
        left = np.where(W != 0, np.abs(slope + self.alpha * np.sign(W)), np.maximum(np.abs(slope) - self.alpha, 0))
        return np.vstack([left, np.abs(point.gradient[-1])])

    def but_for_biases(self, point: Point) -> float:
        """Return the bound on L - min L that holds where dL/db = 0."""
        return self._bound(point, 0.0, 0.0)

    def gap(self, point: Point) -> float:
        """Return a bound on L(W) - min L: half a pass over the rows.

            min L  >=  -1/N sum_i w_i L*_i(p_i + d_i) + min_W <Z, W> + alpha R(W),   Z = 1/N sum_i w_i x_i (p_i + d_i)'

        p_i = dL_i/ds are the slopes at this point, d_i what takes away their mean (`duality`). No loss is below 0, so
        |W|_1 <= L / alpha at the optimum, and where Z is beyond alpha the minimum over such W is -L / alpha times the
        most by which it is so. With squares it is at least -sum max(0, |Z| - alpha)^2 / (4 alpha beta).
        """
        g = point.gradient[-1]
        if not np.any(g):
            return self._bound(point, 0.0, 0.0)
        data = point.value - self.price(point.Z)
        return self._bound(point, *self.data.dual.correction(over_rows(self.data, point.Z, np.float64)[0], g, data))

    def _bound(self, point: Point, moved: float, lost: float) -> float:
        """Of the corrected slopes: the mean of |d_i|^2 and what the conjugates lose are at most `moved` and `lost`."""
        if not math.isfinite(moved + lost):
            return point.value
        W, Z = point.Z[:-1], point.gradient[:-1]
        most, whole = math.sqrt(moved * self.data.squares.max(initial=0.0)), math.sqrt(moved * self.data.spread)
        size, length = float(np.abs(W).sum()), float(np.linalg.norm(W))
        beyond = np.maximum(np.abs(Z) - self.alpha, 0)
        below = point.value / self.alpha * max(0.0, float(np.abs(Z).max(initial=0.0)) + most - self.alpha)
        if self.beta > 0:
            below = min(below, (float(np.linalg.norm(beyond)) + whole) ** 2 / (4 * self.alpha * self.beta))
        apart = self.price(point.Z) + float(np.vdot(Z, W)) + min(most * size, whole * length)
        return min(point.value, max(0.0, apart + below + lost))

    def start(self, at: Parameters | None = None) -> F64:
        """W = 0 and the biases that are best there, or these W and b of the features as the objective scales them."""
        if at is not None:
            return self.data.start(at)
        y, Z = self.given.y, self.data.start()
        counts = np.bincount(y, self.data.weight, self.given.n_classes).astype(np.float64)
        Z[-1] = biases_alone(self.given.loss, counts / len(y))
        return Z

    def _in_blocks(self, Z: F64) -> Point:
        """Value and gradient of the mean loss in float64, some rows at a time; sums do not depend on the threads."""
        L, (shift, scale), N = self.given, self.data.centred.scaling, len(self.data)
        folded = scale[:, np.newaxis] * Z[:-1]
        offset, weight = Z[-1] - shift @ folded, self.data.weight

        def part(first: int) -> tuple[float, F64, F64]:
            value, XP, sums = 0.0, np.zeros_like(folded), np.zeros(len(offset))
            for begin in range(first, min(N, first + step), ROWS):
                rows = slice(begin, min(N, first + step, begin + ROWS))
                X, y, w = L.X[rows].astype(np.float64), L.y[rows], weight[rows].astype(np.float64)
                S = X @ folded + offset
                P = L.loss.gradient(S, y) * w[:, np.newaxis]
                value, XP, sums = value + float(w @ L.loss(S, y)), XP + X.T @ P, sums + P.sum(axis=0)
            return value, XP, sums

        self.data.passes += 1
        step = -(-N // PARTS)
        with ThreadPoolExecutor(L.threads) as pool:  # NumPy lets go of the interpreter
            values, products, totals = zip(*pool.map(part, range(0, N, step)), strict=True)
        sums = np.sum(totals, axis=0)
        dW = scale[:, np.newaxis] * (np.sum(products, axis=0) - np.outer(shift, sums))
        return Point(Z, sum(values) / N, np.vstack([dW, sums]) / N)
