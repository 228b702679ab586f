"""Functions of one number, element by element."""

from typing import Any

import numpy as np

from steepest.autodiff.registry import op

__all__ = ["abs", "cos", "exp", "expm1", "log", "log1p", "logaddexp", "sign", "sin", "sqrt"]


@op(vjps=lambda g, f, x: g * f)
def exp(x: Any) -> Any:
    """e^x. Local gradient e^x."""
    return np.exp(x)


@op(vjps=lambda g, f, x: g * (f + 1))
def expm1(x: Any) -> Any:
    """e^x - 1, exact for small x. Local gradient e^x."""
    return np.expm1(x)


@op(vjps=lambda g, f, x: g / x, domain=(0.1, 4))
def log(x: Any) -> Any:
    """Natural logarithm, ln x, of x > 0. Local gradient 1 / x."""
    return np.log(x)


@op(vjps=lambda g, f, x: g / (1 + x), domain=(-0.9, 4))
def log1p(x: Any) -> Any:
    """ln(1 + x), exact for small x. Local gradient 1 / (1 + x)."""
    return np.log1p(x)


@op(vjps=(lambda g, f, x, y: g * exp(x - f), lambda g, f, x, y: g * exp(y - f)), domain=(-20, 20))
def logaddexp(x: Any, y: Any) -> Any:
    """ln(e^x + e^y), without overflow. Local gradients e^x / (e^x + e^y) and e^y / (e^x + e^y)."""
    with np.errstate(invalid="ignore"):  # NumPy warns of a NaN that it was given
        return np.logaddexp(x, y)


@op(vjps=lambda g, f, x: g / (2 * f), domain=(0.1, 4))
def sqrt(x: Any) -> Any:
    """Square root of x >= 0. Local gradient 1 / (2 sqrt(x)), which is infinite at 0."""
    return np.sqrt(x)


@op(vjps=lambda g, f, x: g * cos(x))
def sin(x: Any) -> Any:
    """Sin x, x in radians. Local gradient cos x."""
    return np.sin(x)


@op(vjps=lambda g, f, x: -g * sin(x))
def cos(x: Any) -> Any:
    """Cos x, x in radians. Local gradient -sin x."""
    return np.cos(x)


@op(vjps=lambda g, f, x: g * sign(x), kinks=[((0.0,), (0.0,))])
def abs(x: Any) -> Any:
    """|x|. Local gradient sign(x); at the kink, 0, the derivative taken is 0."""
    return np.abs(x)


@op(vjps=lambda g, f, x: g * 0.0, kinks=[((0.0,), (0.0,))])
def sign(x: Any) -> Any:
    """-1, 0 or 1; sign(0) = 0. Local gradient 0; at the jump, 0, the derivative taken is 0."""
    return np.sign(x)
