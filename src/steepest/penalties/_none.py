"""No penalty."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.autodiff.ops import where
from steepest.penalties.base import FloatArray, Penalty, Weights


@final
@dataclass(frozen=True)
class NoPenalty(Penalty):
    """No penalty: the data alone decide.

        R(W) = 0                               dR/dW = 0

    Parameters, returns and errors: see ``Penalty``.

    Examples
    --------
    >>> from steepest.penalties import none
    >>> none([1, 0, 0, 0])
    0.0
    >>> none.gradient([1, 0, 0, 0])
    array([0., 0., 0., 0.])
    """

    name: ClassVar[str] = "none"

    def _value(self, W: Weights) -> Any:
        return where(False, W, 0.0).sum()

    def _gradient(self, W: FloatArray) -> FloatArray:
        return np.zeros_like(W)

    def _project(self, W: FloatArray) -> FloatArray:
        return W


none = NoPenalty()
