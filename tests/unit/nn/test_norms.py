"""Batch and layer norm against their formulas; the way of the running statistics."""

import numpy as np
import pytest

import steepest as st
from steepest.nn import BatchNorm, LayerNorm, Linear, Mode, Residual, Sequential

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(9, 4))
SCALE, SHIFT = RNG.uniform(0.5, 2, 4), RNG.normal(size=4)
OWN = {"scale": SCALE, "shift": SHIFT}


def test_batch_norm_by_hand():
    X = np.array([[1.0], [2.0], [6.0]])  # mean 3, variance (4 + 1 + 9) / 3
    y = BatchNorm(eps=1.0).apply({"scale": np.array([2.0]), "shift": np.array([10.0])}, X, Mode(training=True))
    root = np.sqrt(14 / 3 + 1)
    np.testing.assert_allclose(y[:, 0], [10 - 4 / root, 10 - 2 / root, 10 + 6 / root])


def test_in_training_the_batch_is_standardized():
    y = BatchNorm(eps=1e-12).apply(OWN, X, Mode(training=True))
    np.testing.assert_allclose(y, (X - X.mean(axis=0)) / X.std(axis=0) * SCALE + SHIFT)


def test_running_statistics():
    model = Sequential(BatchNorm(momentum=0.25))
    p, state = model.init(4), model.state(4)
    assert state["batch_norm1.mean"].tolist() == [0] * 4
    assert state["batch_norm1.variance"].tolist() == [1] * 4
    before = {name: array.copy() for name, array in (p | state).items()}
    new = {}
    model(p | state, X, Mode(training=True, collect=new))
    np.testing.assert_allclose(new["batch_norm1.mean"], 0.25 * X.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(new["batch_norm1.variance"], 0.75 + 0.25 * X.var(axis=0, ddof=1), rtol=1e-6)
    assert {array.dtype for array in new.values()} == {np.dtype(np.float32)}
    for name, array in (p | state).items():
        np.testing.assert_array_equal(array, before[name])
    for _ in range(100):
        model(p | new, X, Mode(training=True, collect=new))
    np.testing.assert_allclose(new["batch_norm1.mean"], X.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(model(p | new, X), (X - X.mean(axis=0)) / X.std(axis=0, ddof=1), rtol=1e-3)


def test_evaluation_is_a_function_of_each_row():
    model = Sequential(BatchNorm())
    state = {"batch_norm1.mean": np.arange(4.0), "batch_norm1.variance": np.full(4, 4.0)}
    p = model.init(4) | state
    y = model(p, X)
    np.testing.assert_allclose(y, (X - np.arange(4)) / np.sqrt(4 + 1e-5))
    np.testing.assert_array_equal(model(p, X[3:4]), y[3:4])
    new = {}
    model(p, X, Mode(collect=new))
    assert new == {}


def test_statistics_on_the_graph_are_plain_arrays_by_full_name():
    model = Sequential(Linear(4, 3), Residual([BatchNorm()]), BatchNorm())
    at = {name: st.tensor(array) for name, array in model.init(seed=0).items()}
    new = {}
    model(at | model.state(), X, Mode(training=True, collect=new))
    assert set(new) == set(model.state())
    assert "residual1.batch_norm1.mean" in new
    assert all(isinstance(array, np.ndarray) for array in new.values())


def test_what_batch_norm_cannot_do_without():
    model = st.nn.MLP([4, 3, 2], norm="batch")
    p = model.init()
    with pytest.raises(st.InputError, match="batch_norm1: the running mean and variance are missing"):
        model(p, X)
    with pytest.raises(st.InputError, match="batch_norm1: the running mean and variance are missing"):
        model(p, X, Mode(training=True, collect={}))
    with pytest.raises(st.InputError, match="batch_norm1: a batch of 1 rows has no variance"):
        model(p, X[:1], Mode(training=True))
    with pytest.raises(st.InputError, match=r"batch_norm1: parameter variance has shape \(1,\), and must have \(3,\)"):
        model(p | model.state() | {"batch_norm1.variance": np.ones(1)}, X)


def test_layer_norm_by_hand():
    X = np.array([[1.0, 2.0, 6.0]])
    y = LayerNorm(eps=1.0).apply({"scale": np.array([1.0, 2.0, 3.0]), "shift": np.full(3, 10.0)}, X, st.nn.EVALUATION)
    root = np.sqrt(14 / 3 + 1)
    np.testing.assert_allclose(y[0], [10 - 2 / root, 10 - 2 / root, 10 + 9 / root])


def test_layer_norm_is_the_same_in_both_modes_and_for_each_row():
    layer = LayerNorm(eps=1e-12)
    y = layer.apply(OWN, X, Mode(training=True))
    np.testing.assert_array_equal(layer.apply(OWN, X, st.nn.EVALUATION), y)
    np.testing.assert_allclose(y[2], (X[2] - X[2].mean()) / X[2].std() * SCALE + SHIFT)
    images = RNG.normal(size=(3, 5, 4))
    assert layer.apply(OWN, images, st.nn.EVALUATION).shape == images.shape


def test_a_constant_feature_does_no_harm():
    constant = np.full((5, 4), 7.0)
    np.testing.assert_array_equal(BatchNorm().apply(OWN, constant, Mode(training=True)), np.tile(SHIFT, (5, 1)))
    np.testing.assert_array_equal(LayerNorm().apply(OWN, constant, st.nn.EVALUATION), np.tile(SHIFT, (5, 1)))
