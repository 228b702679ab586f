"""The search for nearest rows, in chunks of queries that keep to a budget of memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError, near
from steepest.kernels import dispatch as kernels

__all__ = ["METRICS", "Found", "Metric", "budget_of", "check_metric", "nearest"]

Metric = Literal["l2", "l1"]
METRICS = ("l2", "l1")
Found: TypeAlias = tuple[int, NDArray[np.float64], NDArray[np.int64]]
"""Distances and indices (n, k), nearest first, of the queries from this one on."""


def nearest(
    X: NDArray[Any], Z: NDArray[Any], k: int, metric: Metric, memory: float, threads: int | None, beside: int = 0
) -> Iterator[Found]:
    """Yield the k nearest rows of X to all rows of Z, a chunk of them at a time.

    Rows of X are read in place, and so are queries where both are uint8. Else a chunk of them is taken to float64,
    which holds every number of the other types; or to uint8, where X is and nothing is lost.

    Parameters
    ----------
    memory : float
        Megabytes (10^6 bytes) that may be used beside X and Z; fewer threads are, where they would take more.
    beside : int
        Bytes for each query that the caller takes.

    Raises
    ------
    InputError
        When there is not memory enough for one query, or a distance is beyond float64.
    """
    bytes_meet = X.dtype == Z.dtype == np.uint8
    each = 16 * k + beside + (0 if bytes_meet else (8 + Z.itemsize) * Z.shape[1])
    budget, count = budget_of(memory) - each, threads or kernels.default_threads()
    while (taken := kernels.neighbors_memory(X.shape[1], k, threads=count)) > budget:
        if count == 1:
            raise InputError(
                f"memory={memory:g} is not enough to find {k} neighbours among rows of {X.shape[1]} features: "
                f"that takes {(taken + each) / 1e6:.3g} megabytes"
            )
        count -= 1
    chunk = min(max(len(Z), 1), int((budget - taken) / each) + 1)
    for begin in range(0, len(Z), chunk):
        queries = Z[begin : begin + chunk]
        distance = np.empty((len(queries), k))
        index = np.empty((len(queries), k), np.int64)
        kernels.neighbors(X, _converted(queries, X), distance, index, metric=metric, threads=count)
        if not np.isfinite(distance).all():
            row = begin + int(np.flatnonzero(~np.isfinite(distance).all(axis=1))[0])
            raise InputError(
                f"X[{row}] is so far from the examples that its distances are beyond float64: is it in their units?"
            )
        yield begin, distance, index


def check_metric(metric: object) -> None:
    """Raise InputError for a metric that there is not."""
    if metric not in METRICS:
        raise InputError(f"metric={metric!r} is not known: {near(metric, METRICS)}")


def budget_of(memory: Any) -> float:
    """Bytes of so many megabytes; InputError when it is no such number."""
    if isinstance(memory, bool) or not isinstance(memory, float | int | np.integer | np.floating) or not memory > 0:
        raise InputError(f"memory={memory!r} must be a positive number of megabytes")
    return 1e6 * float(memory)


def _converted(queries: NDArray[Any], X: NDArray[Any]) -> NDArray[Any]:
    """Return the queries as the kernels take them beside X."""
    if X.dtype != np.uint8:
        return queries.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore"):  # what does not fit comes back different
        whole = queries.astype(np.uint8, copy=False)
    return whole if np.array_equal(whole, queries) else queries.astype(np.float64, copy=False)
