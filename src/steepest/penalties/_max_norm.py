"""Max norm: a bound on the length of each class's weights."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import numpy as np
from numpy.typing import DTypeLike

from steepest.autodiff.graph import raw
from steepest.autodiff.ops import where
from steepest.errors import InputError
from steepest.penalties.base import FloatArray, Penalty, Weights

# A projected column may be longer than the radius by the rounding of its entries and of its norm.
_ROUNDING = 16


@final
@dataclass(frozen=True)
class MaxNorm(Penalty):
    """Max norm: no class's weight vector w_c, a column of W, may be longer than ``radius``.

        R(W) = 0 if |w_c| <= radius for all c, else infinity

        project(W):  w_c <- w_c min(1, radius / |w_c|)

    It is a projection rather than a price: after each step the columns that grew too long are scaled back. alpha has no
    effect on it. The gradient is 0: inside the bound it is so, and outside there is none, for there ``project`` acts.
    Lengths are Euclidean and taken in float64; W of one dimension is one column.

    Parameters
    ----------
    radius : float
        The greatest length allowed, above 0, in the unit of the weights; 1 by default.

    Raises
    ------
    InputError
        If the radius is not positive and finite, or W has more than two dimensions.

    Examples
    --------
    >>> from steepest.penalties import MaxNorm, max_norm
    >>> W = [[3.0, 0.3], [4.0, 0.4]]
    >>> max_norm(W)
    inf
    >>> max_norm.project(W)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    >>> MaxNorm(radius=5.0)(W)
    0.0

    References
    ----------
    Srebro, Rennie and Jaakkola, Maximum-margin matrix factorization, 2004; for networks: Srivastava et al., Dropout,
    2014.
    """

    name: ClassVar[str] = "max_norm"

    radius: float = 1.0

    def __post_init__(self) -> None:
        if not (self.radius > 0 and math.isfinite(self.radius)):
            raise InputError(f"max_norm needs a finite radius above 0, not {self.radius!r}")

    def _value(self, W: Weights) -> Any:
        too_long = np.any(_lengths(raw(W)) > self._allowed(np.float32))  # weights may have been rounded to float32
        return where(too_long, math.inf, where(False, W, 0.0).sum())

    def _gradient(self, W: FloatArray) -> FloatArray:
        return np.zeros_like(W)

    def _project(self, W: FloatArray) -> FloatArray:
        lengths = _lengths(W)
        too_long = lengths > self._allowed(W.dtype)
        if not np.any(too_long):
            return W
        scale = np.ones_like(lengths)
        np.divide(self.radius, lengths, out=scale, where=too_long)
        return (W * scale).astype(W.dtype, copy=False)

    def _allowed(self, dtype: DTypeLike) -> float:
        return self.radius * (1 + _ROUNDING * float(np.finfo(cast(Any, dtype)).eps))


def _lengths(W: FloatArray) -> FloatArray:
    """|w_c| of each column, (C,), in float64."""
    if W.ndim not in (1, 2):
        raise InputError(f"max_norm needs W of shape (D, C), a column of weights for each class, not {W.shape}")
    return cast(FloatArray, np.sqrt(np.square(W, dtype=np.float64).sum(axis=0)))


max_norm = MaxNorm()
