"""The linear layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import F32
from steepest.nn.base import Cost, Layer, Mode, Shape, named
from steepest.nn.checks import whole
from steepest.nn.initialization import Initialization

__all__ = ["Linear"]


@final
@dataclass(frozen=True)
class Linear(Layer):
    """A linear layer, every output a weighted sum of every input.

        y = x W + b                 W (inputs, outputs),  b (outputs,)

    Attributes
    ----------
    inputs, outputs : int
        Numbers in and out.
    bias : bool
        Whether b is added; it starts at zero, and is not penalized.

    Raises
    ------
    InputError
        If a size is no whole number of at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> layer = st.nn.Linear(2, 1)
    >>> layer.apply({"W": np.array([[2.0], [3.0]]), "b": np.array([10.0])}, np.array([[1.0, 1.0]]), st.nn.EVALUATION)
    array([[15.]])
    """

    name: ClassVar[str] = "linear"
    inputs: int
    outputs: int
    bias: bool = True

    def __post_init__(self) -> None:
        for field in ("inputs", "outputs"):
            object.__setattr__(self, field, whole(f"{field} of a linear layer", getattr(self, field)))

    @property
    def input_shape(self) -> Shape:
        """(inputs,)."""
        return (self.inputs,)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (outputs,), if the example has as many numbers as there are inputs."""
        if shape != self.input_shape:
            hint = ": put Flatten() before it" if len(shape) > 1 else ""
            raise InputError(
                f"Linear({self.inputs}, {self.outputs}) takes examples of shape {self.input_shape}, not {shape}{hint}"
            )
        return (self.outputs,)

    def cost(self, shape: Shape) -> Cost:
        """Return `outputs` neurons, and a multiplication and an addition for each weight."""
        return Cost(self.outputs, 2 * self.inputs * self.outputs)

    def init(self, shape: Shape, rng: np.random.Generator, init: Initialization) -> dict[str, F32]:
        """W from the initialization, b zero."""
        W = np.ascontiguousarray(init(rng, self.inputs, self.outputs), np.float32)
        if W.shape != (self.inputs, self.outputs):
            raise InputError(f"the initialization gave shape {W.shape}, not {(self.inputs, self.outputs)}")
        return {"W": W, "b": np.zeros(self.outputs, np.float32)} if self.bias else {"W": W}

    def state(self, shape: Shape) -> dict[str, F32]:
        """No statistics."""
        return {}

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """X W + b."""
        y = x @ named(parameters, "W", (self.inputs, self.outputs))
        return y + named(parameters, "b", (self.outputs,)) if self.bias else y
