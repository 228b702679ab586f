"""The contenders of W11: each prepares once; `round` finds the neighbours of all queries, `check` says which they are.

    the K = 5 rows of X nearest to z by  |x - z|^2 = sum_f (x_f - z_f)^2,   X 50,000 x 3072 bytes, 1,000 queries

steepest reads bytes where they lie. scikit-learn's brute force is given the bytes as users have them (it makes float64
of them) and float32 prepared beforehand, its fastest way; torch float32, a product of matrices and its topk, a thousand
queries at once (200 MB of distances). `check` also gives the largest resident size that the process ever had.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import cores, serve, timed
from benchmarks.w9 import peak_of_self

K, QUERIES, BUDGET = 5, 1000, 256.0

Functions = dict[str, Callable[[], dict[str, Any]]]


def data(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """X, and as queries its first images in the mirror: near to some, equal to none."""
    X = np.load(folder / "X.npy")
    mirrored = X[:QUERIES].reshape(-1, 32, 32, 3)[:, :, ::-1]
    return X, np.ascontiguousarray(mirrored).reshape(QUERIES, -1)


def functions(find: Callable[[], np.ndarray]) -> Functions:
    def check() -> dict[str, Any]:
        return {"nearest": np.asarray(find()).tolist(), "peak": peak_of_self()}

    return {"round": lambda: timed(find), "check": check}


def steepest(X: np.ndarray, Z: np.ndarray, metric: str = "l2") -> Functions:
    from steepest.estimators.knn import KNNClassifier

    clf = KNNClassifier(K, metric, memory=BUDGET, threads=cores()).fit(X, np.arange(len(X)) % 2)
    return functions(lambda: clf.kneighbors(Z)[1])


def sklearn(X: np.ndarray, Z: np.ndarray) -> Functions:
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=K, algorithm="brute", n_jobs=cores()).fit(X)
    return functions(lambda: found.kneighbors(Z)[1])


def intelex(X: np.ndarray, Z: np.ndarray) -> Functions:
    from sklearnex.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=K, algorithm="brute", n_jobs=cores()).fit(X)
    return functions(lambda: found.kneighbors(Z)[1])


def torch(X: np.ndarray, Z: np.ndarray) -> Functions:
    import torch

    torch.set_num_threads(cores())
    x, z = torch.from_numpy(X), torch.from_numpy(Z)
    size = (x * x).sum(dim=1)

    def find() -> np.ndarray:
        return torch.addmm(size, z, x.T, alpha=-2).topk(K, largest=False).indices.numpy()

    return functions(find)


def floats(build: Callable[..., Functions]) -> Callable[[np.ndarray, np.ndarray], Functions]:
    """The contender with float32 prepared beforehand: four times the memory."""
    return lambda X, Z: build(X.astype(np.float32), Z.astype(np.float32))


CONTENDERS: dict[str, Callable[[np.ndarray, np.ndarray], Functions]] = {
    "steepest": steepest,
    "steepest, float32": floats(steepest),
    "steepest, l1": lambda X, Z: steepest(X, Z, "l1"),
    "scikit-learn brute, uint8": sklearn,
    "scikit-learn brute, float32": floats(sklearn),
    "intelex brute, float32": floats(intelex),
    "torch product and topk, float32": floats(torch),
}

if __name__ == "__main__":
    serve(lambda: CONTENDERS[sys.argv[1]](*data(Path(sys.argv[2]))))
