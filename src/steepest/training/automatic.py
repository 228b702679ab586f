"""What every "auto" becomes, and whether a number that is given makes sense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.data.splitting import split_rows
from steepest.errors import InputError
from steepest.kernels.types import Labels, Order

__all__ = [
    "batch_size",
    "check_count",
    "check_number",
    "epochs",
    "hold_out",
    "mean_one",
]

MOST_STEPS, LEAST_STEPS = 6000, 3000
"""Steps that an unattended run aims at: at least the second number, and not more than 200 epochs for it."""


def batch_size(asked: Any, n: int) -> int:
    """Return the rows of a step, at most n: asked for, or a fortieth of the rows within 16 and 256."""
    if asked == "auto":
        return min(n, int(min(256, max(16, 2 ** math.floor(math.log2(max(1, n / 40)))))))
    return min(n, check_count("batch_size", asked))


def epochs(asked: Any, steps: int) -> int:
    """Return the passes over the data, of so many steps each: asked for, or what some thousand steps take."""
    if asked == "auto":
        return int(min(200, max(20, math.ceil(LEAST_STEPS / steps), min(30, MOST_STEPS // steps))))
    return check_count("epochs", asked)


def mean_one(weight: NDArray[Any] | None, n: int) -> NDArray[np.float32] | None:
    """Return weights of mean 1, one for each of the n examples; None stays None."""
    if weight is None:
        return None
    w = np.asarray(weight, dtype=np.float64)
    if w.shape != (n,):
        raise InputError(f"sample_weight has shape {w.shape}; it needs one number for each of the {n} examples")
    if not np.isfinite(w).all() or (w < 0).any():
        row = int(np.flatnonzero(~np.isfinite(w) | (w < 0))[0])
        raise InputError(f"sample_weight[{row}] is {w[row]}: weights must be finite and not negative")
    if w.sum() == 0:
        raise InputError("sample_weight is zero everywhere: at least one example must count")
    return np.asarray(w / w.mean(), dtype=np.float32)


def hold_out(name: str, share: float | int, y: Labels, seed: int) -> tuple[Order, Order]:
    """Choose the rows that stay in training and those to validate on; `name` is what the user calls the share."""
    try:
        return split_rows(len(y), y, share, seed, stratify=True)
    except InputError as error:
        raise InputError(str(error).replace("test_size", name)) from None


def check_count(name: str, value: Any) -> int:
    """Return a whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        auto = " or 'auto'" if name in ("batch_size", "epochs") else ""
        raise InputError(f"{name}={value!r} must be a whole number from 1 on{auto}")
    return int(value)


def check_number(name: str, value: Any, least: float, *, above: bool = False) -> float:
    """Return a finite number of at least so much, or above it."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | np.integer | np.floating)
        or not math.isfinite(value)
    ):
        raise InputError(f"{name}={value!r} must be a finite number")
    if value < least or (above and value == least):
        raise InputError(f"{name}={value!r} must be {'above' if above else 'at least'} {least:g}")
    return float(value)
