"""Arrays in memory, of any make, become features and labels."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.data.dataset import Dataset
from steepest.data.labels import encode_labels
from steepest.data.options import ReadOptions
from steepest.errors import InputError

__all__ = ["as_features", "as_numpy", "from_arrays", "is_array"]

Array = npt.NDArray[Any]

_KEPT = (np.uint8, np.float16, np.float32, np.float64)
_EXACT_IN_FLOAT32 = 2**24
_DLPACK_CPU = (1, 3, 11)  # kDLCPU, kDLCUDAHost, kDLROCMHost: memory that the processor can read


def is_array(value: Any) -> bool:
    """Say whether a value can be read as an array: NumPy, DLPack, the array interface, or a list of numbers."""
    if isinstance(value, list | np.ndarray):
        return True
    # Sparse matrices have none of the array protocols; as_numpy says what to do with them.
    return any(hasattr(value, name) for name in ("__dlpack__", "__array__", "toarray"))


def as_numpy(value: Any, what: str = "X") -> Array:
    """Give a NumPy array of the same numbers, without a copy where the memory can be shared.

    Parameters
    ----------
    value : array, tensor or list
        A NumPy array, a tensor of torch, JAX or any other library with DLPack, anything with `__array__`, or lists.
    what : str
        Name for messages.

    Returns
    -------
    array
        bfloat16 has become float32, which holds it exactly.

    Raises
    ------
    InputError
        Memory of a graphics card, sparse matrices, ragged lists.

    Examples
    --------
    >>> as_numpy([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            raise InputError(f"{what} is a masked array: fill the masked values first, for example {what}.filled(0)")
        return value
    kind = type(value)
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise InputError(
            f"{what} is a sparse matrix ({kind.__name__}), which LinearClassifier().fit(X, y) reads and data sets do "
            f"not: pass {what}.toarray()"
        )
    if kind.__module__.partition(".")[0] == "torch":
        return _from_torch(value, what)
    if hasattr(value, "__dlpack__"):
        return _from_dlpack(value, what)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{what} is not a regular array ({error}): every row needs the same length") from None
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _from_torch(tensor: Any, what: str) -> Array:
    if tensor.device.type != "cpu":
        raise InputError(f"{what} lies on the device {str(tensor.device)!r}: pass {what}.cpu()")
    if str(tensor.layout) != "torch.strided":
        raise InputError(f"{what} is a sparse tensor: pass {what}.to_dense()")
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    try:
        return np.asarray(tensor.numpy())
    except (TypeError, RuntimeError) as error:
        raise InputError(f"{what} cannot be read as an array ({error})") from None


def _from_dlpack(value: Any, what: str) -> Array:
    if hasattr(value, "__dlpack_device__") and int(value.__dlpack_device__()[0]) not in _DLPACK_CPU:
        raise InputError(f"{what} lies on an accelerator: copy it to the processor first (for example {what}.cpu())")
    if "bfloat16" in str(getattr(value, "dtype", "")):
        # NumPy has no bfloat16; the libraries that do can widen it themselves.
        widen = getattr(value, "float", None)
        value = widen() if callable(widen) else value.astype("float32")
    try:
        return np.asarray(np.from_dlpack(value))
    except (TypeError, ValueError, RuntimeError, BufferError, AttributeError) as error:
        if hasattr(value, "__array__"):
            return np.asarray(value)
        raise InputError(f"{what} cannot be read through DLPack ({error})") from None


def as_features(value: Any, what: str = "X", names: tuple[str, ...] | None = None) -> tuple[Array, tuple[int, ...]]:
    """Give the examples as rows, in a type that the kernels read, and the shape of one example.

    uint8, float16, float32 and float64 stay as they are, bool becomes uint8, any other whole number float32 when each
    value is exact there (at most 2^24 in size) and float64 otherwise. The rows are contiguous; memory maps, read-only
    arrays and steps between rows stay.

    Parameters
    ----------
    value : array (N, D) or (N, ...)
        Anything that `as_numpy` takes.
    what : str
        Name for messages.
    names : tuple of str, optional
        Column names for messages.

    Returns
    -------
    X : array (N, D)
    feature_shape : tuple of int

    Raises
    ------
    InputError
        Text, dates, complex numbers, no rows, no columns, one dimension.

    Examples
    --------
    >>> X, shape = as_features(np.zeros((5, 4, 3), dtype=np.int64))
    >>> X.shape, X.dtype.name, shape
    ((5, 12), 'float32', (4, 3))
    """
    array = as_numpy(value, what)
    if array.ndim == 0:
        raise InputError(f"{what} is a single value, not examples by row")
    if array.ndim == 1 and array.dtype.names is None and array.dtype.kind != "O":
        raise InputError(f"{what} has one dimension: pass {what}.reshape(-1, 1) if every example has one feature")
    array = _numeric(array, what, names)
    if array.ndim == 1:
        raise InputError(f"{what} has one dimension: pass {what}.reshape(-1, 1) if every example has one feature")
    shape = tuple(int(k) for k in array.shape[1:])
    if array.shape[0] == 0:
        raise InputError(f"{what} has no rows")
    if prod(shape) == 0:
        raise InputError(f"{what} has no features (its shape is {array.shape})")
    X = array.reshape(array.shape[0], prod(shape))
    return _contiguous_rows(X), shape


def _contiguous_rows(X: Array) -> Array:
    steps_inside = X.shape[1] > 1 and X.strides[1] != X.itemsize
    # Rows that overlap or run backwards are legal in NumPy; a kernel that walks through memory need not know of them.
    steps_back = X.shape[0] > 1 and X.strides[0] < X.shape[1] * X.itemsize
    if steps_inside or steps_back or not X.flags.aligned or X.strides[0] % X.itemsize:
        return np.ascontiguousarray(X)
    return X


def _numeric(array: Array, what: str, names: tuple[str, ...] | None) -> Array:
    dtype = array.dtype
    if dtype.names is not None:
        raise InputError(
            f"{what} is a structured array with the fields {', '.join(dtype.names)}: pass a data frame of it instead"
        )
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    if array.dtype.type in _KEPT:
        return array
    kind = array.dtype.kind
    if kind == "b":
        return array.view(np.uint8)
    if kind in "iu":
        exact = array.size == 0 or (int(array.max()) <= _EXACT_IN_FLOAT32 and int(array.min()) >= -_EXACT_IN_FLOAT32)
        return array.astype(np.float32 if exact else np.float64)
    if kind == "f":
        return array.astype(np.float64)
    if array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    if kind == "O":
        return _from_objects(array, what, names)
    kinds = {"U": "text", "S": "text", "T": "text", "c": "complex numbers", "M": "dates", "m": "durations"}
    held = kinds.get(kind, f"the type {array.dtype}")
    raise InputError(f"{what} holds {held}: features must be numbers; encode or leave out what is not")


def _from_objects(array: Array, what: str, names: tuple[str, ...] | None) -> Array:
    """Objects that are all numbers become float64; the first that is not is named."""
    if array.ndim == 1:
        raise InputError(f"{what} is an array of objects (rows of several lengths?): every row needs the same length")
    flat = array.reshape(array.shape[0], -1)
    for i, row in enumerate(flat):
        for j, cell in enumerate(row.tolist()):
            if not isinstance(cell, int | float | np.number | np.bool_):
                column = repr(names[j]) if names is not None else str(j)
                raise InputError(
                    f"{what} holds {cell!r} in row {i}, column {column} (counted from 0): features must be numbers"
                )
    return array.astype(np.float64)


def from_arrays(
    X: Any,
    y: Any = None,
    options: ReadOptions | None = None,
    *,
    source: str = "arrays",
    feature_names: tuple[str, ...] | None = None,
    class_names: Any = None,
    test: tuple[Any, Any] | None = None,
) -> Dataset:
    """Make a data set of arrays.

    Parameters
    ----------
    X : array (N, D) or (N, ...)
        Examples by row, see `as_features`.
    y : array (N,), optional
        Labels of any type, see `encode_labels`.
    options : ReadOptions, optional
        `labels` says whether y may be missing.
    source : str
        Where they came from, for messages.
    feature_names : tuple of str, optional
        Names of the D features.
    class_names : sequence of str, optional
        Names for the labels 0 .. C-1.
    test : (X, y), optional
        The test part.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        Arrays that do not fit together, or no labels where they are required.

    Examples
    --------
    >>> ds = from_arrays([[0.0], [1.0]], ["no", "yes"])
    >>> ds.classes, ds.y.tolist()
    (('no', 'yes'), [0, 1])
    """
    options = options or ReadOptions()
    where = "" if source == "arrays" else f"{source}: "
    rows, shape = as_features(X, f"{where}X", feature_names)
    names = feature_names if feature_names is not None and len(feature_names) == rows.shape[1] else None
    indices: npt.NDArray[np.int64] | None
    classes: tuple[str, ...] = ()
    if y is None:
        if options.labels == "required":
            raise InputError(f"{where}there are no labels: give y as well, for example load(X, y)")
        indices = None
    else:
        indices, classes = encode_labels(y, f"{where}y", class_names)
        if len(indices) != len(rows):
            raise InputError(f"{where}X has {len(rows):,} rows and y has {len(indices):,} labels: they must be as many")
    ds = Dataset(rows, indices, classes, shape, source=source, feature_names=names)
    if test is None or test[0] is None:
        return ds
    from dataclasses import replace

    from steepest.data.checks import align_test

    part = from_arrays(
        test[0], test[1], options, source=f"{source} (test part)", feature_names=feature_names, class_names=class_names
    )
    return replace(ds, test=align_test(ds, part))


_X_KEYS = ("x", "data", "x_train", "train_x", "features", "images", "train_images", "embeddings", "arr_0")
_Y_KEYS = ("y", "labels", "label", "target", "targets", "y_train", "train_y", "train_labels", "classes", "arr_1")
_TEST_X_KEYS = ("x_test", "test_x", "test_images", "data_test", "test_data")
_TEST_Y_KEYS = ("y_test", "test_y", "test_labels", "labels_test", "target_test")


def from_mapping(arrays: Mapping[str, Any], options: ReadOptions, source: str = "arrays") -> Dataset:
    """Make a data set of named arrays: a dictionary, an .npz file, or what scikit-learn's `load_*` functions return.

    X is looked for under x, data, x_train, features, images; y under y, labels, target, y_train; a test part under
    x_test and y_test (upper or lower case, in this order); names under feature_names, and class_names or
    target_names.

    Parameters
    ----------
    arrays : mapping of str to arrays
        The arrays.
    options : ReadOptions
        `target` names another entry as y; `labels` says whether y may be missing.
    source : str
        For messages.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        No entry that could be X, or y.
    """
    lower: dict[str, str] = {}
    for key in arrays:
        lower.setdefault(str(key).lower(), key)

    def first(keys: tuple[str, ...]) -> Any:
        found = next((lower[k] for k in keys if k in lower), None)
        return None if found is None else arrays[found]

    known = ", ".join(map(repr, arrays)) or "nothing"
    X = first(_X_KEYS)
    if X is None:
        raise InputError(f"{source} has {known}, but no entry called 'X' (or x, data, images, x_train): name it so")
    if options.target is not None:
        if options.target not in arrays:
            raise InputError(f"{source} has no entry {options.target!r} for the labels: it has {known}")
        y = arrays[options.target]
    else:
        y = first(_Y_KEYS)
    if y is None and options.labels == "required":
        raise InputError(
            f"{source} has {known}, but no entry called 'y' (or labels, target, y_train) for the labels: name it so"
        )
    names = first(("feature_names",))
    test_x, test_y = first(_TEST_X_KEYS), first(_TEST_Y_KEYS)
    if test_x is not None and test_y is None and options.labels == "required":
        raise InputError(f"{source} has a test part without labels: add an entry 'y_test'")
    return from_arrays(
        X,
        y,
        options,
        source=source,
        feature_names=tuple(map(str, names)) if names is not None else None,
        class_names=first(("class_names", "target_names", "label_names")),
        test=(test_x, test_y),
    )
