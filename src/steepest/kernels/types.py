"""The arguments that kernels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

AnyRows: TypeAlias = NDArray[Any]
"""X (N, D): uint8, float16, float32 or float64, each row contiguous. Linear classifiers take `SparseRows` as well."""
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
    smoothing: float = 0.0
    """Of the labels, by the native softmax loss."""


class StageNorm(NamedTuple):
    """(x - mean) / sqrt(variance + eps) * scale + shift, or, fixed, (x - center) * factor: arrays (outputs,)."""

    kind: str
    """``layer``: mean and variance of a row. ``batch``: of the batch in training, else the running ones. ``fixed``."""
    scale: F32 | None = None
    shift: F32 | None = None
    memory_scale: list[F32] = []  # noqa: RUF012  nobody changes it
    """What the step rule remembers of them, as for W and b."""
    memory_shift: list[F32] = []  # noqa: RUF012
    mean: F32 | None = None
    """Of ``batch`` alone: the running ones, which every step moves in place."""
    variance: F32 | None = None
    center: F64 | None = None
    """Of ``fixed`` alone."""
    factor: F64 | None = None
    eps: float = 0.0
    momentum: float = 0.0
    """The weight of the newest batch in the running mean and variance."""


class StageSkip(NamedTuple):
    """What a stage adds to what it makes."""

    stage: int
    """The place of the earlier stage whose outputs are added."""
    keep: float = 1.0
    """The share of the rows that keep what this stage made in training (stochastic depth)."""
    key: int = 0
    """The block's place in the model, which the masks depend on."""


class NetworkStage(NamedTuple):
    """One stage of a network as its program sees it: dropout(activation(norm(x W + b))) + an earlier stage.

    Every part but the activation may be missing. Arrays are moved in place.
    """

    W: F32 | None
    """(inputs, outputs), each row contiguous; None for x itself."""
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
    norm: StageNorm | None = None
    skip: StageSkip | None = None
    """The activation of a stage that skips is the identity."""
