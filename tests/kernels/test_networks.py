"""The program of a network against backpropagation in NumPy and float64: shapes, strides, types, levels, threads."""

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest import losses
from steepest.kernels import dispatch
from steepest.kernels.types import NetworkStage

LEVELS = [name for name in dispatch.levels() if name != "reference"]
EXAMPLES = int(os.environ.get("STEEPEST_TEST_EXAMPLES", "25"))
pytestmark = pytest.mark.skipif(not LEVELS, reason="there is no native code here")

# name: value, and slope by the value
ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "step": (lambda z: (z >= 0).astype(z.dtype), np.zeros_like),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(a.dtype)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.1 * z), lambda a: np.where(a > 0, 1.0, 0.1)),
    "elu": (lambda z: np.where(z > 0, z, 0.1 * np.expm1(np.minimum(z, 0))), lambda a: np.where(a > 0, 1.0, a + 0.1)),
    "softplus": (lambda z: np.logaddexp(0, z), lambda a: 1 - np.exp(-a)),
}


@pytest.fixture(params=LEVELS)
def level(request):
    before = dispatch.level()
    dispatch.use(request.param)
    yield request.param
    dispatch.use(before)


class Problem:
    """A network of any shape, and some rows for it."""

    def __init__(self, sizes, n, dtype, activation, seed=0, padding=0):
        rng = np.random.default_rng(seed)
        shape = (n, sizes[0] + padding)
        wide = rng.integers(0, 256, shape) if dtype == np.uint8 else rng.normal(0, 1, shape)
        self.X = wide.astype(dtype)[:, : sizes[0]]  # padding: a stride that is not the row's length
        self.y = rng.integers(0, sizes[-1], n)
        self.order = rng.integers(0, n, n)
        self.weight = rng.uniform(0.1, 2, n).astype(np.float32)
        self.shift, self.scale = rng.normal(0, 1, sizes[0]), rng.uniform(0.5, 1.5, sizes[0])
        if dtype == np.uint8:
            self.shift, self.scale = self.shift + 100, self.scale / 100
        self.weights = [
            ((rng.normal(0, 1, (a, b)) / np.sqrt(a)).astype(np.float32), rng.normal(0, 0.3, b).astype(np.float32))
            for a, b in pairwise(sizes)
        ]
        self.activations = [activation] * (len(sizes) - 2) + ["identity"]

    def layers(self, memories=1):
        return [
            NetworkStage(
                W.copy(), b.copy(), [np.zeros_like(W) for _ in range(memories)],
                [np.zeros_like(b) for _ in range(memories)], activation, 0.1, 1.0, place,
            )
            for place, ((W, b), activation) in enumerate(zip(self.weights, self.activations, strict=True))
        ]  # fmt: skip

    def arguments(self):
        return self.X, self.y, self.order, self.weight, self.shift, self.scale

    def backpropagated(self, loss):
        """The sum of the losses, and dL/dW, dL/db of each layer, in float64."""
        a = [(self.X[self.order].astype(np.float64) - self.shift) * self.scale]
        for (W, b), activation in zip(self.weights, self.activations, strict=True):
            a.append(ACTIVATIONS[activation][0](a[-1] @ W.astype(np.float64) + b))
        y, w = self.y[self.order], self.weight[self.order].astype(np.float64)
        total = float((losses.get(loss)(a[-1], y) * w).sum())
        d, slopes = losses.get(loss).gradient(a[-1], y) * w[:, np.newaxis], []
        for i in reversed(range(len(self.weights))):
            slopes.append((a[i].T @ d, d.sum(axis=0)))
            if i:
                d = d @ self.weights[i][0].astype(np.float64).T * ACTIVATIONS[self.activations[i - 1]][1](a[i])
        return total, a[-1], slopes[::-1]


