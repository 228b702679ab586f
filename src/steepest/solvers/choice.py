"""Which solver suits an objective, and why; and the one door to all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from steepest import losses, penalties
from steepest.errors import InputError, near
from steepest.losses.duals import dual
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.ascent import ascend, refusal
from steepest.solvers.convex import Solution, minimize
from steepest.solvers.coordinate import coordinate_descent
from steepest.solvers.ridge import Ridge
from steepest.solvers.smooth import Watcher

__all__ = ["SOLVERS", "Choice", "choose", "solve"]

SOLVERS = ("auto", "coordinate", "newton", "ascent", "ridge", "sgd")
"""What can be asked for. "sgd" is mini-batch descent, which is no solver of this room but `training`'s."""

MOST_PRODUCTS = 8000
"""Features whose products with one another are kept by coordinate descent on squares, at most."""


class Choice(NamedTuple):
    """The name of a solver, and why; nothing to say where it was asked for."""

    solver: str
    because: str = ""


def choose(objective: CompiledLinear, solver: str = "auto", given: Collection[str] = ()) -> Choice:
    """Name the solver for an objective.

    Parameters
    ----------
    objective : CompiledLinear
        Size, loss and penalty decide.
    solver : str
        One of SOLVERS.
    given : names
        Settings of mini-batch descent that were given: they ask for it.

    Raises
    ------
    InputError
        When there is no such solver, or it does not know such an objective.
    """
    if solver not in SOLVERS:
        raise InputError(f"there is no solver {solver!r}: {near(solver, SOLVERS)}")
    if solver == "ridge":
        if objective.loss != losses.squared or not _is_l2(objective):
            raise InputError("solver='ridge' needs loss='squared' and penalty='l2': use solver='auto'")
        return Choice("ridge")
    if solver == "coordinate":
        if why := _not_sparse(objective):
            raise InputError(
                f"solver='coordinate' needs a smooth loss, penalty 'l1' or 'elastic_net', and {why}: use solver='auto'"
            )
        return Choice("coordinate")
    if solver == "newton":
        why = _unknown(objective)
        if why or objective.loss == losses.hinge_max:
            why = why or "loss hinge_max cannot be rounded"
            raise InputError(
                f"solver='newton' needs a convex loss that it knows and an L2 penalty, and {why}: use solver='auto'"
            )
        return Choice("newton")
    if solver == "ascent":
        if why := _unknown(objective) or refusal(objective):
            raise InputError(f"solver='ascent' needs a hinge and an L2 penalty, and {why}: use solver='auto'")
        return Choice("ascent")
    if solver == "sgd":
        return Choice("sgd")
    if given:
        return Choice("sgd", f"{', '.join(given)} {'was' if len(given) == 1 else 'were'} given")
    if objective.loss == losses.squared and _is_l2(objective):
        return Choice("ridge", "the loss is a square and the penalty is L2: one decomposition is exact")
    if _is_l1(objective):
        return _of_l1(objective)
    if why := _unknown(objective):
        return Choice("sgd", why)
    if objective.alpha == 0 or isinstance(objective.penalty, penalties.NoPenalty):
        return Choice("sgd", "without a penalty there may be no optimum")
    if objective.loss.curvature(objective.n_classes) is None:
        return _kinked(objective)
    return Choice("newton", f"loss {objective.loss.name} is convex and the penalty is L2")


def solve(
    objective: CompiledLinear, choice: Choice, *, tol: float, max_passes: int, seed: int,
    watch: Watcher | None = None, start: Parameters | None = None,
) -> Solution:  # fmt: skip
    """Run the solver that was chosen, which is not "sgd", from `start`."""
    if choice.solver == "ridge":
        return _by_ridge(objective, choice)
    if choice.solver == "ascent":
        return ascend(objective, tol, max_passes, seed, choice.because, watch)
    if choice.solver == "coordinate":
        return coordinate_descent(objective, tol, max_passes, seed, choice.because, watch, start)
    assert choice.solver == "newton"
    return minimize(objective, tol, max_passes, seed, choice.because, watch, start)


def _by_ridge(objective: CompiledLinear, choice: Choice) -> Solution:
    alpha = 0.0 if isinstance(objective.penalty, penalties.NoPenalty) else objective.alpha
    ridge = Ridge.of(
        objective.X, objective.y, objective.n_classes, objective.scaling, objective.weight, threads=objective.threads
    )
    W, b, certificate = ridge.at(alpha)
    moved = (ridge.rows.scaling.shift - objective.scaling.shift) * objective.scaling.scale
    parameters = {"W": np.asarray(W, np.float32, order="F"), "b": (b - moved @ W).astype(np.float32)}
    record = {"pass": certificate.passes, "objective": certificate.objective, "bound": certificate.bound}
    return Solution(parameters, replace(certificate, because=choice.because), [record])


def _kinked(objective: CompiledLinear) -> Choice:
    kink = f"loss {objective.loss.name} has a kink"
    if not (why := refusal(objective)):
        return Choice("ascent", f"{kink}, which the dual side does not meet")
    if objective.loss == losses.hinge_max:
        return Choice("sgd", f"{kink}, and {why}")
    return Choice("newton", f"{kink}, which is rounded, for {why}")


def _is_l2(objective: CompiledLinear) -> bool:
    return isinstance(objective.penalty, penalties.L2 | penalties.NoPenalty)


def _is_l1(objective: CompiledLinear) -> bool:
    return isinstance(objective.penalty, penalties.L1 | penalties.ElasticNet)


def _of_l1(objective: CompiledLinear) -> Choice:
    name = objective.penalty.name
    if why := _not_sparse(objective):
        return Choice("sgd", why)
    if objective.alpha == 0:
        return Choice("sgd", "without a penalty there may be no optimum")
    if objective.loss == losses.squared and (D := objective.X.shape[1]) > MOST_PRODUCTS:
        return Choice("sgd", f"the products of {D} features are too many to keep")
    return Choice("coordinate", f"the penalty is {name}: coordinate descent gives exact zeros, and a proof")


def _not_sparse(objective: CompiledLinear) -> str:
    loss = objective.loss
    if not _is_l1(objective):
        return f"the penalty is {objective.penalty.name}"
    if isinstance(loss, losses.Softmax) and loss.smoothing:
        return "its labels are smoothed"
    if loss == losses.squared:
        return ""
    if dual(loss) is None:
        return f"of loss {loss.name} it knows no bound"
    return f"loss {loss.name} has a kink" if loss.curvature(objective.n_classes) is None else ""


def _unknown(objective: CompiledLinear) -> str:
    loss = objective.loss
    if not _is_l2(objective):
        return f"the penalty is {objective.penalty.name}"
    if isinstance(loss, losses.Softmax) and loss.smoothing:
        return "its labels are smoothed"
    if dual(loss) is None:
        return f"of loss {loss.name} it knows no bound"
    return ""
