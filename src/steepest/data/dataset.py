"""The examples x_i and their labels y_i, kept as they came."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.data.gather import gather
from steepest.data.order import EPOCH, check_seed, shuffled_order
from steepest.data.splitting import split_rows
from steepest.errors import InputError

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples by row, with what is known about them.

    Attributes
    ----------
    X : array (N, D)
        Examples by row, in the type they came in: uint8, float16, float32 or float64. Rows are contiguous; the array
        may be a read-only memory map.
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
    label_name : str or None
        Name of the column that the labels came from, when they came from a table.
    ids : sequence of str or None
        A name for each example (a file's path inside its source), when the source has one.
    notes : tuple of str
        What a reader should know: files that were skipped, columns that were dropped.

    Examples
    --------
    >>> import numpy as np
    >>> ds = Dataset(np.eye(4, 3), np.array([0, 1, 0, 1]), ("cat", "dog"), (3,))
    >>> ds
    Dataset(4 x 3 float64, 2 classes, from arrays)
    >>> train, test = ds.split(test_size=0.5)
    >>> len(train), len(test)
    (2, 2)
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[np.int64] | None
    classes: tuple[str, ...]
    feature_shape: tuple[int, ...]
    source: str = "arrays"
    test: Dataset | None = None
    feature_names: tuple[str, ...] | None = None
    label_name: str | None = None
    ids: Sequence[str] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.X.ndim != 2:
            raise InputError(f"X must have two dimensions (examples, features), not the shape {self.X.shape}")
        n, d = self.X.shape
        if prod(self.feature_shape) != d:
            raise InputError(f"feature_shape {self.feature_shape} does not make the {d} features of X")
        if self.y is not None and self.y.shape != (n,):
            raise InputError(f"y has the shape {self.y.shape}, X has {n} rows: they must have one label a row")
        if self.feature_names is not None and len(self.feature_names) != d:
            raise InputError(f"there are {len(self.feature_names)} feature names for {d} features")
        if self.ids is not None and len(self.ids) != n:
            raise InputError(f"there are {len(self.ids)} ids for {n} examples")

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __repr__(self) -> str:
        labels = f"{self.n_classes} classes" if self.y is not None else "no labels"
        test = f", test part of {len(self.test)}" if self.test is not None else ""
        return f"Dataset({len(self)} x {self.n_features} {self.X.dtype}, {labels}, from {self.source}{test})"

    @property
    def n_features(self) -> int:
        """D, the number of features of an example."""
        return int(self.X.shape[1])

    @property
    def n_classes(self) -> int:
        """C, the number of class names (a class may have no example here)."""
        return len(self.classes)

    def take(self, rows: slice | npt.ArrayLike) -> Dataset:
        """Give the chosen rows as a data set without a test part.

        Parameters
        ----------
        rows : slice, int array or bool array (N,)
            A slice gives views of X and y; anything else copies the chosen rows, and nothing but them.

        Returns
        -------
        Dataset

        Raises
        ------
        InputError
            A row outside the data set, or rows that are neither whole numbers nor one bool a row.
        """
        if isinstance(rows, slice):
            step = rows.indices(len(self))[2]
            if step > 0:
                ids = None if self.ids is None else self.ids[rows]
                y = None if self.y is None else self.y[rows]
                return replace(self, X=self.X[rows], y=y, ids=ids, test=None)
            rows = np.arange(len(self))[rows]
        index = np.asarray(rows)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise InputError(f"a bool row choice must have the shape ({len(self)},), not {index.shape}")
            index = np.flatnonzero(index)
        elif index.size == 0:
            index = index.astype(np.int64).ravel()
        if index.ndim != 1 or index.dtype.kind not in "iu":
            raise InputError("rows must be a slice, a list of row numbers, or one bool a row")
        if index.size and not (-len(self) <= int(index.min()) and int(index.max()) < len(self)):
            raise InputError(f"row {int(index.max())} asked of a data set with {len(self)} rows")
        return replace(
            self,
            X=gather(self.X, index),
            y=None if self.y is None else self.y[index],
            ids=None if self.ids is None else tuple(self.ids[i] for i in index.tolist()),
            test=None,
        )

    def split(
        self, test_size: float | int | None = None, seed: int = 0, stratify: bool = True
    ) -> tuple[Dataset, Dataset]:
        """Give a training and a test part.

        Without `test_size`, a source that has its own test part gives its own parts, which are views and cost no
        memory; any other gives 20 % to the test part. A random split copies each row once; rows keep their order.

        Every row draws 64 bits from Philox keyed by the seed; in each class the smallest draws go to the test part,
        as many as its share rounded by largest remainder. The choice depends on the seed, y and `test_size` alone:
        not on the version of NumPy, nor on X. A class with two or more examples is in both parts, one with a single
        example trains.

        Parameters
        ----------
        test_size : float in (0, 1), int, or None
            A share of the examples, or a number of them. With a number, the source's own test part is left out.
        seed : int
            0 to 2^64 - 1.
        stratify : bool
            Keep each class's share equal in both parts. Data without labels are never stratified.

        Returns
        -------
        train, test : Dataset

        Raises
        ------
        InputError
            test_size out of range; one class only; fewer examples than classes; parts too small to hold every class.

        Examples
        --------
        >>> import numpy as np
        >>> ds = Dataset(np.zeros((10, 1)), np.repeat([0, 1], 5), ("a", "b"), (1,))
        >>> train, test = ds.split(test_size=4, seed=1)
        >>> np.bincount(test.y).tolist()
        [2, 2]
        """
        if test_size is None and self.test is not None:
            return replace(self, test=None), self.test
        train, test = split_rows(len(self), self.y, test_size, check_seed(seed), stratify, self.classes)
        return self.take(train), self.take(test)

    def batches(
        self, batch_size: int, epochs: int = 1, seed: int = 0, shuffle: bool = True
    ) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]]:
        """Go through the examples in batches, for a number of epochs.

        Each epoch has an order of its own: rows sorted by 64 bits drawn from Philox keyed by (seed, epoch), so that
        epoch 7 can be repeated without the six before it. The last batch of an epoch holds what is left. Shuffled
        batches are copies; in the given order (`shuffle=False`) they are views.

        Parameters
        ----------
        batch_size : int
            Examples in a batch, at least 1.
        epochs : int
            Passes over the data, at least 0.
        seed : int
            0 to 2^64 - 1.
        shuffle : bool
            False keeps the order of the rows.

        Yields
        ------
        X : array (batch_size, D)
        y : int64 array (batch_size,) or None

        Raises
        ------
        InputError
            A batch size, number of epochs or seed that cannot be.

        Examples
        --------
        >>> import numpy as np
        >>> ds = Dataset(np.zeros((10, 1)), np.zeros(10, int), ("a",), (1,))
        >>> [len(X) for X, y in ds.batches(4)]
        [4, 4, 2]
        """
        size, passes = _whole(batch_size, "batch_size", 1), _whole(epochs, "epochs", 0)
        return self._batches(size, passes, check_seed(seed), shuffle)

    def _batches(
        self, size: int, epochs: int, seed: int, shuffle: bool
    ) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]]:
        n = len(self)
        for epoch in range(epochs):
            order = shuffled_order(n, seed, EPOCH, epoch) if shuffle else None
            for start in range(0, n, size):
                rows = slice(start, start + size) if order is None else order[start : start + size]
                yield np.asarray(self.X[rows]), None if self.y is None else self.y[rows]

    def describe(self) -> str:
        """Say what the data are, in a few lines: size, type, range, classes with their counts, notes.

        Returns
        -------
        str
            Several lines, without one at the end. The range and mean of X take one pass over the data.
        """
        from steepest.data.describing import describe

        return describe(self)


def _whole(value: Any, name: str, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise InputError(f"{name} must be at least {least}, not {number}")
    return number
