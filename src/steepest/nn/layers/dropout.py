"""Dropout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.nn.base import Mode, Plain, Shape
from steepest.nn.checks import fraction
from steepest.nn.masks import mask

__all__ = ["Dropout"]


@final
@dataclass(frozen=True)
class Dropout(Plain):
    """Dropout: in training each number is zero with probability `rate`; in evaluation nothing happens.

        y = x m / (1 - rate)               m = 1 with probability 1 - rate, else 0

    This is the inverted form: what is left is scaled up in training, so that the mean is the same in both modes. The
    masks are a function of seed, step, layer and position in the batch (``steepest.nn.masks``); they do not depend on
    threads, nor on the parts in which a batch is handed over.

    Attributes
    ----------
    rate : float
        The probability to be left out, in [0, 1).

    Raises
    ------
    InputError
        If the rate is not in [0, 1).

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> layer = st.nn.Dropout(0.5)
    >>> y = layer.apply({}, np.ones((4, 1000)), st.nn.Mode(training=True, seed=0, step=3))
    >>> np.unique(y).tolist(), bool(abs(y.mean() - 1) < 0.05)
    ([0.0, 2.0], True)
    """

    name: ClassVar[str] = "dropout"
    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", fraction("rate of dropout", self.rate))

    @property
    def input_shape(self) -> None:
        """Any."""
        return

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was."""
        return shape

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """X m / (1 - rate) in training, else x."""
        if not mode.training or not self.rate:
            return x
        kept = np.empty((x.shape[0], math.prod(x.shape[1:])), bool)
        mask(mode.seed, mode.layer, mode.step, mode.first_row, 1 - self.rate, kept)
        return x * (kept.reshape(x.shape).astype(x.dtype) / x.dtype.type(1 - self.rate))
