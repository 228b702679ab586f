"""A run's state on the disk: with the settings and the data, all that is needed to go on to the same bits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.training.plan import State
from steepest.training.tensor_file import check, read_tensors, write_tensors

__all__ = ["FILE_NAME", "Checkpoint", "load_checkpoint", "save_checkpoint"]

FILE_NAME = "checkpoint.safetensors"
_FORMAT, _VERSION = "steepest.checkpoint", 1
_COUNTS = {"epoch": int, "step": int, "loss": float, "correct": int, "seconds": float}


@dataclass(frozen=True)
class Checkpoint:
    """A state, and what it was reached with.

    Attributes
    ----------
    state : State
        Ready for `loop.run`.
    fingerprint : str
        Of the training rows.
    level : str
        The instruction set in use; sums are rounded alike on the same one only.
    """

    state: State
    fingerprint: str
    level: str


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole or not at all: at every moment the file is the last complete one.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    state = checkpoint.state
    tensors: dict[str, NDArray[Any]] = {
        "W": state.model.W,
        "b": state.model.b,
        "velocity_W": state.velocity.W,
        "velocity_b": state.velocity.b,
        "shift": state.model.scaling.shift,
        "scale": state.model.scaling.scale,
    }
    record = {
        "format": _FORMAT,
        "format_version": _VERSION,
        # JSON writes the shortest text that reads back as the same float64.
        **{name: kind(getattr(state, name)) for name, kind in _COUNTS.items()},
        "history": state.history,
        "fingerprint": checkpoint.fingerprint,
        "level": checkpoint.level,
    }
    write_tensors(path, tensors, record)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, trusting nothing in the file.

    Raises
    ------
    InputError
        Missing, truncated or damaged; no checkpoint; shapes that do not fit together; a newer format.
    """
    tensors, record = read_tensors(path, _FORMAT, _VERSION)
    W = tensors.get("W")
    check(W is not None and W.ndim == 2, path, "it has no weights")
    assert W is not None
    D, C = W.shape
    shapes = {"W": (D, C), "b": (C,), "velocity_W": (D, C), "velocity_b": (C,), "shift": (D,), "scale": (D,)}
    for name, shape in shapes.items():
        dtype = np.float64 if name in ("shift", "scale") else np.float32
        found = tensors.get(name)
        check(
            found is not None and found.shape == shape and found.dtype == dtype,
            path,
            f"tensor {name!r} is not as it must be",
        )
    for name, kind in _COUNTS.items():
        check(type(record.get(name)) is kind and record[name] >= 0, path, f"its record has no valid {name!r}")
    check(isinstance(record.get("history"), list), path, "its record has no history")
    check(len(record["history"]) == record["epoch"], path, "its history has not one record an epoch")
    for name in ("fingerprint", "level"):
        check(isinstance(record.get(name), str), path, f"its record has no {name}")
    scaling = Scaling(tensors["shift"], tensors["scale"])
    counts = {name: record[name] for name in _COUNTS}
    state = State(
        _linear(W, tensors["b"], scaling),
        _linear(tensors["velocity_W"], tensors["velocity_b"], scaling),
        history=record["history"],
        **counts,
    )
    return Checkpoint(state, record["fingerprint"], record["level"])


def _linear(W: NDArray[Any], b: NDArray[Any], scaling: Scaling) -> Linear:
    return Linear(np.ascontiguousarray(W.T).T, b, scaling)  # class by class, as the program moves it
