"""The contenders of W2, W3, W4 and the sweep: an epoch of a multi-layer network by mini-batch SGD with momentum.

    a_0 = x / 255 (W4: x)        a_l = activation(a_(l-1) W_l + b_l)        scores = a_(L-1) W_L + b_L
    L = mean over the batch of softmax(scores, y)        v <- 0.9 v + dL/dW        W <- W - lr v

from the same weights; the N mod B rows at the end of an epoch make a smaller batch. `round` is an epoch in an order of
its own. `check` is CHECKED steps in a given order from the same start: the loss over all rows afterwards must agree
(after an epoch it would not: rounding decides which neurons are dead, and the paths part).

Every rival is given float32 rows prepared beforehand (steepest reads the bytes). For JAX, an epoch is one compiled
scan, data resident, state donated, permutation outside the clock; for the others shuffling is inside.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import cores, serve, timed

MOMENTUM = 0.9
CHECKED = 20
FASHION = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist puts it

Functions = dict[str, Callable[[], dict[str, Any]]]


@dataclass(frozen=True)
class Task:
    sizes: tuple[int, ...]
    activation: str
    batch: int
    rows: int
    lr: float = 0.02

    @property
    def flop(self) -> float:
        """Of an epoch: two for each weight and row forward, two for dW, two back to the layer before but the first."""
        products = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        return self.rows * (6.0 * sum(products) - 2.0 * products[0])


TASKS = {
    "W2": Task((784, 256, 128, 10), "relu", 128, 60_000),
    "W3": Task((784, 100, 10), "relu", 32, 60_000),
    "W4": Task((2, 8, 2), "tanh", 10, 100_000),
}


@cache
def fashion(part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """X (uint8) and y of a part of Fashion-MNIST, "train" or "t10k", where it is there."""
    found = sorted(FASHION.parent.rglob(f"{part}-*-ubyte*")) if FASHION.parent.is_dir() else []
    if len(found) != 2:
        return None
    read = [gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in found]
    X, y = np.frombuffer(read[0], np.uint8, offset=16).reshape(-1, 784), np.frombuffer(read[1], np.uint8, offset=8)
    return X, y.astype(np.int64)


def rows_of(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """X and y: the training images of Fashion-MNIST, bytes of that shape where they are not there, or points."""
    rng = np.random.default_rng(0)
    if task.sizes[0] == 2:
        X = rng.normal(0, 1, (task.rows, 2)).astype(np.float32)
        return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    images = fashion("train")
    if images is not None:
        return images[0][: task.rows, : task.sizes[0]].copy(), images[1][: task.rows]
    return rng.integers(0, 256, (task.rows, task.sizes[0]), np.uint8), rng.integers(0, task.sizes[-1], task.rows)


class Data:
    """Rows, labels, the weights to start from, and the order of the check."""

    def __init__(self, task: Task):
        self.task = task
        self.X, self.y = rows_of(task)
        self.scale = 1 / 255 if self.X.dtype == np.uint8 else 1.0
        rng = np.random.default_rng(1)
        self.start = [
            (rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32))
            for a, b in zip(task.sizes, task.sizes[1:], strict=False)
        ]
        self.order = rng.permutation(len(self.X))[: CHECKED * task.batch]

    def floats(self) -> np.ndarray:
        return (self.X * np.float32(self.scale)).astype(np.float32)

    def checked(self, layers: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
        """The loss over all rows, in float64, by one piece of NumPy for everyone."""
        activation = np.tanh if self.task.activation == "tanh" else lambda z: np.maximum(z, 0)
        loss = 0.0
        for first in range(0, len(self.X), 5000):
            a, y = self.X[first : first + 5000] * self.scale, self.y[first : first + 5000]
            for i, (W, b) in enumerate(layers):
                z = a @ W.astype(np.float64) + b
                a = z if i == len(layers) - 1 else activation(z)
            top = a.max(axis=1)
            loss += float((np.log(np.exp(a - top[:, None]).sum(axis=1)) + top - a[np.arange(len(y)), y]).sum())
        return {"loss": loss / len(self.X)}


def steepest(data: Data, threads: int | None = None, precision: str = "float32") -> Functions:
    import steepest as st
    from steepest import losses, optim, penalties
    from steepest.kernels import dispatch
    from steepest.nn.scaling import Scaling
    from steepest.objective.network import NetworkObjective

    task, D = data.task, data.X.shape[1]
    model = st.nn.MLP(task.sizes, activation=task.activation)
    scaling = Scaling(np.zeros(D), np.full(D, data.scale))
    L = NetworkObjective(
        model,
        data.X,
        data.y,
        losses.softmax,
        penalties.none,
        0.0,
        scaling,
        threads=threads or cores(),
        precision=precision,
    )
    assert L.on_graph_because is None
    rule = optim.Momentum(mu=MOMENTUM)
    lr = np.full(-(-len(L) // task.batch), task.lr, np.float32)

    def start() -> tuple[Any, Any]:
        at = {}
        for i, (W, b) in enumerate(data.start, 1):
            at |= {f"linear{i}.W": W.copy(), f"linear{i}.b": b.copy()}
        return at, rule.init(at)

    at, memory = start()
    order, epochs = np.empty(len(L), np.int64), iter(range(10**9))

    def epoch() -> None:
        dispatch.order(0, 0, next(epochs), order)
        L.descend(at, memory, rule, order, task.batch, lr)

    def check() -> dict[str, Any]:
        fresh, remembered = start()
        L.descend(fresh, remembered, rule, data.order, task.batch, lr[:CHECKED])
        layers = [(fresh[f"linear{i}.W"], fresh[f"linear{i}.b"]) for i in range(1, len(task.sizes))]
        return {**data.checked(layers), "level": dispatch.level()}

    return {"round": lambda: timed(epoch), "check": check}


def torch(data: Data, how: str) -> Functions:
    import torch as t

    t.set_num_threads(1 if data.task.sizes[0] == 2 else cores())
    task = data.task
    X, y = t.from_numpy(data.floats()), t.from_numpy(data.y)
    act = t.nn.Tanh if task.activation == "tanh" else t.nn.ReLU

    def start() -> tuple[Any, Any]:
        parts: list[Any] = []
        for W, b in data.start:
            layer = t.nn.Linear(*W.shape)
            with t.no_grad():
                layer.weight.copy_(t.from_numpy(W.T.copy()))
                layer.bias.copy_(t.from_numpy(b))
            parts += [layer, act()]
        model = t.nn.Sequential(*parts[:-1])
        return model, t.optim.SGD(model.parameters(), lr=task.lr, momentum=MOMENTUM, fused=True)

    model, optimizer = start()
    called = t.compile(model) if how == "compile" else model

    def run(called: Any, optimizer: Any, order: Any) -> None:
        for rows in order.split(task.batch):
            optimizer.zero_grad()
            with t.autocast("cpu", t.bfloat16, enabled=how == "bf16"):
                loss = t.nn.functional.cross_entropy(called(X[rows]), y[rows])
            loss.backward()
            optimizer.step()

    # A tiny network takes seconds an epoch here: a tenth of it, and the figure in proportion.
    share = 10 if task.sizes[0] == 2 else 1

    def round_() -> dict[str, Any]:
        order = t.randperm(len(X))[: len(X) // share]
        return {"seconds": timed(lambda: run(called, optimizer, order))["seconds"] * share}

    def check() -> dict[str, Any]:
        fresh, its = start()
        run(fresh, its, t.from_numpy(data.order))
        layers = [(p.weight.detach().numpy().T, p.bias.detach().numpy()) for p in fresh if isinstance(p, t.nn.Linear)]
        return data.checked(layers)

    return {"round": round_, "check": check}


def jax(data: Data) -> Functions:
    import jax
    import jax.numpy as jnp

    task, N = data.task, len(data.X)
    X, y = jnp.asarray(data.floats()), jnp.asarray(data.y, jnp.int32)
    activation = jnp.tanh if task.activation == "tanh" else jax.nn.relu

    def loss(layers, x, y):
        for W, b in layers[:-1]:
            x = activation(x @ W + b)
        logp = jax.nn.log_softmax(x @ layers[-1][0] + layers[-1][1])
        return -jnp.take_along_axis(logp, y[:, None], axis=1).mean()

    def step(state, rows, X, y):
        layers, velocity = state
        x = X.at[rows].get(mode="promise_in_bounds", unique_indices=True)
        gradient = jax.grad(loss)(layers, x, y.at[rows].get(mode="promise_in_bounds"))
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradient)
        return jax.tree.map(lambda p, v: p - task.lr * v, layers, velocity), velocity

    @partial(jax.jit, donate_argnums=0)
    def epoch(state, X, y, order):
        N, whole = len(order), len(order) // task.batch * task.batch
        batches = order[:whole].reshape(-1, task.batch)
        state, _ = jax.lax.scan(lambda s, rows: (step(s, rows, X, y), None), state, batches)
        return step(state, order[whole:], X, y) if whole < N else state

    def start():
        layers = [tuple(map(jnp.asarray, layer)) for layer in data.start]
        return layers, jax.tree.map(jnp.zeros_like, layers)

    state, rng = start(), np.random.default_rng(0)

    def round_() -> dict[str, Any]:
        nonlocal state
        order = jax.block_until_ready(jnp.asarray(rng.permutation(N), jnp.int32))

        def work() -> None:
            nonlocal state
            state = jax.block_until_ready(epoch(state, X, y, order))

        return timed(work)

    def check() -> dict[str, Any]:
        layers, _ = epoch(start(), X, y, jnp.asarray(data.order, jnp.int32))
        return data.checked([(np.asarray(W), np.asarray(b)) for W, b in layers])

    return {"round": round_, "check": check}


def sklearn(data: Data) -> Functions:
    """MLPClassifier.partial_fit: one pass, its own start, the same rule."""
    from sklearn.neural_network import MLPClassifier

    task, Z = data.task, data.floats()
    classes = np.arange(task.sizes[-1])

    def make() -> Any:
        return MLPClassifier(
            task.sizes[1:-1], activation=task.activation, solver="sgd", alpha=0.0, batch_size=task.batch,
            learning_rate_init=task.lr, momentum=MOMENTUM, nesterovs_momentum=False,
        )  # fmt: skip

    model = make()

    def check() -> dict[str, Any]:
        fresh = make().partial_fit(Z, data.y, classes=classes)
        layers = list(zip(fresh.coefs_, fresh.intercepts_, strict=True))
        if len(classes) == 2:  # one score, of the second class
            layers[-1] = (np.hstack([0 * layers[-1][0], layers[-1][0]]), np.append(0 * layers[-1][1], layers[-1][1]))
        return data.checked(layers)

    return {"round": lambda: timed(lambda: model.partial_fit(Z, data.y, classes=classes)), "check": check}


CONTENDERS: dict[str, Callable[[Data], Functions]] = {
    "steepest": steepest,
    "steepest bf16": lambda data: steepest(data, precision="bf16"),
    "JAX scan": jax,
    "torch eager": lambda data: torch(data, "eager"),
    "torch bf16": lambda data: torch(data, "bf16"),
    "torch.compile": lambda data: torch(data, "compile"),
    "scikit-learn MLP": sklearn,
}

if __name__ == "__main__":
    serve(lambda: CONTENDERS[sys.argv[1]](Data(TASKS[sys.argv[2]])))
