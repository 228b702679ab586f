"""Where weights start: the equations, the seeds, and why not at zero."""

import zlib

import numpy as np
import pytest

import steepest as st
from steepest.nn import Activation, Dropout, Linear, Sequential, initialization
from steepest.objective.graph import GraphObjective

IN, OUT = 300, 200


def drawn(name, **parameters):
    how = initialization.get(name, **parameters)
    return how(initialization.generator(0, "linear1"), IN, OUT)


@pytest.mark.parametrize(("name", "n"), [("xavier", IN + OUT), ("he", IN)])
def test_normal_times_the_root_of_two_over_n(name, n):
    W = drawn(name)
    scaled = W.astype(float) / np.sqrt(2 / n)
    count = W.size
    assert abs(scaled.mean()) < 4 / np.sqrt(count)
    assert abs(scaled.var() - 1) < 4 * np.sqrt(2 / count)
    assert abs((scaled**4).mean() - 3) < 4 * np.sqrt(96 / count)
    assert abs((scaled[0::2] * scaled[1::2]).mean()) < 4 / np.sqrt(count / 2)


def test_he_and_xavier_are_the_same_draws_on_two_scales():
    np.testing.assert_allclose(drawn("xavier") * np.sqrt((IN + OUT) / IN), drawn("he"), rtol=1e-6)


def test_uniform_fills_its_interval():
    W = drawn("uniform", eps=0.1).astype(float)
    assert np.abs(W).max() <= 0.1
    assert np.abs(W).max() > 0.0999
    assert abs(W.mean()) < 4 * 0.1 / np.sqrt(3 * W.size)
    assert abs(W.var() - 0.01 / 3) < 1e-4
    assert not drawn("zeros").any()


def test_the_numbers_are_those_of_the_raw_bits():
    bits = np.random.Philox(key=[7, 4 << 32 | 3518616377]).random_raw(4) >> np.uint64(11)
    u, v = (bits * 2.0**-53)[:2], (bits * 2.0**-53)[2:]
    radius = np.sqrt(-2 * np.log(1 - u))
    expected = np.concatenate([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)])[:3]
    assert zlib.crc32(b"linear1") == 3518616377
    W = Sequential(Linear(3, 1)).init(seed=7, init="he")["linear1.W"]
    np.testing.assert_allclose(W[:, 0], expected * np.sqrt(2 / 3), rtol=1e-6)


def test_a_layers_weights_depend_on_seed_and_name_alone():
    plain, dropped = st.nn.MLP([3, 4, 2]), st.nn.MLP([3, 4, 2], dropout=0.5, norm="layer")
    other = Sequential(Linear(9, 4), Activation("relu"), Dropout(0.1), Linear(4, 2))
    for model in (dropped, other):
        assert (model.init(seed=3)["linear2.W"] == plain.init(seed=3)["linear2.W"]).all()
    p, q = plain.init(seed=0), plain.init(seed=1)
    assert not np.intersect1d(p["linear1.W"], q["linear1.W"]).size
    same = Sequential(Linear(3, 3), Linear(3, 3)).init(seed=0)
    assert not np.intersect1d(same["linear1.W"], same["linear2.W"]).size
    inner = Sequential(st.nn.Residual([Linear(3, 3)]), st.nn.Residual([Linear(3, 3)]), Linear(3, 3)).init(seed=0)
    weights = [array.ravel() for name, array in inner.items() if name.endswith("W")]
    assert len(np.unique(np.concatenate(weights))) == 27


def test_biases_are_zero_and_the_models_own_initialization_can_be_overruled():
    model = st.nn.MLP([3, 4, 2], init="zeros")
    assert not any(array.any() for array in model.init(seed=0).values())
    p = model.init(seed=0, init="he")
    assert p["linear1.W"].all()
    assert not p["linear1.b"].any()
    ones = model.init(init=lambda rng, inputs, outputs: np.ones((inputs, outputs)))
    assert ones["linear2.W"].tolist() == [[1, 1]] * 4


@pytest.mark.parametrize("activation", ["sigmoid", "softplus"])
def test_zeros_keep_hidden_units_identical(activation):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), np.arange(30) % 3 // 2
    model = st.nn.MLP([3, 4, 2], activation, init="zeros")
    L = GraphObjective(model, X, y)

    def after_three_steps(p):
        for _ in range(3):
            gradient = L.value_and_gradient(p)[1]
            p = {name: p[name] - 0.5 * gradient[name] for name in p}
        return p

    p = after_three_steps(model.init())
    assert np.abs(p["linear1.W"]).min() > 0  # they do move, but as one
    assert np.ptp(p["linear1.W"], axis=1).max() < 1e-15
    assert np.ptp(p["linear1.b"]) < 1e-15
    assert np.ptp(p["linear2.W"], axis=0).max() < 1e-15
    apart = after_three_steps(model.init(init="uniform"))
    assert np.ptp(apart["linear1.W"], axis=1).min() > 1e-3


def test_names():
    assert initialization.NAMES == ("zeros", "uniform", "xavier", "he")
    assert initialization.get("uniform") == initialization.Uniform(0.05)
    for bad, said in (
        (lambda: initialization.get("glorot"), "no initialization 'glorot': choose one of zeros, uniform, xavier, he"),
        (lambda: initialization.get(None), "no initialization None"),
        (lambda: initialization.get("he", eps=1.0), "he has no parameter 'eps': it takes none"),
        (lambda: initialization.get("uniform", epsilon=1.0), "no parameter 'epsilon': its parameter is eps"),
        (lambda: initialization.get(initialization.He(), eps=1.0), "has its parameters already"),
        (lambda: initialization.get("uniform", eps=0.0), "eps of the uniform initialization must be greater than 0"),
        (lambda: initialization.generator(2**64, "linear1"), "seed must be less than 2\\^64"),
    ):
        with pytest.raises(st.InputError, match=said):
            bad()
