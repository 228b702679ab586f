"""The errors and warnings that steepest raises on purpose: what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

__all__ = ["ConvergenceWarning", "DataWarning", "DivergenceError", "InputError", "near"]


class InputError(ValueError):
    """Something handed to steepest cannot be used: a file, an array, a parameter.

    The message is one line (or a short list) that says what is wrong, where (file, row, column, parameter) and what to
    do. The command line prints it without a traceback and ends with status 2.
    """


class DataWarning(UserWarning):
    """Data could be used, but not all of it, or not as one would think: the message says what was left out and why."""


class ConvergenceWarning(UserWarning):
    """A solver could not prove what was asked for: the message says what is left, the likely cause and what to do."""


class DivergenceError(RuntimeError):
    """Training went to infinity: the message names the epoch, the step and the likely cause.

    Attributes
    ----------
    epoch, step : int
        Where, counted from 1; the step is that of the epoch.
    history : list of dict
        One record for each epoch before, as in ``run.history``.
    """

    def __init__(self, message: str, epoch: int = 0, step: int = 0, history: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.epoch, self.step, self.history = epoch, step, list(history)


def near(name: object, known: Collection[str]) -> str:
    """Say what was meant by a name that is not known: the nearest known ones, or all of them where none is near.

    >>> near("hinge-max", ("softmax", "hinge", "hinge_max"))
    'did you mean hinge_max or hinge?'
    >>> near("svm", ("softmax", "hinge"))
    'choose one of softmax, hinge'
    """
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(str(name).lower().replace("-", "_"), known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(known)}"
