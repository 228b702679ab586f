"""Weights and biases of the classes, as scikit-learn wants to see them."""

from __future__ import annotations

from steepest.kernels.types import F64

__all__ = ["coefficients"]


def coefficients(weights: F64, biases: F64) -> tuple[F64, F64]:
    """`coef_` (C, D) and `intercept_` (C,) from weights (D, C) and biases (C,).

    For two classes (1, D) and (1,), the second class's less the first's: there the classifier is one score, which is
    above 0 for the second.
    """
    if len(biases) == 2:
        weights, biases = weights[:, 1:] - weights[:, :1], biases[1:] - biases[:1]
    return weights.T, biases
