"""The other side of a convex loss: what proves how far from the optimum a fit is, and its curvatures.

For any p_i in the domain of the conjugate L*, and any scores s, L_i(s) >= <p_i, s> - L*_i(p_i), with equality where
p_i = dL_i/ds. So p_i that add up to 0 over the examples, as a free bias wants it, bound the optimum from below:

    min 1/N sum_i L_i(W' x_i + b) + alpha |W|^2  >=  -1/N sum_i L*_i(p_i) - |1/N sum_i x_i p_i'|^2 / (4 alpha)

Where the p_i = dL_i/ds at some W, b have a mean g that is not quite 0, p_i + d_i are taken in their place: d_i of mean
-g that keep them in the domain. What that costs is what a `Dual` knows beside the conjugate and the curvatures.
"""

from __future__ import annotations

from steepest import losses
from steepest.losses.base import Loss
from steepest.losses.duals.base import Balancing, Dual
from steepest.losses.duals.one_vs_all import OfLogistic, OfOvaHinge, OfOvaSquaredHinge
from steepest.losses.duals.pairs import OfHinge, OfHingeMax, OfSquaredHinge
from steepest.losses.duals.softmax import OfSoftmax

__all__ = ["Balancing", "Dual", "dual"]


def dual(loss: Loss) -> Dual | None:
    """Return the other side of a loss; None where it is not known: of squares, the perceptron, and smoothed labels."""
    match loss:
        case losses.Softmax(smoothing=0.0):
            return OfSoftmax()
        case losses.Hinge(width=width):
            return OfHinge(width)
        case losses.OvaHinge(width=width):
            return OfOvaHinge(width)
    known: dict[Loss, Dual] = {
        losses.squared_hinge: OfSquaredHinge(), losses.ova_squared_hinge: OfOvaSquaredHinge(),
        losses.logistic: OfLogistic(), losses.hinge_max: OfHingeMax(),
    }  # fmt: skip
    return known.get(loss)
