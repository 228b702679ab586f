"""What every layer makes of the rows."""

import numpy as np

import steepest as st


def test_the_trace_of_a_network_by_hand():
    model = st.nn.MLP([3, 4, 2], dropout=0.5)
    parameters, X = model.init(seed=1), np.random.default_rng(0).normal(size=(5, 3))
    seen = model.trace(parameters, X)
    sums = X @ parameters["linear1.W"] + parameters["linear1.b"]
    np.testing.assert_allclose(seen["linear1"], sums, rtol=1e-6)
    np.testing.assert_allclose(seen["activation1"], np.maximum(sums, 0), rtol=1e-6)
    np.testing.assert_array_equal(seen["dropout1"], seen["activation1"])
    np.testing.assert_array_equal(seen["linear2"], model(parameters, X))
    assert tuple(seen) == model.names
    dropped = model.trace(parameters, X, st.nn.Mode(training=True, seed=3, step=1))["dropout1"]
    assert set(np.unique(dropped == 0)) == {False, True}


def test_a_trained_network_is_traced_on_features_as_given():
    ds = st.load("digits")
    run = st.train(st.nn.MLP([64, 16, 10]), ds, epochs=1)
    seen = run.model.function.trace(ds.X[:7])
    np.testing.assert_allclose(seen["linear2"], run.model.function.scores(ds.X[:7]), atol=1e-4)
    assert seen["activation1"].shape == (7, 16)
