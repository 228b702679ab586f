"""A ReLU network is piecewise linear: its pieces on a rectangle, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike

from steepest.errors import InputError
from steepest.kernels.types import F64
from steepest.nn import affine, chain
from steepest.nn.base import Layer, Shape
from steepest.nn.layers.activation import Activation
from steepest.nn.layers.residual import Residual
from steepest.nn.sequential import Sequential

__all__ = ["Piece", "linear_regions"]

_ROUNDING = 1e-11  # of the size of the terms of a neuron's sum: where the sum is no larger, it counts as zero


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of the plane in which a network is linear: f(x) = x W + b.

    Attributes
    ----------
    polygon : float64 array (K, 2)
        Its corners, one after the other; it is convex.
    W : float64 array (2, C)
        The slopes.
    b : float64 array (C,)
        The scores at the origin, were it in this piece.
    """

    polygon: F64
    W: F64
    b: F64

    @property
    def area(self) -> float:
        """Its area."""
        x, y = self.polygon.T
        return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


@overload
def linear_regions(model: Sequential, parameters: Mapping[str, Any], box: ArrayLike) -> int: ...
@overload
def linear_regions(
    model: Sequential, parameters: Mapping[str, Any], box: ArrayLike, *, pieces: Literal[False]
) -> int: ...
@overload
def linear_regions(
    model: Sequential, parameters: Mapping[str, Any], box: ArrayLike, *, pieces: Literal[True]
) -> tuple[Piece, ...]: ...
def linear_regions(
    model: Sequential, parameters: Mapping[str, Any], box: ArrayLike, *, pieces: bool = False
) -> int | tuple[Piece, ...]:
    """Count the linear pieces of a network of ReLUs on a rectangle of the plane.

    Where no neuron changes between off and on the network is one linear map. So the rectangle is cut, layer by layer,
    along the line on which each neuron's sum is zero; within a piece that line is straight. Two neighbours count as two
    pieces even where weights of zero hide the difference. What is thinner than rounding is no piece.

    Parameters
    ----------
    model : Sequential
        Of two inputs; its activations are ``relu``, ``leaky_relu`` or ``identity``. It is taken in evaluation.
    parameters : dict
        Arrays by full name, running statistics among them.
    box : ((x_low, x_high), (y_low, y_high))
        The rectangle.
    pieces : bool
        Whether to return the pieces themselves and not how many they are.

    Returns
    -------
    int or tuple of Piece
        The count; or the pieces, each with its polygon and its linear map.

    Raises
    ------
    InputError
        If the model does not take two numbers, a layer is not piecewise linear, or the box is not a rectangle.

    References
    ----------
    Montufar, Pascanu, Cho and Bengio, On the number of linear regions of deep neural networks, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.nn.MLP([2, 2, 1])
    >>> axes = model.init() | {"linear1.W": np.eye(2)}
    >>> st.nn.linear_regions(model, axes, [(-1, 1), (-1, 1)])
    4
    >>> [piece.area for piece in st.nn.linear_regions(model, axes, [(-1, 1), (0, 2)], pieces=True)]
    [2.0, 2.0]
    """
    if chain.input_shape(model.layers) not in (None, (2,)):
        raise InputError(f"linear regions are of models of two inputs: this one takes {model.input_shape()}")
    rectangle, (W, b) = _rectangle(box), affine.first((2,))
    whole = _Part(rectangle, W, b, _largest(rectangle, W, b))
    found = _through([whole], model.layers, parameters, (2,))
    return tuple(Piece(part.polygon, part.W, part.b) for part in found) if pieces else len(found)


class _Part(NamedTuple):
    """A piece on its way through the layers: x W + b are sums of terms of at most these sizes."""

    polygon: F64
    W: F64
    b: F64
    sizes: F64


def _rectangle(box: ArrayLike) -> F64:
    try:
        sides = np.asarray(box, np.float64)
    except (TypeError, ValueError):
        sides = np.zeros(0)
    if sides.shape != (2, 2) or not np.isfinite(sides).all() or not (sides[:, 0] < sides[:, 1]).all():
        raise InputError(f"a box is ((x_low, x_high), (y_low, y_high)), each low below its high, not {box!r}")
    (left, right), (low, high) = sides
    return np.array([(left, low), (right, low), (right, high), (left, high)])


def _through(parts: list[_Part], layers: Sequence[Layer], parameters: Mapping[str, Any], shape: Shape) -> list[_Part]:
    """Return the parts that the layers make of these."""
    groups = chain.grouped(layers, parameters)
    for name, layer, before, _ in chain.shapes(layers, shape):
        with chain.naming(name):
            parts = _behind(parts, layer, groups[name], before)
    return parts


def _behind(parts: list[_Part], layer: Layer, parameters: Mapping[str, Any], shape: Shape) -> list[_Part]:
    match layer:
        case Activation(function="relu" | "leaky_relu"):
            return [cut for part in parts for cut in _cut(part, layer.slope or 0.0)]
        case Residual():
            return [
                _Part(cut.polygon, part.W + cut.W, part.b + cut.b, part.sizes + cut.sizes)
                for part in parts
                for cut in _through([part], layer.layers, parameters, shape)
            ]
    W, b = affine.behind(affine.first(shape), layer, parameters, shape)
    return [
        _Part(polygon, before @ W, at_zero @ W + b, _largest(polygon, before, at_zero) @ np.abs(W) + np.abs(b))
        for polygon, before, at_zero, _ in parts
    ]


def _largest(polygon: F64, W: F64, b: F64) -> F64:
    """Return bounds on the terms of x W + b in a polygon."""
    largest: F64 = np.abs(polygon).max(axis=0) @ np.abs(W) + np.abs(b)
    return largest


def _cut(part: _Part, slope: float) -> Iterator[_Part]:
    """Cut a part along the zero line of every neuron, and let the rest go through the activation."""
    rounding = _ROUNDING * part.sizes
    waiting = [(part.polygon, 0)]
    while waiting:
        polygon, neuron = waiting.pop()
        sums = polygon @ part.W + part.b
        sums[np.abs(sums) <= rounding] = 0
        crossing = np.logical_and(sums.max(axis=0) > 0, sums.min(axis=0) < 0)
        crossing[:neuron] = False  # it has been cut there
        if crossing.any():
            neuron = int(crossing.argmax())
            waiting += [(half, neuron + 1) for half in _halves(polygon, sums[:, neuron])]
        else:
            factor = np.where(sums.sum(axis=0) > 0, 1.0, slope)
            yield _Part(polygon, part.W * factor, part.b * factor, part.sizes)


def _halves(polygon: F64, heights: F64) -> tuple[F64, F64]:
    """Return the parts of a convex polygon below and above the line on which a linear height is zero."""
    below, above = [], []
    corners = zip(polygon, heights, np.roll(polygon, -1, axis=0), np.roll(heights, -1), strict=True)
    for corner, height, following, next_height in corners:
        if height <= 0:
            below.append(corner)
        if height >= 0:
            above.append(corner)
        if height * next_height < 0:
            on_line = corner + (following - corner) * (height / (height - next_height))
            below.append(on_line)
            above.append(on_line)
    return np.array(below), np.array(above)
