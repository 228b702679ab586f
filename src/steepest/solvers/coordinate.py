"""L1 and elastic net to the optimum: exact zeros, and a proof."""

from __future__ import annotations

import time
import warnings

import numpy as np

from steepest import losses
from steepest.errors import ConvergenceWarning, InputError
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.certificate import Certificate
from steepest.solvers.convex import Solution
from steepest.solvers.l1_limit import strengths
from steepest.solvers.l1_problem import Penalized
from steepest.solvers.l1_search import STUCK, SparseSearch
from steepest.solvers.l1_squares import EPOCHS, Lasso
from steepest.solvers.problem import Point
from steepest.solvers.smooth import Watcher
from steepest.solvers.spectrum import blas

__all__ = ["coordinate_descent"]

FLAT = 50
"""Looks at the gap without a tenth less of it, after which nothing is left to gain."""


def coordinate_descent(
    objective: CompiledLinear,
    tol: float = 1e-4,
    max_passes: int = 1000,
    seed: int = 0,
    because: str = "",
    watch: Watcher | None = None,
    start: Parameters | None = None,
) -> Solution:
    """Minimize L(W) = mean loss + alpha sum (|W| + beta W^2) of a linear classifier, until that is proven within `tol`.

        w_fj  <-  soft(h w_fj - dm/dw_fj, alpha) / (h + 2 alpha beta),      soft(a, t) = sign(a) max(0, |a| - t)

    m is the mean loss itself where that is a square: one pass over the rows gives its Gram matrix, and no other is
    needed (`Lasso`). For all other losses m is a quadratic model of it, made anew at each step (`SparseSearch`), from
    Gram matrices of sampled rows; where rounding in float32 is all that a sweep has left to show, passes in float64
    take over. Small data (up to 2 million numbers) are held in float64. What is not in use is 0, not nearly so.

    Parameters
    ----------
    objective : CompiledLinear
        With the loss softmax, logistic, squared_hinge, ova_squared_hinge or squared, and the penalty "l1" or
        "elastic_net".
    tol : float
        Proven bound on (L - min L) / L at which it is done.
    max_passes : int
        Looks at all rows, at most (of small data ten times as many); for squares, sweeps over the features.
    seed : int
        Of the samples.
    because : str
        Why this solver, for the certificate.
    watch : callable or None
        Told of every point.
    start : Parameters or None
        Where to begin; None begins at W = 0, with the biases that are best there.

    Returns
    -------
    Solution
        With its certificate. Where the bound was not reached a ConvergenceWarning says what is left and what to do.

    Raises
    ------
    InputError
        When the loss or the penalty is not of this kind, alpha is 0, or a Gram matrix does not fit into the memory.
    """
    began = time.perf_counter()
    if strengths(objective)[0] <= 0:
        raise InputError("without a penalty nothing is proven and no weight need be 0: give alpha > 0")
    by = _squares if objective.loss == losses.squared else _search
    with blas(1):  # threads of its own would spin on into the sweeps
        parameters, found, history, ended = by(objective, tol, max_passes, seed, watch, start)
    solver = "coordinate descent"
    certificate = Certificate(found.objective, found.bound, found.passes, time.perf_counter() - began, solver, because)
    if not certificate.bound <= tol * certificate.objective:
        _warn(certificate, tol, ended)
    return Solution(parameters, certificate, history)


_Found = tuple[Parameters, Certificate, list[dict[str, float]], str]


def _search(
    objective: CompiledLinear, tol: float, max_passes: int, seed: int, watch: Watcher | None, start: Parameters | None
) -> _Found:
    problem = Penalized(objective)
    search = SparseSearch(problem, tol, max_passes, np.random.Generator(np.random.Philox(seed)), watch)
    point = search.run(problem.evaluate(problem.start(start)))
    found = Certificate(point.value, search.bound, problem.data.passes, 0.0, "")
    return problem.data.parameters(point.Z), found, search.history, search.ended


def _squares(
    objective: CompiledLinear, tol: float, max_passes: int, seed: int, watch: Watcher | None, start: Parameters | None
) -> _Found:
    lasso, history, ended = Lasso.of(objective), [], ""
    if start is not None:
        lasso.W = np.array(start["W"], np.float64)
    sharp, least, waited, epochs = lasso.alpha, np.inf, 0, 0
    while True:
        value, bound = lasso.value_and_bound()
        history.append({"pass": 2.0, "objective": value, "bound": bound, "weights": int(np.count_nonzero(lasso.W))})
        if bound <= tol * value:
            break
        if watch is not None and watch(
            Point(np.vstack([lasso.W, lasso.rows.frequencies]), value, lasso.slopes(), 2.0), bound
        ):
            ended = "it was asked to stop"
        elif epochs >= max_passes * EPOCHS:
            ended = f"max_passes={max_passes:g} were spent"
        least, waited = (bound, 0) if bound < 0.9 * least else (least, waited + 1)
        if waited >= FLAT:
            ended = STUCK
        if ended:
            break
        lasso.sweep(1e-3 * tol * sharp, threads=objective.threads)
        epochs += EPOCHS
    moved = (lasso.rows.scaling.shift - objective.scaling.shift) * objective.scaling.scale
    parameters = {
        "W": np.asarray(lasso.W, np.float32, order="F"),
        "b": (lasso.rows.frequencies - moved @ lasso.W).astype(np.float32),
    }
    return parameters, Certificate(value, bound, 2.0, 0.0, ""), history, ended


def _warn(found: Certificate, tol: float, ended: str) -> None:
    if ended.startswith("max_passes"):
        fix = "give it more passes, a larger alpha, or scaling='standard'"
    else:
        fix = f"a tol of {found.gap:.0e} was reached; a larger alpha or scaling='standard' makes more of it provable"
    warnings.warn(
        f"the fit is proven to be within {found.gap:.1e} of the optimum only, not {tol:g}: {ended}; {fix}",
        ConvergenceWarning,
        stacklevel=3,
    )
