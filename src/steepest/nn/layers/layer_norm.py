"""Layer normalization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.autodiff.ops import sqrt
from steepest.errors import InputError
from steepest.kernels.types import F32
from steepest.nn.base import Cost, Layer, Mode, Shape, named
from steepest.nn.checks import positive
from steepest.nn.initialization import Initialization

__all__ = ["LayerNorm"]


@final
@dataclass(frozen=True)
class LayerNorm(Layer):
    """Layer norm: each example is brought to mean 0 and variance 1 over its features, then to scale and shift, learned.

        y = scale (x - mean) / sqrt(variance + eps) + shift               eps inside the root

    Mean and variance = 1/D sum (x - mean)^2 run over the last axis. Rows know nothing of each other, so training and
    evaluation are the same, and there are no statistics to keep.

    Attributes
    ----------
    eps : float
        Added to the variance, greater than 0.

    Raises
    ------
    InputError
        If eps is not greater than 0, or an example has one feature: that minus its mean is always 0.

    References
    ----------
    Ba, Kiros and Hinton, Layer normalization, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.nn.Sequential(st.nn.LayerNorm())
    >>> model(model.init(3), np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])).round(3)
    array([[-1.225,  0.   ,  1.225],
           [-1.225,  0.   ,  1.225]])
    """

    name: ClassVar[str] = "layer_norm"
    eps: float = 1e-5

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", positive("eps of layer norm", self.eps))

    @property
    def input_shape(self) -> None:
        """Any with two features or more."""
        return

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was, if the last axis has at least two features."""
        if shape[-1] < 2:
            raise InputError(f"LayerNorm needs two features or more, and an example has shape {shape}")
        return shape

    def cost(self, shape: Shape) -> Cost:
        """No neurons, no products."""
        return Cost(0, 0)

    def init(self, shape: Shape, rng: np.random.Generator, init: Initialization) -> dict[str, F32]:
        """Scale one, shift zero, along the last axis."""
        return {"scale": np.ones(shape[-1:], np.float32), "shift": np.zeros(shape[-1:], np.float32)}

    def state(self, shape: Shape) -> dict[str, F32]:
        """No statistics."""
        return {}

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """Scale (x - mean) / sqrt(variance + eps) + shift."""
        scale, shift = (named(parameters, name, x.shape[-1:]) for name in ("scale", "shift"))
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        return centred / sqrt(variance + self.eps) * scale + shift
