"""The contenders of W7: one-hot ridge regression on Fashion-MNIST, alpha chosen among many.

    L(W) = 1/N sum_i |W' x_i / 255 + b - t_i|^2 + alpha |W|^2

steepest tries 100 values, from bytes to the fitted classifier, the scaling found inside the clock. scikit-learn's
RidgeClassifierCV tries 10, by leave-one-out, on X / 255 in float64 (or float32) prepared beforehand. Its targets are 1
and -1 and it sums over the rows, so its alpha is N times ours and its squared errors 4 times ours. `check` gives the
leave-one-out error of the best of the same 10 alphas, in our measure, and the test accuracy there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import cores, serve, timed
from benchmarks.network_contenders import Functions, fashion

SHAPE, C = (60_000, 784), 10
ALPHAS = np.geomspace(1e-6, 10, 10)


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train and test images, or bytes of that shape where they are not there."""
    train, test = fashion("train"), fashion("t10k")
    if train is not None and test is not None:
        return *train, *test
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, SHAPE, np.uint8), rng.integers(0, C, SHAPE[0])
    return X, y, X[:10_000], y[:10_000]


def steepest(scoring: str) -> Functions:
    from steepest.estimators.ridge import RidgeClassifier

    X, y, X_test, y_test = rows()

    def make(**how: Any) -> Any:
        return RidgeClassifier("auto", scoring=scoring, scaling="unit", threads=cores(), **how).fit(X, y)

    def check() -> dict[str, Any]:
        clf = make(alphas=ALPHAS)
        return {"error": float(clf.curve_.errors.min()), "accuracy": clf.score(X_test, y_test)}

    return {"round": lambda: timed(make), "check": check}


def sklearn(dtype: str) -> Functions:
    from sklearn.linear_model import RidgeClassifierCV

    X, y, X_test, y_test = rows()
    Z = (X / 255).astype(dtype)

    def make() -> Any:
        return RidgeClassifierCV(ALPHAS * len(Z)).fit(Z, y)

    def check() -> dict[str, Any]:
        clf = make()
        return {"error": -float(clf.best_score_) * C / 4, "accuracy": clf.score(X_test / 255, y_test)}

    return {"round": lambda: timed(make), "check": check}


CONTENDERS: dict[str, Callable[[], Functions]] = {
    "steepest, leave-one-out": lambda: steepest("loo"),
    "steepest, GCV": lambda: steepest("gcv"),
    "scikit-learn, float64": lambda: sklearn("float64"),
    "scikit-learn, float32": lambda: sklearn("float32"),
}

if __name__ == "__main__":
    serve(CONTENDERS[sys.argv[1]])
