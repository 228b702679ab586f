"""Activations: what a neuron does with its sum."""

from typing import Any

import numpy as np

from steepest.autodiff.ops.choices import where
from steepest.autodiff.registry import op

__all__ = ["identity", "leaky_relu", "relu", "sigmoid", "step", "tanh"]


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


@op(vjps=lambda g, f, x: g * (x > 0), kinks=[((0.0,), (0.0,))])
def relu(x: Any) -> Any:
    """max(0, x). Local gradient 1 for x > 0, else 0; at the kink, 0, the derivative taken is 0."""
    return np.maximum(x, 0)


@op(vjps=lambda g, f, x, slope=0.01: where(x > 0, g, slope * g), kinks=[((0.0,), (0.01,))])
def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """X for x > 0, else slope x. Local gradient 1 or slope; at the kink, 0, the derivative taken is slope."""
    return np.where(x > 0, x, slope * x)[()]
