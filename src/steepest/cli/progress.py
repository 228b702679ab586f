"""What moves on the terminal while one waits; nothing at all when nobody looks."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from steepest.cli.guard import printable
from steepest.cli.tables import duration
from steepest.training.callbacks.progress import figures

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from steepest.training.plan import Plan, State
    from steepest.training.solving import Progress as Solved

__all__ = ["Display"]

_PAUSE = 0.2  # seconds between two pictures
_PATIENCE = 0.3  # work that is done sooner shows nothing, and never loads rich


class Display:
    """A line on stderr that shows how far the work is.

    Parameters
    ----------
    quiet : bool
        Show nothing; the same when stderr is no terminal.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.shown = not quiet and sys.stderr.isatty()
        self._began = self._last = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the line away."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None
        self._last = -math.inf

    def working(self, what: str, done: int, total: int) -> None:
        """Show how far reading, fitting or testing is: the `progress` of `steepest.load`.

        A stage without numbers is shown at once, for nothing may be heard of it until it is over.
        """
        if not done and not total:
            self._last = -math.inf
        self._show(what, done, total, f"{done:,} of {total:,}" if total else f"{done:,}" if done else "")

    def training(self, state: State, plan: Plan, n: int) -> None:
        """Show where the training stands."""
        if not self.shown:
            return
        steps = plan.steps(n)
        done, total = state.epoch * steps + state.step, plan.epochs * steps
        seen = min(n, state.step * plan.batch_size)
        speed = (state.epoch * n + seen) / max(state.seconds, 1e-9)
        left = state.seconds * (total - done) / max(1, done)
        self._show(
            f"epoch {min(state.epoch + 1, plan.epochs)} of {plan.epochs}",
            done,
            total,
            f"{figures(state, plan, n)}  {_short(speed)} examples/s  {duration(left)} left",
        )

    def solving(self, at: Solved, tol: float, total: int | None, what: str = "") -> None:
        """Show where a solver stands: a search by the looks it took, all others by how far the bound has come down."""
        if not self.shown:
            return
        if total is not None:
            self._show(what or "searching", int(at.passes), total, f"{at.passes:,.0f} looks  least {at.objective:.6g}")
            return
        gap = at.bound / at.objective if at.objective > 0 else 0.0
        done = math.log(min(1.0, max(gap, tol, 1e-16))) / math.log(min(0.5, max(tol, 1e-16)))
        within = f"  within {gap:.1e} of the optimum" if gap < 1 else ""
        words = f"{at.passes:.4g} passes  objective {at.objective:.6g}{within}"
        self._show(what or "solving", round(100 * min(1.0, done)), 100, words)

    def _show(self, what: str, done: int, total: int, words: str) -> None:
        now = time.monotonic()
        if not self.shown or now - self._began < _PATIENCE or now - self._last < _PAUSE:
            return
        self._last = now
        state: dict[str, Any] = {
            "description": printable(what),
            "completed": done,
            "total": total or None,
            "words": words,
        }
        if self._bar is None or self._task is None:
            self._bar = _line()
            self._task = self._bar.add_task(**state)
            self._bar.start()
        self._bar.update(self._task, **state)
        self._bar.refresh()


def _short(rate: float) -> str:
    """Write a rate in three digits: 2.43M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if rate >= size:
            return f"{rate / size:.3g}{unit}"
    return f"{rate:.3g}"


def _line() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=10),
        TextColumn("{task.fields[words]}", markup=False),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
    )
