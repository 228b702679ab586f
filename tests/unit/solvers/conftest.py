"""Rows that are hard in one way each: what a certificate claims must be true of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

KINDS: dict[str, Callable[..., Any]] = {
    "plain": lambda rng, X, y: (X, y),
    "separable": lambda rng, X, y: (X + 20 * np.eye(X.shape[1], dtype=X.dtype)[y % X.shape[1]], y),
    "rank-deficient": lambda rng, X, y: (np.hstack([X[:, :2], X[:, :1] * rng.normal(size=(1, 5))]), y),
    "duplicated columns": lambda rng, X, y: (np.hstack([X, X, X]), y),
    "badly scaled": lambda rng, X, y: (X * 10.0 ** rng.integers(-4, 5, X.shape[1]), y),
    "one class tiny": lambda rng, X, y: (X, np.where((y == 0) & (np.arange(len(y)) > 8), 1, y)),
    "fewer rows than features": lambda rng, X, y: (np.hstack([X, rng.normal(size=(len(X), 2 * len(X)))]), y),
    "constant features": lambda rng, X, y: (np.hstack([X, np.full((len(X), 2), 7.0)]), y),
    "far from zero": lambda rng, X, y: (X + 1e4, y),
}


@pytest.fixture(params=KINDS, scope="session")
def hardened(request):
    """Make rows hard; and weigh them, with a mean of 1, or not."""

    def harden(X, y, seed, weighted):
        rng = np.random.default_rng(seed)
        X, y = KINDS[request.param](rng, X, y)
        weight = rng.uniform(0.1, 2, len(y)).astype(np.float32) if weighted else None
        return X, y, None if weight is None else weight / weight.mean()

    return harden
