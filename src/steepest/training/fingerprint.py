"""Whether two data sets are the same: a digest of every value, label and name, in their order."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from steepest.data.dataset import Dataset

__all__ = ["fingerprint"]

_BLOCK = 8_000_000  # bytes digested at once by one thread; part of the definition, so it never changes


def fingerprint(ds: Dataset, threads: int = 1) -> str:
    """Digest the examples, labels, class and column names of a data set; its test part and its source do not count.

    Parameters
    ----------
    ds : Dataset
        Read in place, in blocks.
    threads : int
        Threads that digest blocks; they do not change the result.

    Returns
    -------
    str
        64 hexadecimal digits: SHA-256 over the SHA-256 of each block.

    Examples
    --------
    >>> from steepest.data import load
    >>> a, b = load("spiral:n=90"), load("spiral:n=90,seed=1")
    >>> fingerprint(a) == fingerprint(load("spiral:n=90")), fingerprint(a) == fingerprint(b)
    (True, False)
    """
    X = ds.X
    rows = max(1, _BLOCK // max(1, X.shape[1] * X.itemsize))
    starts = range(0, len(X), rows)

    def digest(start: int) -> bytes:
        block: Any = np.ascontiguousarray(X[start : start + rows])
        return hashlib.sha256(block).digest()

    total = hashlib.sha256(repr((X.shape, X.dtype.str, ds.feature_shape, ds.classes, ds.feature_names)).encode())
    total.update(b"" if ds.y is None else np.ascontiguousarray(ds.y).tobytes())
    if len(starts) > 1 and threads > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            blocks = list(pool.map(digest, starts))
    else:
        blocks = [digest(start) for start in starts]
    total.update(b"".join(blocks))
    return total.hexdigest()
