"""The lecture's searches, as solvers of a linear classifier: so many looks at all rows, and nothing proven."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from steepest.kernels import dispatch as kernels
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.optim import SGD
from steepest.solvers import Search, genetic_search, gradient_descent, local_search, random_search
from steepest.training.automatic import check_count, check_number
from steepest.training.rate import curvature_rate

__all__ = ["search", "size_of"]

POPULATION = 20
SIZE = 0.1
"""Deviation of the scores that drawn weights make: where it is larger, nearly all of them are worse than W = 0."""


def search(
    name: str, objective: CompiledLinear, start: Parameters, draws: int, seed: int, lr: float | Literal["auto"],
    watch: Callable[[int, float], bool | None],
) -> Search:  # fmt: skip
    """Run one of `models.SEARCHES`.

    Parameters
    ----------
    name : str
        Which.
    objective : CompiledLinear
        L(W).
    start : dict
        W and b to begin at.
    draws : int
        Looks at all rows: draws of a random or local search, births of a genetic one (20 live at a time), steps of a
        gradient descent.
    seed : int
        Keys what is drawn.
    lr : float or "auto"
        Of a gradient descent; "auto" takes it from the curvature.
    watch : callable
        Told after each of the looks so far, and of the least value.
    """
    draws = check_count("draws", draws)
    match name:
        case "random-search":
            return random_search(objective, start, draws, size_of(objective), seed=seed, watch=watch)
        case "local-search":
            return local_search(objective, start, draws, size_of(objective), seed=seed, watch=watch)
        case "genetic-search":
            generations = max(1, round((draws - POPULATION) / (POPULATION - 1)))
            return genetic_search(objective, start, POPULATION, generations, size_of(objective), seed=seed, watch=watch)
    rate = curvature_rate(objective, SGD(), len(objective)) if lr == "auto" else check_number("lr", lr, 0.0, above=True)
    return gradient_descent(objective, start, rate, draws, watch=watch)


def size_of(objective: CompiledLinear) -> float:
    """Return the deviation of weights for scores of that size: SIZE over the root of the mean of |z|^2, z scaled."""
    mean, variance = np.empty(objective.X.shape[1]), np.empty(objective.X.shape[1])
    kernels.moments(objective.X, None, mean, variance, threads=objective.threads)
    return SIZE / math.sqrt(max(1e-30, float(variance @ objective.scaling.scale**2)))
