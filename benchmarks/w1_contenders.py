"""The contenders of W1: each prepares once; `round` is an epoch shuffled its own way, `check` one in a given order.

The mathematics, the same for steepest, torch and JAX, from W = 0, b = 0 and velocities of 0, N = 50,000 rows in
batches B of 256 (the last has 80):

    z = (x - mean) / 255        scores = z W + b
    L(W) = 1/|B| sum_B softmax(scores, y) + alpha sum W^2        alpha = 1e-4, bias free
    v <- 0.9 v + dL/dW          W <- W - 0.01 v                  likewise for b

`check` proves it: from zero, in the order of one fixed permutation, the losses over all rows afterwards must agree to
1e-3, in relative terms.

scikit-learn has no softmax in SGDClassifier: ten one-against-all logistic losses, one row a
step, no momentum. It is other mathematics, reported for those who would use it.

Where bytes are converted in the step, scaling and centring go into the weights, z W + b = x (W / 255) + (b - mean (W
/ 255)): two small products a step in place of passes over the batch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import cores, serve, timed

BATCH, ALPHA, LR, MOMENTUM, C = 256, 1e-4, 0.01, 0.9, 10

Functions = dict[str, Callable[[], dict[str, Any]]]


class Data:
    """X uint8 (N, D) and y in memory, the mean of each feature, and the permutation of the check."""

    def __init__(self, folder: Path):
        self.X, self.y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
        self.mean = self.X.mean(axis=0, dtype=np.float64)
        self.order = np.random.default_rng(1).permutation(len(self.X))

    def floats(self) -> np.ndarray:
        """z, prepared beforehand: four times the memory, no conversion in the epoch."""
        Z = self.X.astype(np.float32)
        Z -= self.mean.astype(np.float32)
        Z /= 255
        return Z

    def checked(self, W: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        """L(W) and accuracy over all rows, by one piece of NumPy for everyone; W is (D, C)."""
        loss, right = 0.0, 0
        for first in range(0, len(self.X), 5000):
            x, y = self.X[first : first + 5000], self.y[first : first + 5000]
            scores = ((x - self.mean) / 255) @ W.astype(np.float64) + b
            top = scores.max(axis=1)
            loss += float(
                (np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top - scores[np.arange(len(y)), y]).sum()
            )
            right += int((scores.argmax(axis=1) == y).sum())
        return {
            "loss": loss / len(self.X) + ALPHA * float((W.astype(np.float64) ** 2).sum()),
            "accuracy": right / len(self.X),
        }


def steepest(data: Data) -> Functions:
    """The library's own training program and loop; the scaling is fitted before, the shuffling is inside."""
    from steepest.kernels import dispatch
    from steepest.nn.linear import Linear
    from steepest.training import loop
    from steepest.training.recipe import Recipe, prepare

    recipe = Recipe(
        loss="softmax", penalty="l2", alpha=ALPHA, optimizer="momentum", momentum=MOMENTUM, lr=LR, schedule="constant",
        batch_size=BATCH, epochs=1_000_000, scaling="unit", threads=cores(),
    )  # fmt: skip
    objective, plan, state = prepare(data.X, data.y, C, recipe)

    def epoch() -> None:
        loop.run(objective, plan, state, watch=lambda state, plan: state.step == 0)

    def check() -> dict[str, Any]:
        model, velocity = (Linear.zeros(C, objective.scaling) for _ in range(2))
        objective.descend(model, velocity, plan.rule, data.order, BATCH, plan.rates(len(data.X), 0))
        return {**data.checked(model.W, model.b), "level": dispatch.level()}

    return {"round": lambda: timed(epoch), "check": check}


class Torch:
    """PyTorch with autograd, cross_entropy and its own fused SGD; `batches(order)` yields rows and labels of a step."""

    def __init__(self, data: Data, variant: str):
        import torch

        torch.set_num_threads(cores())
        self.data, self.torch = data, torch
        self.y = torch.from_numpy(data.y)
        self.X = torch.from_numpy(data.X if variant == "bytes" else data.floats())
        self.mean = torch.from_numpy(data.mean.astype(np.float32))
        self.scores = self._of_bytes if variant == "bytes" else self._of_floats
        self.batches = self._loaded if variant == "loader" else self._indexed
        self._start()

    def _start(self) -> None:
        torch = self.torch
        self.W = torch.zeros(C, self.X.shape[1], requires_grad=True)
        self.b = torch.zeros(C, requires_grad=True)
        groups = [{"params": [self.W], "weight_decay": 2 * ALPHA}, {"params": [self.b]}]
        self.optimizer = torch.optim.SGD(groups, lr=LR, momentum=MOMENTUM, fused=True)

    def _indexed(self, order: Any):
        for rows in order.split(BATCH):
            # the faster gather of each type, by trial
            x = self.X[rows] if self.X.is_floating_point() else self.X.index_select(0, rows)
            yield x, self.y[rows]

    def _loaded(self, order: Any):
        from torch.utils.data import DataLoader, TensorDataset

        how = {"shuffle": True} if order is None else {"sampler": order.tolist()}
        return DataLoader(TensorDataset(self.X, self.y), batch_size=BATCH, num_workers=0, **how)

    def _of_bytes(self, x: Any) -> Any:
        scaled = self.W / 255
        return self.torch.nn.functional.linear(x.float(), scaled, self.b - scaled @ self.mean)

    def _of_floats(self, x: Any) -> Any:
        return self.torch.nn.functional.linear(x, self.W, self.b)

    def epoch(self, order: Any = None) -> None:
        if order is None and self.batches == self._indexed:
            order = self.torch.randperm(len(self.X))
        for x, y in self.batches(order):
            self.optimizer.zero_grad()
            self.torch.nn.functional.cross_entropy(self.scores(x), y).backward()
            self.optimizer.step()

    def check(self) -> dict[str, Any]:
        self._start()
        self.epoch(self.torch.from_numpy(self.data.order))
        return self.data.checked(self.W.detach().numpy().T, self.b.detach().numpy())

    def functions(self) -> Functions:
        return {"round": lambda: timed(self.epoch), "check": self.check}


