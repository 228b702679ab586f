"""A run of the command line: what it reads at the start, and what it leaves in its folder."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from steepest.cli.guard import printable, say
from steepest.cli.progress import Display
from steepest.cli.signals import Interrupted, Signals
from steepest.data.load import load
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64
from steepest.training import automatic, loop
from steepest.training.files import write_json, write_json_lines
from steepest.training.functions_file import Function
from steepest.training.model_file import Card, Model, save_model
from steepest.training.results import versions
from steepest.training.run_folder import RunFolder
from steepest.training.settings import Settings, save_settings
from steepest.training.source import Parts, read_parts
from steepest.training.weighting import weights

__all__ = ["Data", "Fit", "Job", "check_same_data", "read"]


@dataclass(frozen=True)
class Data:
    """What a run reads: its rows, those it validates on, and the weight of each row."""

    parts: Parts
    threads: int
    validation: loop.Validation | None = None
    weight: NDArray[Any] | None = None


@dataclass(frozen=True)
class Fit:
    """What came of a training, for its files.

    Attributes
    ----------
    function : Linear, Network, Means or Neighbors
        f(x, W).
    test : callable
        Tests it, tells `progress` how far that is, and returns the record of summary.json.
    history : list of dict
        The lines of history.jsonl.
    loss : str or None
        Name of the loss.
    sigmoids : float64 array or None
        Of calibrated scores.
    certificate : dict or None
        What was proven.
    """

    function: Function
    test: Callable[..., dict[str, Any]]
    history: list[Any] = field(default_factory=list)
    loss: str | None = None
    sigmoids: F64 | None = None
    certificate: dict[str, Any] | None = None


class Job(ABC):
    """A run under way: what its files are written from.

    Parameters
    ----------
    folder : RunFolder
        Where to.
    settings : Settings
        Every "auto" resolved that can be before the training.
    data : Data
        The rows.
    began : float
        When the command did, by `time.monotonic`.
    """

    patient: bool = True
    """Whether a first Ctrl-C lets it end in good order; else there is nothing to be saved yet, and it ends at once."""

    def __init__(self, folder: RunFolder, settings: Settings, data: Data, began: float) -> None:
        self.folder, self.settings, self.data, self.began = folder, settings, data, began
        self._saved, self._cost = time.monotonic(), 0.0
        self.warnings: list[str] = []

    @property
    def said(self) -> tuple[str, ...]:
        """Notes that were shown when they were found."""
        return (*self.data.parts.notes, *self.warnings)

    def warn(self, messages: Iterable[str]) -> None:
        """Say what a solver could not do, in a line each, and keep it for the notes."""
        for message in messages:
            say(f"warning: {printable(message)}")
            self.warnings.append(message)

    @abstractmethod
    def run(self, display: Display, signals: Signals, every: float) -> bool:
        """Train, showing how far it is and saving the state as often; say whether it came to its end."""

    @abstractmethod
    def fit(self, finished: bool) -> Fit:
        """Return what came of it."""

    @property
    @abstractmethod
    def where(self) -> str:
        """Where it was stopped."""

    @abstractmethod
    def checkpoint(self) -> None:
        """Write the state to go on from, if there is one."""

    def save_checkpoint_if_due(self, every: float) -> None:
        """Save the state as often as asked, but for less than a hundredth of the time."""
        began = time.monotonic()
        if began - self._saved < (max(every, 100 * self._cost) if every else 0.0):
            return
        self.checkpoint()
        self._saved = time.monotonic()
        self._cost = self._saved - began

    def save_settings(self, **chosen: Any) -> None:
        """Put these in the place of every "auto", and write the settings."""
        self.settings = self.settings.resolved(self.data.parts.train.X.dtype, **chosen)
        save_settings(self.folder.config, self.settings)

    def finish(self, finished: bool, display: Display, signals: Signals) -> dict[str, Any]:
        """Write all files; the summary last, for it says that the others are there, and how good the model is."""

        def progress(what: str, done: int, total: int) -> None:
            display.working(what, done, total)
            if finished and signals.caught is not None:
                raise Interrupted(signals.caught)

        self.checkpoint()
        made, train = self.fit(finished), self.data.parts.train
        write_json_lines(self.folder.history, made.history)
        card = Card(
            train.classes, train.feature_shape, train.X.dtype.name, made.loss, self.settings.scaling,
            train.feature_names, self.data.parts.origin, versions(), self.settings.model, made.certificate,
        )  # fmt: skip
        save_model(self.folder.model, Model(made.function, card, sigmoids=made.sigmoids))
        try:
            tested = made.test(progress=progress)
        except Interrupted as stop:
            stop.left = f"the model is saved, but not tested: steepest evaluate {self.folder.path} SOURCE"
            raise
        summary = tested | {
            "finished": finished,
            "model": self.settings.model,
            "seed": self.settings.seed,
            "seconds_total": round(time.monotonic() - self.began, 6),
            "model_path": str(self.folder.model),
        }
        write_json(self.folder.summary, summary)
        return summary


def read(settings: Settings, display: Display) -> Data:
    """Read what a run is trained, tested and validated on, and say what there is to say of it."""
    threads = settings.threads or kernels.default_threads()
    parts = read_parts(settings, threads, display.working)
    display.clear()
    for note in parts.notes:
        say(f"note: {printable(note)}")
    assert parts.train.y is not None
    validation = None
    if isinstance(settings.validation, str):
        validation = loop.Validation.of(
            parts.train, load(settings.validation, **settings.reading(), progress=display.working)
        )
        display.clear()
    elif settings.validation is not None:
        kept, out = automatic.hold_out("validation", settings.validation, parts.train.y, settings.seed)
        held, parts = parts.train.take(out), replace(parts, train=parts.train.take(kept))
        assert held.y is not None
        validation = loop.Validation(held.X, held.y)
    assert parts.train.y is not None
    how: Literal["balanced"] | None = None if settings.class_weight == "none" else settings.class_weight
    weight = weights(how, None, parts.train.y, np.array(parts.train.classes))
    return Data(parts, threads, validation, weight)


def check_same_data(folder: RunFolder, settings: Settings, data: Data, fingerprint: str, level: str) -> None:
    """Raise an InputError unless a state was reached on these rows; say so where it was on another processor."""
    if fingerprint != data.parts.origin["fingerprint"]:
        raise InputError(
            f"{settings.source}: not the data that {folder.path} was trained on: start another run with --out"
        )
    if level != kernels.level():
        say(f"note: begun on {level}, going on with {kernels.level()}: the last bits can differ")
