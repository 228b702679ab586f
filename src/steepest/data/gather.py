"""Copying rows out of an array that may be a file mapped into memory."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["gather"]

_BLOCK_BYTES = 1 << 20


def gather(X: npt.NDArray[Any], rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Copy rows of X, in the order given.

    Pages of a mapped file count as this process's memory once they were read. They are given back block by block, so
    that a copy is not held beside its original; who looks at the original again reads them again.

    Parameters
    ----------
    X : array (N, D)
    rows : int array (n,)
        Row numbers, each in range.

    Returns
    -------
    array (n, D)

    Examples
    --------
    >>> gather(np.arange(6).reshape(3, 2), np.array([2, 0])).tolist()
    [[4, 5], [0, 1]]
    """
    out = np.empty((len(rows), X.shape[1]), X.dtype)
    mapped = _read_only_map(X)
    step = max(1, _BLOCK_BYTES // max(1, X.shape[1] * X.itemsize))
    for start in range(0, len(rows), step):
        out[start : start + step] = X[rows[start : start + step]]
        if mapped is not None:
            mapped.madvise(mmap.MADV_DONTNEED)
    return out


def _read_only_map(X: npt.NDArray[Any]) -> mmap.mmap | None:
    """Return the map of a file that X lies in; None for other memory, and for a map that may have been written to."""
    base: Any = X
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if not isinstance(base, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return None
    with memoryview(base) as view:
        return base if view.readonly else None
