"""One alpha after another: the strength of the penalty that does best on examples that were held out."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from steepest import penalties
from steepest.errors import ConvergenceWarning, InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, Labels, Order
from steepest.nn.scaling import Scaling
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.choice import Choice, solve
from steepest.solvers.continuation import strongest
from steepest.solvers.convex import Solution, minimize
from steepest.solvers.l1_limit import alpha_max
from steepest.solvers.problem import Problem
from steepest.solvers.smooth import Watcher

__all__ = ["Path", "Tried", "select"]

FOLDS = 5
"""A fifth is held out: of few examples each fifth in its turn."""
FEW = 5000
TOL = 1e-2
"""The gap at which a solution is good enough to be judged."""
COARSE, MOST = 10.0, 12
"""Each alpha is so many times smaller than the one before; and there are no more than that."""
WORSE = 2
"""Alphas in a row that do worse by both counts, after which none is tried."""


class Tried(NamedTuple):
    """What came of an alpha, on the examples that were held out."""

    alpha: float
    loss: float
    """Mean L_i."""
    accuracy: float
    gap: float
    """Proven of the fit on the others; the largest where there are several."""
    passes: float
    """Of all its fits."""


@dataclass(frozen=True)
class Path:
    """The alphas that were tried, falling, and the best of them: most right, and of those with as many the least loss.

    `start` are W and b at the best, to go on from with all examples.
    """

    tried: list[Tried]
    best: Tried
    start: Parameters
    held_out: int


def select(
    objective: CompiledLinear, choice: Choice, *, max_passes: int = 1000, seed: int = 0, watch: Watcher | None = None
) -> Path:
    """Fit with smaller and smaller alphas, each from the solution of the last, and judge each on a held-out fifth.

    It begins where the penalty leaves scores of about 1, of an L1 penalty where it leaves a few weights, and goes down
    by factors of 10 until two in a row have done worse; then it looks between the best and its neighbours. Below 5,000
    examples each fifth is held out in its turn. Held-out examples have weight 0, so there is no copy of the data; the
    features are centred once, and preconditioners share their Gram matrices.

    Parameters
    ----------
    objective : CompiledLinear
        Its alpha plays no part.
    choice : Choice
        The solver; not "sgd".
    max_passes : int
        For each alpha.
    seed : int
        Of the fifths.
    watch : callable or None
        Told of every point; returning True ends it with what was tried.

    Raises
    ------
    InputError
        When a class has a single example, so that none of it can be held out.
    """
    if isinstance(objective.penalty, penalties.NoPenalty):
        raise InputError("alpha='auto' chooses the strength of a penalty, and there is none: give penalty='l2'")
    fold = _folds(objective.y, objective.n_classes, seed, objective.weight)
    parts = [np.flatnonzero(fold == k) for k in range(FOLDS if len(fold) < FEW else 1)]
    rounds = [_Round(objective, choice, held, max_passes, seed, watch) for held in parts]
    tried: dict[float, Tried] = {}
    first = _first(objective)

    def attempt(alpha: float) -> bool:
        tried[alpha] = _together(alpha, [one.fit(alpha) for one in rounds])
        return any(one.stopped for one in rounds)

    for alpha in (first / COARSE**k for k in range(MOST)):
        if attempt(alpha) or _is_past(list(tried.values())):
            break
    else:
        warnings.warn(
            f"alpha='auto' went down to {alpha:.1e} and was still getting better: the examples hardly need a penalty",
            ConvergenceWarning, stacklevel=3,
        )  # fmt: skip
    coarse = _best(tried).alpha
    for alpha in (coarse * math.sqrt(COARSE), coarse / math.sqrt(COARSE)):
        if alpha < first and not any(one.stopped for one in rounds):
            attempt(alpha)
    best = _best(tried)
    falling = sorted(tried.values(), reverse=True)
    return Path(falling, best, rounds[0].found[best.alpha].parameters, len(rounds[0].held))


class _Round:
    """The fits with one part held out."""

    def __init__(
        self, objective: CompiledLinear, choice: Choice, held: Order, max_passes: int, seed: int, watch: Watcher | None
    ) -> None:
        weight: F32 = np.ones(len(objective), np.float32) if objective.weight is None else objective.weight.copy()
        weight[held] = 0
        weight *= np.float32(len(weight) / weight.sum(dtype=np.float64))
        self.objective, self.choice = replace(objective, weight=weight), choice
        self.held = held if objective.weight is None else held[objective.weight[held] > 0]
        self.judged = replace(objective.data_term(), weight=None)
        self.problem = Problem(replace(self.objective, alpha=1.0)) if choice.solver == "newton" else None
        self.max_passes, self.seed, self.watch, self.stopped = max_passes, seed, watch, False
        self.found: dict[float, Solution] = {}

    def fit(self, alpha: float) -> Tried:
        nearest = min(self.found, key=lambda other: abs(math.log(other / alpha)), default=None)
        start = None if nearest is None else self.found[nearest].parameters
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            if self.problem is not None:
                found = minimize(self.problem.with_alpha(alpha), TOL, self.max_passes, self.seed, "", self._see, start)
            else:
                found = solve(
                    replace(self.objective, alpha=alpha), self.choice, tol=TOL, max_passes=self.max_passes,
                    seed=self.seed, watch=self._see, start=start,
                )  # fmt: skip
        self.found[alpha] = found
        loss, accuracy = self.judged.evaluate(found.parameters, self.held)
        return Tried(alpha, loss, accuracy, found.certificate.gap, found.certificate.passes)

    def _see(self, point: object, left: float) -> bool:
        self.stopped = self.stopped or bool(self.watch is not None and self.watch(point, left))  # type: ignore[arg-type]
        return self.stopped


def _folds(y: Labels, n_classes: int, seed: int, weight: F32 | None = None) -> Order:
    """Return the part (N,) that each example belongs to: in random order, each class spread evenly over all.

    Examples of weight 0 are dealt out apart: in each part are others of the class, if there are as many.
    """
    idle = np.zeros(len(y), np.bool_) if weight is None else weight == 0
    counts = np.bincount(y[~idle], minlength=n_classes)
    if counts[counts > 0].min() < 2:
        raise InputError(
            f"alpha='auto' holds out a fifth of the examples, and class {int(np.flatnonzero(counts == 1)[0])} has only "
            "one: give an alpha, or leave the class out"
        )
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(y))
    order = order[np.lexsort((y[order], idle[order]))]
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % FOLDS
    return fold


def _together(alpha: float, each: list[Tried]) -> Tried:
    loss, accuracy = (float(np.mean([getattr(one, name) for one in each])) for name in ("loss", "accuracy"))
    return Tried(alpha, loss, accuracy, max(one.gap for one in each), sum(one.passes for one in each))


def _best(tried: dict[float, Tried]) -> Tried:
    return max(tried.values(), key=lambda one: (one.accuracy, -one.loss, one.alpha))


def _is_past(tried: list[Tried]) -> bool:
    """Say whether the last ones were worse than one before, by accuracy and by loss, or all were right before."""
    before, last = tried[:-WORSE], tried[-WORSE:]
    if not before:
        return False
    most, least = max(one.accuracy for one in before), min(one.loss for one in before)
    return most == 1 or all(one.accuracy <= most and one.loss >= least for one in last)


def _first(objective: CompiledLinear) -> float:
    """Return the alpha to begin at: |x| |dL/dw_c| / 2 at W = 0 for an L2 penalty, and just below `alpha_max` for L1."""
    if objective.penalty.name in ("l1", "elastic_net"):
        return alpha_max(objective) / 2 or 1.0
    L, D, C = objective.data_term(), objective.X.shape[1], objective.n_classes
    mean, variance = np.empty(D), np.empty(D)
    kernels.moments(L.X, None, mean, variance, threads=L.threads)
    centred = replace(L, scaling=Scaling(mean, L.scaling.scale))
    at: Parameters = {"W": np.zeros((D, C), np.float32, order="F"), "b": np.zeros(C, np.float32)}
    slopes = np.asarray(centred.value_and_gradient(at)[1]["W"], np.float64)
    return strongest(float(variance @ L.scaling.scale**2), slopes) or 1.0
