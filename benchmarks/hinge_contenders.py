"""The contenders of HINGE: steepest to a proven gap, liblinear for some iterations.

python -m benchmarks.hinge_contenders NAME FOLDER      then a request a line: LOSS ALPHA TOL, or LOSS ALPHA ITERATIONS
"""

from __future__ import annotations

import sys
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import serve
from benchmarks.network_contenders import Functions

HINGES = ("hinge", "hinge_max", "ova_hinge")
ALPHAS = (1e-2, 1e-3, 1e-4)
TOLS = (1e-1, 1e-2, 1e-3, 1e-4)
ITERATIONS = (1, 3, 10, 30, 100, 300, 1000)


def objective(loss: str, alpha: float, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray) -> float:
    """L in float64, W and b of the features over 255."""
    total = 0.0
    for first in range(0, len(X), 5000):
        S, labels = X[first : first + 5000] / 255 @ W + b, y[first : first + 5000]
        at = np.arange(len(S))
        if loss == "ova_hinge":
            t = np.full(S.shape, -1.0)
            t[at, labels] = 1
            total += float(np.maximum(1 - t * S, 0).sum())
            continue
        m = np.maximum(S - S[at, labels][:, np.newaxis] + 1, 0)
        m[at, labels] = 0
        total += float(m.sum() if loss == "hinge" else m.max(axis=1).sum())
    return total / len(X) + alpha * float((W**2).sum())


def steepest(X: np.ndarray, y: np.ndarray, loss: str, alpha: float, tol: float) -> dict[str, Any]:
    import steepest as st

    warnings.simplefilter("ignore")  # what was proven stands in the table
    began = time.perf_counter()
    clf = st.LinearClassifier(loss=loss, alpha=alpha, scaling="unit", tol=tol).fit(X, y)
    seconds, proof = time.perf_counter() - began, clf.certificate_
    L = objective(loss, alpha, X, y, clf.coef_.T * 255, clf.intercept_)
    return {"seconds": seconds, "objective": L, "lower": proof.objective - proof.bound, "passes": proof.passes}


def liblinear(Z: np.ndarray, X: np.ndarray, y: np.ndarray, loss: str, alpha: float, iterations: int) -> dict[str, Any]:
    from sklearn.svm import LinearSVC

    warnings.simplefilter("ignore")
    how = {"multi_class": "crammer_singer"} if loss == "hinge_max" else {"loss": "hinge"}
    began = time.perf_counter()
    clf = LinearSVC(C=1 / (2 * alpha * len(X)), tol=1e-12, max_iter=iterations, **how).fit(Z, y)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "objective": objective(loss, alpha, X, y, clf.coef_.T, clf.intercept_)}


def functions(name: str, folder: str) -> Functions:
    X, y = np.load(Path(folder) / "X.npy"), np.load(Path(folder) / "y.npy")
    if name == "steepest":
        return {
            f"{loss} {alpha:g} {tol:g}": partial(steepest, X, y, loss, alpha, tol)
            for loss in HINGES for alpha in ALPHAS for tol in TOLS
        }  # fmt: skip
    import sklearn.svm  # noqa: F401  absent shows at once

    Z = X / 255.0
    return {
        f"{loss} {alpha:g} {iterations}": partial(liblinear, Z, X, y, loss, alpha, iterations)
        for loss in HINGES[1:] for alpha in ALPHAS for iterations in ITERATIONS
    }  # fmt: skip


if __name__ == "__main__":
    serve(lambda: functions(*sys.argv[1:]))
