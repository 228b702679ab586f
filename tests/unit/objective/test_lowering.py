"""Every kind of layer, as a native program and on the graph: the same steps, with every loss and every step rule."""

import numpy as np
import pytest

import steepest as st
from steepest import losses, optim, penalties
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.nn import Activation, BatchNorm, Dropout, Flatten, LayerNorm, Linear, Residual, Sequential, Standardize
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.objective.lowering import lower
from steepest.objective.network import NetworkObjective

native = pytest.mark.skipif(kernels.native is None, reason="there is no native code here")

D, C, N, BATCH = 11, 4, 47, 20  # the last batch has seven rows

LAYERS = {
    "gelu": [Linear(D, 9), Activation("gelu"), Dropout(0.2), Linear(9, C)],
    "layer norm": [Linear(D, 9), LayerNorm(eps=1e-3), Activation("tanh"), Dropout(0.2), Linear(9, C)],
    "batch norm": [Linear(D, 9, bias=False), BatchNorm(eps=1e-3), Activation("softplus"), Dropout(0.2), Linear(9, C)],
    "norms first": [BatchNorm(), LayerNorm(), Linear(D, 9), Activation("elu"), BatchNorm(momentum=0.5), Linear(9, C)],
    "alone": [Dropout(0.1), Activation("tanh"), Standardize(np.arange(D) / 9, np.full(D, 2.0)), Linear(D, C)],
    "scores": [Linear(D, C), Activation("tanh"), LayerNorm(), Dropout(0.3)],
    "residual": [
        Linear(D, 9),
        Residual([LayerNorm(), Activation("sigmoid"), Linear(9, 5), Activation("gelu"), Linear(5, 9)], drop=0.4),
        Activation("tanh"),
        Residual([Linear(9, 9, bias=False), BatchNorm(), Activation("identity")], drop=0.2),
        Linear(9, C),
    ],
    "nested": [
        Residual([Flatten(), Activation("tanh"), Residual([Residual([Linear(D, D)], 0.3)]), Dropout(0.2)], 0.1),
        LayerNorm(),
        Linear(D, C),
        Residual([Residual([Activation("tanh")])]),
    ],
}  # fmt: skip

RULES = {
    "sgd": optim.SGD(), "momentum": optim.Momentum(), "nesterov": optim.Nesterov(), "adagrad": optim.Adagrad(),
    "rmsprop": optim.RMSProp(), "adam": optim.Adam(), "adamw": optim.AdamW(decay=0.1),
}  # fmt: skip


def objective(layers, loss="softmax", **other):
    rng = np.random.default_rng(4)
    X, y = rng.normal(0, 2, (N, D)), rng.integers(0, C, N)
    weight = rng.uniform(0.5, 1.5, N).astype(np.float32)
    found = losses.get(loss) if isinstance(loss, str) else loss
    return NetworkObjective(
        Sequential(layers), X, y, found, penalties.get("elastic_net"), 1e-3, fit_scaling(X), weight, **other
    )


def started(L):
    rng = np.random.default_rng(9)
    at = {**L.model.init(D, seed=2), **L.model.state(D)}
    return {
        name: np.asarray(part + (rng.uniform(0, 0.3, part.shape) if part.ndim == 1 else 0), np.float32)
        for name, part in at.items()
    }