def jax(data: Data, variant: str) -> Functions:
    """JAX: an epoch is one compiled scan over batches; data resident, state donated, permutation outside the clock."""
    import jax
    import jax.numpy as jnp

    N, D = data.X.shape
    X = jnp.asarray(data.X if variant == "bytes" else data.floats())
    y, mean = jnp.asarray(data.y, jnp.int32), jnp.asarray(data.mean, jnp.float32)
    whole = N // BATCH * BATCH

    def loss(parameters, x, y):
        W, b = parameters
        if variant == "bytes":
            x, W, b = x.astype(jnp.float32), W / 255, b - (W / 255) @ mean
        logp = jax.nn.log_softmax(jax.lax.dot_general(x, W, (((1,), (1,)), ((), ()))) + b)
        return -jnp.take_along_axis(logp, y[:, None], axis=1).mean() + ALPHA * (parameters[0] ** 2).sum()

    def step(state, rows, X, y):
        parameters, velocity = state
        x = X.at[rows].get(mode="promise_in_bounds", unique_indices=True)
        gradient = jax.grad(loss)(parameters, x, y.at[rows].get(mode="promise_in_bounds"))
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradient)
        return jax.tree.map(lambda p, v: p - LR * v, parameters, velocity), velocity

    @partial(jax.jit, donate_argnums=0)
    def epoch(state, X, y, order):
        state, _ = jax.lax.scan(lambda s, rows: (step(s, rows, X, y), None), state, order[:whole].reshape(-1, BATCH))
        return step(state, order[whole:], X, y) if whole < N else state

    def zero():
        return tuple((jnp.zeros((C, D)), jnp.zeros(C)) for _ in range(2))

    state, rng = zero(), np.random.default_rng(0)

    def timed_round() -> dict[str, Any]:
        nonlocal state
        order = jax.block_until_ready(jnp.asarray(rng.permutation(N), jnp.int32))

        def work() -> None:
            nonlocal state
            state = jax.block_until_ready(epoch(state, X, y, order))

        return timed(work)

    def check() -> dict[str, Any]:
        (W, b), _ = epoch(zero(), X, y, jnp.asarray(data.order, jnp.int32))
        return data.checked(np.asarray(W).T, np.asarray(b))

    return {"round": timed_round, "check": check}


def sklearn(data: Data) -> Functions:
    """SGDClassifier(loss="log_loss").partial_fit: one pass in float32, its ten problems on all cores."""
    from sklearn.linear_model import SGDClassifier

    Z, classes = data.floats(), np.arange(C)

    def make() -> Any:
        # its penalty is alpha / 2 |w|^2
        return SGDClassifier(loss="log_loss", alpha=2 * ALPHA, learning_rate="constant", eta0=1e-3, n_jobs=cores())

    model = make()

    def check() -> dict[str, Any]:
        fresh = make().partial_fit(Z, data.y, classes)
        return data.checked(fresh.coef_.T, fresh.intercept_)

    return {"round": lambda: timed(lambda: model.partial_fit(Z, data.y, classes)), "check": check}


CONTENDERS: dict[str, Callable[[Data], Functions]] = {
    "steepest": steepest,
    "torch indexed, uint8": lambda data: Torch(data, "bytes").functions(),
    "torch indexed, float32": lambda data: Torch(data, "floats").functions(),
    "torch DataLoader": lambda data: Torch(data, "loader").functions(),
    "JAX scan, uint8": lambda data: jax(data, "bytes"),
    "JAX scan, float32": lambda data: jax(data, "floats"),
    "scikit-learn SGD": sklearn,
}

if __name__ == "__main__":
    serve(lambda: CONTENDERS[sys.argv[1]](Data(Path(sys.argv[2]))))
