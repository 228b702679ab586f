"""What every layer is: a specification. Its parameters come from outside, and so does all that is random."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, TypeAlias, final

import numpy as np

from steepest.errors import InputError
from steepest.kernels.types import F32
from steepest.nn.checks import whole
from steepest.nn.initialization import Initialization

__all__ = ["EVALUATION", "Cost", "Layer", "Mode", "Plain", "Shape", "named"]

Shape: TypeAlias = tuple[int, ...]
"""Of one example: (D,) for a vector of D numbers, () never."""


@dataclass(frozen=True)
class Mode:
    """How a model is evaluated: everything besides parameters and X that its scores depend on.

    Attributes
    ----------
    training : bool
        Whether dropout drops and batch norm looks at the batch. In evaluation a model is a function of each row alone.
    seed, step : int
        The masks of dropout are a function of these two, the layer's place and the position in the batch: the same
        mode gives the same masks, the next step others.
    first_row : int
        The place in the batch of the first row of X, where a batch is handed over in parts: the masks are those of the
        whole batch.
    collect : dict or None
        Where layers with statistics put the new ones, by full name (``batch_norm1.mean``). They change nothing else:
        with None the new statistics are dropped.
    layer : int
        The place of the layer in its model, from 0; the model fills it in. Within a residual block at place p, place q
        is (p + 1) 2^16 + q.
    path : str
        The full name of the layer; the model fills it in.

    Examples
    --------
    >>> from steepest.nn import Mode
    >>> Mode(training=True, seed=1, step=20)
    Mode(training=True, seed=1, step=20, first_row=0, layer=0, path='')
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    first_row: int = 0
    collect: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    layer: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        if not self.path:  # once, not for each layer
            for what in ("seed", "step", "first_row"):
                number = whole(f"{what} of a mode", getattr(self, what), 0)
                if number >= 2**64:
                    raise InputError(f"{what} of a mode must be less than 2^64, not {number}")

    def inside(self, name: str, place: int) -> Mode:
        """Return the mode for the layer of this name at this place among its neighbours."""
        if not self.path:
            return replace(self, layer=place, path=name)
        return replace(self, layer=((self.layer + 1) << 16 | place) % 2**64, path=f"{self.path}.{name}")

    def keep(self, name: str, value: Any) -> None:
        """Hand a new statistic of this layer to the caller, if it wants to have it."""
        if self.collect is not None:
            self.collect[f"{self.path}.{name}"] = value


EVALUATION = Mode()
"""Nothing is dropped, statistics are used as they are."""


class Cost(NamedTuple):
    """What one example costs in a layer.

    Attributes
    ----------
    neurons : int
        Sums that the layer makes of weights and numbers.
    flops : int
        Multiplications and additions in its products, forward; element-wise work is not counted.
    """

    neurons: int
    flops: int


class Layer(ABC):
    """A part of a model: a frozen specification with neither parameters nor memory.

    A layer of your own is a frozen dataclass that derives from this class (or from ``Plain`` if it has no
    parameters), names itself in ``name``, and writes ``apply`` with operators and ops of ``steepest.ops``, so that it
    works on arrays and on the graph alike.
    """

    name: ClassVar[str]
    """The kind, ``linear``: parameters and errors of the second in a model are named ``linear2``."""

    @property
    @abstractmethod
    def input_shape(self) -> Shape | None:
        """The shape of one example that the layer takes; None where many will do."""

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one example behind the layer.

        Raises
        ------
        InputError
            If the layer cannot take examples of this shape.
        """

    @abstractmethod
    def cost(self, shape: Shape) -> Cost:
        """Return what one example of this shape costs."""

    @abstractmethod
    def init(self, shape: Shape, rng: np.random.Generator, init: Initialization) -> dict[str, F32]:
        """Return the parameters to start from, by name: float32 arrays.

        Weights have two axes or more and come from ``init(rng, inputs, outputs)``; biases have one axis and are zero.
        """

    @abstractmethod
    def state(self, shape: Shape) -> dict[str, F32]:
        """Return the running statistics to start from, by name."""

    @abstractmethod
    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """Return what the layer makes of the rows of x.

        Parameters
        ----------
        parameters : mapping
            The layer's own parameters by name, and its statistics where it has some: arrays or tensors.
        x : array or tensor (N, *shape)
            The rows.
        mode : Mode
            Training or evaluation, and what the masks depend on.
        """


class Plain(Layer):
    """A layer that has neither weights nor statistics."""

    @final
    def cost(self, shape: Shape) -> Cost:
        """Return zeros: no neurons of its own, no products."""
        return Cost(0, 0)

    @final
    def init(self, shape: Shape, rng: np.random.Generator, init: Initialization) -> dict[str, F32]:
        """Return no parameters."""
        return {}

    @final
    def state(self, shape: Shape) -> dict[str, F32]:
        """Return no statistics."""
        return {}


def named(parameters: Mapping[str, Any], name: str, shape: Shape) -> Any:
    """Return the parameter of this name, if it is there and has this shape."""
    if name not in parameters:
        has = f"has {', '.join(parameters)}" if parameters else "has none"
        raise InputError(f"parameter {name} {shape} is missing: the layer {has}")
    value = parameters[name]
    if value.shape != shape:
        raise InputError(f"parameter {name} has shape {value.shape}, and must have {shape}")
    return value
