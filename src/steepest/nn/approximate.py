"""Nearly the nearest rows, without looking at all of them: a graph of neighbours, by faiss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from steepest.data.describing import readable_bytes
from steepest.data.limits import memory_size
from steepest.data.options import Progress
from steepest.errors import InputError
from steepest.kernels.types import F64, AnyRows
from steepest.nn.nearest import Found, Metric, budget_of, nearest

__all__ = ["CANDIDATES", "Graph", "require_faiss"]

LINKS, CARE, GRAPH = 16, 100, 200
"""Neighbours that a row is linked to (twice as many on the lowest floor), candidates for them, bytes for the links."""
MEASURED = 2
"""Times k rows of what was found are measured anew, for float32 may have them in another order."""
CANDIDATES = 64
"""Rows that a search keeps in view, where nothing else is said."""
CHUNK = 4096


@dataclass(eq=False)
class Graph:
    """A graph in which each row is linked to rows near to it; a search walks from row to nearer row.

    The index keeps rows of its own, as it must: bytes and float16 as they are where distances are Euclidean, all others
    in float32, moved and scaled to lie about 0. They lead the way; what was found is measured and put in order by the
    rows as given, in float64. The graph is built by `build`, or when it is first searched; by one thread, for the order
    of its making is its shape.

    Attributes
    ----------
    X : array (N, D)
        The rows.
    metric : "l2" or "l1"
        The distance.
    shift : float64 array (D,)
        What is taken from the rows first.
    unit : float
        What they are divided by then.
    index : faiss.Index or None
        The graph, once it is built.

    References
    ----------
    Malkov and Yashunin, Efficient and robust approximate nearest neighbor search using hierarchical navigable small
    world graphs, 2018. Douze and others, The Faiss library, 2024.
    """

    X: AnyRows
    metric: Metric
    shift: F64 = field(init=False)
    unit: float = field(init=False)
    index: Any = field(init=False, default=None)

    def build(self, progress: Progress | None = None) -> Self:
        """Link each row to some near it, some thousand rows at a time; nothing is done where that was done before.

        Raises
        ------
        InputError
            When faiss is not installed, or there is not memory enough.
        """
        if self.index is not None:
            return self
        faiss, X, D = require_faiss(), self.X, self.X.shape[1]
        kind = faiss.METRIC_L1 if self.metric == "l1" else faiss.METRIC_L2
        codes = {"uint8": faiss.ScalarQuantizer.QT_8bit_direct, "float16": faiss.ScalarQuantizer.QT_fp16}
        as_given = self.metric == "l2" and X.dtype.name in codes
        _require_memory(len(X), (X.itemsize if as_given else 4) * D + GRAPH)
        if as_given:
            index, self.shift, self.unit = faiss.IndexHNSWSQ(D, codes[X.dtype.name], LINKS, kind), np.zeros(D), 1.0
        else:
            index = faiss.IndexHNSWFlat(D, LINKS, kind)
            self.shift, self.unit = _middle(X)
        index.hnsw.efConstruction = CARE
        with _threads(faiss, 1):
            for begin in range(0, len(X), CHUNK):
                if progress is not None:
                    progress("linking neighbours", begin, len(X))
                index.add(self._moved(X[begin : begin + CHUNK]))
        self.index = index
        return self

    def nearest(
        self, Z: AnyRows, k: int, memory: float, threads: int, beside: int = 0, candidates: int = CANDIDATES
    ) -> Iterator[Found]:
        """Yield about the k nearest rows to all rows of Z, a chunk of them at a time; see `nn.nearest.nearest`.

        Parameters
        ----------
        candidates : int
            Rows that a search keeps in view, at least k.
        """
        index, faiss, D, wide = self.build().index, require_faiss(), Z.shape[1], max(MEASURED * k, candidates)
        some = min(len(self.X), MEASURED * k)
        each, once = 12 * D + 44 * some + 16 * k + beside, 24 * some * D
        if (left := budget_of(memory) - once) < each:
            raise InputError(
                f"memory={memory:g} is not enough to find {k} neighbours among rows of {D} features: that takes "
                f"{(once + each) / 1e6:.3g} megabytes"
            )
        chunk, how = int(left / each), faiss.SearchParametersHNSW(efSearch=wide)
        for begin in range(0, len(Z), chunk):
            queries = Z[begin : begin + chunk]
            with _threads(faiss, threads):
                _, found = index.search(self._moved(queries), some, params=how)
            distance, near = self._measured(queries, found, k)
            for lost in np.flatnonzero(near[:, -1] < 0):  # no path led to as many as k
                ((_, distance[lost], near[lost]),) = nearest(
                    self.X, queries[lost : lost + 1], k, self.metric, memory, threads
                )
            yield begin, distance, near

    def _measured(self, Z: AnyRows, found: NDArray[np.int64], k: int) -> tuple[F64, NDArray[np.int64]]:
        """Distances (n, k), nearest first and at equal ones in the order of X, and indices; -1 is nowhere."""
        far = np.empty(found.shape)
        for row, (z, near) in enumerate(zip(Z, found, strict=True)):
            away = self.X[near].astype(np.float64) / self.unit - z.astype(np.float64) / self.unit
            far[row] = np.abs(away).sum(axis=1) if self.metric == "l1" else np.sqrt((away**2).sum(axis=1))
        far[found < 0] = np.inf
        best = np.lexsort((found, far))[:, :k]
        return self.unit * np.take_along_axis(far, best, 1), np.take_along_axis(found, best, 1)

    def _moved(self, rows: AnyRows) -> NDArray[np.float32]:
        moved = (rows - self.shift) / self.unit if self.unit != 1 or self.shift.any() else rows
        return np.asarray(moved, np.float32)


def _middle(X: AnyRows) -> tuple[F64, float]:
    """Return the mean of some rows, and the power of two that brings all of X near 1 around it."""
    shift = X[:CHUNK].mean(axis=0, dtype=np.float64)
    most = max(float(np.abs(X[begin : begin + CHUNK] - shift).max()) for begin in range(0, len(X), CHUNK))
    exponent = int(np.frexp(most)[1])
    return shift, float(np.ldexp(1.0, min(max(exponent, -1000), 1000)))


def _require_memory(rows: int, each: int) -> None:
    if rows * each > memory_size():
        raise InputError(
            f"an approximate index of {rows:,} examples would take {readable_bytes(rows * each)}, and there are "
            f"{readable_bytes(memory_size())} of memory: use index='exact', which reads them where they are"
        )


@contextmanager
def _threads(faiss: Any, count: int) -> Iterator[None]:
    """Give faiss so many threads; what it has is the whole process's."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def require_faiss() -> Any:
    """Return faiss; InputError when it is not installed."""
    try:
        import faiss
    except ImportError:
        raise InputError("index='approximate' needs faiss: pip install 'steepest[neighbors]'") from None
    return faiss
