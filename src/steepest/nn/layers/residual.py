"""Residual blocks, with stochastic depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import F32
from steepest.nn import chain
from steepest.nn.base import Cost, Layer, Mode, Shape
from steepest.nn.checks import fraction
from steepest.nn.initialization import Initialization
from steepest.nn.masks import mask
from steepest.nn.sequential import flat

__all__ = ["Residual"]


@final
@dataclass(frozen=True)
class Residual(Layer):
    """A residual block: what goes in, plus what its layers (the branch) make of it.

        y = x + branch(x)                                  in evaluation, and always where drop = 0
        y = x + m branch(x) / (1 - drop)                   in training; m = 1 with probability 1 - drop, else 0

    In training the whole branch is left out for an example with probability `drop` (stochastic depth), and scaled up
    for the others, so that evaluation needs no factor: the convention of dropout here, where the paper scales down in
    evaluation. The mask is that of dropout with a width of one number.

    Attributes
    ----------
    layers : tuple of Layer
        The branch; what it makes has the shape of what it takes.
    drop : float
        The probability to be left out, in [0, 1).

    Raises
    ------
    InputError
        If something is no layer, drop is not in [0, 1), or the branch changes the shape.

    References
    ----------
    He, Zhang, Ren and Sun, Deep residual learning, 2016. Huang, Sun, Liu, Sedra and Weinberger, Deep networks with
    stochastic depth, 2016.

    Examples
    --------
    >>> import steepest as st
    >>> block = st.nn.Residual([st.nn.Linear(8, 8), st.nn.Activation("relu"), st.nn.Linear(8, 8)], drop=0.2)
    >>> model = st.nn.Sequential(block, st.nn.Linear(8, 2))
    >>> list(model.init(seed=0))[2:]
    ['residual1.linear2.W', 'residual1.linear2.b', 'linear1.W', 'linear1.b']
    """

    name: ClassVar[str] = "residual"
    layers: tuple[Layer, ...]
    drop: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", flat("Residual", self.layers))
        object.__setattr__(self, "drop", fraction("drop of a residual block", self.drop))
        if self.input_shape is not None:
            self.output_shape(self.input_shape)

    @property
    def input_shape(self) -> Shape | None:
        """What the branch takes."""
        return chain.input_shape(self.layers)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was, if the branch leaves it so."""
        behind = chain.output_shape(self.layers, shape)
        if behind != shape:
            raise InputError(f"the branch makes shape {behind} of {shape}, and the two cannot be added")
        return shape

    def cost(self, shape: Shape) -> Cost:
        """Return what the branch costs."""
        costs = [layer.cost(before) for _, layer, before, _ in chain.shapes(self.layers, shape)]
        return Cost(sum(cost.neurons for cost in costs), sum(cost.flops for cost in costs))

    def init(self, shape: Shape, rng: np.random.Generator, init: Initialization) -> dict[str, F32]:
        """Return the parameters of the branch, from a seed that the block draws."""
        seed = int(rng.bit_generator.random_raw())
        return chain.init(self.layers, shape, seed, init)

    def state(self, shape: Shape) -> dict[str, F32]:
        """Return the statistics of the branch."""
        return chain.state(self.layers, shape)

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """X + branch(x), the branch left out for some rows in training."""
        y = chain.apply(self.layers, parameters, x, mode)
        if not mode.training or not self.drop:
            return x + y
        kept = np.empty((x.shape[0], 1), bool)
        mask(mode.seed, mode.layer, mode.step, mode.first_row, 1 - self.drop, kept)
        factor = kept.astype(x.dtype) / x.dtype.type(1 - self.drop)
        return x + y * factor.reshape((-1, *(1 for _ in x.shape[1:])))
