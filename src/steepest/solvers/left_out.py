"""Leave-one-out errors of ridge regression, for many alphas in one sweep over the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steepest.data.options import Progress
from steepest.kernels.types import F64
from steepest.solvers.centred import Index
from steepest.solvers.spectrum import Spectrum

__all__ = ["Rows", "squared_errors"]

Rows: TypeAlias = Callable[[Index, "np.dtype[Any]"], tuple[NDArray[Any], F64, F64]]
"""u (B, K), t (B, C) and w / N (B,) of these rows; u in the type that is asked for."""

BLOCK = 512
CLASSES = 16
"""Classes taken at a time: there may be thousands, and the errors of a block at all alphas would be large."""
TIGHT = 1e-2
"""Below this share of its own residual a row is computed once more, with every digit: 1 - h has lost too many."""


def squared_errors(
    spectrum: Spectrum, rows: Rows, n: int, dtype: np.dtype[Any], threads: int, progress: Progress | None = None
) -> F64:
    """Sum over the rows of w |t - prediction without that row|^2, for each alpha; N alpha stays what it was.

        e_i = t_i - u_i g + u_i S g        1 - h_i = 1 - w_i / N - |u_i|^2 + u_i^2 S        error = |e_i / (1 - h_i)|^2

    A row counts as often as its weight says, and all of it is left out. In float32, S is taken by its leading singular
    vectors, to 1e-7, and rows whose 1 - h is small are done again in float64.
    """
    kept = spectrum.kept()
    left, right = kept, np.eye(len(spectrum.alphas))
    if dtype == np.float32:
        U, s, Vt = np.linalg.svd(kept, full_matrices=False)
        rank = int(np.sum(s > 1e-7 * s[0]))
        left, right = U[:, :rank] * s[:rank], Vt[:rank]

    def block(begin: int) -> F64:
        index = slice(begin, min(n, begin + BLOCK))
        total, tight = _errors(*rows(index, dtype), spectrum.g, left, right)
        if dtype == np.float32 and tight.any():
            again = begin + np.flatnonzero(tight)
            exact, _ = _errors(*rows(again, np.dtype(np.float64)), spectrum.g, kept, np.eye(len(spectrum.alphas)))
            total[tight] = exact
        return np.asarray(total.sum(axis=0))

    errors, begins = np.zeros(len(spectrum.alphas)), range(0, n, BLOCK)
    with ThreadPoolExecutor(threads) as pool:  # blocks are added up in their order, whoever did them
        for begin, part in zip(begins, pool.map(block, begins), strict=True):
            errors += part
            if progress is not None:
                progress("leaving rows out", min(n, begin + BLOCK), n)
    return errors


def _errors(u: NDArray[Any], t: F64, share: F64, g: F64, left: F64, right: F64) -> tuple[F64, NDArray[np.bool_]]:
    """Squared errors (B, A) of a block of rows, and which rows are tight."""
    dtype, squares = u.dtype, u * u
    alone = 1 - share - squares.sum(axis=1, dtype=np.float64)  # 1 - h of least squares
    away = alone < 1e-9  # nothing else holds the row: it is met exactly
    alone = np.where(away, 0.0, alone)
    rest = alone[:, np.newaxis] + squares @ left.astype(dtype) @ right.astype(dtype)
    total = np.zeros_like(rest)
    for classes in _groups(g.shape[1]):
        G = g[:, classes].astype(dtype)
        residual = np.where(away[:, np.newaxis], 0.0, t[:, classes] - u @ G)
        bases = (G[:, :, np.newaxis] * left[:, np.newaxis, :].astype(dtype)).reshape(len(G), G.shape[1] * left.shape[1])
        parts = (u @ bases).reshape(len(u) * G.shape[1], left.shape[1]) @ right.astype(dtype)
        e = parts.reshape(len(u), G.shape[1], right.shape[1])
        e += residual[:, :, np.newaxis].astype(dtype)
        total += np.einsum("bca,bca->ba", e, e)
    return np.divide(total, rest**2, out=np.zeros_like(total), where=rest > 0), rest.min(axis=1) < TIGHT


def _groups(n_classes: int) -> Iterator[slice]:
    for first in range(0, n_classes, CLASSES):
        yield slice(first, first + CLASSES)
