"""The contenders of G1: the same expression and the same network on steepest, torch eager and HIPS autograd.

Each prepares once. `scalar` builds the graph of `expression` anew from plain numbers and differentiates it by all four
leaves, a thousand times; `network` does so for the loss of a network, fifty times; `check` gives both gradients.

The expression has 30 ops. The network is 784-100-10 with ReLU and the softmax loss, batch 128, float32:

    h = max(0, X V + c)        s = h W + b        L = mean over the batch of log sum_j exp(s_j) - s_y
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import cores, serve, timed

NUMBERS, NETWORKS = 1000, 50
AT = (0.5, -1.25, 2.0, 0.75)
BATCH, SIZES = 128, (784, 100, 10)


def expression(w: Any, x: Any, y: Any, z: Any, exp: Any, log: Any, tanh: Any) -> Any:
    """30 ops, none of them written twice."""
    a = w * x + y
    b = tanh(a) * z
    c = exp(a * -0.5) + b
    d = log(c * c + 1.0)
    e = d / (c - 4.0)
    f = tanh(e + w) - x * b
    g = (f - y) * (e + z)
    h = exp(g * 0.1) + f * f
    i = log(h + 2.0) - a * d
    return i * i + g / (h + 1.0)


class Network:
    """The batch and the parameters, the same for everyone."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        inputs, hidden, classes = SIZES
        self.X = rng.random((BATCH, inputs), np.float32)
        self.y = rng.integers(0, classes, BATCH)
        self.rows = np.arange(BATCH)
        shapes = {"V": (inputs, hidden), "c": (hidden,), "W": (hidden, classes), "b": (classes,)}
        self.parameters = {
            name: (0.1 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()
        }


def answer(
    scalar: Callable[[], list[float]], network: Callable[[], list[Any]]
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Turn one gradient of each kind into what a worker answers."""

    def repeat(work: Callable[[], Any], times: int) -> None:
        for _ in range(times):
            work()

    return {
        "scalar": lambda: timed(lambda: repeat(scalar, NUMBERS)),
        "network": lambda: timed(lambda: repeat(network, NETWORKS)),
        "check": lambda: {
            "scalar": [float(slope) for slope in scalar()],
            "network": [float(np.abs(np.asarray(part, np.float64)).sum()) for part in network()],
        },
    }


def steepest() -> dict[str, Callable[[], dict[str, Any]]]:
    import steepest as st

    net = Network()

    def scalar() -> list[float]:
        leaves = [st.tensor(number) for number in AT]
        expression(*leaves, st.exp, st.log, st.tanh).backward()
        return [leaf.grad for leaf in leaves]

    def network() -> list[Any]:
        p = {name: st.tensor(value) for name, value in net.parameters.items()}
        scores = st.relu(net.X @ p["V"] + p["c"]) @ p["W"] + p["b"]
        st.losses.softmax(scores, net.y).mean().backward()
        return [p[name].grad for name in p]

    return answer(scalar, network)


def torch() -> dict[str, Callable[[], dict[str, Any]]]:
    import torch as t

    t.set_num_threads(cores())
    net = Network()
    X, y = t.tensor(net.X), t.tensor(net.y)

    def scalar() -> list[float]:
        leaves = [t.tensor(number, dtype=t.float64, requires_grad=True) for number in AT]
        expression(*leaves, t.exp, t.log, t.tanh).backward()
        return [leaf.grad.item() for leaf in leaves]

    def network() -> list[Any]:
        p = {name: t.tensor(value, requires_grad=True) for name, value in net.parameters.items()}
        scores = t.relu(X @ p["V"] + p["c"]) @ p["W"] + p["b"]
        t.nn.functional.cross_entropy(scores, y).backward()
        return [p[name].grad.numpy() for name in p]

    return answer(scalar, network)


def autograd() -> dict[str, Callable[[], dict[str, Any]]]:
    import autograd.numpy as anp
    from autograd import grad

    net = Network()

    def by_leaves(leaves: Any) -> Any:
        return expression(*leaves, anp.exp, anp.log, anp.tanh)

    one = grad(lambda *leaves: by_leaves(leaves), argnum=(0, 1, 2, 3))

    def loss(p: Any) -> Any:
        scores = anp.dot(anp.maximum(anp.dot(net.X, p["V"]) + p["c"], 0), p["W"]) + p["b"]
        top = anp.max(scores, axis=1, keepdims=True)
        log_sum = anp.log(anp.sum(anp.exp(scores - top), axis=1)) + top[:, 0]
        return anp.mean(log_sum - scores[net.rows, net.y])

    of_network = grad(loss)

    def network() -> list[Any]:
        found = of_network(net.parameters)
        return [found[name] for name in net.parameters]

    return answer(lambda: list(one(*AT)), network)


CONTENDERS = {"steepest": steepest, "torch eager": torch, "HIPS autograd": autograd}

if __name__ == "__main__":
    serve(CONTENDERS[sys.argv[1]])
