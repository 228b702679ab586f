"""Score functions as tensors and back: a linear classifier, a network, class means, or training examples that vote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steepest.nn.approximate import Graph
from steepest.nn.linear import Linear
from steepest.nn.means import Means
from steepest.nn.nearest import METRICS
from steepest.nn.neighbors import INDICES, WEIGHTS, Neighbors
from steepest.nn.scaling import Scaling
from steepest.training.layers_file import as_json, read_network
from steepest.training.network import Network
from steepest.training.tensor_file import check

__all__ = ["KINDS", "NEW_KINDS", "Function", "as_record", "read_function"]

Function: TypeAlias = Linear | Network | Means | Neighbors
"""f(x, W) of a model."""

KINDS = ("linear", "network", "means", "neighbors")
NEW_KINDS = ("means", "neighbors")
"""Those that a reader of format 1 does not know."""

Tensors: TypeAlias = dict[str, NDArray[Any]]


def as_record(function: Function) -> tuple[Tensors, dict[str, Any]]:
    """Return the tensors of a score function, not copied, and what the record says of it: its kind first.

    Raises
    ------
    InputError
        If a part of it is a function of the user's own.
    """
    tensors: Tensors
    if isinstance(function, Means):
        tensors = {"means": function.means, "offset": function.offset}
        return tensors, {"kind": "means", "metric": function.metric}
    if isinstance(function, Neighbors):
        tensors = {"X": function.X, "y": np.asarray(function.y, np.int64)}
        said = {name: getattr(function, name) for name in ("k", "metric", "weights")}
        return tensors, {"kind": "neighbors", **said, "index": "exact" if function.graph is None else "approximate"}
    tensors = {**function.parameters, "shift": function.scaling.shift, "scale": function.scaling.scale}
    if isinstance(function, Network):
        return tensors, {"kind": "network", "layers": as_json(function.model.layers)}
    return tensors, {"kind": "linear"}


def read_function(file: Path, tensors: Tensors, record: Mapping[str, Any], D: int, C: int, dtype: str) -> Function:
    """Build a score function of D features and C classes from what a file says, trusting nothing in it.

    Parameters
    ----------
    file : path
        For messages.
    tensors : dict of arrays
        All that belong to it, and nothing else.
    record : mapping
        As of `as_record`.
    dtype : str
        The type that the card says the features have.

    Raises
    ------
    InputError
        When they do not fit together.
    """
    match record["kind"]:
        case "linear":
            return _linear(file, tensors, D, C)
        case "means":
            _require(file, tensors, {"means": ((C, D), "float64"), "offset": ((C,), "float64")})
            check(record.get("metric") in METRICS, file, "its metric is not known")
            return Means(tensors["means"], tensors["offset"], record["metric"])
        case "neighbors":
            return _neighbors(file, tensors, record, D, C, dtype)
    shift, scale = tensors.pop("shift", None), tensors.pop("scale", None)
    network = read_network(file, record.get("layers"), tensors, shift, scale)
    found = network.n_features, network.n_classes
    check(found == (D, C), file, f"its card speaks of {(D, C)} features and classes, its layers of {found}")
    return network


def _linear(file: Path, tensors: Tensors, D: int, C: int) -> Linear:
    shapes = {"W": ((D, C), "float32"), "b": ((C,), "float32"), "shift": ((D,), "float64"), "scale": ((D,), "float64")}
    _require(file, tensors, shapes)
    W = np.ascontiguousarray(tensors["W"].T).T  # class by class, as the kernels read it
    return Linear(W, tensors["b"], Scaling(tensors["shift"], tensors["scale"]))


def _neighbors(file: Path, tensors: Tensors, record: Mapping[str, Any], D: int, C: int, dtype: str) -> Neighbors:
    N = len(tensors["y"]) if "y" in tensors and tensors["y"].ndim == 1 else 0
    _require(file, tensors, {"X": ((N, D), dtype), "y": ((N,), "int64")})
    X, y, k, index = tensors["X"], tensors["y"], record.get("k"), record.get("index", "exact")
    check(N > 0 and int(y.min()) >= 0 and int(y.max()) < C, file, "its labels are not those of its classes")
    check(type(k) is int and 0 < k <= N, file, f"{k!r} neighbours cannot be found among {N} examples")
    check(record.get("metric") in METRICS and record.get("weights") in WEIGHTS, file, "its metric is not known")
    check(index in INDICES, file, "its index is not known")
    assert type(k) is int
    graph = None if index == "exact" else Graph(X, record["metric"])
    return Neighbors(X, y, C, k, record["metric"], record["weights"], graph)


def _require(file: Path, tensors: Tensors, wanted: Mapping[str, tuple[tuple[int, ...], str]]) -> None:
    """Raise an InputError unless the tensors are these, in shape and type, and no others."""
    check(tensors.keys() == wanted.keys(), file, f"it has the tensors {sorted(tensors)}, not {sorted(wanted)}")
    for name, (shape, dtype) in wanted.items():
        found = tensors[name]
        check(
            found.shape == shape and found.dtype == dtype,
            file,
            f"tensor {name!r} is {found.dtype} {found.shape}, its card asks for {dtype} {shape}",
        )
