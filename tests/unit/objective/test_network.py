"""The native program of a network against the graph: values, gradients, steps of every rule, masks, threads, levels."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as s

import steepest as st
from steepest import losses, optim, penalties
from steepest.kernels import dispatch as kernels
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.objective.graph import GraphObjective
from steepest.objective.lowering import ACTIVATIONS
from steepest.objective.network import NetworkObjective

native = pytest.mark.skipif(kernels.native is None, reason="there is no native code here")


@cache
def examples(n=150, features=19, classes=4, dtype=np.uint8):
    rng = np.random.default_rng(n)
    X = rng.integers(0, 256, (n, features)) if dtype == np.uint8 else rng.normal(0, 2, (n, features))
    return X.astype(dtype), rng.integers(0, classes, n)


def objective(model, dtype=np.uint8, loss="softmax", penalty="l2", alpha=0.01, n=150, threads=1, weighted=False):
    X, y = examples(n, model.input_shape()[0], model.output_shape()[0], dtype)
    weight = np.random.default_rng(1).uniform(0, 2, n).astype(np.float32) if weighted else None
    weight = None if weight is None else weight / weight.mean()
    return NetworkObjective(
        model, X, y, losses.get(loss), penalties.get(penalty), alpha, fit_scaling(X), weight, threads
    )


def reference(L):
    """The same formula in float64 on the graph."""
    scaled = (L.X.astype(np.float64) - L.scaling.shift) * L.scaling.scale
    return GraphObjective(L.model, scaled, L.y, L.loss, L.penalty, L.alpha, L.weight)


def agree(L, at, tolerance=2e-4):
    assert L.on_graph_because is None
    value, gradient = L.value_and_gradient(at)
    expected, slopes = reference(L).value_and_gradient(at)
    assert value == pytest.approx(expected, rel=1e-5)
    assert L.value(at) == pytest.approx(expected, rel=1e-5)
    for name in at:
        np.testing.assert_allclose(
            gradient[name], slopes[name], rtol=tolerance, atol=2e-5 * np.abs(slopes[name]).max() + 1e-9
        )


def nudged(parameters):
    """Biases that are not zero, so that a forgotten one shows."""
    rng = np.random.default_rng(5)
    return {
        name: part + (0.1 * rng.normal(size=part.shape).astype(np.float32) if part.ndim == 1 else 0)
        for name, part in parameters.items()
    }


@native
@pytest.mark.parametrize("loss", losses.NAMES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_loss(activation, loss):
    L = objective(st.nn.MLP([19, 33, 7, 4], activation=activation), loss=loss)
    agree(L, nudged(L.model.init(seed=2)))


@native
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("penalty", ["none", "l2", "l1", "elastic_net"])
def test_every_type_and_penalty(penalty, dtype):
    L = objective(st.nn.MLP([19, 16, 4]), dtype, penalty=penalty, weighted=True)
    agree(L, nudged(L.model.init(seed=2)))
    rows = np.array([3, 3, 149, 0, 7])
    value, gradient = L.value_and_gradient(L.model.init(seed=2), rows)
    expected, slopes = reference(L).value_and_gradient(L.model.init(seed=2), rows)
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient["linear1.W"], slopes["linear1.W"], rtol=2e-4, atol=1e-5)


@native
@given(
    sizes=s.lists(s.integers(1, 70), min_size=2, max_size=5), n=s.integers(1, 300),
    activation=s.sampled_from(["relu", "tanh", "sigmoid"]), threads=s.integers(1, 3),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_odd_shapes(sizes, n, activation, threads):
    L = objective(st.nn.MLP(sizes, activation=activation), np.float32, n=n, threads=threads)
    agree(L, nudged(L.model.init(seed=n)), tolerance=2e-3)


RULES = {
    "sgd": optim.SGD(), "momentum": optim.Momentum(), "nesterov": optim.Nesterov(mu=0.8), "adagrad": optim.Adagrad(),
    "rmsprop": optim.RMSProp(rho=0.95), "adam": optim.Adam(beta2=0.99), "adamw": optim.AdamW(decay=0.1),
}  # fmt: skip


def started(L):
    """The first parameters, and the statistics of nothing."""
    return {**L.model.init(L.X.shape[1], seed=2), **L.model.state(L.X.shape[1])}


def trained(L, rule, native_program, batch=32, seed=3, epochs=1, slices=1):
    """Parameters, memory and tally after some steps; `slices`: calls that an epoch is cut into."""
    at = started(L)
    memory = rule.init(L._trained(at))
    order = np.random.default_rng(0).permutation(len(L))
    steps = -(-len(L) // batch)
    cuts = np.linspace(0, steps, slices + 1).astype(int)
    tally = np.zeros(2)
    descend = L.descend if native_program else L._descend_on_graph
    rates = np.linspace(0.02, 0.01, steps, dtype=np.float32)
    for epoch in range(epochs):
        for first, last in pairwise(cuts):
            rows = order[first * batch : last * batch]
            at_step = int(epoch * steps + first)
            tally += descend(at, memory, rule, rows, batch, rates[first:last], seed=seed, first_step=at_step)
    return at, memory, tally


@native
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_every_rule_takes_the_steps_of_the_graph(rule, dropout):
    L = objective(st.nn.MLP([19, 24, 10, 4], activation="tanh", dropout=dropout), penalty="elastic_net", alpha=1e-3)
    ours, memory, tally = trained(L, rule, native_program=True, epochs=2)
    graph, remembered, expected = trained(L, rule, native_program=False, epochs=2)
    np.testing.assert_allclose(tally, expected, rtol=1e-4)
    for name in ours:
        np.testing.assert_allclose(ours[name], graph[name], rtol=2e-3, atol=2e-4)
    for what, parts in memory.items():
        for name, part in parts.items():
            np.testing.assert_allclose(part, remembered[what][name], rtol=5e-3, atol=2e-4)


CLIPS = {"norm": optim.Clip(norm=0.05), "value": optim.Clip(value=0.01), "both": optim.Clip(norm=0.03, value=0.01)}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("model", [st.nn.MLP([19, 24, 4]), st.nn.MLP([19, 8, 4], activation=lambda x: st.gelu(x))])
def test_clipped_steps_are_those_of_the_equation(model, rule, clip):
    L, rule = objective(model), RULES[rule]
    reason = "lambda" if "lambda" in repr(model) else "clipping"
    reason = reason if kernels.runs_native() else "no native code"
    assert reason in L.in_steps_because(rule, clip)
    at = L.model.init(seed=2)
    exact = {name: part.astype(np.float64) for name, part in at.items()}
    memory, state, order = rule.init(at), rule.init(exact), np.random.default_rng(0).permutation(len(L))
    rates = np.full(5, 0.02, np.float32)
    L.descend(at, memory, rule, order, 32, rates, clip=clip)
    R = reference(L)
    for step in range(5):
        _, g = R.value_and_gradient(exact, order[32 * step : 32 * step + 32])
        if clip.value is not None:
            g = {name: np.clip(part, -clip.value, clip.value) for name, part in g.items()}
        if clip.norm is not None:
            length = np.sqrt(sum((part**2).sum() for part in g.values()))
            g = {name: part * min(1, clip.norm / length) for name, part in g.items()}
        update, state = rule.step(g, state, float(rates[0]), exact)
        exact = {name: exact[name] + update[name] for name in exact}
    for name in at:
        np.testing.assert_allclose(at[name], exact[name], rtol=1e-3, atol=2e-5)


@native
def test_a_bound_that_is_never_reached_changes_nothing_but_the_rounding():
    L = objective(st.nn.MLP([19, 24, 4], dropout=0.2))
    found = []
    for clip in (None, optim.Clip(norm=1e6)):
        at = L.model.init(seed=2)
        order = np.random.default_rng(0).permutation(len(L))
        L.descend(at, RULES["adam"].init(at), RULES["adam"], order, 32, np.full(5, 0.01, np.float32), seed=7, clip=clip)
        found.append(at)
    for name in found[0]:
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_max_norm_is_a_projection_after_each_step(dropout):
    L = objective(st.nn.MLP([19, 24, 4], dropout=dropout), penalty=penalties.MaxNorm(radius=0.8))
    at = L.model.init(seed=2)
    L.project(at)
    before = {name: part.copy() for name, part in at.items()}
    L.descend(at, {}, optim.SGD(), np.arange(32), 32, np.full(1, 3, np.float32), seed=3)
    free = objective(L.model, penalty="none")
    free.descend(before, {}, optim.SGD(), np.arange(32), 32, np.full(1, 3, np.float32), seed=3)
    assert any(np.linalg.norm(W, axis=0).max() > 0.81 for W in before.values() if W.ndim > 1)
    for name, part in before.items():
        expected = L.penalty.project(part) if part.ndim > 1 else part
        np.testing.assert_allclose(at[name], expected, rtol=1e-4, atol=1e-6)
    if kernels.runs_native():
        assert L.in_steps_because(optim.SGD()) == "max norm is not native in networks"
        agree(L, at)


@native
def test_threads_and_slices_never_change_a_bit():
    model = st.nn.MLP([19, 130, 40, 4], dropout=0.2)
    expected = None
    for threads in (1, 2, 3):
        for slices in (1, 3):
            L = objective(model, n=600, threads=threads)
            found = trained(L, optim.Adam(), native_program=True, batch=300, slices=1 if slices == 1 else 2)
            expected = expected or found
            for name in expected[0]:
                np.testing.assert_array_equal(found[0][name], expected[0][name])
            np.testing.assert_allclose(found[2], expected[2], rtol=1e-12)


@native
@pytest.mark.parametrize("level", [name for name in kernels.levels() if name != "reference"])
def test_every_level(level):
    before = kernels.level()
    kernels.use(level)
    try:
        L = objective(st.nn.MLP([19, 50, 33, 4], activation="leaky_relu"), np.float64, threads=2, n=530)
        agree(L, nudged(L.model.init(seed=2)))
    finally:
        kernels.use(before)


@native
def test_scores_of_extreme_sums_stay_finite():
    for activation in ("sigmoid", "tanh", "softplus", "elu", "relu"):
        L = objective(st.nn.MLP([19, 8, 4], activation=activation), np.float32)
        at = {name: part * 1e4 for name, part in L.model.init(seed=0).items()}
        scores = L.scores(at)
        assert np.isfinite(scores).all()
        np.testing.assert_allclose(
            scores, reference(L).model(at, reference(L).X), rtol=1e-3, atol=1e-2 * np.abs(scores).max()
        )


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (st.nn.Sequential(st.nn.Linear(19, 4), st.nn.Activation(lambda x: x * x)), "activation1"),
        (
            st.nn.Sequential(
                st.nn.Linear(19, 8), st.nn.Residual([st.nn.BatchNorm(), st.nn.Activation(st.tanh)]), st.nn.Linear(8, 4)
            ),
            "residual1.activation1",
        ),
    ],
)
def test_what_has_no_native_program_runs_on_the_graph_and_says_so(model, word):
    L = objective(model)
    assert word in L.on_graph_because
    at, _, _ = trained(L, optim.Momentum(), native_program=True, epochs=3)
    assert L.value(at) < L.value(started(L))
    expected, slopes = reference(L).value_and_gradient(at) if not L.model.state(19) else L.value_and_gradient(at)
    value, gradient = L.value_and_gradient(at)
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient["linear1.W"], slopes["linear1.W"], rtol=1e-3, atol=1e-5)


def test_no_native_code_no_native_program():
    before = kernels.level()
    kernels.use("reference")
    try:
        assert "no native code" in objective(st.nn.MLP([19, 4])).on_graph_because
    finally:
        kernels.use(before)


def test_scaling_is_part_of_the_program():
    X, y = examples()
    model = st.nn.MLP([19, 8, 4])
    shifted = NetworkObjective(
        model, X, y, losses.softmax, penalties.none, 0.0, Scaling(np.full(19, 100.0), np.full(19, 0.01))
    )
    plain = NetworkObjective(
        model,
        ((X - 100.0) * 0.01).astype(np.float32),
        y,
        losses.softmax,
        penalties.none,
        0.0,
        Scaling(np.zeros(19), np.ones(19)),
    )
    at = model.init(seed=0)
    assert shifted.value(at) == pytest.approx(plain.value(at), rel=1e-6)
