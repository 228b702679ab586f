"""Eigenvalues that count, and what a penalty leaves of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from steepest.data.describing import readable_bytes
from steepest.data.limits import memory_size
from steepest.errors import InputError
from steepest.kernels.types import F64

__all__ = ["Spectrum", "blas", "decompose", "free_memory", "require_memory"]


class Spectrum(NamedTuple):
    """Eigenvalues (K,), rising, all above 0; projected targets g (K, C); alphas (A,)."""

    eigenvalues: F64
    g: F64
    alphas: F64

    def kept(self) -> F64:
        """S (K, A) = alpha / (lambda + alpha): what each direction keeps of a residual.

        alpha = 0 is taken as its limit: where the least-squares residual is 0, the ratios within a column count.
        """
        limit = 1e-20 * self.eigenvalues.min(initial=1.0)
        alphas = np.where(self.alphas > 0, self.alphas, limit)
        return np.asarray(alphas / (self.eigenvalues[:, np.newaxis] + alphas))


def decompose(G: F64, n: int) -> tuple[F64, F64, float]:
    """Eigenvalues (M,), rising and not negative, eigenvectors (M, M) of the Gram matrix of n rows, and the noise.

    Sums and LAPACK move an eigenvalue by some units in the last place of the largest, the more the longer the sums:
    what is not above that noise may be zero.

    Raises
    ------
    InputError
        When the matrix is not finite: features of 1e154 and more have no squares in float64.
    """
    from scipy.linalg import eigh  # type: ignore[import-untyped]

    if not np.isfinite(G).all():
        raise InputError("products of the features are beyond float64: give smaller numbers, X / 1e100 for example")
    values, vectors = eigh(G, driver="evd", check_finite=False)
    values = np.maximum(values, 0.0)
    return values, vectors, float(8 * np.finfo(np.float64).eps * max(len(G), n**0.5) * values[-1])


@contextmanager
def blas(threads: int) -> Iterator[None]:
    """Give NumPy's and SciPy's products so many threads."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(threads, user_api="blas"):
        yield


def require_memory(rows: int, features: int) -> None:
    """Raise an InputError unless a Gram matrix, its copy and the two more that LAPACK works in fit into free memory."""
    side = min(rows, features)
    needed, free = 4 * 8 * side**2, free_memory()
    if needed > free:
        raise InputError(
            f"ridge regression on {rows:,} rows of {features:,} features needs {readable_bytes(needed)} for four "
            f"matrices of {side:,} x {side:,}, and {readable_bytes(free)} of memory are free: use fewer features, or "
            "LinearClassifier(loss='squared'), which needs no such matrix"
        )


def free_memory() -> int:
    """Bytes that can be had without pushing anything out: all there are, where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return memory_size()
    return min(free, memory_size())
