"""Local random search: a step in a random direction, taken when it leads down."""

from __future__ import annotations

from steepest.kernels.types import Order
from steepest.nn.checks import positive, whole
from steepest.nn.initialization import generator, normals
from steepest.objective.base import Objective, Parameters
from steepest.solvers.search import Search, Searching, Watch

__all__ = ["local_search"]


def local_search(
    objective: Objective,
    start: Parameters,
    draws: int = 1000,
    step: float = 1e-4,
    *,
    seed: int = 0,
    rows: Order | None = None,
    watch: Watch | None = None,
) -> Search:
    """Feel around with the foot, and step where it leads down.

        W' = W + step z,   z standard normal           W <- W'  if  L(W') < L(W)

    Parameters
    ----------
    objective : Objective
        L(W).
    start : dict of arrays
        Where to begin.
    draws : int
        How many directions to try.
    step : float
        The deviation of the move of each weight.
    seed : int
        The same seed tries the same directions.
    rows : int64 array or None
        The rows that L(W) is the mean over; None means all.
    watch : callable or None
        Told after each draw of the evaluations and the least value so far; returning True ends the search.

    Returns
    -------
    Search
        On Ctrl-C, of where it stood then.

    Raises
    ------
    InputError
        If an argument is out of its range, or L(W) is not finite at the start.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.objective import GraphObjective
    >>> from steepest.solvers.local_search import local_search
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]]), np.array([0, 1, 2])
    >>> L = GraphObjective(lambda p, X: X @ p["W"], X, y, loss="softmax")
    >>> local_search(L, {"W": np.zeros((2, 3))}, draws=200, step=0.3).value < 0.1
    True
    """
    draws, step = whole("draws", draws), positive("step", step)
    rng = generator(seed, "local search")
    with Searching("local search", objective, start, rows, watch) as search:
        w, least = search.start, search.attempt(search.start)
        for _ in range(draws):
            there = w + step * normals(rng, len(w))
            value = search.attempt(there)
            if value < least:
                w, least = there, value
    return search.result()
