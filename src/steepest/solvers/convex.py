"""Convex objectives of linear classifiers, to the optimum in few passes and with a proof of it."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass, replace

import numpy as np

from steepest.errors import ConvergenceWarning, InputError
from steepest.kernels.types import F64
from steepest.losses import Hinge, OvaHinge
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.certificate import Certificate
from steepest.solvers.duality import regained
from steepest.solvers.problem import Point, Problem
from steepest.solvers.smooth import SmoothSearch, Watcher

__all__ = ["Solution", "minimize"]

FIRST_WIDTH = 2.0
"""Over which a hinge is rounded at first: at W = 0 every margin is 1, and within it."""
FIRST_TOL = 0.03
"""How far the first rounded problem is solved, relatively."""
NARROWEST = 1e-6


@dataclass(frozen=True)
class Solution:
    """W and b, what is proven of them, and the way: objective and proven bound after each pass."""

    parameters: Parameters
    certificate: Certificate
    history: list[dict[str, float]]


def minimize(
    objective: CompiledLinear | Problem,
    tol: float = 1e-4,
    max_passes: int = 1000,
    seed: int = 0,
    because: str = "",
    watch: Watcher | None = None,
    start: Parameters | None = None,
) -> Solution:
    """Minimize L(W) = mean loss + alpha |W|^2 of a linear classifier, until it is proven to be within `tol`.

        Z <- Z - t H dL/dZ

    Small data (up to 2 million numbers) are held in float64, and H is the inverse Hessian, by conjugate gradients. For
    all else it is that of L-BFGS, on top of a preconditioner made of Gram matrices of sampled rows. A hinge is rounded
    over a width (Huber's form) that shrinks from problem to problem: the rounded one is nowhere above it, so what
    bounds its minimum from below bounds that of the hinge.

    Parameters
    ----------
    objective : CompiledLinear or Problem
        With the loss softmax, logistic, squared_hinge, ova_squared_hinge, hinge or ova_hinge, and the penalty "l2"; or
        the problem made of it, as for one alpha after another.
    tol : float
        Proven bound on (L - min L) / L at which it is done.
    max_passes : int
        Looks at all rows, at most (of small data ten times as many).
    seed : int
        Of the samples.
    because : str
        Why this solver, for the certificate.
    watch : callable or None
        Told of every point.
    start : dict or None
        W and b to begin at, as of an earlier solution; None is W = 0.

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
    Boehning 1992 for the first preconditioner (`Shared`); the bound is weak duality (`duality.Proof`).
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    began, rng = time.perf_counter(), np.random.Generator(np.random.Philox(seed))
    with threadpool_limits(1, user_api="blas"):  # threads of its own would spin on into the sweeps
        problem = objective if isinstance(objective, Problem) else Problem(objective)
        if problem.given.loss.curvature(problem.shape[1]) is None:
            found = _through_rounded(problem, tol, max_passes, rng, watch, problem.start(start))
        else:
            search = SmoothSearch(problem, tol, max_passes, rng, watch)
            point = search.run(problem.evaluate(problem.start(start)))
            found = _Found(point, search.bound, search.problem.passes, search.ended, search.history)
    solver = "Newton's method" if problem.dense is not None else "preconditioned L-BFGS"
    seconds = time.perf_counter() - began
    certificate = Certificate(found.point.value, found.bound, found.passes, seconds, solver, because)
    if not certificate.bound <= tol * certificate.objective:
        _warn(problem, certificate, tol, found.ended)
    return Solution(problem.parameters(found.point.Z), certificate, found.history)


@dataclass(frozen=True)
class _Found:
    point: Point
    bound: float
    passes: float
    ended: str
    history: list[dict[str, float]]


def _through_rounded(
    problem: Problem, tol: float, max_passes: float, rng: np.random.Generator, watch: Watcher | None, Z: F64
) -> _Found:
    """Solve problems with the hinge rounded over ever smaller widths, each from the solution of the last."""
    if not isinstance(problem.given.loss, Hinge | OvaHinge):
        raise InputError(f"loss {problem.given.loss.name} cannot be rounded: use solver='ascent'")
    width, share, inverse, lower = FIRST_WIDTH, FIRST_TOL, None, 0.0
    best, history, hinge, passes = None, list[dict[str, float]](), problem.given.loss, problem.passes
    while True:
        rounded = problem.with_loss(replace(hinge, width=width), passes)
        search = SmoothSearch(rounded, share, max_passes, rng, watch, inverse)
        at = search.run(rounded.evaluate(Z))
        Z, inverse = at.Z, search.inverse
        dual = at.value - search.proof.below + regained(search.problem, problem.dual, at, search.proof.moved)
        lower = max(lower, at.value - search.bound, dual)
        sharp = problem.with_loss(hinge, search.problem.passes)
        point = sharp.evaluate(Z)
        passes = sharp.passes
        best = point if best is None or point.value < best.value else best
        left = best.value - lower
        history += [{**record, "width": width} for record in search.history]
        history.append({"pass": passes, "objective": best.value, "bound": left, "width": 0.0})
        if left <= tol * best.value or search.ended.startswith(("max_passes", "it was")) or width <= NARROWEST:
            ended = "" if left <= tol * best.value else search.ended or f"the hinge was rounded over {width:.0e}"
            return _Found(best, left, passes, ended, history)
        # What rounding costs goes with the width, and with its square in the end; a part is left for the search.
        narrower = min(0.5, max(0.05, math.sqrt(0.5 * tol * best.value / left)))
        width *= narrower
        share = max(tol / 4, 0.25 * narrower**2 * left / best.value)


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
        stacklevel=3,
    )
