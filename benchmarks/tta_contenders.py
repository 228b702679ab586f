"""The contenders of TTA: a 784-256-128-10 network, ReLU, batch 128, Adam at a constant rate of 0.001, until it is good.

    a_l = max(0, a_(l-1) W_l + b_l)        scores = a_2 W_3 + b_3        L = mean over the batch of softmax(scores, y)

in float32 (one of ours in bfloat16), from x / 255. A round is a seed: the same first weights and the same order of the
rows for everybody. The clock runs while PIECE steps are done, four times an epoch, and stands still while one piece of
NumPy, the same for all, takes the test accuracy. `round` ends when that reaches GOAL.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from typing import Any

import numpy as np

from benchmarks.harness import cores, serve
from benchmarks.network_contenders import Functions, fashion

SIZES, BATCH, LR = (784, 256, 128, 10), 128, 1e-3
GOAL = 0.885
PIECE = 60_000 // BATCH // 4
MOST = 40 * 4
"""Pieces after which a contender is given up: 40 epochs."""

Layers = list[tuple[np.ndarray, np.ndarray]]
Work = Callable[[np.ndarray], Any]
"""Steps through the rows of an order, PIECE of them."""
Begin = Callable[[Layers], tuple[Work, Callable[[], Layers]]]
"""From the first weights to the work, and to a function that gives the weights."""


def start(seed: int) -> Layers:
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in pairwise(SIZES)
    ]


def pieces(seed: int) -> Iterator[np.ndarray]:
    """Orders of PIECE batches; four of them are an epoch, less the rows that fill no batch."""
    rng = np.random.default_rng((seed, 1))
    while True:
        yield from np.split(rng.permutation(60_000)[: 4 * PIECE * BATCH], 4)


def accuracy(layers: Layers, X: np.ndarray, y: np.ndarray) -> float:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # or NumPy's threads would spin on into the next piece
        for i, (W, b) in enumerate(layers):
            X = X @ W + b if i == len(layers) - 1 else np.maximum(X @ W + b, 0)
    return float((X.argmax(axis=1) == y).mean())


def steepest(X: np.ndarray, y: np.ndarray, precision: str = "float32") -> Begin:
    import steepest as st
    from steepest import losses, penalties
    from steepest.nn.scaling import Scaling
    from steepest.objective.network import NetworkObjective

    scaling = Scaling(np.zeros(784), np.full(784, 1 / 255))
    L = NetworkObjective(
        st.nn.MLP(SIZES), X, y, losses.softmax, penalties.none, 0.0, scaling, threads=cores(), precision=precision
    )
    assert L.on_graph_because is None
    rule, lr = st.optim.Adam(), np.full(PIECE, LR, np.float32)

    def begin(layers: Layers) -> tuple[Work, Callable[[], Layers]]:
        at = {}
        for i, (W, b) in enumerate(layers, 1):
            at |= {f"linear{i}.W": W, f"linear{i}.b": b}
        memory = rule.init(at)
        firsts = count(0, PIECE)

        def work(order: np.ndarray) -> None:
            L.descend(at, memory, rule, order, BATCH, lr, first_step=next(firsts))

        return work, lambda: layers  # they move in place

    return begin


def torch(X: np.ndarray, y: np.ndarray) -> Begin:
    import torch as t

    t.set_num_threads(cores())
    Z, labels = t.from_numpy(X / np.float32(255)), t.from_numpy(y)

    def begin(layers: Layers) -> tuple[Work, Callable[[], Layers]]:
        model = t.nn.Sequential(
            t.nn.Linear(784, 256), t.nn.ReLU(), t.nn.Linear(256, 128), t.nn.ReLU(), t.nn.Linear(128, 10)
        )
        with t.no_grad():
            for layer, (W, b) in zip(model[::2], layers, strict=True):
                layer.weight.copy_(t.from_numpy(W.T.copy()))
                layer.bias.copy_(t.from_numpy(b))
        optimizer = t.optim.Adam(model.parameters(), lr=LR, fused=True)

        def work(order: np.ndarray) -> None:
            for rows in t.from_numpy(order).split(BATCH):
                optimizer.zero_grad()
                t.nn.functional.cross_entropy(model(Z[rows]), labels[rows]).backward()
                optimizer.step()

        return work, lambda: [(p.weight.detach().numpy().T, p.bias.detach().numpy()) for p in model[::2]]

    return begin


def sklearn(X: np.ndarray, y: np.ndarray) -> Begin:
    """MLPClassifier.partial_fit on the rows in the given order, without a shuffling of its own."""
    from sklearn.neural_network import MLPClassifier

    Z, classes = X / np.float32(255), np.arange(10)

    def begin(layers: Layers) -> tuple[Work, Callable[[], Layers]]:
        model = MLPClassifier(SIZES[1:-1], alpha=0.0, batch_size=BATCH, learning_rate_init=LR, shuffle=False)
        model.partial_fit(Z[:BATCH], y[:BATCH], classes=classes)  # makes the arrays, which then get our numbers
        del model._optimizer
        for (W, b), its_W, its_b in zip(layers, model.coefs_, model.intercepts_, strict=True):
            its_W[...], its_b[...] = W, b
        return (
            lambda order: model.partial_fit(Z[order], y[order]),
            lambda: list(zip(model.coefs_, model.intercepts_, strict=True)),
        )

    return begin


CONTENDERS: dict[str, Callable[[np.ndarray, np.ndarray], Begin]] = {
    "steepest": steepest,
    "torch eager": torch,
    "scikit-learn MLP": sklearn,
    "steepest bf16": lambda X, y: steepest(X, y, "bf16"),
}


def functions(name: str) -> Functions:
    train, test = fashion("train"), fashion("t10k")
    if train is None or test is None:
        raise ImportError("no Fashion-MNIST here")
    begin = CONTENDERS[name](train[0].copy(), train[1])
    T = test[0] / np.float32(255)
    seeds = count()

    def round_() -> dict[str, Any]:
        seed, seconds = next(seeds), 0.0
        work, layers = begin(start(seed))
        for done, order in enumerate(pieces(seed), 1):
            began = time.perf_counter()
            work(order)
            seconds += time.perf_counter() - began
            reached = accuracy(layers(), T, test[1])
            if reached >= GOAL or done == MOST:
                return {"seconds": seconds, "epochs": done / 4, "accuracy": reached}
        raise AssertionError("the orders never end")

    return {"round": round_}


if __name__ == "__main__":
    serve(lambda: functions(sys.argv[1]))
