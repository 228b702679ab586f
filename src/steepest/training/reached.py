"""Where a solver stands, on the disk: what it takes to go on from there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.training.tensor_file import check, read_tensors, write_tensors

__all__ = ["Reached", "load_reached", "save_reached"]

_FORMAT, _VERSION = "steepest.checkpoint", 3
_NUMBERS = ("alpha", "passes", "seconds")
_TEXTS = ("because", "fingerprint", "level")
_LISTS = ("history", "alphas")


@dataclass(frozen=True)
class Reached:
    """Weights that a solver came to, and the way. It goes on from there, though not to the same bits.

    Attributes
    ----------
    model : Linear
        W and b.
    alpha : float
        Strength of the penalty.
    because : str
        Why this solver.
    passes, seconds : float
        What it took so far.
    history : list of dict
        One record for each point.
    alphas : list of dict
        The alphas that were tried before this one was taken; see `solvers.path.Tried`.
    fingerprint : str
        Of the training rows.
    level : str
        The instruction set in use.
    """

    model: Linear
    alpha: float
    because: str = ""
    passes: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    alphas: list[dict[str, float]] = field(default_factory=list)
    fingerprint: str = ""
    level: str = ""


def save_reached(path: str | os.PathLike[str], reached: Reached) -> None:
    """Write it whole or not at all: at every moment the file is the last complete one.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    said = {name: getattr(reached, name) for name in (*_NUMBERS, *_TEXTS, *_LISTS)}
    shift, scale = reached.model.scaling
    tensors: dict[str, NDArray[Any]] = {**reached.model.parameters, "shift": shift, "scale": scale}
    write_tensors(path, tensors, {"format": _FORMAT, "format_version": _VERSION, "by": "solver", **said})


def load_reached(path: str | os.PathLike[str]) -> Reached:
    """Read it, trusting nothing in the file.

    Raises
    ------
    InputError
        Missing, truncated or damaged; of another kind; shapes that do not fit together; a newer format.
    """
    tensors, record = read_tensors(path, _FORMAT, _VERSION)
    check(record.get("by") == "solver", path, "it was not left by a solver")
    for name in _NUMBERS:
        check(type(record.get(name)) in (int, float) and record[name] >= 0, path, f"its record has no valid {name!r}")
    for name in _TEXTS:
        check(isinstance(record.get(name), str), path, f"its record has no {name}")
    for name in _LISTS:
        rows: Any = record.get(name)
        check(isinstance(rows, list) and all(isinstance(at, dict) for at in rows), path, f"its record has no {name}")
    W = tensors.get("W")
    check(W is not None and W.ndim == 2, path, "it has no weights")
    assert W is not None
    D, C = W.shape
    shapes = {"W": (D, C), "b": (C,), "shift": (D,), "scale": (D,)}
    check(tensors.keys() == shapes.keys(), path, f"it has the tensors {sorted(tensors)}, not {sorted(shapes)}")
    for name, shape in shapes.items():
        dtype = np.float64 if name in ("shift", "scale") else np.float32
        fits = tensors[name].shape == shape and tensors[name].dtype == dtype
        check(fits, path, f"tensor {name!r} is not as it must be")
    linear = Linear(np.ascontiguousarray(W.T).T, tensors["b"], Scaling(tensors["shift"], tensors["scale"]))
    return Reached(linear, **{name: record[name] for name in (*_NUMBERS, *_TEXTS, *_LISTS)})
