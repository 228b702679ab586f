"""Batch normalization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.autodiff.graph import raw
from steepest.autodiff.ops import sqrt
from steepest.errors import InputError
from steepest.kernels.types import F32
from steepest.nn.base import Cost, Layer, Mode, Shape, named
from steepest.nn.checks import fraction, positive
from steepest.nn.initialization import Initialization

__all__ = ["BatchNorm", "statistics"]


@final
@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch norm: each feature is brought to mean 0 and variance 1 over the batch, then to scale and shift, learned.

        y = scale (x - mean) / sqrt(variance + eps) + shift               eps inside the root

    In training, mean and variance are those of the batch, variance = 1/n sum (x - mean)^2, and derivatives go through
    both. In evaluation they are the running ones. A training step hands the new ones to ``mode.collect``, if there is
    one, and changes nothing:

        mean <- (1 - momentum) mean + momentum batch mean;    variance likewise, with the batch's unbiased n / (n - 1)

    Attributes
    ----------
    eps : float
        Added to the variance, greater than 0.
    momentum : float
        The weight of the newest batch in the running statistics, in [0, 1).

    Raises
    ------
    InputError
        If a number is out of its range; in training, on a batch of one row, which has no variance; in evaluation, if
        the running statistics do not stand among the parameters.

    References
    ----------
    Ioffe and Szegedy, Batch normalization, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.nn.Sequential(st.nn.BatchNorm())
    >>> parameters, state = model.init(2), model.state(2)
    >>> X, new = np.array([[1.0, 0.0], [3.0, 0.0]]), {}
    >>> model(parameters | state, X, st.nn.Mode(training=True, collect=new)).round(4)
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> new["batch_norm1.mean"], new["batch_norm1.variance"]
    (array([0.2, 0. ], dtype=float32), array([1.1, 0.9], dtype=float32))
    >>> model(parameters | new, np.array([[1.2, 1.0]])).round(4)
    array([[0.9535, 1.0541]])
    """

    name: ClassVar[str] = "batch_norm"
    eps: float = 1e-5
    momentum: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", positive("eps of batch norm", self.eps))
        object.__setattr__(self, "momentum", fraction("momentum of batch norm", self.momentum))

    @property
    def input_shape(self) -> None:
        """Any of one axis."""
        return

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was, if it has one axis."""
        if len(shape) != 1:
            raise InputError(f"BatchNorm takes examples of one axis, not of shape {shape}: put Flatten() before it")
        return shape

    def cost(self, shape: Shape) -> Cost:
        """No neurons, no products."""
        return Cost(0, 0)

    def init(self, shape: Shape, rng: np.random.Generator, init: Initialization) -> dict[str, F32]:
        """Scale one, shift zero."""
        return {"scale": np.ones(shape, np.float32), "shift": np.zeros(shape, np.float32)}

    def state(self, shape: Shape) -> dict[str, F32]:
        """Mean zero, variance one."""
        return {"mean": np.zeros(shape, np.float32), "variance": np.ones(shape, np.float32)}

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """Scale (x - mean) / sqrt(variance + eps) + shift."""
        shape = x.shape[1:]
        scale, shift = named(parameters, "scale", shape), named(parameters, "shift", shape)
        if not mode.training:
            running = statistics(parameters, shape)
            return (x - running["mean"]) / sqrt(running["variance"] + self.eps) * scale + shift
        n = x.shape[0]
        if n < 2:
            raise InputError(f"a batch of {n} rows has no variance: train with batches, the last too, of at least two")
        mean = x.mean(axis=0)
        centred = x - mean
        variance = (centred * centred).mean(axis=0)
        if mode.collect is not None:
            running = statistics(parameters, shape)
            for name, new in (("mean", raw(mean)), ("variance", raw(variance) * (n / (n - 1)))):
                old = raw(running[name])
                mode.keep(name, (old + self.momentum * (new - old)).astype(old.dtype))
        return centred / sqrt(variance + self.eps) * scale + shift


def statistics(parameters: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return the running mean and variance, if they stand among the parameters."""
    if "mean" not in parameters or "variance" not in parameters:
        raise InputError(
            "the running mean and variance are missing: hand them over beside the parameters, "
            "model({**parameters, **state}, X), where model.state() makes the first"
        )
    return {name: named(parameters, name, shape) for name in ("mean", "variance")}
