"""Activations: what a neuron does with its sum."""

import math
from typing import Any

import numpy as np

from steepest.autodiff.ops.choices import where
from steepest.autodiff.ops.functions import exp
from steepest.autodiff.registry import case, op

__all__ = ["elu", "erf", "erfc", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "step", "tanh"]


@op(vjps=lambda g, f, x: g, domain=(-2, 2))
def identity(x: Any) -> Any:
    """X. Local gradient 1: the activation of a linear layer."""
    return x


@op(vjps=lambda g, f, x: g * 0.0, kinks=[((0.0,), (0.0,))])
def step(x: Any) -> Any:
    """1 for x >= 0, else 0 (Heaviside's step function). Local gradient 0, at the jump too."""
    return np.heaviside(x, 1.0)


@op(vjps=lambda g, f, x: g * f * (1 - f), domain=(-6, 6))
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow; range (0, 1). Local gradient f (1 - f), at most 1/4."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


@op(vjps=lambda g, f, x: g * (1 - f * f))
def tanh(x: Any) -> Any:
    """(e^x - e^-x) / (e^x + e^-x); range (-1, 1). Local gradient 1 - f^2."""
    return np.tanh(x)


@op(vjps=lambda g, f, x: where(x > 0, g, 0.0), kinks=[((0.0,), (0.0,))])
def relu(x: Any) -> Any:
    """max(0, x). Local gradient 1 for x > 0, else 0; at the kink, 0, the derivative taken is 0."""
    return np.maximum(x, 0)


@op(vjps=lambda g, f, x, slope=0.01: where(x > 0, g, slope * g), kinks=[((0.0,), (0.01,))])
def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """X for x > 0, else slope x. Local gradient 1 or slope; at the kink, 0, the derivative taken is slope."""
    return np.where(x > 0, x, slope * x)[()]


@op(
    vjps=lambda g, f, x, a=1.0: where(x > 0, g, g * (f + a)),
    cases=[case(()), case((2, 3)), case((3,), a=0.5), case((0,))],
    kinks=[((0.0,), (1.0,))],
)
def elu(x: Any, a: float = 1.0) -> Any:
    """X for x > 0, else a (e^x - 1); range (-a, inf). Local gradient 1 or a e^x; at 0 the derivative taken is a."""
    return np.where(x > 0, x, a * np.expm1(np.minimum(x, 0)))[()]


@op(vjps=lambda g, f, x: g * (2 / math.sqrt(math.pi)) * exp(-x * x))
def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. Local gradient 2 exp(-x^2) / sqrt(pi)."""
    from scipy.special import erf  # type: ignore[import-untyped]  # it has no types, and comes late

    return erf(x)


@op(vjps=lambda g, f, x: g * (-2 / math.sqrt(math.pi)) * exp(-x * x))
def erfc(x: Any) -> Any:
    """1 - erf(x), exact for large x. Local gradient -2 exp(-x^2) / sqrt(pi)."""
    from scipy.special import erfc

    return erfc(x)


@op(
    vjps=lambda g, f, x: g * (erfc(x * -math.sqrt(0.5)) / 2 + x * exp(x * x * -0.5) * math.sqrt(0.5 / math.pi)),
    domain=(-6, 6),
)
def gelu(x: Any) -> Any:
    """X P(x), exact: P(x) = (1 + erf(x / sqrt 2)) / 2, the normal distribution. Local gradient P(x) + x P'(x).

    P is calculated as erfc(-x / sqrt 2) / 2, which keeps its digits for x far below 0. No approximation by tanh.
    """
    from scipy.special import erfc

    return x * (erfc(x * -math.sqrt(0.5)) / 2)
