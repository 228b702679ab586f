"""The 1,797 handwritten digits that scikit-learn carries: 8 x 8 pixels of 0 to 16."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.data.dataset import Dataset
from steepest.errors import InputError

__all__ = ["digits"]

_ROWS, _PIXELS = 1797, 64


def digits() -> Dataset:
    """Load the digits without importing scikit-learn, which would take longer than everything else.

    The pixels are float32: they came as the numbers 0 to 16, and uint8 would say that 255 is white.

    Returns
    -------
    Dataset
        X float32 (1797, 64), feature_shape (8, 8), ten classes "0" .. "9".

    Raises
    ------
    InputError
        scikit-learn is not installed.

    Notes
    -----
    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998),
    the test part.

    Examples
    --------
    >>> digits().X.shape
    (1797, 64)
    """
    table = _from_file()
    if table is None:
        table = _from_scikit_learn()
    X = np.ascontiguousarray(table[:, :_PIXELS], dtype=np.float32)
    y = table[:, _PIXELS].astype(np.int64)
    return Dataset(X, y, tuple(map(str, range(10))), (8, 8), source="digits")


def _from_file() -> npt.NDArray[Any] | None:
    """Read scikit-learn's file; None when it is not where, or what, it used to be."""
    spec = importlib.util.find_spec("sklearn")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        try:
            text = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error):
            continue
        if text.translate(None, b"0123456789,\r\n"):
            continue
        # The separators become blanks: one flat list of numbers is the fastest thing NumPy reads from text.
        numbers = np.fromstring(text.replace(b",", b" "), dtype=np.int64, sep=" ")
        if numbers.size == _ROWS * (_PIXELS + 1):
            table = numbers.reshape(_ROWS, _PIXELS + 1)
            if table[:, :_PIXELS].max() == 16 and table[:, _PIXELS].max() == 9:
                return table
    return None


def _from_scikit_learn() -> npt.NDArray[Any]:
    try:
        # By name, because scikit-learn has no types to check this import against.
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise InputError(
            "the digits come with scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    X, y = datasets.load_digits(return_X_y=True)
    return np.column_stack([X, y])
