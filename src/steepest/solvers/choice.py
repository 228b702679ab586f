"""Which solver suits an objective, and why; and the one door to all of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from steepest import losses, penalties
from steepest.errors import InputError, near
from steepest.losses.duals import dual
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.convex import Solution, minimize
from steepest.solvers.smooth import Watcher

__all__ = ["SOLVERS", "Choice", "choose", "solve"]

SOLVERS = ("auto", "newton", "sgd")
"""What can be asked for. "sgd" is mini-batch descent, which is no solver of this room but `training`'s."""

MOST_FEATURES = 8000
"""A Gram matrix of more features than these takes longer to factor than it saves."""


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
    if solver == "newton":
        if why := _unknown(objective):
            raise InputError(
                f"solver='newton' needs a convex loss that it knows and an L2 penalty, and {why}: use solver='auto'"
            )
        return Choice("newton")
    if solver == "sgd":
        return Choice("sgd")
    if given:
        return Choice("sgd", f"{', '.join(given)} {'was' if len(given) == 1 else 'were'} given")
    if why := _unknown(objective):
        return Choice("sgd", why)
    if objective.loss.curvature(objective.n_classes) is None:
        return Choice("sgd", f"loss {objective.loss.name} has a kink; solver='newton' would round it, and take longer")
    if objective.alpha == 0:
        return Choice("sgd", "without a penalty there may be no optimum")
    if (D := objective.X.shape[1]) > MOST_FEATURES:
        return Choice("sgd", f"{D} features are too many for a preconditioner")
    return Choice("newton", f"loss {objective.loss.name} is convex and the penalty is L2")


def solve(
    objective: CompiledLinear, choice: Choice, *, tol: float, max_passes: int, seed: int, watch: Watcher | None = None
) -> Solution:
    """Run the solver that was chosen, which is not "sgd"."""
    assert choice.solver == "newton"
    return minimize(objective, tol, max_passes, seed, choice.because, watch)


def _unknown(objective: CompiledLinear) -> str:
    loss = objective.loss
    if not isinstance(objective.penalty, penalties.L2 | penalties.NoPenalty):
        return f"the penalty is {objective.penalty.name}"
    if isinstance(loss, losses.Softmax) and loss.smoothing:
        return "its labels are smoothed"
    if dual(loss) is None:
        return f"of loss {loss.name} it knows no bound"
    return ""
