"""Elastic net: L2 and L1 together."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.errors import InputError
from steepest.penalties.base import FloatArray, Penalty, Weights


@final
@dataclass(frozen=True)
class ElasticNet(Penalty):
    """Elastic net: ``beta`` times the L2 penalty plus the L1 penalty.

        R(W) = sum (beta W^2 + |W|)            dR/dW = 2 beta W + sign(W)

    It prefers few features in use, and among features that say the same it shares the weight.

    Kink: at 0 the derivative taken is 0.

    Parameters
    ----------
    beta : float
        The share of the squares, at least 0; 0 is the L1 penalty. Without unit; 1 by default.

    Raises
    ------
    InputError
        If beta is negative or not finite.

    Examples
    --------
    >>> from steepest.penalties import ElasticNet, elastic_net
    >>> elastic_net([1, 0, -2, 0])
    8.0
    >>> ElasticNet(beta=0.5)([1, 0, -2, 0])
    5.5
    >>> elastic_net.gradient([1, 0, -2, 0])
    array([ 3.,  0., -5.,  0.])

    References
    ----------
    Zou and Hastie, Regularization and variable selection via the elastic net, 2005.
    """

    name: ClassVar[str] = "elastic_net"

    beta: float = 1.0

    def __post_init__(self) -> None:
        if not (self.beta >= 0 and math.isfinite(self.beta)):
            raise InputError(f"elastic_net needs a finite beta of at least 0, not {self.beta!r}")
        object.__setattr__(self, "beta", float(self.beta))  # a NumPy scalar would widen float32 weights

    def _value(self, W: Weights) -> Any:
        return (self.beta * (W * W) + abs(W)).sum()

    def _gradient(self, W: FloatArray) -> FloatArray:
        return 2 * self.beta * W + np.sign(W)

    def _project(self, W: FloatArray) -> FloatArray:
        return W


elastic_net = ElasticNet()
