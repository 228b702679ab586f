"""Genetic search: a population of weights, of which the better ones have children."""

from __future__ import annotations

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import F64, Order
from steepest.nn.checks import positive, whole
from steepest.nn.initialization import generator, normals, uniforms
from steepest.objective.base import Objective, Parameters
from steepest.solvers.search import Search, Searching, Watch

__all__ = ["genetic_search"]


def genetic_search(
    objective: Objective,
    start: Parameters,
    population: int = 20,
    generations: int = 50,
    size: float = 1e-4,
    *,
    mutation: float = 0.1,
    seed: int = 0,
    rows: Order | None = None,
    watch: Watch | None = None,
) -> Search:
    """Let weights have children, and the better ones more of them.

        population   the start, and the start + size z for all others, z standard normal
        selection    a parent is the better of two that are drawn at random, with repetition
        crossover    each coordinate of a child is that of one parent or of the other, with equal chances
        mutation     each coordinate then moves by size z with the probability `mutation`
        survival     the best one lives on; children take the place of all others

    Parameters
    ----------
    objective : Objective
        L(W).
    start : dict of arrays
        Around which the first generation is drawn.
    population : int
        How many live at a time, at least 2.
    generations : int
        How often they have children, each time population - 1 of them.
    size : float
        The deviation of each weight in the first generation, and of a mutation.
    mutation : float
        Share of the coordinates that mutate, from 0 to 1.
    seed : int
        The same seed makes the same lives.
    rows : int64 array or None
        The rows that L(W) is the mean over; None means all.
    watch : callable or None
        Told after each birth of the evaluations and the least value so far; returning True ends the search.

    Returns
    -------
    Search
        On Ctrl-C, of who lived until then.

    Raises
    ------
    InputError
        If an argument is out of its range, or L(W) is not finite at the start.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.objective import GraphObjective
    >>> from steepest.solvers.genetic import genetic_search
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]]), np.array([0, 1, 2])
    >>> L = GraphObjective(lambda p, X: X @ p["W"], X, y, loss="softmax")
    >>> genetic_search(L, {"W": np.zeros((2, 3))}, population=10, generations=20, size=1.0).value < 0.1
    True

    References
    ----------
    Holland, Adaptation in natural and artificial systems, 1975.
    """
    population, generations = whole("population", population, 2), whole("generations", generations)
    size = positive("size", size)
    if not 0 <= mutation <= 1:
        raise InputError(f"mutation is the share of the coordinates that mutate, from 0 to 1, not {mutation!r}")
    rng = generator(seed, "genetic search")

    def parent() -> F64:
        one, other = (uniforms(rng, 2) * population).astype(np.int64)
        return alive[int(one)] if values[one] <= values[other] else alive[int(other)]

    with Searching("genetic search", objective, start, rows, watch) as search:
        n = len(search.start)
        alive = [search.start, *(search.start + size * normals(rng, n) for _ in range(population - 1))]
        values = [search.attempt(w) for w in alive]
        for _ in range(generations):
            best = int(np.argmin(values))
            children = []
            for _ in range(population - 1):
                child = np.where(uniforms(rng, n) < 0.5, parent(), parent())
                child += np.where(uniforms(rng, n) < mutation, size * normals(rng, n), 0.0)
                children.append(child)
            alive, values = [alive[best], *children], [values[best], *map(search.attempt, children)]
    return search.result()
