"""Layers without a bend as one linear map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import F64
from steepest.nn import chain
from steepest.nn.base import Layer, Shape, named
from steepest.nn.layers.activation import Activation
from steepest.nn.layers.batch_norm import BatchNorm, statistics
from steepest.nn.layers.dropout import Dropout
from steepest.nn.layers.flatten import Flatten
from steepest.nn.layers.linear import Linear
from steepest.nn.layers.residual import Residual
from steepest.nn.layers.standardize import Standardize

__all__ = ["Affine", "behind", "collapsed", "first"]


class Affine(NamedTuple):
    """x W + b, in float64: W (D, H), b (H,)."""

    W: F64
    b: F64


def first(shape: Shape) -> Affine:
    """Return x itself, as a vector."""
    return Affine(np.eye(prod(shape)), np.zeros(prod(shape)))


def collapsed(layers: Sequence[Layer], parameters: Mapping[str, Any], shape: Shape) -> Affine:
    """Return the one linear map that the layers are in evaluation."""
    so_far, groups = first(shape), chain.grouped(layers, parameters)
    for name, layer, before, _ in chain.shapes(layers, shape):
        with chain.naming(name):
            so_far = behind(so_far, layer, groups[name], before)
    return so_far


def behind(so_far: Affine, layer: Layer, parameters: Mapping[str, Any], shape: Shape) -> Affine:
    """Return the map so far with a linear layer behind it.

    Raises
    ------
    InputError
        If the layer is not linear.
    """
    own = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    match layer:
        case Linear():
            W = named(own, "W", (layer.inputs, layer.outputs))
            b = named(own, "b", (layer.outputs,)) if layer.bias else 0.0
            return Affine(so_far.W @ W, so_far.b @ W + b)
        case Standardize():
            scale = layer.scale.ravel()
            return Affine(so_far.W * scale, (so_far.b - layer.shift.ravel()) * scale)
        case BatchNorm():
            running = statistics(own, shape)
            scale = named(own, "scale", shape) / np.sqrt(running["variance"] + layer.eps)
            return Affine(so_far.W * scale, (so_far.b - running["mean"]) * scale + named(own, "shift", shape))
        case Residual():
            branch = collapsed(layer.layers, parameters, shape)
            return Affine(so_far.W + so_far.W @ branch.W, so_far.b + so_far.b @ branch.W + branch.b)
        case Flatten() | Dropout() | Activation(function="identity"):
            return so_far
    raise InputError(f"{layer!r} is not linear")
