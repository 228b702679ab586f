"""A run's state on the disk: with the settings and the data, all that is needed to go on to the same bits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.training.layers_file import as_json, read_network
from steepest.training.network import Network
from steepest.training.plan import Memory, State
from steepest.training.tensor_file import check, read_tensors, write_tensors

__all__ = ["FILE_NAME", "Checkpoint", "load_checkpoint", "save_checkpoint"]

FILE_NAME = "checkpoint.safetensors"
_FORMAT, _VERSION = "steepest.checkpoint", 2
_LINEAR = 1  # the version that a linear classifier without a validation set is written in, as it always was
_COUNTS = {"epoch": int, "step": int, "loss": float, "correct": int, "seconds": float}
_GROUPS = ("parameters", "memory", "best")


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
    plain = isinstance(state.model, Linear) and state.best is None
    record = {
        "format": _FORMAT,
        "format_version": _LINEAR if plain else _VERSION,
        # JSON writes the shortest text that reads back as the same float64.
        **{name: kind(getattr(state, name)) for name, kind in _COUNTS.items()},
        "history": state.history,
        "fingerprint": checkpoint.fingerprint,
        "level": checkpoint.level,
    }
    scaling = state.model.scaling
    tensors: dict[str, NDArray[Any]] = {"shift": scaling.shift, "scale": scaling.scale}
    if isinstance(state.model, Linear):
        tensors |= {"W": state.model.W, "b": state.model.b}
        tensors |= {f"velocity_{name}": part for name, part in state.memory["velocity"].items()}
    else:
        record |= {"layers": as_json(state.model.model.layers), "memory": list(state.memory)}
        tensors |= {f"parameters/{name}": part for name, part in state.model.parameters.items()}
        for what, parts in state.memory.items():
            # The number of steps is a whole one; float64 holds it exactly.
            dtype = np.float64 if what == "count" else np.float32
            tensors |= {f"memory/{what}/{name}": np.asarray(part, dtype) for name, part in parts.items()}
    if state.best is not None:
        tensors |= {f"best/{name}": part for name, part in state.best.items()}
    write_tensors(path, tensors, record)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, trusting nothing in the file.

    Raises
    ------
    InputError
        Missing, truncated or damaged; no checkpoint; shapes that do not fit together; a newer format.
    """
    tensors, record = read_tensors(path, _FORMAT, _VERSION)
    for name, kind in _COUNTS.items():
        check(type(record.get(name)) is kind and record[name] >= 0, path, f"its record has no valid {name!r}")
    _check_history(path, record)
    for name in ("fingerprint", "level"):
        check(isinstance(record.get(name), str), path, f"its record has no {name}")
    groups: dict[str, dict[str, NDArray[Any]]] = {group: {} for group in _GROUPS}
    for name in [name for name in tensors if name.partition("/")[0] in groups and "/" in name]:
        group, _, part = name.partition("/")
        groups[group][part] = tensors.pop(name)
    model, memory = _network(path, tensors, groups, record) if "layers" in record else _linear(path, tensors)
    state = State(model, memory, history=record["history"], **{name: record[name] for name in _COUNTS})
    if state.best_epoch is not None or groups["best"]:
        _check_like(path, "best", groups["best"], model.parameters)
        state.best = {name: _as(part, model.parameters[name]) for name, part in groups["best"].items()}
    return Checkpoint(state, record["fingerprint"], record["level"])


def _check_history(path: str | os.PathLike[str], record: dict[str, Any]) -> None:
    history = record.get("history")
    check(isinstance(history, list), path, "its record has no history")
    assert isinstance(history, list)
    check(len(history) == record["epoch"], path, "its history has not one record an epoch")
    for number, entry in enumerate(history, 1):
        holds = isinstance(entry, dict) and entry.get("epoch") == number
        check(holds and isinstance(entry.get("val_loss"), float | int | None), path, f"record {number} is not valid")


def _linear(path: str | os.PathLike[str], tensors: dict[str, NDArray[Any]]) -> tuple[Linear, Memory]:
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
    # Class by class, as the program moves it.
    parts = {name: part if part.ndim == 1 else np.ascontiguousarray(part.T).T for name, part in tensors.items()}
    model = Linear(parts["W"], parts["b"], Scaling(parts["shift"], parts["scale"]))
    return model, {"velocity": {name: parts[f"velocity_{name}"] for name in ("W", "b")}}


def _network(
    path: str | os.PathLike[str],
    tensors: dict[str, NDArray[Any]],
    groups: dict[str, dict[str, NDArray[Any]]],
    record: dict[str, Any],
) -> tuple[Network, Memory]:
    model = read_network(path, record["layers"], groups["parameters"], tensors.get("shift"), tensors.get("scale"))
    names = record.get("memory")
    check(isinstance(names, list) and all(isinstance(name, str) for name in names), path, "it has no names of a memory")
    memory: Memory = {name: {} for name in record["memory"]}  # the order is that of the recurrence
    for name, part in groups["memory"].items():
        what, _, parameter = name.partition("/")
        check(what in memory, path, f"there is no memory for tensor 'memory/{name}'")
        memory[what][parameter] = part
    for what, parts in memory.items():
        if what == "count":
            check(
                all(part.shape == (1,) and 0 <= part[0] < 2**53 for part in parts.values()),
                path,
                "its count is not valid",
            )
            memory[what] = {name: np.array(int(part[0])) for name, part in parts.items()}
        else:
            _check_like(path, what, parts, model.trained)
    return model, memory


def _check_like(path: str | os.PathLike[str], what: str, parts: dict[str, Any], like: dict[str, Any]) -> None:
    """Raise an InputError unless the tensors have the names, shapes and types of the parameters."""
    same = parts.keys() == like.keys() and all(
        part.shape == like[name].shape and part.dtype == np.float32 for name, part in parts.items()
    )
    check(same, path, f"the tensors of its {what} are not those of the parameters")


def _as(part: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Return the array in the memory order of another one."""
    return part if like.flags.c_contiguous else np.ascontiguousarray(part.T).T
