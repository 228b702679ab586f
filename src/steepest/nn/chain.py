"""Layers one after the other: what a model and a residual block have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from steepest.errors import InputError, near
from steepest.kernels.types import F32
from steepest.nn.base import Layer, Mode, Shape
from steepest.nn.initialization import Initialization, generator

__all__ = ["apply", "grouped", "init", "input_shape", "names", "naming", "output_shape", "shapes", "state", "trace"]

T = TypeVar("T")


def names(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return each layer's name in its model: kind and number, ``linear1``, ``activation1``, ``linear2``."""
    seen: Counter[str] = Counter()
    found = []
    for layer in layers:
        seen[layer.name] += 1
        found.append(f"{layer.name}{seen[layer.name]}")
    return tuple(found)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of the layer before what went wrong in it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def input_shape(layers: Sequence[Layer]) -> Shape | None:
    """Return the shape that the first layer with an opinion takes."""
    return next((layer.input_shape for layer in layers if layer.input_shape is not None), None)


def shapes(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[str, Layer, Shape, Shape]]:
    """Yield name, layer, and the shape of an example before and behind it."""
    for name, layer in zip(names(layers), layers, strict=True):
        with naming(name):
            behind = layer.output_shape(shape)
        yield name, layer, shape, behind
        shape = behind


def output_shape(layers: Sequence[Layer], shape: Shape) -> Shape:
    """Return the shape of an example behind all layers."""
    for *_, behind in shapes(layers, shape):
        shape = behind
    return shape


def init(layers: Sequence[Layer], shape: Shape, seed: int, how: Initialization) -> dict[str, F32]:
    """Return all parameters to start from, by full name; each layer draws from a generator of its own."""
    return _collected(layers, shape, lambda name, layer, before: layer.init(before, generator(seed, name), how))


def state(layers: Sequence[Layer], shape: Shape) -> dict[str, F32]:
    """Return all statistics to start from, by full name."""
    return _collected(layers, shape, lambda name, layer, before: layer.state(before))


def _collected(layers: Sequence[Layer], shape: Shape, of: Callable[[str, Layer, Shape], dict[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, layer, before, _ in shapes(layers, shape):
        with naming(name):
            found |= {f"{name}.{part}": array for part, array in of(name, layer, before).items()}
    return found


def grouped(layers: Sequence[Layer], parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parameters of each layer by the names that they have in it."""
    groups: dict[str, dict[str, Any]] = {name: {} for name in names(layers)}
    for full, value in parameters.items():
        name, _, part = full.partition(".")
        if name not in groups or not part:
            raise InputError(f"there is no layer for parameter {full!r}: {near(name, tuple(groups))}")
        groups[name][part] = value
    return groups


def trace(layers: Sequence[Layer], parameters: Mapping[str, Any], x: Any, mode: Mode) -> Iterator[tuple[str, Any]]:
    """Yield the name of each layer, and what it makes of what the one before made."""
    groups = grouped(layers, parameters)
    for place, (layer, (name, own)) in enumerate(zip(layers, groups.items(), strict=True)):
        with naming(name):
            layer.output_shape(x.shape[1:])
            x = layer.apply(own, x, mode.inside(name, place))
        yield name, x


def apply(layers: Sequence[Layer], parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
    """Return what the last layer makes of what the one before made, and so on back to x."""
    made = x
    for _, made in trace(layers, parameters, x, mode):  # noqa: B007  of the last layer it is the result
        pass
    return made
