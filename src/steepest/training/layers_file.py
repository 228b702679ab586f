"""A model as JSON and back: its layers by name and number, never as code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.nn import Activation, BatchNorm, Dropout, Flatten, Layer, LayerNorm, Linear, Residual, Standardize
from steepest.nn.scaling import Scaling
from steepest.nn.sequential import Sequential
from steepest.training.network import Network
from steepest.training.tensor_file import check

__all__ = ["as_json", "read_network"]

_KINDS: dict[str, type[Layer]] = {
    kind.name: kind for kind in (Linear, Activation, Dropout, BatchNorm, LayerNorm, Residual, Flatten, Standardize)
}


def as_json(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Return layers as JSON holds them: the kind of each in `layer`, and its fields.

    Raises
    ------
    InputError
        For what is code: a layer of the user's own, an activation that is a function.

    Examples
    --------
    >>> import steepest as st
    >>> as_json(st.nn.MLP([2, 3]).layers)
    [{'layer': 'linear', 'inputs': 2, 'outputs': 3, 'bias': True}]
    """
    found = []
    for layer in layers:
        if _KINDS.get(layer.name) is not type(layer):
            raise InputError(
                f"{layer!r} is a layer of your own and cannot be saved, for a model file holds no code: save the "
                "parameters yourself"
            )
        record: dict[str, Any] = {"layer": layer.name}
        for field in fields(layer):  # type: ignore[arg-type]  # each kind is a dataclass
            value = getattr(layer, field.name)
            if callable(value):
                raise InputError(
                    f"{layer!r} is a function of your own and cannot be saved, for a model file holds no code: "
                    "use an activation that has a name, or save the parameters yourself"
                )
            if isinstance(layer, Residual) and field.name == "layers":
                value = as_json(value)
            record[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
        found.append(record)
    return found


def read_network(
    path: str | os.PathLike[str], layers: Any, tensors: Mapping[str, NDArray[Any]], shift: Any, scale: Any
) -> Network:
    """Build a network from what a file says, trusting nothing in it.

    Parameters
    ----------
    path : str or path
        The file, for messages.
    layers : list
        What `as_json` wrote.
    tensors : mapping of arrays
        The parameters and statistics by full name, and nothing else.
    shift, scale : arrays or None
        The scaling.

    Raises
    ------
    InputError
        When they do not fit together.
    """
    for name, part in (("shift", shift), ("scale", scale)):
        holds = part is not None and part.ndim == 1 and part.dtype == np.float64 and part.shape == shift.shape
        check(holds and len(part) > 0, path, f"tensor {name!r} is not as it must be")
    D = len(shift)
    try:
        model = Sequential(*_layers(layers))
        sizes = _sizes(model, D, sum(part.size for part in tensors.values()))
    except (InputError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        check(False, path, f"its layers make no model ({str(error)[:200]})")
        raise  # not reached
    check(tensors.keys() == sizes.keys(), path, f"it has the tensors {sorted(tensors)}, not {sorted(sizes)}")
    for name, shape in sizes.items():
        found = tensors[name]
        check(
            found.shape == shape and found.dtype == np.float32,
            path,
            f"tensor {name!r} is {found.dtype} {found.shape}, its layers ask for float32 {shape}",
        )
    return Network(model, {name: np.ascontiguousarray(tensors[name]) for name in sizes}, Scaling(shift, scale))


def _layers(records: Any) -> list[Layer]:
    if not isinstance(records, list):
        raise InputError("they are no list")
    found: list[Layer] = []
    for record in records:
        said = dict(record)
        kind = _KINDS.get(said.pop("layer", None))
        if kind is None:
            raise InputError(f"there is no layer {str(record)[:80]}")
        if kind is Residual:
            said["layers"] = _layers(said.get("layers"))
        if kind is Activation and not isinstance(said.get("function"), str):
            raise InputError("an activation has no name")
        found.append(kind(**said))
    return found


def _sizes(model: Sequential, D: int, numbers: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter; more numbers than the file has are never asked for."""
    shape: tuple[int, ...] = (D,)
    flops = 0
    for layer in model.layers:
        flops += layer.cost(shape).flops
        shape = layer.output_shape(shape)
        if flops > 2 * numbers or prod(shape) > numbers + D:
            raise InputError("they have more weights than the file")
    if len(shape) != 1:
        raise InputError(f"they make shape {shape} of an example, not scores")
    made = {**model.init(D, init="zeros"), **model.state(D)}
    return {name: part.shape for name, part in made.items()}
