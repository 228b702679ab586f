"""What all searches share: what they found, and a search under way, which counts, keeps the best and can be stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import F64, Order
from steepest.objective.base import Objective, Parameters

__all__ = ["Search", "Searching", "Watch"]

Watch: TypeAlias = Callable[[int, float], bool | None]
"""Told after each W that was tried how many evaluations there were and the least value so far; True ends the search."""


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found, and what it took.

    Attributes
    ----------
    parameters : dict of arrays
        The best that was met, in the form and the types of the start.
    value : float
        L(W) there, on the rows that the search looked at.
    history : list of (int, float)
        Evaluations and L(W), for each W that the search moved to: the start, each better one, each step of a descent.
    evaluations : int
        Of L(W), with its gradient or without.
    seconds : float
        From the start to the end.
    solver : str
        The algorithm.
    finished : bool
        False where Ctrl-C or the watcher ended it.
    """

    parameters: Parameters
    value: float
    history: list[tuple[int, float]]
    evaluations: int
    seconds: float
    solver: str
    finished: bool

    def __str__(self) -> str:
        """One line for people."""
        stopped = "" if self.finished else ", stopped early"
        return (
            f"objective {self.value:.6g} after {self.evaluations:,} evaluations in {self.seconds:.3g} s "
            f"by {self.solver}{stopped}"
        )


class _Stop(Exception):  # noqa: N818  the watcher's wish, not an error
    """Leaves a search from wherever it is."""


class Searching:
    """A search under way, on W as one float64 vector: the coordinates of all parameters, one after the other.

    As a context it ends in good order on Ctrl-C, or when the watcher says so, once there is something to give back.

    Parameters
    ----------
    solver : str
        The algorithm.
    objective : Objective
        L(W).
    start : dict of arrays
        Where to begin, and the form of the parameters; not changed.
    rows : int64 array or None
        The rows that L(W) is the mean over; None means all.
    watch : callable or None
        Told of everything that is tried.
    """

    def __init__(
        self, solver: str, objective: Objective, start: Parameters, rows: Order | None, watch: Watch | None
    ) -> None:
        self._began = time.perf_counter()
        self._solver, self._objective, self._rows, self._watch = solver, objective, rows, watch
        parts = {name: np.asarray(part) for name, part in start.items()}
        for name, part in parts.items():
            if part.dtype.kind not in "fiub" or not np.isfinite(part).all():
                raise InputError(f"a search begins at finite numbers, and the parameter {name} holds others")
        self._form = {name: part if part.dtype.kind == "f" else part.astype(np.float64) for name, part in parts.items()}
        if not any(part.size for part in parts.values()):
            raise InputError("a search needs parameters: the start has none")
        self.start = self._flat(self._form)
        self.evaluations, self._finished = 0, True
        self.history: list[tuple[int, float]] = []
        self._best: tuple[float, F64] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if kind is None or self._best is None or not issubclass(kind, KeyboardInterrupt | _Stop):
            return False
        self._finished = False
        return True

    def value(self, w: F64) -> float:
        """L(W)."""
        self.evaluations += 1
        with np.errstate(all="ignore"):  # a search may look where there is nothing finite
            return float(self._objective.value(self._parameters(w), self._rows))

    def value_and_gradient(self, w: F64) -> tuple[float, F64]:
        """L(W) and dL/dW."""
        self.evaluations += 1
        with np.errstate(all="ignore"):
            value, gradient = self._objective.value_and_gradient(self._parameters(w), self._rows)
        return float(value), self._flat(gradient)

    def move(self, w: F64, value: float) -> None:
        """Take down that the search now stands at W, where L(W) is this."""
        if self._best is None and not math.isfinite(value):
            raise InputError(f"the objective is {value} at the start: begin at other parameters, or look at the data")
        self.history.append((self.evaluations, value))
        if self._best is None or value < self._best[0]:
            self._best = value, w
        self._tell()

    def attempt(self, w: F64) -> float:
        """Evaluate L(W), and move there if it is the least so far; return it, with infinity for what is no number."""
        value = self.value(w)
        if self._best is None or value < self._best[0]:
            self.move(w, value)
        else:
            self._tell()
        return math.inf if math.isnan(value) else value

    def result(self) -> Search:
        """Return what there is."""
        assert self._best is not None
        value, w = self._best
        seconds = time.perf_counter() - self._began
        return Search(self._parameters(w), value, self.history, self.evaluations, seconds, self._solver, self._finished)

    def _tell(self) -> None:
        if self._watch is not None and self._best is not None and self._watch(self.evaluations, self._best[0]):
            raise _Stop

    def _flat(self, parameters: Parameters) -> F64:
        """Return the coordinates; a parameter without a gradient, as a running mean is, stays where it is."""
        parts = (parameters.get(name, np.zeros_like(part)) for name, part in self._form.items())
        return np.concatenate([np.asarray(part, np.float64).ravel() for part in parts])

    def _parameters(self, w: F64) -> Parameters:
        """Return the vector in the form and the types of the start."""
        parameters, at = {}, 0
        for name, part in self._form.items():
            parameters[name] = w[at : at + part.size].reshape(part.shape).astype(part.dtype)
            at += part.size
        return parameters
