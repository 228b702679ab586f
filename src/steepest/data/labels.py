"""Labels of any type become the indices of sorted class names."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.errors import InputError

__all__ = ["class_name", "encode_labels"]

# Whole numbers in a range this narrow are counted instead of sorted.
_COUNTABLE = 1 << 16


def class_name(label: Any) -> str:
    """Write a label as a class name; 1 and 1.0 are the same class.

    Examples
    --------
    >>> class_name(1.0), class_name("cat"), class_name(b"dog")
    ('1', 'cat', 'dog')
    """
    if isinstance(label, bytes):
        return label.decode("utf-8", errors="replace")
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)


def encode_labels(y: Any, what: str = "y", class_names: Any = None) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Give each label's index among the sorted distinct labels, and the names of these.

    Numbers sort as numbers, text as text, and objects of several types by their names.

    Parameters
    ----------
    y : array (N,)
        Numbers, text, bools, a categorical column, or objects.
    what : str
        Name for messages.
    class_names : sequence of str, optional
        Names for the labels 0 .. C-1; ignored when the labels are not of that kind.

    Returns
    -------
    indices : int64 array (N,)
    classes : tuple of str

    Raises
    ------
    InputError
        A missing label (with its row), more than one column, or measurements instead of classes.

    Examples
    --------
    >>> indices, classes = encode_labels(["cat", "dog", "cat"])
    >>> indices.tolist(), classes
    ([0, 1, 0], ('cat', 'dog'))
    """
    from steepest.data.arrays import as_numpy

    labels = as_numpy(y, what)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = f": pass {what}.argmax(axis=1) if it is one-hot" if labels.ndim == 2 else ""
        raise InputError(f"{what} must have one label an example, but its shape is {labels.shape}{hint}")
    if not labels.dtype.isnative:
        labels = labels.astype(labels.dtype.newbyteorder("="))
    kind = labels.dtype.kind
    if kind not in "biufUSOT":
        raise InputError(f"{what} has the type {labels.dtype}: labels are whole numbers, text or bools")
    if kind in "OT":
        return _objects(labels.astype(object), what)
    if kind == "f":
        _refuse_measurements(labels, what)
    values, indices = _distinct(labels)
    if class_names is not None and kind in "iuf" and len(values):
        names = tuple(str(name) for name in class_names)
        # The names speak of 0 .. C-1; labels outside that range mean that they speak of something else.
        if int(values[0]) >= 0 and int(values[-1]) < len(names) and len(set(names)) == len(names):
            return labels.astype(np.int64), names
    return _merged(indices, [class_name(v) for v in values.tolist()])


def _distinct(labels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    if labels.dtype.kind in "biu" and labels.size:
        whole = labels.view(np.uint8) if labels.dtype.kind == "b" else labels
        low, high = int(whole.min()), int(whole.max())
        if high - low < _COUNTABLE and high < 2**62 and low > -(2**62):
            offset = whole.astype(np.int64) - low
            seen = np.bincount(offset, minlength=high - low + 1) > 0
            values = (np.flatnonzero(seen) + low).astype(labels.dtype)
            return values, (np.cumsum(seen) - 1)[offset]
    values, indices = np.unique(labels, return_inverse=True)
    return values, indices.reshape(labels.shape).astype(np.int64, copy=False)


def _merged(indices: npt.NDArray[np.int64], names: list[str]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Two labels with one name (1 and "1") are one class."""
    if len(set(names)) == len(names):
        return indices.astype(np.int64, copy=False), tuple(names)
    merged = list(dict.fromkeys(names))
    place = {name: c for c, name in enumerate(merged)}
    return np.array([place[name] for name in names], dtype=np.int64)[indices], tuple(merged)


def _refuse_measurements(labels: npt.NDArray[Any], what: str) -> None:
    finite = np.isfinite(labels)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InputError(f"{what} has {labels[row]} in row {row} (counted from 0): every example needs a label")
    broken = labels != np.floor(labels)
    if broken.any():
        distinct = len(np.unique(labels))
        if distinct > max(20, len(labels) // 10):
            row = int(np.argmax(broken))
            raise InputError(
                f"{what} holds measurements ({labels[row]} in row {row}, {distinct} different values), not classes: "
                "a classifier needs classes"
            )


def _is_missing(label: Any) -> bool:
    if label is None or type(label).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(label, float | np.floating) and label != label


def _objects(labels: npt.NDArray[Any], what: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    items = labels.tolist()
    for row, label in enumerate(items):
        if _is_missing(label):
            raise InputError(f"{what} has no label in row {row} (counted from 0): fill it in or leave the row out")
    try:
        distinct = list(dict.fromkeys(items))
    except TypeError as error:
        raise InputError(f"{what} holds labels that cannot be compared ({error}): use text or whole numbers") from None
    try:
        values = sorted(distinct)
    except TypeError:
        values = sorted(distinct, key=class_name)
    place = {value: i for i, value in enumerate(values)}
    indices = np.fromiter((place[item] for item in items), dtype=np.int64, count=len(items))
    return _merged(indices, [class_name(v) for v in values])
