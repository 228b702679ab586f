"""What the kernels' tests share: problems of any shape, the rounding they allow, every instruction-set level in turn.

STEEPEST_TEST_NATIVE names another build of the extension to test in place of the installed one (see sanitize.sh).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest


def _take_native(path: str) -> None:
    import steepest.kernels

    name = "steepest.kernels._native"
    if "steepest.kernels.dispatch" in sys.modules:
        raise pytest.UsageError("STEEPEST_TEST_NATIVE works when the kernels' tests run alone: pytest tests/kernels")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = steepest.kernels._native = module
    spec.loader.exec_module(module)


if "STEEPEST_TEST_NATIVE" in os.environ:
    _take_native(os.environ["STEEPEST_TEST_NATIVE"])

from steepest import losses  # noqa: E402
from steepest.kernels import dispatch, reference  # noqa: E402
from steepest.kernels.types import Formula  # noqa: E402

NATIVE_LEVELS = [name for name in dispatch.levels() if name != "reference"]

UNIT = 2.0**-24  # of float32: what one rounding costs, relatively
# A sum of n terms errs by lambda sqrt(n) units, but for a chance of about exp(-lambda^2 / 2) (Higham and Mary, 2019).
LAMBDA = 6.0
KINKED = {"hinge", "hinge_max", "ova_hinge", "perceptron"}  # their gradients jump


@dataclass(frozen=True)
class Problem:
    """The arguments of a sweep, the model included."""

    X: np.ndarray
    y: np.ndarray
    order: np.ndarray | None
    weight: np.ndarray | None
    shift: np.ndarray
    scale: np.ndarray
    W: np.ndarray
    b: np.ndarray
    formula: Formula

    @property
    def rows(self) -> np.ndarray:
        return np.arange(len(self.X)) if self.order is None else self.order

    @property
    def w(self) -> np.ndarray:
        return np.ones(len(self.rows)) if self.weight is None else self.weight[self.rows].astype(np.float64)

    def with_(self, **changes: Any) -> Problem:
        return replace(self, **changes)

    def scores(self, kernels: Any = dispatch, threads: int = 1) -> np.ndarray:
        out = np.full((len(self.rows), len(self.W)), np.nan, np.float32)
        kernels.scores(self.X, self.order, self.shift, self.scale, self.W, self.b, out, threads=threads)
        return out

    def gradient(self, kernels: Any = dispatch, threads: int = 1) -> tuple[float, int, np.ndarray, np.ndarray]:
        dW, db = np.full_like(self.W, np.nan), np.full_like(self.b, np.nan)
        total, correct = kernels.gradient(
            self.X, self.y, self.order, self.weight, self.shift, self.scale, self.W, self.b, dW, db,
            loss=self.formula, threads=threads,
        )  # fmt: skip
        return total, correct, dW, db

    def descend(self, lr: np.ndarray, state: Any = None, kernels: Any = dispatch, threads: int = 1, **how: Any) -> Any:
        """(loss, correct, W, b, vW, vb) after the steps, from (W, b, vW, vb)."""
        W, b, vW, vb = (a.copy() for a in (state or (self.W, self.b, np.zeros_like(self.W), np.zeros_like(self.b))))
        how = {"momentum": 0.0, "nesterov": False, "l2": 0.0, "l1": 0.0, "radius": 0.0} | how
        total, correct = kernels.descend(
            self.X, self.y, self.order, self.weight, self.shift, self.scale, W, b, vW, vb, lr,
            loss=self.formula, threads=threads, **how,
        )  # fmt: skip
        return total, correct, W, b, vW, vb

    # In float64, and how far float32 may be from it.

    def standardized(self) -> np.ndarray:
        return (self.X[self.rows].astype(np.float64) - self.shift) * self.scale

    def sizes(self) -> np.ndarray:
        """(rows, D): how large the terms of a sum over x' are. Bytes are summed before the shift is taken off."""
        if self.X.dtype == np.uint8:
            return (self.X[self.rows] + np.abs(self.shift)) * np.abs(self.scale)
        return np.abs(self.standardized())

    def exact_scores(self) -> np.ndarray:
        return self.standardized() @ self.W.T.astype(np.float64) + self.b

    def score_error(self) -> np.ndarray:
        """(rows, C): D products summed, after roundings of x - shift, scale, the product; of the shift itself; of b."""
        W, D = np.abs(self.W.T.astype(np.float64)), self.W.shape[1]
        sums = self.sizes() @ W
        return UNIT * ((LAMBDA * np.sqrt(D) + 8) * sums + np.abs(self.shift * self.scale) @ W + 4 * np.abs(self.b))

    def slope_error(self, dS: np.ndarray, score_error: np.ndarray) -> np.ndarray:
        """(rows, 1): how far dL_i/ds may be off: curvature times the scores' error, and the formula's own roundings."""
        C = len(self.W)
        curvature = {"softmax": 0.5, "logistic": 0.25, "squared": 2, "squared_hinge": 4 * C, "ova_squared_hinge": 2}
        moved = curvature.get(self.formula.native, 0) * score_error.max(axis=1, keepdims=True)
        own = 0 if self.formula.native in KINKED else UNIT * (2 * C + 16) * (1 + np.abs(dS).max(axis=1, keepdims=True))
        return moved + own

    def gradient_error(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Of the loss, of dW (C, D), of db (C,)."""
        Z, S, dscore, w = self.sizes(), self.exact_scores(), self.score_error(), np.abs(self.w)[:, None]
        labels, C, n = self.y[self.rows], len(self.W), len(self.rows)
        dS, L = np.abs(self.formula.gradient(S, labels)), self.formula.loss(S, labels)
        slope = self.slope_error(dS, dscore) + np.zeros_like(dS)
        largest = dscore.max(axis=1)
        moved = 1.01 * (dS.sum(axis=1) + 2 * C * (self.formula.native in KINKED)) * largest + 8 * C * largest**2
        own = UNIT * (2 * C + 16) * (np.abs(L) + np.abs(S).max(axis=1) + 1)
        roundings = UNIT * (LAMBDA * np.sqrt(n) + 8)
        shifted = np.abs(self.shift * self.scale) * UNIT  # of x', by the rounding of the shift
        dW = roundings * (dS * w).T @ Z + (slope * w).T @ Z + np.outer((dS * w).sum(axis=0), shifted)
        db = roundings * (dS * w).sum(axis=0) + (slope * w).sum(axis=0)
        return float(np.sum(w[:, 0] * (moved + own))), dW, db

    def safe(self) -> np.ndarray:
        """Which of `rows` have scores further from every kink and tie than rounding moves them."""
        S, room = self.exact_scores(), 4 * self.score_error().max(axis=1)
        labels, C = self.y[self.rows], len(self.W)
        at = np.arange(len(S))
        target = S[at, labels][:, None]
        other = np.where(np.arange(C) == labels[:, None], np.inf, np.abs(S - target + 1)).min(axis=1)
        lone = np.abs(1 - np.where(np.arange(C) == labels[:, None], 1, -1) * S).min(axis=1)
        ties = np.diff(np.sort(S, axis=1), axis=1).min(axis=1, initial=np.inf)
        return np.minimum(np.minimum(other, lone), ties) > room


def _formula(name: str) -> Formula:
    loss = losses.get(name)
    return Formula(loss, loss.gradient, name)


def make_problem(
    seed: int = 0, dtype: str = "float32", rows: int = 64, features: int = 20, classes: int = 3, loss: str = "softmax",
    *, strided: bool = False, order: str = "none", weighted: bool = False, scaled: bool = True,
) -> Problem:  # fmt: skip
    """A problem whose scores are of order 1, so that every loss has examples on both sides of its kinks."""
    rng = np.random.default_rng([seed, rows, features, classes])
    pad = 3 + seed % 7 if strided else 0
    whole = (
        rng.integers(0, 256, (rows, features + pad)) if dtype == "uint8" else rng.normal(0.5, 2, (rows, features + pad))
    )
    X = whole.astype(dtype)[:, pad // 2 : pad // 2 + features]
    unit = 1 / 73 if dtype == "uint8" else 0.5
    scale = unit * rng.uniform(0.5, 2, features) if scaled else np.ones(features)
    shift = rng.uniform(0, 1 / unit, features) if scaled else np.zeros(features)
    W = rng.normal(size=(classes, features)) / np.sqrt(features) * (1 if scaled else unit)
    visits = {
        "none": lambda: None,
        "all": lambda: rng.permutation(rows),
        "some": lambda: rng.permutation(rows)[: max(1, rows // 2)],
        "repeats": lambda: rng.integers(0, rows, rows + 5),
    }[order]()
    weight = rng.choice([0.0, 0.3, 1.0, 2.5], rows).astype(np.float32) if weighted else None
    y, b = rng.integers(0, classes, rows), rng.normal(size=classes).astype(np.float32)
    return Problem(X, y, visits, weight, shift, scale, W.astype(np.float32), b, _formula(loss))


def make_exact(
    seed: int = 0, dtype: str = "float32", rows: int = 64, features: int = 20, classes: int = 3, loss: str = "hinge",
    *, largest: int = 3, order: str = "none", weighted: bool = False,
) -> Problem:  # fmt: skip
    """Numbers so few and so round that float32 makes no error: results must be equal, ties and kinks included."""
    rng = np.random.default_rng([seed, rows, features, classes])
    X = rng.integers(0, largest + 1, (rows, features)).astype(dtype)
    W = (rng.integers(-2, 3, (classes, features)) / 4).astype(np.float32)
    b = (rng.integers(-4, 5, classes) / 4).astype(np.float32)
    visits = {
        "none": lambda: None,
        "all": lambda: rng.permutation(rows),
        "repeats": lambda: rng.integers(0, rows, rows),
    }[order]()
    weight = rng.choice([0.0, 0.5, 1.0, 2.0], rows).astype(np.float32) if weighted else None
    shift, scale = rng.integers(0, 3, features).astype(float), rng.choice([0.5, 1.0, 2.0], features)
    return Problem(X, rng.integers(0, classes, rows), visits, weight, shift, scale, W, b, _formula(loss))


@pytest.fixture(scope="session")
def make():
    return make_problem


@pytest.fixture(scope="session")
def exact():
    return make_exact


@pytest.fixture(scope="session")
def twin():
    return reference


@pytest.fixture(scope="module", params=NATIVE_LEVELS)
def level(request):
    before = dispatch.level()
    dispatch.use(request.param)
    yield request.param
    dispatch.use(before)


@pytest.fixture
def native(level):
    """The extension itself, at each level."""
    return dispatch.native
