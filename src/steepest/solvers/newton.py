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
SPARE = 0.1
"""Of the bound that is to be proven, what the residual of a step may leave."""


def direction(problem: Problem, point: Point, inverse: Inverse, first: float, tol: float = 0.0) -> F64:
    """Return about -H^-1 g, H the Hessian at the point, by conjugate gradients with a preconditioner.

    Parameters
    ----------
    problem, point
        With all rows at hand (`Problem.dense`).
    inverse : Inverse
        M^-1.
    first : float
        The size of the gradient where the search began: nearer to the optimum steps are more exact.
    tol : float
        No step is more exact than this relative bound needs it.

    References
    ----------
    Dembo and Steihaug, Truncated-Newton algorithms for large-scale unconstrained optimization, 1983.
    """
    size = float(np.linalg.norm(point.gradient))
    proves = math.sqrt(4 * problem.alpha * SPARE * tol * point.value)
    enough = max(min(EXACT, math.sqrt(size / first)) * size, min(proves, EXACT * size))
    hessian, V, r = problem.hessian(point.Z), np.zeros_like(point.Z), -point.gradient
    z = inverse(r)
    d, rz = z.copy(), float(np.vdot(r, z))
    for _ in range(MOST):
        Hd = hessian(d)
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
