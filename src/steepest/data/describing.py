"""A data set in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from steepest.data.dataset import Dataset

__all__ = ["describe", "readable_bytes", "row_blocks"]

_MOST_CLASSES = 12
_BLOCK_BYTES = 1 << 20


def row_blocks(X: npt.NDArray[Any]) -> list[slice]:
    """Cut the rows of X into slices of about a megabyte: work on one stays in the cache and needs little memory."""
    rows = max(1, _BLOCK_BYTES // max(1, X.shape[1] * X.itemsize))
    return [slice(start, min(start + rows, X.shape[0])) for start in range(0, X.shape[0], rows)]


def readable_bytes(count: float) -> str:
    """Write a number of bytes for a person.

    Examples
    --------
    >>> readable_bytes(153_600_000)
    '153.6 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def describe(ds: Dataset) -> str:
    """Write what `Dataset.describe` shows."""
    n, d = ds.X.shape
    shape = " x ".join(map(str, ds.feature_shape)) if len(ds.feature_shape) > 1 else ""
    lines = [
        ds.source,
        f"  examples   {n:,}",
        f"  features   {d:,}{f' ({shape})' if shape else ''}, {ds.X.dtype}, {readable_bytes(ds.X.nbytes)}",
        f"  values     {_values(ds.X)}",
        f"  classes    {_classes(ds)}",
    ]
    if ds.test is not None:
        lines.append(f"  test part  {len(ds.test):,} examples of its own")
    lines += [f"  note       {note}" for note in ds.notes]
    return "\n".join(lines)


def _values(X: npt.NDArray[Any]) -> str:
    if X.size == 0:
        return "none"
    low, high, total = np.inf, -np.inf, 0.0
    with np.errstate(all="ignore"):
        for rows in row_blocks(X):
            block = X[rows]
            # Python's min and max would drop a NaN on one side; NumPy's keep it.
            low, high = float(np.minimum(low, block.min())), float(np.maximum(high, block.max()))
            total += float(block.sum(dtype=np.float64))
    if not (np.isfinite(low) and np.isfinite(high)):
        return "not all finite: there are NaN or infinite values"
    return f"{low:g} to {high:g}, mean {total / X.size:.4g}"


def _classes(ds: Dataset) -> str:
    if ds.y is None:
        return "no labels"
    counts = np.bincount(ds.y, minlength=ds.n_classes).tolist()
    shown = [f"{name} ({count:,})" for name, count in zip(ds.classes, counts, strict=True)][:_MOST_CLASSES]
    if ds.n_classes > _MOST_CLASSES:
        shown.append(f"and {ds.n_classes - _MOST_CLASSES} more with {min(counts):,} to {max(counts):,} each")
    return f"{ds.n_classes}: {', '.join(shown)}"
