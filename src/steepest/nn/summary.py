"""What a model is made of, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import final

import numpy as np

from steepest.nn import chain
from steepest.nn.base import Layer, Shape

__all__ = ["Line", "Summary", "summarize"]


@dataclass(frozen=True)
class Line:
    """One layer of a summary.

    Attributes
    ----------
    name, layer : str
        Its name in the model, and its specification.
    shape : tuple
        Of one example behind it.
    neurons, weights, parameters : int
        Neurons; entries of its arrays of two axes or more; entries of all its arrays.
    forward, backward : int
        Multiplications and additions in its products for one example, in either direction.
    """

    name: str
    layer: str
    shape: Shape
    neurons: int
    weights: int
    parameters: int
    forward: int
    backward: int


@final
@dataclass(frozen=True)
class Summary:
    """The size of a model, layer by layer and in total. Printed, it is a table.

    Weights are what a penalty acts on: the entries of arrays of two axes or more. Parameters are all that is learned.
    FLOPs are the multiplications and additions in products, for one example: 2 a weight forward, 4 backward (one
    product for dL/dW, one for the gradient by the layer's input, which the first layer does not need).

    Attributes
    ----------
    lines : tuple of Line
        One for each layer.
    """

    lines: tuple[Line, ...]

    @property
    def neurons(self) -> int:
        """Hidden and output neurons."""
        return sum(line.neurons for line in self.lines)

    @property
    def weights(self) -> int:
        """Entries of all arrays of two axes or more."""
        return sum(line.weights for line in self.lines)

    @property
    def parameters(self) -> int:
        """Entries of all arrays that are learned."""
        return sum(line.parameters for line in self.lines)

    @property
    def forward(self) -> int:
        """FLOPs for the scores of one example."""
        return sum(line.forward for line in self.lines)

    @property
    def backward(self) -> int:
        """FLOPs for the gradient of one example, after its scores."""
        return sum(line.backward for line in self.lines)

    @property
    def bytes(self) -> int:
        """Bytes of the parameters in float32."""
        return 4 * self.parameters

    def __str__(self) -> str:
        head = ("name", "layer", "shape", "neurons", "weights", "parameters", "FLOPs", "back")
        rows = [(line.name, line.layer, "x".join(map(str, line.shape)), *_counts(line)) for line in self.lines]
        rows.append(("total", "", "", *_counts(self)))
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        lines = [
            "  ".join(
                cell.rjust(width) if column > 2 else cell.ljust(width) for column, (cell, width) in enumerate(pairs)
            )
            for pairs in (tuple(zip(row, widths, strict=True)) for row in (head, *rows))
        ]
        return "\n".join(
            [*(line.rstrip() for line in lines), f"{self.bytes:,} bytes of float32; FLOPs are of one example"]
        )


def _counts(of: Line | Summary) -> tuple[str, ...]:
    return tuple(f"{n:,}" for n in (of.neurons, of.weights, of.parameters, of.forward, of.backward))


def summarize(layers: Sequence[Layer], shape: Shape) -> Summary:
    """Count what is in the layers, for examples of this shape."""
    lines: list[Line] = []
    for name, layer, before, behind in chain.shapes(layers, shape):
        cost = layer.cost(before)
        parts = layer.init(before, np.random.Generator(np.random.Philox(0)), _empty).values()
        learned = any(line.parameters for line in lines)
        lines.append(
            Line(
                name=name,
                layer=repr(layer),
                shape=behind,
                neurons=cost.neurons,
                weights=sum(prod(part.shape) for part in parts if part.ndim > 1),
                parameters=sum(prod(part.shape) for part in parts),
                forward=cost.flops,
                backward=2 * cost.flops if learned else cost.flops,
            )
        )
    return Summary(tuple(lines))


def _empty(rng: np.random.Generator, inputs: int, outputs: int) -> np.ndarray:
    return np.empty((inputs, outputs), np.float32)
