"""Platt scaling: probabilities from scores that are none, a sigmoid for each class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.data.order import SPLIT, shuffled_order
from steepest.errors import InputError
from steepest.kernels.types import F64, Labels, Order
from steepest.nn.checks import whole

__all__ = ["Sigmoid", "calibrate", "each_class", "fold_of", "platt", "probabilities"]

CLOSE = 1e-10
"""The last Newton step is taken from where F is at most so much of itself above its least value, and squares that."""

TINY = 1e-290
"""Scores that differ by less are equal: 1 over it is still a number."""

MOST_STEPS, MOST_HALVINGS = 100, 40


class Sigmoid(NamedTuple):
    """p = 1 / (1 + exp(a f + b)) of a score f; a is negative where a high score speaks for the class."""

    a: float
    b: float


def platt(scores: ArrayLike, y: ArrayLike) -> Sigmoid:
    """Fit a sigmoid to the scores of two classes.

        minimize  F(a, b) = -sum_i t_i log p_i + (1 - t_i) log(1 - p_i),      p_i = 1 / (1 + exp(a f_i + b))
        t_i = (N+ + 1) / (N+ + 2)  where y_i > 0,   1 / (N- + 2)  elsewhere

    The targets are those of Platt, short of 1 and 0: so F has its least value at finite a and b however well the scores
    tell the classes apart, and with a single example of a class, or none. Newton steps with backtracking from (0,
    log((N- + 1) / (N+ + 1))), in float64, on scores of mean 0 and deviation 1; each term is written so that nothing
    overflows and no digits cancel:

        F_i = log(1 + exp(-|z|)) + (t_i z if z > 0 else (t_i - 1) z),         z = a f_i + b

    It ends where the Newton decrement, g' H^-1 g / 2, says that F is at its least value. Equal scores have a = 0.

    Parameters
    ----------
    scores : array (N,)
        A number for each example, the higher the more it speaks for the class. From rows that the classifier was not
        trained on: see ``calibrate``.
    y : array (N,)
        Positive (1 or True) for the class, 0, -1 or False for the rest.

    Returns
    -------
    Sigmoid
        (a, b).

    Raises
    ------
    InputError
        If there are no scores, one of them is not finite, or y does not belong to them.

    Examples
    --------
    >>> from steepest.solvers.platt import platt
    >>> a, b = platt([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0], [0, 0, 1, 0, 1, 1])
    >>> round(a, 2), round(abs(b), 2)
    (-0.63, 0.0)

    References
    ----------
    Platt, Probabilistic outputs for support vector machines, 1999. Lin, Lin and Weng, A note on Platt's probabilistic
    outputs for support vector machines, 2007.
    """
    f, positive = _finite(scores, 1), np.asarray(y) > 0
    if positive.shape != f.shape:
        raise InputError(f"y must have one entry for each of the {len(f)} scores, and has shape {positive.shape}")
    many, few = int(positive.sum()), int((~positive).sum())
    t = np.where(positive, (many + 1) / (many + 2), 1 / (few + 2))
    size = float(np.abs(f).max()) or 1.0  # squares of scores may be beyond what floats hold, on either side
    f = f / size
    centre, spread = float(f.mean()), float(f.std())
    equal = f.max() == f.min() or spread * size < TINY
    f = np.zeros_like(f) if equal else (f - centre) / spread
    at = np.array([0.0, math.log((few + 1) / (many + 1))])
    value, slope, curvature = _look(f, t, at)
    for _ in range(MOST_STEPS):
        step = -np.linalg.solve(curvature + 1e-12 * len(f) * np.eye(2), slope)
        decrement = -float(slope @ step)
        for halvings in range(MOST_HALVINGS):
            there = _look(f, t, at + step / 2**halvings)
            if there[0] <= value - 1e-4 * decrement / 2**halvings:
                break
        else:  # rounding hides what is left to gain
            break
        at, (value, slope, curvature) = at + step / 2**halvings, there
        if decrement / 2 <= CLOSE * value:
            break
    if equal:
        return Sigmoid(0.0, float(at[1]))
    return Sigmoid(float(at[0]) / (spread * size), float(at[1] - at[0] * centre / spread))


def each_class(scores: ArrayLike, y: Labels) -> F64:
    """Fit a sigmoid to the scores of each class, one against all the others.

    Parameters
    ----------
    scores : array (N, C), or (N,) for two classes
        As a decision function gives them: with two classes, those of the second one.
    y : int64 array (N,)
        Class indices.

    Returns
    -------
    float64 array (C, 2)
        a and b of each class. Of two classes with one score, the first has the score's negative, and what the second
        leaves it of 1.
    """
    S, y = _finite(scores), np.asarray(y)
    classes = 2 if S.ndim == 1 else S.shape[1]
    if y.shape != S.shape[:1] or y.min() < 0 or y.max() >= classes:
        raise InputError(f"y must be an index below {classes} for each of the {len(S)} rows of scores")
    if S.ndim == 1:
        a, b = platt(S, y == 1)
        return np.array([[a, -b], [a, b]])
    return np.array([platt(S[:, j], y == j) for j in range(classes)])


def probabilities(scores: ArrayLike, sigmoids: F64) -> F64:
    """Turn scores into probabilities that sum to 1: those of the classes' own sigmoids over their sum.

        P(j | x) = p_j / sum_k p_k,      p_j = 1 / (1 + exp(a_j f_j + b_j))

    In logarithms, so that classes may all be as unlikely as they like.

    Parameters
    ----------
    scores : array (N, C), or (N,) for two classes
        As for ``each_class``.
    sigmoids : float64 array (C, 2)
        What it gave.

    Returns
    -------
    float64 array (N, C)
    """
    S = _finite(scores)
    if S.ndim == 1:
        S = np.column_stack([-S, S])
    if S.shape[1] != len(sigmoids):
        raise InputError(f"there are {S.shape[1]} scores a row and sigmoids of {len(sigmoids)} classes")
    with np.errstate(over="ignore"):
        z = np.clip(S * sigmoids[:, 0] + sigmoids[:, 1], -1e300, 1e300)
    log_p = -np.logaddexp(0.0, z)
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def calibrate(
    fit: Callable[[Order], Callable[[Any], ArrayLike]], X: Any, y: Labels, folds: int = 5, seed: int = 0
) -> F64:
    """Fit the sigmoids of a classifier on scores of rows that it was not trained on.

    A classifier is surer of the rows it has seen than it ought to be. So the rows are dealt to folds; a classifier is
    trained without each fold in turn and scores it, and the sigmoids are fitted to all these scores at once. An example
    that is alone in its class stays in every training, and is not scored.

    Parameters
    ----------
    fit : function
        ``fit(rows)`` trains on these rows of X, int64 indices, and returns a function: of examples, their scores, (n,)
        or (n, C). Indices, so that it can read X in place and take weights along.
    X : array (N, D)
        Anything that rows can be taken from by an array of indices; one fold is copied at a time, in its own type.
    y : int64 array (N,)
        Class indices.
    folds : int
        How many, at least 2.
    seed : int
        Keys which row goes where.

    Returns
    -------
    float64 array (C, 2)
        a and b of each class, for ``probabilities``.

    Raises
    ------
    InputError
        If no class has two examples, or the scores are not finite or of the wrong shape.
    """
    fold, parts = fold_of(y, folds, seed), []
    for k in range(folds):
        held = np.flatnonzero(fold == k)
        if not len(held):
            continue
        scores = _finite(fit(np.flatnonzero(fold != k))(X[held]))
        if len(scores) != len(held):
            raise InputError(f"the classifier gave {len(scores)} scores for {len(held)} examples")
        parts.append((scores, y[held]))
    if not parts:
        raise InputError("calibration needs a class with at least two examples: one to train on and one to score")
    return each_class(np.concatenate([scores for scores, _ in parts]), np.concatenate([truth for _, truth in parts]))


def fold_of(y: Labels, folds: int, seed: int) -> Order:
    """Deal the rows to folds of the same size and the same share of every class; -1 for what is alone in its class."""
    folds = whole("folds", folds, 2)
    order = shuffled_order(len(y), seed, SPLIT, 1)  # the split into train and test is number 0
    order = order[np.argsort(y[order], kind="stable")]
    order = order[np.bincount(y)[y[order]] > 1]
    fold = np.full(len(y), -1)
    fold[order] = np.arange(len(order)) % folds
    return fold


def _look(f: F64, t: F64, at: F64) -> tuple[float, F64, F64]:
    """Return F, its gradient and its Hessian."""
    z = at[0] * f + at[1]
    e = np.exp(-np.abs(z))
    value = float((np.log1p(e) + np.where(z > 0, t, t - 1) * z).sum())
    p, q = np.where(z > 0, e, 1) / (1 + e), np.where(z > 0, 1, e) / (1 + e)
    d, w = t - p, p * q
    cross = float(w @ f)
    return value, np.array([f @ d, d.sum()]), np.array([[w @ f**2, cross], [cross, w.sum()]])


def _finite(scores: ArrayLike, axes: int = 0) -> NDArray[np.float64]:
    S = np.asarray(scores, np.float64)
    if S.ndim not in ((axes,) if axes else (1, 2)) or not S.size:
        raise InputError(f"scores must have shape (N,){'' if axes else ' or (N, C)'}, and have {S.shape}")
    if not np.isfinite(S).all():
        row = np.argwhere(~np.isfinite(S))[0]
        raise InputError(f"scores[{', '.join(map(str, row))}] is {S[tuple(row)]}: scores must be finite")
    return S
