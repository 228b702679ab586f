"""Without a bend, however deep, a network is one linear map."""

import numpy as np
import pytest

import steepest as st
from steepest.nn import (
    Activation,
    BatchNorm,
    Dropout,
    Flatten,
    Linear,
    Mode,
    Residual,
    Sequential,
    Standardize,
)

RNG = np.random.default_rng(0)


def parameters_of(model, shape=None):
    state = {name: array + RNG.uniform(0.1, 1, array.shape) for name, array in model.state(shape).items()}
    return {name: array + RNG.normal(0, 0.3, array.shape) for name, array in model.init(shape).items()} | state


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (st.nn.MLP([5, 2]), 5),
        (st.nn.MLP([5, 30, 20, 2], "identity"), 5),
        (st.nn.MLP([5, 30, 2], "identity", dropout=0.5, norm="batch"), 5),
        (Sequential(Standardize(RNG.normal(100, 1, 5), RNG.uniform(0.1, 1, 5)), Linear(5, 3, bias=False)), 5),
        (Sequential(Flatten(), Linear(6, 4), Linear(4, 3)), (2, 3)),
        (Sequential(Standardize(np.ones((2, 3)), np.full((2, 3), 2.0)), Flatten(), Linear(6, 3)), (2, 3)),
        (Sequential(Residual([Linear(5, 7), Dropout(0.1), Linear(7, 5)], drop=0.2), Linear(5, 2)), 5),
        (Sequential(Flatten()), (2, 3)),
    ],
)
def test_the_map_is_the_network(model, shape):
    p = parameters_of(model, shape)
    X = RNG.normal(size=(11, *(shape if isinstance(shape, tuple) else (shape,))))
    W, b = model.collapse(p, shape)
    assert W.dtype == b.dtype == np.float64
    np.testing.assert_allclose(X.reshape(11, -1) @ W + b, model(p, X), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (st.nn.MLP([3, 4, 2]), r"activation1: Activation\('relu'\) is not linear"),
        (st.nn.MLP([3, 4, 4, 2], norm="layer", activation="identity"), "layer_norm1: LayerNorm.* is not linear"),
        (Sequential(Residual([Linear(3, 3), Activation("tanh")])), "residual1: activation1: .*tanh.* is not linear"),
        (Sequential(Linear(3, 3), Activation(lambda x: x)), "activation1: Activation.* is not linear"),
    ],
)
def test_a_bend_is_named(model, said):
    with pytest.raises(st.InputError, match=said):
        model.collapse(model.init())


def test_missing_parameters_are_named():
    with pytest.raises(st.InputError, match=r"linear1: parameter W \(3, 2\) is missing"):
        st.nn.MLP([3, 2]).collapse({})
    model = Sequential(Linear(3, 3), BatchNorm())
    with pytest.raises(st.InputError, match="batch_norm1: the running mean and variance are missing"):
        model.collapse(model.init())


def test_training_is_another_matter():
    model = st.nn.MLP([3, 40, 2], "identity", dropout=0.5)
    p, X = model.init(), RNG.normal(size=(4, 3))
    W, b = model.collapse(p)
    assert not np.allclose(X @ W + b, model(p, X, Mode(training=True)))
