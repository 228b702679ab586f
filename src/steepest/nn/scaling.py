"""Scaling is part of the model: x' = (x - shift) * scale, one shift and one scale a feature."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64, AnyRows, Order

__all__ = ["SCALINGS", "Scaling", "fit_scaling", "resolve"]

SCALINGS = ("auto", "unit", "standard", "none")
BLOCK = 2**20
"""Numbers that are looked at together."""


class Scaling(NamedTuple):
    """x' = (x - shift) * scale; both (D,) float64."""

    shift: F64
    scale: F64


def resolve(how: str | None, dtype: np.dtype[np.generic]) -> str:
    """Name the scaling that `how` means for data of this type: `auto` is `unit` for uint8 and `standard` otherwise."""
    name = "none" if how is None else how
    if name not in SCALINGS:
        raise InputError(f"scaling={how!r} is not known: use 'auto', 'unit' (uint8 / 255), 'standard' or None")
    if name == "auto":
        return "unit" if dtype == np.uint8 else "standard"
    if name == "unit" and dtype != np.uint8:
        raise InputError(f"scaling='unit' divides uint8 by 255, but X is {dtype}: use 'standard' or None")
    return name


def fit_scaling(
    X: AnyRows, how: str | None = "auto", *, rows: Order | None = None, weight: NDArray[Any] | None = None,
    threads: int = 1,
) -> Scaling:  # fmt: skip
    """Find shift and scale from the training rows.

    The shift is always the mean: the bias is free and unpenalized, so centring changes no optimum, and it makes the
    problem better conditioned. `unit` scales by 1/255, `standard` by 1 / standard deviation (features that never
    change: 1), None by 1.

    Parameters
    ----------
    X : array (N, D)
        uint8, float16, float32 or float64.
    how : "auto", "unit", "standard" or None
        The penalty acts on the weights of the scaled features, so this choice is part of the objective.
    rows : int64 array or None
        Look at these rows only.
    weight : array (N,) or None
        Of each row, where all are looked at: a deviation is one of weighted rows, so that a row of weight 0 counts as
        if it were not there, and one of weight 2 as if it were there twice.

    Raises
    ------
    InputError
        When the scaling is not known or does not fit the type of X, or squares of the features are beyond float64.
    """
    name = resolve(how, X.dtype)
    mean, variance = np.empty(X.shape[1]), np.empty(X.shape[1])
    kernels.moments(X, rows, mean, variance, threads=threads)
    if name == "unit":
        return Scaling(mean, np.full(X.shape[1], 1 / 255))
    if name == "none":
        return Scaling(mean, np.ones(X.shape[1]))
    if weight is not None and isinstance(X, np.ndarray):
        mean, variance = _weighted(X, np.asarray(weight, np.float64) / np.sum(weight, dtype=np.float64))
    if not np.isfinite(variance).all():
        feature = int(np.flatnonzero(~np.isfinite(variance))[0])
        raise InputError(
            f"squares of feature {feature} are beyond float64: give smaller numbers, X / 1e100 for example"
        )
    deviation = np.sqrt(variance)
    # Rounding leaves a constant feature with a deviation of about one unit in the last place of its mean.
    constant = deviation <= (1e-14 if X.dtype == np.float64 else 1e-7) * np.abs(mean)
    typical = float(np.median(deviation[~constant])) if not constant.all() else 1.0
    return Scaling(mean, 1.0 / np.where(constant, typical, deviation))


def _weighted(X: NDArray[Any], share: F64) -> tuple[F64, F64]:
    """Mean and variance of the features, each row counting for its share."""
    mean, variance = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    step = max(1, BLOCK // max(1, X.shape[1]))
    blocks = [slice(begin, begin + step) for begin in range(0, len(X), step)]
    for rows in blocks:
        mean += np.einsum("i,ij->j", share[rows], X[rows], dtype=np.float64)
    for rows in blocks:
        variance += np.einsum("i,ij->j", share[rows], (X[rows] - mean) ** 2)
    return mean, variance
