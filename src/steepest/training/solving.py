"""A linear classifier under way by a solver: told of every point, stopped where one likes, gone on with later."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from steepest import losses, penalties
from steepest.errors import ConvergenceWarning
from steepest.kernels.types import F32
from steepest.nn.linear import Linear
from steepest.objective.base import Parameters
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import Certificate, Choice, solve
from steepest.solvers.problem import Point, Problem
from steepest.training.models import SEARCHES
from steepest.training.reached import Reached
from steepest.training.searching import search

__all__ = ["Progress", "Solving", "Watching"]


@dataclass(frozen=True)
class Progress:
    """How far it is: passes over the data so far, L(W), and about how far above the optimum that is at most."""

    passes: float
    objective: float
    bound: float = float("inf")


Watching: TypeAlias = Callable[[Progress], bool | None]
"""Told of every point; returning True ends the fit there, in good order."""


class Solving:
    """A fit that can be looked at, stopped and gone on with.

    Parameters
    ----------
    objective : CompiledLinear
        L(W).
    choice : Choice
        A solver of `solvers.SOLVERS` other than "sgd", or one of `models.SEARCHES`.
    tol, max_passes : float, int
        See `solvers.minimize`.
    draws, lr : int, float or "auto"
        See `training.searching`.
    seed : int
        Keys what is sampled.
    before : Reached or None
        Where to go on from.

    Attributes
    ----------
    certificate : Certificate or None
        What is proven of the fit; None before its end.
    history : list of dict
        Passes, objective and bound of every point.
    stopped : bool
        Whether the watcher ended it.
    warnings : list of str
        What could not be proven, and what to do.
    alphas : list of dict
        Those that were tried, after `choose_alpha`; see `solvers.path.Tried`.
    """

    def __init__(
        self, objective: CompiledLinear, choice: Choice, *, tol: float, max_passes: int, draws: int = 1000,
        lr: float | Literal["auto"] = "auto", seed: int = 0, before: Reached | None = None,
    ) -> None:  # fmt: skip
        self.objective, self.choice, self.seed = objective, choice, seed
        self.tol, self.max_passes, self.draws, self.lr = tol, max_passes, draws, lr
        self.certificate: Certificate | None = None
        self.stopped, self.warnings = False, list[str]()
        self._before = before or Reached(Linear.zeros(objective.n_classes, objective.scaling), objective.alpha)
        self.history, self.alphas = list(self._before.history), list(self._before.alphas)
        self._began = time.perf_counter()
        self._point: Point | None = None
        self._start: Parameters | None = None if before is None else dict(before.model.parameters)
        self._found: Parameters = dict(self._before.model.parameters)

    @property
    def model(self) -> Linear:
        """The score function at the last point, or of the solution."""
        if self._point is not None:
            # Points are of centred features. Where the centre is does not depend on the loss and the penalty.
            centred = Problem(replace(self.objective, loss=losses.softmax, penalty=penalties.l2))
            self._found, self._point = centred.parameters(self._point.Z), None
        W: F32 = self._found["W"]
        return Linear(W, self._found["b"], self.objective.scaling)

    def reached(self, **said: Any) -> Reached:
        """Return where it stands."""
        made, because = self.certificate, self.choice.because
        last = self.history[-1] if self.history else {}
        passes = made.passes if made else last.get("pass", self._before.passes)
        seconds = made.seconds if made else self._before.seconds + time.perf_counter() - self._began
        tried = list(self.alphas)
        return Reached(self.model, self.objective.alpha, because, passes, seconds, list(self.history), tried, **said)

    def choose_alpha(self, watch: Watching | None = None) -> None:
        """Take the alpha that does best on examples that are held out, see `solvers.path`; `run` goes on from there."""
        from steepest.solvers.path import select

        began = time.perf_counter()

        def look(point: Point, left: float) -> bool:
            self.stopped = watch is not None and bool(watch(Progress(point.passes, point.value, left)))
            return self.stopped

        with self._noting():
            path = select(self.objective, self.choice, max_passes=self.max_passes, seed=self.seed, watch=look)
        self.alphas = [tried._asdict() for tried in path.tried]
        alpha, passes = path.best.alpha, sum(tried.passes for tried in path.tried)
        self.objective = replace(self.objective, alpha=alpha)
        self._start = self._found = path.start
        seconds = time.perf_counter() - began
        self._before = replace(self._before, model=self.model, alpha=alpha, passes=passes, seconds=seconds)

    def run(self, watch: Watching | None = None) -> None:
        """Solve, from the start or from where it stood."""
        self._began = time.perf_counter()
        with self._noting():
            parameters, certificate, history = (self._search if self.choice.solver in SEARCHES else self._solve)(watch)
        before, self._found, self._point = self._before, parameters, None
        self.history = before.history + [record | {"pass": record["pass"] + before.passes} for record in history]
        self.certificate = replace(
            certificate, passes=certificate.passes + before.passes, seconds=certificate.seconds + before.seconds
        )

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep what a solver warns of, unless it was stopped, and pass on all else."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            yield
        for each in caught:
            if not issubclass(each.category, ConvergenceWarning):
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
            elif not self.stopped:
                self.warnings.append(str(each.message))

    def _solve(self, watch: Watching | None) -> tuple[Parameters, Certificate, list[dict[str, float]]]:
        def look(point: Point, left: float) -> bool:
            self._point = point
            return self._tell(watch, Progress(self._before.passes + point.passes, point.value, left))

        found = solve(
            self.objective, self.choice, tol=self.tol, max_passes=self.max_passes, seed=self.seed, watch=look,
            start=self._start,
        )  # fmt: skip
        return found.parameters, found.certificate, found.history

    def _search(self, watch: Watching | None) -> tuple[Parameters, Certificate, list[dict[str, float]]]:
        done = int(self._before.passes)

        def look(evaluations: int, least: float) -> bool:
            return self._tell(watch, Progress(done + evaluations, least))

        found = search(
            self.choice.solver, self.objective, self._found, max(1, self.draws - done), (self.seed + done) % 2**64,
            self.lr, look,
        )  # fmt: skip
        certificate = Certificate(
            found.value, float("inf"), found.evaluations, found.seconds, found.solver, self.choice.because
        )
        return found.parameters, certificate, [{"pass": at, "objective": value} for at, value in found.history]

    def _tell(self, watch: Watching | None, at: Progress) -> bool:
        if self.choice.solver not in SEARCHES:
            self.history.append({"pass": at.passes, "objective": at.objective, "bound": at.bound})
        self.stopped = watch is not None and bool(watch(at))
        return self.stopped
