"""The examples x_i and their labels y_i, kept as they came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples by row, with what is known about them.

    Attributes
    ----------
    X : array (N, D)
        Examples by row, in the type they came in: uint8, float16, float32 or float64. Rows are contiguous; the array may be a
        read-only memory map.
    y : int64 array (N,) or None
        Class indices 0 .. C-1; None when the source has no labels.
    classes : tuple of str
        The C class names; `classes[y[i]]` names the class of example i.
    feature_shape : tuple of int
        The shape of one example before it became a row, for example (32, 32, 3); its product is D.
    source : str
        Where the examples came from, as a person would say it.
    test : Dataset or None
        The source's own test part, when it has one.
    feature_names : tuple of str or None
        Column names of a table.
    ids : sequence of str or None
        A name for each example (a file's path inside its source), when the source has one.
    notes : tuple of str
        What a reader should know: files that were skipped, columns that were dropped.
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[np.int64] | None
    classes: tuple[str, ...]
    feature_shape: tuple[int, ...]
    source: str = "arrays"
    test: Dataset | None = None
    feature_names: tuple[str, ...] | None = None
    ids: Sequence[str] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
