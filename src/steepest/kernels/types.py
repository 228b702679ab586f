"""The arguments that kernels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

AnyRows: TypeAlias = NDArray[Any]
"""X (N, D): uint8, float16, float32 or float64, each row contiguous."""
Labels: TypeAlias = NDArray[np.int64]
Order: TypeAlias = NDArray[np.int64]
F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
Tally: TypeAlias = tuple[float, int]
"""Sum of the weighted losses, number of rows classified right."""


class Formula(NamedTuple):
    """A loss as kernels see it: its two formulas, and the name of its native twin when it has one."""

    loss: Callable[[F32, Labels], NDArray[Any]]
    gradient: Callable[[F32, Labels], NDArray[Any]]
    native: str | None = None


class DenseLayer(NamedTuple):
    """One layer of a network as its program sees it: activation(x W + b), then dropout. Arrays are moved in place."""

    W: F32
    """(inputs, outputs), each row contiguous."""
    b: F32 | None
    """(outputs,)"""
    memory_W: list[F32]  # noqa: N815
    """What the step rule remembers of W, in the order of its recurrence; for `network_gradient`, where dL/dW goes."""
    memory_b: list[F32]
    activation: str
    slope: float
    """Of leaky_relu and elu below 0."""
    keep: float
    """The share of the numbers that dropout keeps in training."""
    key: int
    """The layer's place in the model, which the masks depend on."""
