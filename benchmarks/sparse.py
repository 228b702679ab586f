"""SPARSE: softmax on 20,000 x 100,000 tf-idf weights, 20 classes, to a relative gap of 1e-4, C = 1 and 10.

    L(W) = mean softmax(x W + b, y) + alpha |W|^2,  alpha = 1 / (2 C N), b free

The words are made: Zipf's law, tilted by class, about 140 different ones a row, 5 % of the labels wrong; rows of length
1. One piece of NumPy takes everybody's L in float64, and gaps are to the bound that steepest has proven. scikit-learn's
lbfgs and saga are given as many iterations as they want at their default tol; liblinear solves another problem, each
class against all others with a penalized bias, so its L is not compared. Rivals run once, ours in every round.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.harness import Row, Spread, Worker, absent, line, serve
from benchmarks.network_contenders import Functions

N, D, CLASSES, WORDS = 20_000, 100_000, 20, 150
STRENGTHS = (1.0, 10.0)
TOL = 1e-4


def run(rounds: int = 5) -> list[Row]:
    workers = {name: Worker("benchmarks.sparse", name) for name in CONTENDERS}
    try:
        return [row for C in STRENGTHS for row in _measure(C, rounds, workers)]
    finally:
        for worker in workers.values():
            worker.close()


def _measure(C: float, rounds: int, workers: dict[str, Worker]) -> list[Row]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name, worker in workers.items():
        if worker.absent is None:
            found[name] = [worker.ask(f"fit {C:g}") for _ in range(rounds if name == "steepest" else 1)]
    identity, best = f"SPARSE C={C:g}", found["steepest"][0]
    lower = best["objective"] * (1 - best["proven"])
    ours = Spread.of([fit["seconds"] for fit in found["steepest"]])
    lines: list[Row] = []
    for name, fits in found.items():
        times, L = Spread.of([fit["seconds"] for fit in fits]), fits[0]["objective"]
        gap = "another problem" if L is None else f"gap {(L - lower) / lower:.1e}"
        note = f"{gap}, {fits[0]['passes']:.0f} passes"
        lines.append(line(identity, name, times, note, None if name == "steepest" else ours))
    return lines + [absent(identity, name, worker.absent) for name, worker in workers.items() if worker.absent]


def text(seed: int = 0) -> tuple[Any, np.ndarray]:
    """X (N, D) as a CSR matrix, and labels."""
    from scipy import sparse

    rng = np.random.default_rng(seed)
    common, y = 1 / np.arange(10, D + 10) ** 1.05, rng.integers(0, CLASSES, N)
    said = np.maximum(10, rng.lognormal(np.log(WORDS), 0.5, N)).astype(int)
    rows, words = [], []
    for c in range(CLASSES):
        likely = np.cumsum(common * np.exp(rng.normal(0, 1, D)))
        of_class = np.flatnonzero(y == c)
        rows.append(np.repeat(of_class, said[of_class]))
        words.append(np.searchsorted(likely / likely[-1], rng.random(len(rows[-1]))).clip(0, D - 1))
    at = np.concatenate(rows), np.concatenate(words)
    X = sparse.csr_matrix((np.ones(len(at[0])), at), shape=(N, D))
    X.sum_duplicates()
    wrong = rng.random(N) < 0.05
    y[wrong] = rng.integers(0, CLASSES, wrong.sum())
    rare = np.log((1 + N) / (1 + np.bincount(X.indices, minlength=D))) + 1
    X.data = (1 + np.log(X.data)) * rare[X.indices]
    X = sparse.csr_matrix(sparse.diags(1 / np.sqrt(X.multiply(X).sum(axis=1).A1)) @ X)
    X.sort_indices()
    return X, y


def _objective(X: Any, y: np.ndarray, W: np.ndarray, b: np.ndarray, alpha: float) -> float:
    S = X @ W + b
    top = S.max(axis=1)
    own = S[np.arange(len(S)), y]
    return float((np.log(np.exp(S - top[:, None]).sum(axis=1)) + top - own).mean() + alpha * (W**2).sum())


def steepest(X: Any, y: np.ndarray, C: float) -> dict[str, Any]:
    import steepest as st

    alpha = 1 / (2 * C * N)
    began = time.perf_counter()
    clf = st.LinearClassifier(alpha=alpha, scaling=None, tol=TOL).fit(X, y)
    seconds = time.perf_counter() - began
    L, proof = _objective(X, y, clf.coef_.T, clf.intercept_, alpha), clf.certificate_
    return {"seconds": seconds, "objective": L, "passes": proof.passes, "proven": proof.gap}


def sklearn(X: Any, y: np.ndarray, C: float, *, solver: str) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    warnings.simplefilter("ignore")
    began = time.perf_counter()
    clf = LogisticRegression(C=C, solver=solver, max_iter=1000).fit(X, y)
    seconds = time.perf_counter() - began
    L = _objective(X, y, clf.coef_.T, clf.intercept_, 1 / (2 * C * N))
    return {"seconds": seconds, "objective": L, "passes": int(np.max(clf.n_iter_))}


def liblinear(X: Any, y: np.ndarray, C: float) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    warnings.simplefilter("ignore")
    began = time.perf_counter()
    clf = OneVsRestClassifier(LogisticRegression(C=C, solver="liblinear", max_iter=1000)).fit(X, y)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "objective": None, "passes": max(int(each.n_iter_[0]) for each in clf.estimators_)}


CONTENDERS: dict[str, Callable[[Any, np.ndarray, float], dict[str, Any]]] = {
    "steepest": steepest,
    "scikit-learn lbfgs": partial(sklearn, solver="lbfgs"),
    "scikit-learn saga": partial(sklearn, solver="saga"),
    "scikit-learn liblinear, one against all": liblinear,
}


def functions(name: str) -> Functions:
    X, y = text()
    return {f"fit {C:g}": partial(CONTENDERS[name], X, y, C) for C in STRENGTHS}


if __name__ == "__main__":
    serve(lambda: functions(*sys.argv[1:]))
