"""A classifier of biases alone, and from which alpha on an L1 penalty leaves no more than that."""

from __future__ import annotations

import numpy as np

from steepest import losses, penalties
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64
from steepest.losses.base import Loss
from steepest.losses.duals import dual
from steepest.objective.compiled import CompiledLinear

__all__ = ["alpha_max", "biases_alone", "strengths"]

STEPS, EXACT, ARMIJO = 200, 1e-15, 1e-4


def strengths(objective: CompiledLinear) -> tuple[float, float]:
    """Return alpha and beta of alpha R(W) = alpha sum |W| + beta W^2.

    Raises
    ------
    InputError
        When the penalty is not of this form, or the loss has no slope everywhere.
    """
    match objective.penalty:
        case penalties.L1():
            beta = 0.0
        case penalties.ElasticNet(beta=beta):
            pass
        case other:
            raise InputError(f"this solver needs the penalty 'l1' or 'elastic_net', not {other!r}")
    if objective.loss != losses.squared and (
        dual(objective.loss) is None or objective.loss.curvature(objective.n_classes) is None
    ):
        raise InputError(f"this solver does not know the loss {objective.loss!r}: {', '.join(KNOWN)}")
    return float(objective.alpha), beta


def alpha_max(objective: CompiledLinear) -> float:
    """Return the least alpha at which W = 0 is an optimum: from there on down, weights enter one by one.

        alpha_max = max_fj |1/N sum_i w_i x_if dL_i/ds_j|        at W = 0 and the b that is best there, x centred

    There all examples of a class have the same slopes, so the sums of the features by class are all that is looked at:
    half a pass, in float64. The alpha of the objective plays no part.

    Raises
    ------
    InputError
        As `strengths`.
    """
    strengths(objective)
    L, (N, D) = objective, objective.X.shape
    sums = np.empty((L.n_classes, D))
    kernels.cross(L.X, L.y, None, L.weight, *L.scaling, sums, threads=L.threads)
    counts = np.bincount(L.y, L.weight, L.n_classes).astype(np.float64)
    sums -= np.outer(counts, sums.sum(axis=0) / counts.sum())
    slopes = _slopes(L.loss, biases_alone(L.loss, counts / N))
    return float(np.abs(slopes.T @ sums).max(initial=0.0) / N)


def biases_alone(loss: Loss, frequencies: F64) -> F64:
    """Return the b (C,) with the least sum_c frequency_c L(b, c), by Newton's method.

    Parameters
    ----------
    loss : Loss
        With a bound on its curvature.
    frequencies : float64 array (C,)
        The weight of each class.
    """
    if loss == losses.squared:
        return np.asarray(frequencies / frequencies.sum())
    other, b, y = dual(loss), np.zeros(len(frequencies)), np.arange(len(frequencies))
    assert other is not None

    def value(b: F64) -> float:
        return float(frequencies @ loss(np.tile(b, (len(b), 1)), y))

    for _ in range(STEPS):
        g = frequencies @ _slopes(loss, b)
        if np.abs(g).max() <= EXACT:
            break
        A = other.mean_hessian(np.tile(b, (len(b), 1)), y, frequencies * len(b))
        step = -np.linalg.pinv(A, rcond=1e-12, hermitian=True) @ g
        length, before = 1.0, value(b)
        while length > 1e-9 and value(b + length * step) > before + ARMIJO * length * float(g @ step) + EXACT * before:
            length /= 2
        b = b + length * step
    return b


def _slopes(loss: Loss, b: F64) -> F64:
    """dL/ds of an example of each class where the scores are b, (C, C)."""
    return np.asarray(loss.gradient(np.tile(b, (len(b), 1)), np.arange(len(b))), np.float64)


KNOWN = ("softmax", "logistic", "squared_hinge", "ova_squared_hinge", "squared")
