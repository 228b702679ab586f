"""Scaling is part of the model: x' = (x - shift) * scale, one shift and one scale a feature."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import are_sparse
from steepest.kernels.types import F64, AnyRows, Order

__all__ = ["SCALINGS", "Scaling", "fit_scaling", "resolve"]

SCALINGS = ("auto", "unit", "standard", "max_abs", "none")
BLOCK = 2**20
"""Numbers that are looked at together."""


class Scaling(NamedTuple):
    """x' = (x - shift) * scale; both (D,) float64."""

    shift: F64
    scale: F64


def resolve(how: str | None, dtype: np.dtype[np.generic], *, sparse: bool = False) -> str:
    """Name the scaling that `how` means: `auto` is `max_abs` for sparse rows, else `unit` for uint8, else `standard`.

    The deviation of a feature that one row in n has is about 1 / sqrt(n) of its value: by it the rarest words would
    become the largest features. By its largest value a one stays a one, and a weighted word count about what it was.
    """
    name = "none" if how is None else how
    if name not in SCALINGS:
        raise InputError(
            f"scaling={how!r} is not known: use 'auto', 'unit' (uint8 / 255), 'standard', 'max_abs' or None"
        )
    if name == "auto" and sparse:
        return "max_abs"
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
    problem better conditioned. Of sparse rows it is taken from the products with them. `unit` scales by 1/255,
    `standard` by 1 / standard deviation (features that never change: 1), `max_abs` by 1 / largest size (features that
    are 0: 1), None by 1.

    Parameters
    ----------
    X : array (N, D) or SparseRows
        uint8, float16, float32 or float64.
    how : "auto", "unit", "standard", "max_abs" or None
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
    name = resolve(how, X.dtype, sparse=are_sparse(X))
    mean, variance = np.empty(X.shape[1]), np.empty(X.shape[1])
    kernels.moments(X, rows, mean, variance, threads=threads)
    if name == "unit":
        return Scaling(mean, np.full(X.shape[1], 1 / 255))
    if name == "none":
        return Scaling(mean, np.ones(X.shape[1]))
    if name == "max_abs":
        largest = _largest(X, rows, weight)
        return Scaling(mean, 1.0 / np.where(largest > 0, largest, 1.0))
    if weight is not None:
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


def _largest(X: AnyRows, rows: Order | None, weight: NDArray[Any] | None) -> F64:
    """Largest |x| of each feature, in rows whose weight is not 0."""
    largest = np.zeros(X.shape[1])
    looked = np.arange(len(X)) if rows is None else rows
    looked = looked if weight is None else looked[np.asarray(weight)[looked] > 0]
    if are_sparse(X):
        values, columns = X[looked].stored()
        np.maximum.at(largest, columns, np.abs(values.astype(np.float64)))
        return largest
    step = max(1, BLOCK // max(1, X.shape[1]))
    for begin in range(0, len(looked), step):
        some = X[looked[begin : begin + step]]
        np.maximum(largest, np.maximum(some.max(axis=0), -some.min(axis=0).astype(np.float64)), out=largest)
    return largest


def _weighted(X: AnyRows, share: F64) -> tuple[F64, F64]:
    """Mean and variance of the features, each row counting for its share."""
    mean, variance = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    if are_sparse(X):
        values, columns = X.stored()
        each = np.repeat(share, np.diff(X.starts))
        mean += np.bincount(columns, each * values, X.n_features)
        stored = np.bincount(columns, each, X.n_features)
        variance += np.bincount(columns, each * (values - mean[columns]) ** 2, X.n_features)
        return mean, variance + np.maximum(1 - stored, 0) * mean**2
    step = max(1, BLOCK // max(1, X.shape[1]))
    blocks = [slice(begin, begin + step) for begin in range(0, len(X), step)]
    for rows in blocks:
        mean += np.einsum("i,ij->j", share[rows], X[rows], dtype=np.float64)
    for rows in blocks:
        variance += np.einsum("i,ij->j", share[rows], (X[rows] - mean) ** 2)
    return mean, variance
