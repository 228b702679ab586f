"""Images to vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from steepest.nn.base import Mode, Plain, Shape

__all__ = ["Flatten"]


@final
@dataclass(frozen=True)
class Flatten(Plain):
    """Flatten: each example as one vector, its numbers in their order.

        y_i = vec(x_i)                     (N, H, W, C) to (N, H W C)

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> st.nn.Flatten().apply({}, np.zeros((5, 28, 28)), st.nn.EVALUATION).shape
    (5, 784)
    """

    name: ClassVar[str] = "flatten"

    @property
    def input_shape(self) -> None:
        """Any."""
        return

    def output_shape(self, shape: Shape) -> Shape:
        """Return the count of all numbers."""
        return (math.prod(shape),)

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """X with one axis behind that of the rows."""
        return x if x.ndim == 2 else x.reshape((x.shape[0], math.prod(x.shape[1:])))
