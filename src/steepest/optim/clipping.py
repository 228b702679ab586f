"""Clipping: a gradient that is too long, or has entries that are too large, is cut back before the step."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from steepest.errors import InputError
from steepest.optim.base import Params

__all__ = ["Clip", "clip_norm", "clip_value", "global_norm"]


@final
@dataclass(frozen=True)
class Clip:
    """What a training does to every gradient before its step.

        g <- min(max(g, -value), value),    then  g <- g min(1, norm / |g|)

    Parameters
    ----------
    norm : float or None
        The largest length of the gradient, all parameters together; see ``clip_norm``.
    value : float or None
        The largest size of an entry; see ``clip_value``.

    Raises
    ------
    InputError
        If one of them is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import Clip
    >>> Clip(norm=1.0, value=4.0)({"W": np.array([[3.0], [9.0]])})
    {'W': array([[0.6],
           [0.8]])}
    """

    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        for name, bound in (("clip_norm", self.norm), ("clip_value", self.value)):
            if bound is not None:
                _positive(name, bound)

    def __call__(self, grad: Params) -> Params:
        """Return the clipped gradient; `grad` is not changed."""
        if self.value is not None:
            grad = clip_value(grad, self.value)
        return grad if self.norm is None else clip_norm(grad, self.norm)


def global_norm(grad: Params) -> float:
    """Return the length of a gradient, all its parameters taken as one vector.

        |g| = sqrt( sum over all parameters and entries of g^2 )

    Summed in float64 and relative to the largest entry, so that no square overflows.

    Parameters
    ----------
    grad : dict of arrays
        The gradient by each parameter.

    Returns
    -------
    float
        In the unit of the gradient; infinite or NaN where an entry is.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import global_norm
    >>> global_norm({"W": np.array([[3.0], [0.0]]), "b": np.array([4.0])})
    5.0
    """
    largest, relative = _length(grad)
    return largest * relative


def clip_norm(grad: Params, radius: float) -> Params:
    """Shorten a gradient to the length ``radius`` where it is longer; its direction stays.

        g <- g min(1, radius / |g|)            |g| the length of all parameters together, see ``global_norm``

    A gradient that is not finite has no direction: it comes back as it is, for the training loop to find.

    Parameters
    ----------
    grad : dict of arrays
        The gradient by each parameter. It is not changed.
    radius : float
        The largest length, positive.

    Returns
    -------
    dict of arrays
        In the dtypes of the gradient.

    Raises
    ------
    InputError
        If radius is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import clip_norm
    >>> clip_norm({"W": np.array([[3.0], [0.0]]), "b": np.array([4.0])}, radius=1.0)
    {'W': array([[0.6],
           [0. ]]), 'b': array([0.8])}

    References
    ----------
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013.
    """
    radius = _positive("radius", radius)
    largest, relative = _length(grad)
    if not math.isfinite(largest) or largest * relative <= radius:
        return grad
    return {name: g / largest * (radius / relative) for name, g in grad.items()}


def clip_value(grad: Params, bound: float) -> Params:
    """Cut every entry of a gradient off at ``bound``; its direction may turn.

        g <- min(max(g, -bound), bound)        entry by entry

    NaN stays NaN, and an infinite entry becomes the bound.

    Parameters
    ----------
    grad : dict of arrays
        The gradient by each parameter. It is not changed.
    bound : float
        The largest size of an entry, positive.

    Returns
    -------
    dict of arrays
        In the dtypes of the gradient.

    Raises
    ------
    InputError
        If bound is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import clip_value
    >>> clip_value({"W": np.array([0.5, -3.0])}, bound=1.0)
    {'W': array([ 0.5, -1. ])}
    """
    bound = _positive("bound", bound)
    return {name: np.clip(g, -bound, bound) for name, g in grad.items()}


def _length(grad: Params) -> tuple[float, float]:
    """Return the largest size of an entry, and the length of the gradient relative to it."""
    sizes = [float(np.abs(g).max()) for g in grad.values() if g.size]
    largest = float(np.max(sizes, initial=0.0))  # NaN, where there is one, is the largest
    if largest == 0 or not math.isfinite(largest):
        return largest, 1.0
    return largest, math.sqrt(sum(float(np.square(g / largest).sum(dtype=np.float64)) for g in grad.values()))


def _positive(name: str, value: float) -> float:
    if isinstance(value, bool | str) or not (value > 0 and math.isfinite(value)):
        raise InputError(f"{name} must be positive and finite, not {value!r}")
    return float(value)  # a NumPy scalar would widen float32 arrays
