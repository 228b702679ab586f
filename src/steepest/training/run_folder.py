"""The folder of a run: claimed by one process, never written over, gone again when nothing came of it."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from steepest.errors import InputError
from steepest.training import checkpoint, model_file, settings

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows: two processes can then meet in one folder
    fcntl = None

__all__ = ["RunFolder", "is_finished", "new_name", "settings_of"]

_LOCK = ".lock"
SUMMARY = "summary.json"


class RunFolder:
    """A folder that this process alone writes, for as long as the `with` block runs.

    Parameters
    ----------
    path : str or path
        A new or empty folder, or with `resume` the folder of a run.
    resume : bool
        Whether to go on with the run in it.

    Raises
    ------
    InputError
        It has files already, is no folder, is no run, or another process is at work in it.
    """

    def __init__(self, path: str | os.PathLike[str], *, resume: bool = False) -> None:
        self.path = Path(path)
        self._new = False
        self._made: list[Path] = []
        self._lock = -1
        if resume:
            settings_of(path)
        try:
            if not resume:
                self._make()
            self._claim()
            if not resume and (names := sorted(set(os.listdir(self.path)) - {_LOCK})):
                run = settings.FILE_NAME in names and not is_finished(self.path)
                go_on = f", or go on with the run in it by --resume {self.path}" if run else ""
                raise InputError(f"{self.path}: the folder is not empty: choose another --out{go_on}")
            self._new = not resume
        except OSError as error:
            self.close()
            raise InputError(
                f"{path}: cannot be the folder of a run ({error.strerror or error}): choose another --out"
            ) from None
        except InputError:
            self.close()
            raise

    @classmethod
    def fresh(cls, source: str, loss: str, under: str | os.PathLike[str] = "runs") -> RunFolder:
        """Make a folder with a new name, see `new_name`; another process that does the same gets another one.

        Raises
        ------
        InputError
            When no folder can be made there.
        """
        tried = None
        while True:
            path = new_name(source, loss, under)
            try:
                return cls(path)
            except InputError:
                if path == tried or not path.exists():  # not taken by another process: it cannot be made
                    raise
                tried = path

    @property
    def model(self) -> Path:
        """Path of the trained model."""
        return self.path / model_file.FILE_NAME

    @property
    def checkpoint(self) -> Path:
        """Path of the state to go on from."""
        return self.path / checkpoint.FILE_NAME

    @property
    def config(self) -> Path:
        """Path of the settings."""
        return self.path / settings.FILE_NAME

    @property
    def history(self) -> Path:
        """Path of the epochs' records."""
        return self.path / "history.jsonl"

    @property
    def summary(self) -> Path:
        """Path of the results."""
        return self.path / SUMMARY

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; a new run that left neither a checkpoint nor a model is removed."""
        if self._new and not self.checkpoint.exists() and not self.model.exists():
            for path in (self.config, self.history, self.summary):
                with suppress(OSError):
                    path.unlink()
        if self._lock >= 0:
            with suppress(OSError):
                (self.path / _LOCK).unlink()
            os.close(self._lock)
            self._lock = -1
        for folder in reversed(self._made):
            with suppress(OSError):  # has files: it stays
                folder.rmdir()
        self._made = []

    def _make(self) -> None:
        missing = [p for p in (self.path, *self.path.parents) if not p.exists()]
        for folder in reversed(missing):
            with suppress(FileExistsError):  # another process was faster; the lock decides
                folder.mkdir()
                self._made.append(folder)

    def _claim(self) -> None:
        if fcntl is None:
            return
        place = self.path / _LOCK
        handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The owner before may have removed the name between opening and locking: the lock would be on nothing.
            gone = not os.path.samestat(os.fstat(handle), os.stat(place))
        except (BlockingIOError, FileNotFoundError):
            gone = True
        if gone:
            os.close(handle)
            raise InputError(
                f"{self.path}: another process is at work in this folder: wait for it or choose another --out"
            )
        self._lock = handle


def settings_of(path: str | os.PathLike[str]) -> Path:
    """Find the settings of the run in a folder.

    Raises
    ------
    InputError
        When it is not the folder of a run.
    """
    config = Path(path, settings.FILE_NAME)
    if not config.is_file():
        raise InputError(f"{path}: there is no run to resume here: it has no {settings.FILE_NAME}")
    return config


def is_finished(path: str | os.PathLike[str]) -> bool:
    """Say whether the run in a folder came to its end: its summary, written last, says so."""
    try:
        return json.loads(Path(path, SUMMARY).read_bytes()).get("finished") is True
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def new_name(source: str, loss: str, under: str | os.PathLike[str] = "runs") -> Path:
    """Choose a folder that is not there yet: runs/digits-softmax-1, then -2.

    Parameters
    ----------
    source : str
        What is trained on.
    loss : str
        Name of the loss.
    under : path
        The folder for all runs.
    """
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(source.partition(":")[0]).name.partition(".")[0]).strip("-") or "run"
    pattern = re.compile(re.escape(f"{stem}-{loss}-") + r"(\d+)")
    taken = [0]
    with suppress(OSError):
        taken += [int(found[1]) for name in os.listdir(under) if (found := pattern.fullmatch(name))]
    return Path(under) / f"{stem}-{loss}-{max(taken) + 1}"
