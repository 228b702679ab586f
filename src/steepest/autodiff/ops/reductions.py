"""Many numbers to one, over all axes or some."""

import math
from typing import Any

import numpy as np

from steepest.autodiff.graph import raw
from steepest.autodiff.ops.choices import where
from steepest.autodiff.ops.functions import exp
from steepest.autodiff.ops.shapes import broadcast_to, reshape
from steepest.autodiff.registry import case, op

__all__ = ["log_softmax", "logsumexp", "max", "mean", "min", "softmax", "sum"]

_CASES = [
    case((3,)), case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=(0, -1)),
    case((2, 3), axis=1, keepdims=True), case(()), case((0, 3), axis=1), case((1, 1), axis=0),
]  # fmt: skip


def _kept(reduced: Any, x: Any, axis: Any) -> Any:
    """Give what was reduced its axes back, with length 1, so that it broadcasts against x."""
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in np.atleast_1d(axis)]
    return reshape(reduced, shape=tuple(1 if a in axes else n for a, n in enumerate(x.shape)))


def _spread(g: Any, x: Any, axis: Any) -> Any:
    return broadcast_to(_kept(g, x, axis), shape=x.shape)


@op(vjps=lambda g, f, x, axis=None, keepdims=False: _spread(g, x, axis), cases=[*_CASES, case((0,))])
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over all numbers, or along an axis or several. Local gradient 1 for each."""
    return np.sum(x, axis=axis, keepdims=keepdims)


@op(
    vjps=lambda g, f, x, axis=None, keepdims=False: _spread(g, x, axis) / (x.size // f.size if f.size else 1),
    cases=_CASES,
)
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean of n numbers, over all or along an axis or several. Local gradient 1 / n for each."""
    return np.mean(x, axis=axis, keepdims=keepdims)


@op(
    vjps=lambda g, f, x, axis=None, keepdims=False: where(_first(raw(x), raw(f), axis), _kept(g, x, axis), 0.0),
    cases=_CASES,
    kinks=[(([1.0, 1.0, 0.0],), ([1.0, 0.0, 0.0],))],
)
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest number, of all or along an axis or several. Local gradient 1 for it; of a tie, for the first of them."""
    return np.max(x, axis=axis, keepdims=keepdims)


@op(
    vjps=lambda g, f, x, axis=None, keepdims=False: where(_first(raw(x), raw(f), axis), _kept(g, x, axis), 0.0),
    cases=_CASES,
    kinks=[(([1.0, 0.0, 0.0],), ([0.0, 1.0, 0.0],))],
)
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest number, of all or along an axis or several. Local gradient 1 for it; of a tie, for the first of them."""
    return np.min(x, axis=axis, keepdims=keepdims)


def _first(x: Any, extreme: Any, axis: Any) -> Any:
    """Say where x has its extreme value first, along the axes."""
    hits = np.asarray(x == _kept(extreme, x, axis))
    axes = tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in np.atleast_1d(axis))
    last = np.moveaxis(hits, axes, range(-len(axes), 0)) if axes else hits[..., np.newaxis]
    kept = last.shape[: last.ndim - len(axes)]
    flat = last.reshape(*kept, last.size // (math.prod(kept) or 1)) if axes else last
    first = (flat & (np.cumsum(flat, axis=-1) == 1)).reshape(last.shape)
    return np.moveaxis(first, range(-len(axes), 0), axes) if axes else first[..., 0]


@op(
    vjps=lambda g, f, x, axis=None, keepdims=False: _kept(g, x, axis) * exp(x - _kept(f, x, axis)),
    domain=(-20, 20),
    cases=_CASES,
)
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Ln sum exp(x), over all or along an axis or several, without overflow. Local gradient softmax(x).

    ln sum exp(x) = m + ln sum exp(x - m), m the largest.
    """
    m = np.max(x, axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0)
    total = np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True)) + m
    return total if keepdims else np.squeeze(total, axis=axis)[()]


@op(
    vjps=lambda g, f, x, axis=-1: f * (g - sum(g * f, axis=axis, keepdims=True)),
    domain=(-5, 5),
    cases=[case((3,)), case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=(0, 1)), case((1,)), case((0, 3))],
)
def softmax(x: Any, axis: Any = -1) -> Any:
    """P = exp(x) / sum exp(x) along an axis, without overflow. Jacobian diag(p) - p p'."""
    p = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return p / np.sum(p, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Ln softmax(x) = x - ln sum exp(x) along an axis, without overflow."""
    return x - logsumexp(x, axis=axis, keepdims=True)
