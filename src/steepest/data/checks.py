"""What must hold before a classifier is trained or tested; each check says where the fault is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.data.dataset import Dataset
from steepest.data.describing import row_blocks
from steepest.errors import InputError

__all__ = ["align_test", "check_finite", "validate"]

_LARGEST = float(np.finfo(np.float32).max)


def validate(ds: Dataset) -> None:
    """Check that a classifier can be trained on a data set, and tested on its test part when it has one.

    Parameters
    ----------
    ds : Dataset
        With labels.

    Raises
    ------
    InputError
        No rows or features; NaN, infinity or a number beyond float32 (row and column); no labels; one class only;
        fewer examples than classes; a test part of another shape or with classes that training never saw.

    Examples
    --------
    >>> from steepest.data import load
    >>> validate(load("digits"))
    """
    n, d = ds.X.shape
    if n == 0:
        raise InputError(f"{ds.source} has no examples")
    if d == 0:
        raise InputError(f"{ds.source} has no features")
    if ds.y is None:
        raise InputError(f"{ds.source} has no labels: training needs them")
    counts = _class_counts(ds)
    present = int((counts > 0).sum())
    if present < 2:
        raise InputError(
            f"{ds.source} has one class only ({ds.classes[int(np.argmax(counts))]!r}): a classifier needs at least 2"
        )
    if n < ds.n_classes:
        raise InputError(f"{ds.source} has {n} examples for {ds.n_classes} classes: there must be at least one of each")
    check_finite(ds)
    if ds.test is not None:
        if ds.test.y is None:
            raise InputError(f"the test part of {ds.source} has no labels")
        align_test(ds, ds.test)
        check_finite(ds.test)


def _class_counts(ds: Dataset) -> npt.NDArray[np.int64]:
    assert ds.y is not None
    if ds.y.size and (int(ds.y.min()) < 0 or int(ds.y.max()) >= ds.n_classes):
        raise InputError(
            f"{ds.source} has labels outside 0 .. {ds.n_classes - 1}, though it has {ds.n_classes} class names"
        )
    return np.bincount(ds.y, minlength=ds.n_classes)


def check_finite(ds: Dataset) -> None:
    """Check that every feature is a finite number within float32, in blocks of rows that stay in the cache.

    Parameters
    ----------
    ds : Dataset
        Labels are not looked at.

    Raises
    ------
    InputError
        Names the first row and column with NaN, infinity, or a number that float32 cannot hold.
    """
    X = ds.X
    if X.dtype.kind != "f":
        return
    for rows in row_blocks(X):
        block = X[rows]
        if not _all_fit(block):
            _report(ds, rows.start, block)


def _all_fit(block: npt.NDArray[Any]) -> bool:
    if block.dtype == np.float16:
        # Exponent bits all set is NaN or infinity; NumPy has no fast comparison of float16.
        return bool(((block.view(np.uint16) & 0x7C00) != 0x7C00).all())
    # min and max keep a NaN, and every comparison with NaN is false.
    with np.errstate(invalid="ignore"):
        return bool(block.min() >= -_LARGEST and block.max() <= _LARGEST)


def _report(ds: Dataset, start: int, block: npt.NDArray[Any]) -> None:
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(block) <= _LARGEST) if block.dtype != np.float16 else ~np.isfinite(block)
    i, j = (int(k) for k in np.argwhere(bad)[0])
    value = float(block[i, j])
    what = "NaN" if value != value else f"{value:g}"
    column = repr(ds.feature_names[j]) if ds.feature_names is not None else str(j)
    name = f" ({ds.ids[start + i]})" if ds.ids is not None else ""
    more = " beyond what float32 holds" if np.isfinite(value) else ""
    raise InputError(
        f"{ds.source} has {what}{more} in row {start + i}{name}, column {column} (counted from 0): "
        "fill in or leave out such values first"
    )


def align_test(train: Dataset, test: Dataset) -> Dataset:
    """Give the test examples with labels and columns in the training data's order.

    Labels are matched by class name and columns by column name, because two sources sort only what they have.

    Parameters
    ----------
    train, test : Dataset
        The test data may be without labels.

    Returns
    -------
    Dataset
        The test data with the classes of `train`; X is the same array unless columns had to change places.

    Raises
    ------
    InputError
        Another feature shape, other columns, or labels that training never saw (by name).

    Examples
    --------
    >>> train = Dataset(np.eye(2), np.array([0, 1]), ("cat", "dog"), (2,))
    >>> test = Dataset(np.eye(1, 2), np.array([0]), ("dog",), (2,))
    >>> align_test(train, test).y.tolist()
    [1]
    """
    if test.feature_shape != train.feature_shape:
        raise InputError(_shapes(train, test))
    test = _same_columns(train, test)
    if test.y is None or train.y is None:
        return test
    seen = _class_counts(train) > 0
    counts = _class_counts(test)
    place = {name: c for c, name in enumerate(train.classes)}
    unseen = [
        name
        for name, count in zip(test.classes, counts.tolist(), strict=True)
        if count and not _known(place, seen, name)
    ]
    if unseen:
        shown = ", ".join(map(repr, unseen[:5])) + (f" and {len(unseen) - 5} more" if len(unseen) > 5 else "")
        few = ", ".join(map(repr, train.classes[:8])) + (", ..." if train.n_classes > 8 else "")
        plural = "labels" if len(unseen) > 1 else "label"
        raise InputError(f"{test.source} has the {plural} {shown} that training never saw: training has {few}")
    if test.classes == train.classes:
        return test
    table = np.array([place.get(name, -1) for name in test.classes], dtype=np.int64)
    return replace(test, y=table[test.y], classes=train.classes)


def _known(place: dict[str, int], seen: npt.NDArray[np.bool_], name: str) -> bool:
    return name in place and bool(seen[place[name]])


def _shapes(train: Dataset, test: Dataset) -> str:
    def words(shape: tuple[int, ...]) -> str:
        return " x ".join(map(str, shape)) + (" features" if len(shape) == 1 else "")

    hint = ": give both the same image size" if len(train.feature_shape) > 1 else ""
    ours, theirs = words(train.feature_shape), words(test.feature_shape)
    return f"{test.source} has examples of {theirs}, the training data of {ours}{hint}"


def _same_columns(train: Dataset, test: Dataset) -> Dataset:
    ours, theirs = train.feature_names, test.feature_names
    if ours is None or theirs is None or ours == theirs:
        return test
    if set(ours) != set(theirs):
        missing = [name for name in ours if name not in theirs]
        extra = [name for name in theirs if name not in ours]
        raise InputError(
            f"{test.source} lacks the columns {missing[:5]} of the training data and has {extra[:5]} instead"
        )
    order = [theirs.index(name) for name in ours]
    return replace(test, X=np.ascontiguousarray(test.X[:, order]), feature_names=ours)
