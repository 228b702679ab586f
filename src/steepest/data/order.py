"""Random orders and numbers from a counter, so that a seed means the same thing everywhere and for ever.

Everything here is computed from the raw output of Philox-4x64 with ten rounds, keyed by (seed, purpose). NumPy promises
that a bit generator's raw output never changes; it does not promise that of `Generator.shuffle` or `Generator.normal`.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.errors import InputError

__all__ = ["EPOCH", "SPLIT", "TOY", "check_seed", "normals", "random_bits", "shuffled_order", "uniforms"]

# The high half of the second key word says what the numbers are for, so that no two purposes share a stream.
SPLIT, EPOCH, TOY = 1, 2, 3


def check_seed(seed: Any) -> int:
    """Return the seed as an int in 0 .. 2^64 - 1, or raise InputError."""
    try:
        value = operator.index(seed)
    except TypeError:
        raise InputError(f"seed must be a whole number, not {seed!r}") from None
    if not 0 <= value < 2**64:
        raise InputError(f"seed must lie between 0 and 2^64 - 1, not {value}")
    return value


def random_bits(n: int, seed: int, purpose: int, index: int = 0) -> npt.NDArray[np.uint64]:
    """Give n values of 64 random bits, a function of (seed, purpose, index) and the position alone.

    Examples
    --------
    >>> (random_bits(4, seed=7, purpose=SPLIT) == random_bits(9, seed=7, purpose=SPLIT)[:4]).all().item()
    True
    """
    key = np.array([check_seed(seed), (purpose << 32) | index], dtype=np.uint64)
    bits: npt.NDArray[np.uint64] = np.random.Philox(key=key).random_raw(n)
    return bits


def shuffled_order(n: int, seed: int, purpose: int = EPOCH, index: int = 0) -> npt.NDArray[np.int64]:
    """Give the rows 0 .. n-1 in a random order: every row draws 64 bits and the rows are sorted by them (ties by row).

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int
        The same seed, purpose and index give the same order.
    purpose, index : int
        What the order is for, and which one (the epoch's number).

    Returns
    -------
    int64 array (n,)

    Examples
    --------
    >>> sorted(shuffled_order(5, seed=0).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.argsort(random_bits(n, seed, purpose, index), kind="stable").astype(np.int64, copy=False)


def uniforms(n: int, seed: int, purpose: int, index: int = 0) -> npt.NDArray[np.float64]:
    """Give n numbers, uniform on [0, 1): the upper 53 bits of each draw, times 2^-53."""
    return (random_bits(n, seed, purpose, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(n: int, seed: int, purpose: int, index: int = 0) -> npt.NDArray[np.float64]:
    """Give n standard normal numbers by Box and Muller: sqrt(-2 ln(1 - u)) cos(2 pi v), u and v uniform."""
    u = uniforms(2 * n, seed, purpose, index)
    radius = np.sqrt(-2.0 * np.log1p(-u[:n]))
    return np.asarray(radius * np.cos(2.0 * np.pi * u[n:]), dtype=np.float64)