def agree(problem, loss, threads):
    layers = problem.layers()
    total, _ = dispatch.network_gradient(*problem.arguments(), layers, loss=loss, threads=threads)
    expected, scores, slopes = problem.backpropagated(loss)
    assert total == pytest.approx(expected, rel=1e-4, abs=1e-4)
    for layer, (dW, db) in zip(layers, slopes, strict=True):
        size = max(np.abs(dW).max(initial=0), np.abs(db).max(initial=0), 1e-3)
        np.testing.assert_allclose(layer.memory_W[0], dW, atol=2e-4 * size)
        np.testing.assert_allclose(layer.memory_b[0], db, atol=2e-4 * size)
    out = np.empty(scores.shape, np.float32)
    X, _, order, _, shift, scale = problem.arguments()
    plain = [layer._replace(memory_W=[], memory_b=[]) for layer in layers]
    dispatch.network_scores(X, order, shift, scale, plain, out, threads=threads)
    np.testing.assert_allclose(out, scores, atol=1e-4 * max(1.0, np.abs(scores).max()))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(level, activation):
    agree(Problem((9, 37, 20, 4), 70, np.float32, activation, seed=3), "logistic", threads=2)


@given(
    sizes=st.lists(st.integers(1, 80), min_size=2, max_size=4), n=st.integers(1, 280), padding=st.integers(0, 3),
    dtype=st.sampled_from([np.uint8, np.float16, np.float32, np.float64]), threads=st.integers(1, 3),
    seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=EXAMPLES, deadline=None)
@pytest.mark.parametrize("name", LEVELS)
def test_odd_shapes_strides_and_types(name, sizes, n, padding, dtype, threads, seed):
    before = dispatch.level()
    dispatch.use(name)
    try:
        agree(Problem(sizes, n, dtype, "tanh", seed, padding), "softmax", threads)
    finally:
        dispatch.use(before)


