"""Limited-memory BFGS with a preconditioner: the inverse Hessian from the last steps, on top of an approximate one."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from steepest.kernels.types import F64
from steepest.solvers.preconditioner import Inverse
from steepest.solvers.problem import Point

__all__ = ["Memory"]


class _Pair(NamedTuple):
    s: F64
    y: F64
    rho: float


class Memory:
    """The last steps s = Z' - Z and changes of the gradient y = g' - g, at most `size` of them.

        direction(g) = -H g,    H = V' H_0 V + rho s s' over the pairs,  V = I - rho y s',  rho = 1 / <s, y>

    H_0 is the preconditioner, scaled so that it fits the last pair: <s, y> / <y, H_0 y>.

    References
    ----------
    Liu and Nocedal, On the limited memory BFGS method for large scale optimization, 1989.
    """

    def __init__(self, size: int) -> None:
        self._pairs: deque[_Pair] = deque(maxlen=size)

    def learn(self, before: Point, after: Point) -> None:
        """Remember a step; one along which the gradient did not grow says nothing, and is left out."""
        s, y = after.Z - before.Z, after.gradient - before.gradient
        product = float(np.vdot(s, y))
        if product > 1e-12 * float(np.linalg.norm(s) * np.linalg.norm(y)):
            self._pairs.append(_Pair(s, y, 1 / product))

    def penalize(self, more: float) -> None:
        """Know what the changes of the gradient are with alpha larger by so much: y + 2 more s, but for b."""
        pairs = list(self._pairs)
        self._pairs.clear()
        for pair in pairs:
            y = pair.y.copy()
            y[:-1] += 2 * more * pair.s[:-1]
            product = float(np.vdot(pair.s, y))
            if product > 0:
                self._pairs.append(_Pair(pair.s, y, 1 / product))

    def forget(self) -> None:
        """Begin anew."""
        self._pairs.clear()

    def direction(self, gradient: F64, inverse: Inverse) -> F64:
        """Return -H g."""
        q, along = gradient.copy(), []
        for pair in reversed(self._pairs):
            along.append(pair.rho * float(np.vdot(pair.s, q)))
            q -= along[-1] * pair.y
        if self._pairs:
            last, C = self._pairs[-1], q.shape[1]
            both = inverse(np.hstack([q, last.y]))
            r = both[:, :C] / (last.rho * float(np.vdot(last.y, both[:, C:])))
        else:
            r = inverse(q)
        for pair, a in zip(self._pairs, reversed(along), strict=True):
            r += (a - pair.rho * float(np.vdot(pair.y, r))) * pair.s
        return np.asarray(-r)
