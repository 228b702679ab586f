"""What a callback is, and who calls it when."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from steepest.errors import InputError
from steepest.training.plan import Plan, State

if TYPE_CHECKING:
    from steepest.training.run import Run

__all__ = ["PAUSE", "Callback", "Looking", "Pace", "Watching"]

PAUSE = 0.2
"""Seconds between two calls of ``progress``."""


class Pace:
    """Says when it is time again: at most once in `every` seconds, and the first time at once."""

    def __init__(self, every: float) -> None:
        self.every, self._last = every, -math.inf

    def is_due(self) -> bool:
        """Say whether it is time; if so, the seconds count from now."""
        now = time.monotonic()
        due = now - self._last >= self.every
        if due:
            self._last = now
        return due


class Callback:
    """Something that looks on while a run trains. Methods that are not of interest may be left out.

    Examples
    --------
    >>> import steepest as st
    >>> class Best(st.callbacks.Callback):
    ...     def epoch(self, run):
    ...         self.accuracy = max(record["accuracy"] for record in run.history)
    >>> best = Best()
    >>> run = st.train("mlp", st.load("digits"), epochs=5, callbacks=[best])
    >>> best.accuracy > 0.9
    True
    """

    def start(self, run: Run) -> None:
        """Look at the run before its first step."""

    def progress(self, run: Run) -> None:
        """Look at the run a few times a second: ``run.state`` says how far the epoch under way is."""

    def epoch(self, run: Run) -> bool | None:
        """Look at the run after an epoch; returning True ends it there, in good order."""

    def end(self, run: Run) -> None:
        """Look at the run after its last step, or when it was ended by an error."""


Watching: TypeAlias = Callback | Callable[["Run"], Any]
"""A callback, or a function that is told of every epoch and may return True."""


class Looking:
    """All callbacks of a run: the watcher of `loop.run`, within a `with` block that starts and ends them.

    Parameters
    ----------
    run : Run
        What they look at.
    callbacks : sequence of Callback or functions
        In this order; all are asked, whatever one says.

    Raises
    ------
    InputError
        If one is neither.
    """

    def __init__(self, run: Run, callbacks: Sequence[Watching]) -> None:
        if not isinstance(callbacks, Sequence):
            raise InputError(f"callbacks={callbacks!r} must be a list of callbacks")
        for callback in callbacks:
            if not isinstance(callback, Callback) and not callable(callback):
                raise InputError(
                    f"{callback!r} is no callback: give a function of the run, or an object of a class derived from "
                    "steepest.callbacks.Callback"
                )
        self._run = run
        self._all = [callback for callback in callbacks if isinstance(callback, Callback)]
        self._epoch = [callback.epoch if isinstance(callback, Callback) else callback for callback in callbacks]
        # Only those that have something to do there are called there.
        self._progress = [c.progress for c in self._all if type(c).progress is not Callback.progress]
        self._pace = Pace(PAUSE)

    def __enter__(self) -> Looking:
        with ExitStack() as stack:
            for callback in self._all:
                callback.start(self._run)
                stack.callback(callback.end, self._run)
            self._ends = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def __call__(self, state: State, plan: Plan) -> bool:
        """Tell of a slice; say whether to stop."""
        stop = False
        if state.step == 0:
            for callback in self._epoch:
                said = callback(self._run)
                stop = stop or (type(said).__name__ in ("bool", "bool_") and bool(said))  # a number is no wish to stop
        if self._progress and self._pace.is_due():
            for progress in self._progress:
                progress(self._run)
        return stop
