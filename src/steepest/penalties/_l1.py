"""L1 penalty, also called lasso."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.penalties.base import FloatArray, Penalty, Weights


@final
@dataclass(frozen=True)
class L1(Penalty):
    """L1 penalty: the sum of sizes.

        R(W) = sum |W|                         dR/dW = sign(W)

    It prefers weights that are exactly 0: few features stay in use.

    Kink: at 0 the derivative taken is 0.

    Parameters, returns and errors: see ``Penalty``.

    Examples
    --------
    >>> from steepest.penalties import l1
    >>> l1([1, 0, -2, 0])
    3.0
    >>> l1.gradient([1, 0, -2, 0])
    array([ 1.,  0., -1.,  0.])

    References
    ----------
    Tibshirani, Regression shrinkage and selection via the lasso, 1996.
    """

    name: ClassVar[str] = "l1"

    def _value(self, W: Weights) -> Any:
        return abs(W).sum()

    def _gradient(self, W: FloatArray) -> FloatArray:
        return np.sign(W)

    def _project(self, W: FloatArray) -> FloatArray:
        return W


l1 = L1()
