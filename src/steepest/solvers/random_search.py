"""Random search: the worst idea that works at all."""

from __future__ import annotations

from steepest.kernels.types import Order
from steepest.nn.checks import positive, whole
from steepest.nn.initialization import generator, normals
from steepest.objective.base import Objective, Parameters
from steepest.solvers.search import Search, Searching, Watch

__all__ = ["random_search"]


def random_search(
    objective: Objective,
    start: Parameters,
    draws: int = 1000,
    size: float = 1e-4,
    *,
    seed: int = 0,
    rows: Order | None = None,
    watch: Watch | None = None,
) -> Search:
    """Draw weights at random and keep the best.

        W_k = size z_k,   z_k standard normal           the result: argmin_k L(W_k), and never worse than the start

    Parameters
    ----------
    objective : Objective
        L(W).
    start : dict of arrays
        The first to be looked at; the draws have its form, and nothing else of it.
    draws : int
        How many.
    size : float
        The deviation of each weight.
    seed : int
        The same seed draws the same weights.
    rows : int64 array or None
        The rows that L(W) is the mean over; None means all.
    watch : callable or None
        Told after each draw of the evaluations and the least value so far; returning True ends the search.

    Returns
    -------
    Search
        On Ctrl-C, of what was drawn by then.

    Raises
    ------
    InputError
        If an argument is out of its range, or L(W) is not finite at the start.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.objective import GraphObjective
    >>> from steepest.solvers.random_search import random_search
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]]), np.array([0, 1, 2])
    >>> L = GraphObjective(lambda p, X: X @ p["W"], X, y, loss="softmax")
    >>> found = random_search(L, {"W": np.zeros((2, 3))}, draws=200, size=1.0)
    >>> found.value < 0.5 < L.value({"W": np.zeros((2, 3))})
    True
    """
    draws, size = whole("draws", draws), positive("size", size)
    rng = generator(seed, "random search")
    with Searching("random search", objective, start, rows, watch) as search:
        search.attempt(search.start)
        for _ in range(draws):
            search.attempt(size * normals(rng, len(search.start)))
    return search.result()
