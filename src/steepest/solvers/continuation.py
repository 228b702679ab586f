"""To a weak penalty by way of stronger ones: the weights grow in stages, and each stage begins near its end."""

from __future__ import annotations

import math

import numpy as np

from steepest.kernels.types import F64
from steepest.solvers.kronecker import many_classes
from steepest.solvers.problem import Point, Problem

__all__ = ["ROUGHLY", "stages", "strongest"]

FACTOR = 10.0
"""Each alpha is so many times smaller than the one before."""
BEGIN = 0.03
"""The first is below this share of the strongest that makes sense."""
ROUGHLY = 0.3
"""The bound on L - min L, as a share of L, at which a stage ends."""


def stages(problem: Problem, point: Point) -> list[float]:
    """Return the alphas to go through, falling, the problem's own the last.

    More than one where there are many classes and W is 0. Such data are nearly separable: W grows until the penalty
    stops it, the bends of the loss fall exponentially meanwhile, and what L-BFGS remembers of them is out of date. With
    few classes, whose Gram matrices are made anew, the stages took as many passes as they saved.
    """
    alphas = [problem.alpha]
    if problem.alpha > 0 and many_classes(problem) and not np.any(point.Z[:-1]):
        most = BEGIN * strongest(problem.spread, point.gradient[:-1])
        while alphas[0] * FACTOR <= most:
            alphas.insert(0, alphas[0] * FACTOR)
    return alphas


def strongest(spread: float, slopes: F64) -> float:
    """Return |x| max_c |dL/dw_c| / 2 at W = 0, the alpha that leaves scores of about 1; `spread` is mean |x|^2."""
    return math.sqrt(spread) * float(np.linalg.norm(slopes, axis=0).max()) / 2