def descend(problem, rule, memories, constants, threads, keep=1.0, batch=64, precision="float32", **other):
    top = len(problem.weights) - 1
    layers = [layer._replace(keep=keep if layer.key < top else 1.0) for layer in problem.layers(memories)]
    steps = -(-len(problem.order) // batch)
    tally = dispatch.network_descend(
        *problem.arguments(), layers, np.full(steps, 0.01, np.float32), batch_size=batch, rule=rule,
        constants=constants, seed=7, first_step=0, threads=threads, precision=precision,
        **({"loss": "hinge", "l2": 1e-3, "l1": 1e-4} | other),
    )  # fmt: skip
    return [tally, *(part for layer in layers for part in (layer.W, layer.b, *layer.memory_W, *layer.memory_b))]


@pytest.mark.parametrize("keep", [1.0, 0.6])
@pytest.mark.parametrize(
    ("rule", "memories", "constants"),
    [
        ("sgd", 0, (0, 0, 0, 0)), ("momentum", 1, (0.9, 0, 0, 0)), ("nesterov", 1, (0.9, 0, 0, 0)),
        ("adagrad", 1, (1e-8, 0, 0, 0)), ("rmsprop", 1, (0.9, 1e-8, 0, 0)), ("adam", 2, (0.9, 0.999, 1e-8, 0)),
        ("adamw", 2, (0.9, 0.999, 1e-8, 0.1)),
    ],
)  # fmt: skip
def test_threads_never_change_a_bit(level, rule, memories, constants, keep):
    problem = Problem((50, 70, 33, 6), 700, np.uint8, "relu")
    one = descend(problem, rule, memories, constants, threads=1, keep=keep, batch=300)
    for threads in (2, 3):
        several = descend(problem, rule, memories, constants, threads, keep, batch=300)
        for ours, expected in zip(several, one, strict=True):
            np.testing.assert_array_equal(ours, expected)
    assert all(np.isfinite(part).all() for part in one)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_losses_beyond_the_most_leave_everything_as_it_was(level, precision):
    problem = Problem((50, 70, 6), 300, np.uint8, "relu")
    how = {"rule": "adam", "memories": 2, "constants": (0.9, 0.999, 1e-8, 0), "threads": 2, "precision": precision}
    free, within = descend(problem, **how), descend(problem, **how, most=descend(problem, **how)[0][0])
    for ours, expected in zip(within, free, strict=True):
        np.testing.assert_array_equal(ours, expected)
    (loss, _), *after = descend(problem, **how, most=np.nextafter(free[0][0], 0))
    assert loss == np.inf
    for (W, b), layer in zip(problem.weights, (after[:6], after[6:]), strict=True):
        np.testing.assert_array_equal(layer[0], W)
        np.testing.assert_array_equal(layer[1], b)
        assert not any(part.any() for part in layer[2:])


def test_a_parameter_that_is_no_longer_finite_leaves_everything_as_it_was(level):
    """The loss of the only step is that before it: nothing but the weights tells."""
    problem = Problem((5, 4), 20, np.float32, "relu")
    (loss, _), W, b, *_ = descend(problem, "sgd", 0, (0, 0, 0, 0), 1, batch=20, l2=3e38, most=1e300)
    assert loss == np.inf
    np.testing.assert_array_equal(W, problem.weights[0][0])
    np.testing.assert_array_equal(b, problem.weights[0][1])


OWNED = [((600, 70, 5), 100), ((600, 530, 1100, 6), 20), ((40, 530, 6), 7), ((1030, 5), 1)]
"""Weights that are large beside the batch, so that threads own inputs of a layer: the first, those behind, both."""


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize(("sizes", "batch"), OWNED)
def test_threads_that_own_inputs_never_change_a_bit(level, sizes, batch, precision):
    problem = Problem(sizes, 3 * batch + 1, np.uint8, "relu")
    one = descend(problem, "momentum", 1, (0.9, 0, 0, 0), 1, 0.6, batch, precision)
    assert all(np.isfinite(part).all() for part in one)
    for threads in (2, 3, 5):
        several = descend(problem, "momentum", 1, (0.9, 0, 0, 0), threads, 0.6, batch, precision)
        for ours, expected in zip(several, one, strict=True):
            np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(("sizes", "batch"), OWNED)
def test_threads_that_own_inputs_take_the_step_of_the_gradient(level, sizes, batch):
    problem = Problem(sizes, batch, np.float32, "tanh")
    problem.weight[:] = 1
    after = descend(problem, "sgd", 0, (0, 0, 0, 0), 2, batch=batch, l2=0.0, l1=0.0)
    total, _, slopes = problem.backpropagated("hinge")
    assert after[0][0] == pytest.approx(total, rel=1e-5, abs=1e-5)
    for (W, b), (dW, db), moved, bias in zip(problem.weights, slopes, after[1::2], after[2::2], strict=True):
        np.testing.assert_allclose(moved, W - 0.01 * dW / batch, atol=2e-6)
        np.testing.assert_allclose(bias, b - 0.01 * db / batch, atol=2e-6)


def bf16(x):
    """x to the nearest number of 8 significant bits, half to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)


def step_in_bf16(problem):
    """dL/dW and dL/db of the sum of squared losses, where what products multiply is rounded, and nothing else is."""
    a = [((problem.X[problem.order].astype(np.float64) - problem.shift) * problem.scale).astype(np.float32)]
    for (W, b), activation in zip(problem.weights, problem.activations, strict=True):
        a.append(ACTIVATIONS[activation][0](bf16(a[-1]) @ bf16(W) + b).astype(np.float32))
    n = len(problem.order)
    d, slopes = losses.get("squared").gradient(a[-1].astype(np.float64), problem.y[problem.order]) / n, []
    for i in reversed(range(len(problem.weights))):
        slopes.append((bf16(a[i]).T @ bf16(d), d.sum(axis=0)))
        if i:
            d = bf16(d) @ bf16(problem.weights[i][0]).T * ACTIVATIONS[problem.activations[i - 1]][1](a[i])
    return slopes[::-1]


@given(
    sizes=st.lists(st.integers(1, 80), min_size=2, max_size=4), n=st.integers(1, 280), threads=st.integers(1, 3),
    dtype=st.sampled_from([np.uint8, np.float32]), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=EXAMPLES, deadline=None)
@pytest.mark.parametrize("name", LEVELS)
def test_bf16_rounds_what_it_multiplies_and_nothing_else(name, sizes, n, threads, dtype, seed):
    before = dispatch.level()
    dispatch.use(name)
    try:
        problem = Problem(sizes, n, dtype, "tanh", seed)
        problem.weight[:] = 1
        after = descend(
            problem, "sgd", 0, (0, 0, 0, 0), threads, batch=n, precision="bf16", loss="squared", l2=0.0, l1=0.0
        )
        for (W, b), (dW, db), moved, bias in zip(
            problem.weights, step_in_bf16(problem), after[1::2], after[2::2], strict=True
        ):
            size = max(np.abs(dW).max(initial=0), np.abs(db).max(initial=0), 1e-2)
            # a number that float32 leaves beside a tie may be rounded the other way: one in 256 of one term of the sum
            np.testing.assert_allclose((W - moved) / 0.01, dW, atol=3e-3 * size + 3e-5)
            np.testing.assert_allclose((b - bias) / 0.01, db, atol=3e-3 * size + 3e-5)
    finally:
        dispatch.use(before)


@pytest.mark.parametrize(("sizes", "n"), [((64, 33, 9), 70), ((80, 80, 80, 10), 280), ((17, 21, 2), 45)])
def test_bf16_rounds_to_the_nearest(level, sizes, n):
    problem = Problem(sizes, n, np.uint8, "tanh", seed=4)
    problem.weight[:] = 1
    after = descend(problem, "sgd", 0, (0, 0, 0, 0), 2, batch=n, precision="bf16", loss="squared", l2=0.0, l1=0.0)
    for (W, _), (dW, _), moved in zip(problem.weights, step_in_bf16(problem), after[1::2], strict=True):
        # 1e-6 where it rounds to the nearest; 1e-3 where it does not round, 4e-3 where it cuts off
        assert np.sqrt((((W - moved) / 0.01 - dW) ** 2).mean()) < 1e-4 * np.abs(dW).max()


def test_bf16_is_not_float32(level):
    problem = Problem((64, 48, 5), 64, np.float32, "relu")
    one, two = (descend(problem, "sgd", 0, (0, 0, 0, 0), 1, precision=precision) for precision in ("float32", "bf16"))
    assert not np.array_equal(one[1], two[1])


def test_sgd_is_the_gradient_times_the_rate(level):
    problem = Problem((20, 30, 4), 64, np.float32, "tanh")
    problem.weight[:] = 1
    after = descend(problem, "sgd", 0, (0, 0, 0, 0), threads=1)
    _, _, slopes = problem.backpropagated("hinge")
    for (W, b), (dW, db), moved, bias in zip(problem.weights, slopes, after[1::2], after[2::2], strict=True):
        np.testing.assert_allclose(moved, W - 0.01 * (dW / 64 + 2e-3 * W + 1e-4 * np.sign(W)), atol=2e-6)
        np.testing.assert_allclose(bias, b - 0.01 * db / 64, atol=2e-6)


def test_infinity_and_nan_are_seen(level):
    for bad in (np.inf, np.nan):
        problem = Problem((20, 30, 4), 64, np.float32, "relu")
        problem.weights[0][0][3, 5] = bad
        layers = problem.layers()
        total, _ = dispatch.network_gradient(*problem.arguments(), layers, loss="softmax", threads=1)
        assert not np.isfinite(total)


def broken(**changes):
    layers = Problem((20, 30, 4), 64, np.float32, "relu").layers()
    return [layers[0]._replace(**changes), layers[1]]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "needs a layer"),
        (broken(W=np.zeros((19, 30), np.float32)), "as many inputs"),
        (broken(W=np.zeros((20, 29), np.float32)), "b must be"),
        (broken(b=np.zeros(29, np.float32)), "b must be"),
        (broken(memory_W=[]), "memory"),
        (broken(memory_W=[np.zeros((20, 29), np.float32)]), "shaped"),
        (broken(activation="swish"), "no native activation 'swish'"),
        (broken(keep=0.0), "keep"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(layers, message):
    problem = Problem((20, 30, 4), 64, np.float32, "relu")
    with pytest.raises(ValueError, match=message):
        dispatch.network_gradient(*problem.arguments(), layers, loss="softmax", threads=1)


def test_arrays_that_cannot_be_moved_in_place_are_refused():
    problem = Problem((20, 30, 4), 64, np.float32, "relu")
    for changes in ({"W": np.zeros((20, 30))}, {"W": np.zeros((30, 20), np.float32).T}):
        with pytest.raises(TypeError):
            dispatch.network_gradient(*problem.arguments(), broken(**changes), loss="softmax", threads=1)
