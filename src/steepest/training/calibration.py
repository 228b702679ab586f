"""Platt scaling of linear classifiers that a solver finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from steepest.kernels.types import F64, Order
from steepest.nn.linear import Linear
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import calibrate
from steepest.training.automatic import mean_one

__all__ = ["one_score", "sigmoids"]


def sigmoids(objective: CompiledLinear, scaling: str, fit: Callable[[CompiledLinear], Linear], seed: int) -> F64:
    """Fit the sigmoids (C, 2) of a classifier to scores of rows that were held out, in five folds.

    Parameters
    ----------
    objective : CompiledLinear
        Of the classifier.
    scaling : str
        How its scaling was found.
    fit : function
        From L(W) on some of the rows to the score function.
    seed : int
        Keys the folds.
    """

    def scores_without(rows: Order) -> Callable[[Any], Any]:
        X, weight = objective.X[rows], objective.weight
        weight = None if weight is None else mean_one(weight[rows], len(X))
        how = fit_scaling(X, scaling, weight=weight, threads=objective.threads)
        part = replace(objective, X=X, y=objective.y[rows], scaling=how, weight=weight)
        model = one_score(fit(part))
        return lambda held: model.scores(held, threads=objective.threads)

    return calibrate(scores_without, objective.X, objective.y, seed=seed)


def one_score(model: Linear) -> Linear:
    """Return one whose scores are s and -s where there are two classes: each tells itself from the other."""
    if model.n_classes != 2:
        return model
    W, b = ((part - part[..., ::-1]) / np.float32(2) for part in (model.W, model.b))
    return replace(model, W=np.asfortranarray(W), b=b)
