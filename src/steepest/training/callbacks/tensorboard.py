"""Runs in TensorBoard."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, final

from steepest.errors import InputError
from steepest.training.callbacks.base import Callback, Pace

if TYPE_CHECKING:
    from steepest.training.run import Run

__all__ = ["TensorBoard"]

_TAGS = {
    "loss": "loss/training", "val_loss": "loss/validation", "accuracy": "accuracy/training",
    "val_accuracy": "accuracy/validation", "lr": "lr",
}  # fmt: skip


@final
class TensorBoard(Callback):
    """Writes the figures of every epoch for TensorBoard: ``tensorboard --logdir FOLDER`` shows them.

    Needs tensorboardX: ``pip install 'steepest[tensorboard]'``.

    Parameters
    ----------
    folder : str or path
        Where to write; runs side by side are folders side by side.
    every : float
        Seconds between two epochs that are written; the last one always is. 0 writes all, which in runs with epochs of
        a few milliseconds costs more than the 1 % that 0.05 keeps within.

    Raises
    ------
    InputError
        When tensorboardX is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> board = st.callbacks.TensorBoard("boards/first")  # doctest: +SKIP
    >>> st.train("mlp", st.load("digits"), callbacks=[board])  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str], *, every: float = 0.05) -> None:
        if find_spec("tensorboardX") is None:
            raise InputError("TensorBoard needs tensorboardX, which is not here: pip install 'steepest[tensorboard]'")
        self.folder, self.every = os.fspath(folder), every
        self._writer: Any = None
        self._pace, self._written = Pace(every), 0

    def start(self, run: Run) -> None:
        """Open the file, and write the settings."""
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(self.folder)
        words = "\n".join(f"    {name}: {value}" for name, value in run.settings.items())
        self._writer.add_text("settings", words)
        self._pace, self._written = Pace(self.every), run.state.epoch

    def epoch(self, run: Run) -> None:
        """Write what the epoch came to, if it is time."""
        if self._pace.is_due():
            self._write(run)

    def end(self, run: Run) -> None:
        """Write the last epoch, unless it is there, and close the file."""
        if run.state.epoch > self._written:
            self._write(run)
        self._writer.close()
        self._writer = None

    def _write(self, run: Run) -> None:
        record, self._written = run.history[-1], run.state.epoch
        for name, tag in _TAGS.items():
            if name in record:
                self._writer.add_scalar(tag, record[name], record["epoch"])
