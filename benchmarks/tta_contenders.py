"""The contenders of TTA: a 784-128-10 network, ReLU, batch 64, Adam, one cycle of the rate in six epochs, until good.

    a = max(0, z W_1 + b_1)        scores = a W_2 + b_2        L = mean over the batch of softmax(scores, y)

    z = (x - mean) / deviation, one of each for all pixels
    rate of step t of T: PEAK min(t / 0.15 T, 1, (T - t) / 0.85 T)

The recipe is the fastest of fifty that were tried with steepest: sizes, batches, rules, peaks and lengths. float32;
one more of ours and of torch's is bfloat16. A round is a seed: the same first weights and the same order of the rows
for everybody. The clock runs while PIECE steps are done, four times an epoch, and stands still while one piece of
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

SIZES, BATCH, PEAK, EPOCHS = (784, 128, 10), 64, 3e-3, 6
GOAL = 0.885
PIECE = 60_000 // BATCH // 4
MOST = EPOCHS * 4
"""Pieces in all."""

Layers = list[tuple[np.ndarray, np.ndarray]]
Work = Callable[[np.ndarray, np.ndarray], Any]
"""Steps through the rows of an order, PIECE of them, each with its rate."""
Begin = Callable[[Layers], tuple[Work, Callable[[], Layers]]]
"""From the first weights to the work, and to a function that gives the weights."""


def start(seed: int) -> Layers:
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in pairwise(SIZES)
    ]


def pieces(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Orders of PIECE batches, with a rate for each batch; four are an epoch, less the rows that fill no batch."""
    rng, done = np.random.default_rng((seed, 1)), (np.arange(MOST * PIECE) + 0.5) / (MOST * PIECE)
    rates = (PEAK * np.minimum(done / 0.15, np.minimum(1, (1 - done) / 0.85))).astype(np.float32).reshape(MOST, PIECE)
    for first in range(0, MOST, 4):
        yield from zip(np.split(rng.permutation(60_000)[: 4 * PIECE * BATCH], 4), rates[first : first + 4], strict=True)


def accuracy(layers: Layers, X: np.ndarray, y: np.ndarray) -> float:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # or NumPy's threads would spin on into the next piece
        for i, (W, b) in enumerate(layers):
            X = X @ W + b if i == len(layers) - 1 else np.maximum(X @ W + b, 0)
    return float((X.argmax(axis=1) == y).mean())


def standard(X: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of all pixels."""
    return float(X.mean()), float(X.std())


def steepest(X: np.ndarray, y: np.ndarray, precision: str = "float32") -> Begin:
    import steepest as st
    from steepest import losses, penalties
    from steepest.nn.scaling import Scaling
    from steepest.objective.network import NetworkObjective

    mean, deviation = standard(X)
    scaling = Scaling(np.full(784, mean), np.full(784, 1 / deviation))
    L = NetworkObjective(
        st.nn.MLP(SIZES), X, y, losses.softmax, penalties.none, 0.0, scaling, threads=cores(), precision=precision
    )
    assert L.on_graph_because is None
    rule = st.optim.Adam()

    def begin(layers: Layers) -> tuple[Work, Callable[[], Layers]]:
        at = {}
        for i, (W, b) in enumerate(layers, 1):
            at |= {f"linear{i}.W": W, f"linear{i}.b": b}
        memory = rule.init(at)
        firsts = count(0, PIECE)

        def work(order: np.ndarray, rates: np.ndarray) -> None:
            L.descend(at, memory, rule, order, BATCH, rates, first_step=next(firsts))

        return work, lambda: layers  # they move in place

    return begin


def torch(X: np.ndarray, y: np.ndarray, brain: bool = False) -> Begin:
    import torch as t

    t.set_num_threads(cores())
    mean, deviation = standard(X)
    Z, labels = t.from_numpy(((X - np.float32(mean)) / np.float32(deviation)).astype(np.float32)), t.from_numpy(y)

    def begin(layers: Layers) -> tuple[Work, Callable[[], Layers]]:
        model = t.nn.Sequential(t.nn.Linear(*SIZES[:2]), t.nn.ReLU(), t.nn.Linear(*SIZES[1:]))
        with t.no_grad():
            for layer, (W, b) in zip(model[::2], layers, strict=True):
                layer.weight.copy_(t.from_numpy(W.T.copy()))
                layer.bias.copy_(t.from_numpy(b))
        optimizer = t.optim.Adam(model.parameters(), lr=PEAK, fused=True)

        def work(order: np.ndarray, rates: np.ndarray) -> None:
            for rows, rate in zip(t.from_numpy(order).split(BATCH), rates.tolist(), strict=True):
                optimizer.param_groups[0]["lr"] = rate
                optimizer.zero_grad()
                with t.autocast("cpu", t.bfloat16, enabled=brain):
                    loss = t.nn.functional.cross_entropy(model(Z[rows]), labels[rows])
                loss.backward()
                optimizer.step()

        return work, lambda: [(p.weight.detach().numpy().T, p.bias.detach().numpy()) for p in model[::2]]

    return begin


def sklearn(X: np.ndarray, y: np.ndarray) -> Begin:
    """MLPClassifier.partial_fit on the rows in the given order. Its Adam has one rate: each piece gives a new one."""
    from sklearn.neural_network import MLPClassifier

    mean, deviation = standard(X)
    Z, classes = ((X - np.float32(mean)) / np.float32(deviation)).astype(np.float32), np.arange(10)

    def begin(layers: Layers) -> tuple[Work, Callable[[], Layers]]:
        model = MLPClassifier(SIZES[1:-1], alpha=0.0, batch_size=BATCH, shuffle=False)
        model.partial_fit(Z[:BATCH], y[:BATCH], classes=classes)  # makes the arrays, which then get our numbers
        del model._optimizer
        for (W, b), its_W, its_b in zip(layers, model.coefs_, model.intercepts_, strict=True):
            its_W[...], its_b[...] = W, b

        def work(order: np.ndarray, rates: np.ndarray) -> None:
            model.learning_rate_init = float(rates.mean())  # read where its Adam is made
            if hasattr(model, "_optimizer"):
                model._optimizer.learning_rate_init = model.learning_rate_init
            model.partial_fit(Z[order], y[order])

        return work, lambda: list(zip(model.coefs_, model.intercepts_, strict=True))

    return begin


CONTENDERS: dict[str, Callable[[np.ndarray, np.ndarray], Begin]] = {
    "steepest": steepest,
    "torch eager": torch,
    "scikit-learn MLP": sklearn,
    "steepest bf16": lambda X, y: steepest(X, y, "bf16"),
    "torch bf16": lambda X, y: torch(X, y, brain=True),
}


def functions(name: str) -> Functions:
    train, test = fashion("train"), fashion("t10k")
    if train is None or test is None:
        raise ImportError("no Fashion-MNIST here")
    begin = CONTENDERS[name](train[0].copy(), train[1])
    mean, deviation = standard(train[0])
    T = ((test[0] - np.float32(mean)) / np.float32(deviation)).astype(np.float32)
    seeds = count()

    def round_() -> dict[str, Any]:
        seed, seconds = next(seeds), 0.0
        work, layers = begin(start(seed))
        reached, done = 0.0, 0
        for order, rates in pieces(seed):
            began = time.perf_counter()
            work(order, rates)
            seconds += time.perf_counter() - began
            done += 1
            reached = accuracy(layers(), T, test[1])
            if reached >= GOAL:
                break
        return {"seconds": seconds, "epochs": done / 4, "accuracy": reached}

    return {"round": round_}


if __name__ == "__main__":
    serve(lambda: functions(sys.argv[1]))
