"""How far a training is, in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, final

from steepest.training.callbacks.base import Callback, Pace
from steepest.training.plan import Plan, State

if TYPE_CHECKING:
    from steepest.training.run import Run

__all__ = ["Progress", "figures"]


def figures(state: State, plan: Plan, n: int) -> str:
    """Write loss and accuracy of the epoch under way, and those on the validation set after the last one."""
    seen = min(n, state.step * plan.batch_size)
    last = state.history[-1] if state.history else {}
    now = {"loss": state.loss / seen, "accuracy": state.correct / seen} if seen else last
    words = [f"{name} {now[name]:.4f}" for name in ("loss", "accuracy") if name in now]
    said = {"val_loss": "validation loss", "val_accuracy": "accuracy"}
    words += [f"{text} {last[name]:.4f}" for name, text in said.items() if last.get(name) is not None]
    return "  ".join(words)


@final
class Progress(Callback):
    """A line on stderr for each epoch, or when epochs are short, every so often and for the last.

        epoch 3 of 67  loss 0.1271  accuracy 0.9652  validation loss 0.1433  accuracy 0.9583

    Parameters
    ----------
    every : float
        Seconds between two lines.
    """

    def __init__(self, every: float = 0.5) -> None:
        self.every = every
        self._pace, self._written = Pace(every), 0

    def start(self, run: Run) -> None:
        """Begin anew."""
        self._pace, self._written = Pace(self.every), run.state.epoch

    def epoch(self, run: Run) -> None:
        """Write a line, if it is time for one."""
        if self._pace.is_due():
            self._write(run)

    def end(self, run: Run) -> None:
        """Write the last line, unless it is there."""
        if run.state.epoch > self._written:
            self._write(run)

    def _write(self, run: Run) -> None:
        self._written = run.state.epoch
        words = figures(run.state, run.plan, len(run.objective))
        print(f"epoch {run.state.epoch} of {run.plan.epochs}  {words}", file=sys.stderr, flush=True)
