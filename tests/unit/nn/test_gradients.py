"""Every layer's gradient against differences: alone, and inside a network."""

from functools import partial

import numpy as np
import pytest

import steepest as st
from steepest.nn import (
    Activation,
    BatchNorm,
    Dropout,
    Flatten,
    LayerNorm,
    Linear,
    Mode,
    Residual,
    Sequential,
    Standardize,
)
from steepest.objective.graph import GraphObjective

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4))
TRAINING = Mode(training=True, seed=3, step=5)

LAYERS = {
    "linear": Linear(4, 3),
    "linear without bias": Linear(4, 3, bias=False),
    **{name: Activation(name) for name in st.nn.NAMES},
    "leaky_relu 0.3": Activation("leaky_relu", slope=0.3),
    "elu 0.5": Activation("elu", slope=0.5),
    "swish": Activation(lambda x: x * st.sigmoid(x)),
    "dropout": Dropout(0.4),
    "batch norm": BatchNorm(),
    "layer norm": LayerNorm(),
    "residual": Residual([Linear(4, 3), Activation("tanh"), Linear(3, 4)]),
    "stochastic depth": Residual([Linear(4, 4), Activation("tanh")], drop=0.5),
    "flatten": Flatten(),
    "standardize": Standardize(RNG.normal(size=4), RNG.uniform(0.5, 2, 4)),
}


def somewhere(model, shape=4, seed=1):
    """Parameters away from where they start: scales that are not one, biases that are not zero."""
    rng = np.random.default_rng(seed)
    return {name: array + rng.normal(0, 0.3, array.shape) for name, array in model.init(shape, seed=seed).items()}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_alone_by_parameters_and_by_what_it_takes(layer, training):
    model = Sequential(layer)
    state = {} if training else model.state(4)
    weights = np.random.default_rng(2).normal(size=(len(X), *model.output_shape(4)))

    def value(at):
        scores = model({**at["parameters"], **state}, at["x"], TRAINING if training else st.nn.EVALUATION)
        return (scores * weights).sum()

    check = st.check_gradient(value, {"parameters": somewhere(model), "x": X})
    assert check, check


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_inside_a_network(layer):
    behind = layer.output_shape((4,))[0]
    model = Sequential(Linear(5, 4), layer, Linear(behind, 3))
    rng = np.random.default_rng(3)
    inputs, y = rng.normal(size=(8, 5)), rng.integers(0, 3, 8)
    formula = partial(model, mode=TRAINING)
    L = GraphObjective(formula, inputs, y, loss="softmax", penalty="l2", alpha=0.1)
    check = st.check_gradient(L, somewhere(model, 5))
    assert check, check


def test_images_through_a_network():
    model = Sequential(LayerNorm(), Flatten(), BatchNorm(), Linear(6, 2))
    images = np.random.default_rng(4).normal(size=(5, 2, 3))
    L = GraphObjective(partial(model, mode=TRAINING), images, np.array([0, 1, 1, 0, 1]))
    check = st.check_gradient(L, somewhere(model, (2, 3)))
    assert check, check


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_arrays_and_tensors_give_the_same_numbers(layer):
    model = Sequential(layer)
    at = somewhere(model)
    for mode, state in ((TRAINING, {}), (st.nn.EVALUATION, model.state(4))):
        plain = model({**at, **state}, X, mode)
        on_graph = model({name: st.tensor(array) for name, array in at.items()} | state, st.tensor(X), mode)
        np.testing.assert_array_equal(on_graph.value, plain)
        single = model({n: a.astype(np.float32) for n, a in at.items()} | state, X.astype(np.float32), mode)
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, plain, rtol=1e-4, atol=1e-5)


def test_the_penalty_acts_on_weights_alone():
    model = st.nn.MLP([4, 3, 2], norm="layer")
    L = GraphObjective(model, X, np.zeros(6, int), penalty="l2", alpha=1.0)
    p = somewhere(model)
    expected = sum((p[name] ** 2).sum() for name in ("linear1.W", "linear2.W"))
    assert L.value(p) - L.data_term().value(p) == pytest.approx(expected)
