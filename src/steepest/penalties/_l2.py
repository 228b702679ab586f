"""L2 penalty, also called ridge or weight decay."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from steepest.penalties.base import FloatArray, Penalty, Weights


@final
@dataclass(frozen=True)
class L2(Penalty):
    """L2 penalty: the sum of squares, without a one-half.

        R(W) = sum W^2                         dR/dW = 2 W

    It prefers many small weights to few large ones. scikit-learn's C is 1 / (2 alpha N) for this R, and the ``alpha``
    of its SGDClassifier, which has the one-half, is 2 alpha.

    Parameters, returns and errors: see ``Penalty``.

    Examples
    --------
    >>> from steepest.penalties import l2
    >>> l2([1, 0, 0, 0]), l2([0.25, 0.25, 0.25, 0.25])
    (1.0, 0.25)
    >>> l2.gradient([1, 0, 0, 0])
    array([2., 0., 0., 0.])

    References
    ----------
    Hoerl and Kennard, Ridge regression, 1970.
    """

    name: ClassVar[str] = "l2"

    def _value(self, W: Weights) -> Any:
        return (W * W).sum()

    def _gradient(self, W: FloatArray) -> FloatArray:
        return 2 * W

    def _project(self, W: FloatArray) -> FloatArray:
        return W


l2 = L2()
