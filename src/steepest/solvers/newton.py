"""Newton's method for small data: each step from conjugate gradients on the very Hessian, in float64."""

from __future__ import annotations

import math

import numpy as np

from steepest.kernels.types import F64
from steepest.solvers.preconditioner import Inverse
from steepest.solvers.problem import Point, Problem

__all__ = ["direction"]

MOST = 250
"""Products with the Hessian for a step."""
FLAT = 1e-12
"""A curvature that is none: along the biases, where no example is near its margin."""
EXACT = 0.5
"""The residual is brought below the share min(EXACT, sqrt(size of the gradient / that at the start))."""


def direction(problem: Problem, point: Point, inverse: Inverse, first: float) -> F64:
    """Return about -H^-1 g, H the Hessian at the point, by conjugate gradients with a preconditioner.

        H V = 1/N sum_i w_i x_i (H_i V' x_i)' + 2 alpha V,    H_i = d2L_i / ds2

    Parameters
    ----------
    problem, point
        With all rows at hand (`Problem.dense`).
    inverse : Inverse
        M^-1.
    first : float
        The size of the gradient where the search began: nearer to the optimum steps are more exact.

    References
    ----------
    Dembo and Steihaug, Truncated-Newton algorithms for large-scale unconstrained optimization, 1983.
    """
    assert problem.dense is not None
    X, y, weight = problem.dense, problem.given.y, (problem.weight / len(problem))[:, np.newaxis]
    S = X @ point.Z[:-1] + point.Z[-1]
    size = float(np.linalg.norm(point.gradient))
    enough = min(EXACT, math.sqrt(size / first)) * size
    V, r = np.zeros_like(point.Z), -point.gradient
    z = inverse(r)
    d, rz = z.copy(), float(np.vdot(r, z))
    for _ in range(MOST):
        along = weight * problem.dual.product(S, y, X @ d[:-1] + d[-1])
        Hd = np.vstack([X.T @ along + 2 * problem.alpha * d[:-1], along.sum(axis=0)])
        problem.passes += 1
        bend = float(np.vdot(d, Hd))
        if not bend > FLAT * float(np.vdot(d, d)):  # what there is of a step is taken
            break
        V += (rz / bend) * d
        r = r - (rz / bend) * Hd
        if float(np.linalg.norm(r)) <= enough:
            break
        z = inverse(r)
        rz, before = float(np.vdot(r, z)), rz
        d = z + (rz / before) * d
    return V if np.any(V) else z / max(1.0, float(np.linalg.norm(z)))
