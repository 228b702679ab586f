"""Runs in TensorBoard."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, final

from steepest.errors import InputError
from steepest.training.callbacks.base import Callback

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

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if find_spec("tensorboardX") is None:
            raise InputError("TensorBoard needs tensorboardX, which is not here: pip install 'steepest[tensorboard]'")
        self.folder = os.fspath(folder)
        self._writer: Any = None

    def start(self, run: Run) -> None:
        """Open the file, and write the settings."""
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(self.folder)
        words = "\n".join(f"    {name}: {value}" for name, value in run.settings.items())
        self._writer.add_text("settings", words)

    def epoch(self, run: Run) -> None:
        """Write what the epoch came to."""
        record = run.history[-1]
        for name, tag in _TAGS.items():
            if name in record:
                self._writer.add_scalar(tag, record[name], record["epoch"])

    def end(self, run: Run) -> None:
        """Close the file."""
        self._writer.close()
        self._writer = None
