"""Choices between values: the upstream gradient goes to the one that was taken, and nothing to the other.

Nothing is ``where(..., 0)``, not a product with 0, which makes a NaN of an infinite gradient: sqrt(max(0, x)) has the
derivative 0 at x < 0.
"""

from typing import Any

import numpy as np

from steepest.autodiff.registry import CONSTANT, case, op

__all__ = ["clip", "maximum", "minimum", "stop_gradient", "where"]


@op(
    vjps=(lambda g, f, x, y: where(x >= y, g, 0.0), lambda g, f, x, y: where(x < y, g, 0.0)),
    kinks=[((1.0, 1.0), (1.0, 0.0))],
)
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y. Local gradients 1 for it and 0 for the other; a tie goes to x."""
    return np.maximum(x, y)


@op(
    vjps=(lambda g, f, x, y: where(x <= y, g, 0.0), lambda g, f, x, y: where(x > y, g, 0.0)),
    kinks=[((1.0, 1.0), (1.0, 0.0))],
)
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y. Local gradients 1 for it and 0 for the other; a tie goes to x."""
    return np.minimum(x, y)


_SIGNS = np.array([[True, False, True], [False, False, True]])


@op(
    vjps=(CONSTANT, lambda g, f, c, x, y: where(c, g, 0.0), lambda g, f, c, x, y: where(c, 0.0, g)),
    cases=[
        case(_SIGNS, (2, 3), (2, 3)), case(_SIGNS[0], (2, 1), ()), case(True, (), ()),
        case(_SIGNS[:, :0], (2, 0), (1, 1)),
    ],
)  # fmt: skip
def where(condition: Any, x: Any, y: Any) -> Any:
    """X where the condition holds, else y. Local gradients 1 for the one taken, 0 for the other."""
    return np.where(condition, x, y)[()]


@op(vjps=(CONSTANT,), cases=[case((3,)), case(()), case((0,))])
def stop_gradient(x: Any) -> Any:
    """x, as a constant: nothing flows back to it.

    Examples
    --------
    >>> import steepest as st
    >>> float(st.grad(lambda x: x * st.stop_gradient(x))(3.0))
    3.0
    """
    return x


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """x, moved to `low` where it is below and to `high` where it is above; at a bound the derivative taken is 1."""
    x = x if low is None else maximum(x, low)
    return x if high is None else minimum(x, high)