def descended(L, rule, native_program, epochs=2):
    at = started(L)
    memory = rule.init(L._trained(at))
    order, steps = np.random.default_rng(0).permutation(N), -(-N // BATCH)
    descend = L.descend if native_program else L._descend_on_graph
    rates, tally = np.full(steps, 0.02, np.float32), np.zeros(2)
    for epoch in range(epochs):
        tally += descend(at, memory, rule, order, BATCH, rates, seed=3, first_step=epoch * steps)
    return at, memory, tally


def agree(L, rule, rtol=1e-3, atol=1e-4):
    """In float32 six steps part by rounding alone; it is larger where a slope is divided by its own root."""
    assert L.on_graph_because is None
    ours, memory, tally = descended(L, rule, native_program=True)
    graph, remembered, expected = descended(L, rule, native_program=False)
    np.testing.assert_allclose(tally, expected, rtol=1e-4)
    for name in graph:
        np.testing.assert_allclose(ours[name], graph[name], rtol=rtol, atol=atol, err_msg=name)
    for what, parts in remembered.items():
        for name, part in parts.items():
            np.testing.assert_allclose(memory[what][name], part, rtol=5 * rtol, atol=atol, err_msg=f"{what} {name}")
    assert any(np.abs(ours[name] - part).max() > 1e-3 for name, part in started(L).items())


@native
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_and_loss_and_rule(kind, rule):
    for loss in (*losses.NAMES, losses.Softmax(smoothing=0.2)):
        agree(objective(LAYERS[kind], loss), RULES[rule])


@native
@pytest.mark.parametrize("kind", LAYERS)
def test_in_bf16_the_steps_go_nearly_the_same_way(kind):
    for loss in ("softmax", "logistic", "squared"):
        exact, _, _ = descended(objective(LAYERS[kind], loss), optim.SGD(), native_program=False)
        L = objective(LAYERS[kind], loss, precision="bf16")
        ours, _, _ = descended(L, optim.SGD(), native_program=True)
        before = started(L)
        moved = np.sqrt(sum(((exact[name] - part) ** 2).sum() for name, part in before.items()))
        off = np.sqrt(sum(((exact[name] - ours[name]) ** 2).sum() for name in before))
        assert 0 < off < 0.03 * moved


@native
def test_layers_join_the_stage_before_them():
    def parts(*layers):
        stages = lower(Sequential(layers), losses.softmax, penalties.none)
        return [
            "".join(
                ("W" if s.linear else "", "n" if s.norm else "", "a" if s.activation != "identity" else "",
                 "d" if s.keep < 1 else "", f"+{s.skip.stage}" if s.skip else "")
            ) for s in stages
        ]  # fmt: skip

    mlp = st.nn.MLP([19, 8, 8, 4], norm="batch", dropout=0.1)
    assert parts(*mlp.layers) == ["Wnad", "Wnad", "W"]
    assert parts(Linear(D, 9), Dropout(0.0), Activation("identity"), Flatten(), LayerNorm(), Linear(9, C)) == [
        "Wn",
        "W",
    ]
    assert parts(Linear(D, 9), Activation("relu"), BatchNorm(), Dropout(0.1), Dropout(0.1)) == ["Wa", "nd", "d"]
    assert parts(Linear(D, 9), Residual([Linear(9, 9)])) == ["W", "W+0"]
    assert parts(Linear(D, 9), Residual([Activation("relu"), Linear(9, 9), Activation("relu")])) == [
        "W",
        "a",
        "Wa",
        "+0",
    ]
    assert parts(Residual([Residual([Linear(D, D)])]), Activation("relu")) == ["", "W+0", "+0", "a"]
    assert parts(Residual([Flatten()]), Linear(D, C)) == ["", "+0", "W"]


@native
def test_without_anything_to_multiply_there_is_no_program():
    assert objective([BatchNorm(), Activation("relu")]).on_graph_because == "there is no linear layer"


@native
@pytest.mark.parametrize(("rows", "batch"), [(21, 20), (2, 1)])
def test_a_batch_of_one_row_is_refused_as_on_the_graph(rows, batch):
    L = objective(LAYERS["batch norm"])
    for descend in (L.descend, L._descend_on_graph):
        with pytest.raises(InputError, match="no variance"):
            descend(
                started(L), {}, optim.SGD(), np.arange(rows), batch, np.full(2, 0.1, np.float32), seed=3, first_step=0
            )


@native
@pytest.mark.parametrize("kind", ["batch norm", "residual", "layer norm"])
def test_steps_with_a_clip_look_at_the_batch_too(kind):
    L = objective(LAYERS[kind])
    found = []
    for clip in (None, optim.Clip(norm=1e6)):
        at = started(L)
        L.descend(at, {}, optim.SGD(), np.arange(40), BATCH, np.full(2, 0.1, np.float32), seed=3, clip=clip)
        found.append(at)
    for name, part in found[0].items():
        np.testing.assert_allclose(part, found[1][name], rtol=1e-4, atol=1e-5)


@native
def test_smoothed_labels_in_the_linear_sweep():
    L = objective([Linear(D, C)], losses.Softmax(smoothing=0.3))
    linear = CompiledLinear(L.X, L.y, C, L.loss, L.penalty, L.alpha, L.scaling, L.weight)
    at = L.model.init(seed=1)
    value, slopes = linear.value_and_gradient({"W": at["linear1.W"], "b": at["linear1.b"]})
    expected, found = L.value_and_gradient(at)
    assert linear._formula().native == "softmax"
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(slopes["W"], found["linear1.W"], atol=1e-6)
    np.testing.assert_allclose(slopes["b"], found["linear1.b"], atol=1e-6)
