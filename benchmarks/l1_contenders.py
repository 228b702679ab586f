"""The contenders of L1: sparse linear classifiers on Fashion-MNIST, to a proof, against scikit-learn.

    softmax    L(W) = mean softmax(x / 255 W + b, y) + alpha sum |W|              alpha = 4e-4
    lasso      L(W) = mean |x / 255 W + b - t|^2 + alpha sum |W|, t one-hot       alpha = 1e-3

b is free. steepest reads the bytes; scikit-learn is given X / 255 prepared beforehand: float32 for LogisticRegression
by saga, as many iterations at once as take so many seconds; float64 for Lasso with precompute=True, to tol=1e-6. One
piece of NumPy takes everybody's L in float64.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import cores, serve
from benchmarks.network_contenders import Functions, fashion

ALPHA = {"softmax": 4e-4, "squared": 1e-3}
TOL = 1e-4


def rows() -> tuple[np.ndarray, np.ndarray]:
    images = fashion("train")
    if images is None:
        raise ImportError("no Fashion-MNIST here")
    return images[0].copy(), images[1]


def objective(loss: str, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray) -> float:
    """L in float64, W and b of the features over 255."""
    total = 0.0
    for first in range(0, len(X), 5000):
        S, labels = X[first : first + 5000] / 255 @ W + b, y[first : first + 5000]
        own = np.arange(len(S)), labels
        if loss == "squared":
            S[own] -= 1
            total += float((S**2).sum())
        else:
            top = S.max(axis=1)
            total += float((np.log(np.exp(S - top[:, None]).sum(axis=1)) + top - S[own]).sum())
    return total / len(X) + ALPHA[loss] * float(np.abs(W).sum())


def answer(loss: str, X: np.ndarray, y: np.ndarray, seconds: float, W: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    return {"seconds": seconds, "objective": objective(loss, X, y, W, b), "share": np.count_nonzero(W) / W.size}


def steepest(loss: str, seconds: float) -> Functions:
    import steepest as st

    X, y = rows()

    def fit() -> dict[str, Any]:
        began = time.perf_counter()
        clf = st.LinearClassifier(loss, "l1", ALPHA[loss], scaling="unit", tol=TOL, threads=cores()).fit(X, y)
        spent, proof = time.perf_counter() - began, clf.certificate_
        found = answer(loss, X, y, spent, clf.coef_.T * 255, clf.intercept_)
        return found | {"proven": proof.gap, "passes": proof.passes}

    return {"fit": fit}


def saga(loss: str, seconds: float) -> Functions:
    from sklearn.linear_model import LogisticRegression

    X, y = rows()
    Z = X / np.float32(255)
    warnings.simplefilter("ignore")

    def run(iterations: int) -> tuple[Any, float]:
        began = time.perf_counter()
        C = 1 / (ALPHA[loss] * len(Z))
        clf = LogisticRegression(C=C, l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=iterations).fit(Z, y)
        return clf, time.perf_counter() - began

    def fit() -> dict[str, Any]:
        each = run(2)[1] - run(1)[1]
        clf, spent = run(max(1, round(seconds / max(each, 1e-3))))
        found = answer(loss, X, y, spent, clf.coef_.T.astype(np.float64), clf.intercept_.astype(np.float64))
        return found | {"passes": int(clf.n_iter_[0])}

    return {"fit": fit}


def lasso(loss: str, seconds: float) -> Functions:
    from sklearn.linear_model import Lasso

    X, y = rows()
    Z, T = np.asfortranarray(X / 255), np.eye(10)[y]
    warnings.simplefilter("ignore")

    def fit() -> dict[str, Any]:
        began = time.perf_counter()
        clf = Lasso(ALPHA[loss] / 2, precompute=True, tol=1e-6, max_iter=10_000).fit(Z, T)
        spent = time.perf_counter() - began
        return answer(loss, X, y, spent, clf.coef_.T, clf.intercept_) | {"passes": 1}

    return {"fit": fit}


CONTENDERS: dict[str, Callable[[str, float], Functions]] = {"steepest": steepest, "saga": saga, "lasso": lasso}

if __name__ == "__main__":
    serve(lambda: CONTENDERS[sys.argv[1]](sys.argv[2], float(sys.argv[3])))
