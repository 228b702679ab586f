"""A weight of 0 is a row left out, one of 2 is a row given twice: in the scaling of the features too."""

import numpy as np
import pytest

import steepest as st
from steepest.nn.scaling import fit_scaling

EXACT = [
    st.LinearClassifier(alpha=1e-2, tol=1e-9),
    st.LinearClassifier("squared_hinge", alpha=1e-2, tol=1e-9),
    st.LinearClassifier("squared", alpha=1e-2),
    st.RidgeClassifier(1e-2),
    st.OneVsAllSVM(alpha=1e-2, tol=1e-9),
]


@pytest.fixture(params=["standard", None, "unit"])
def scaled(request, three):
    """Rows, some of them far out, labels and a scaling."""
    X, y = three
    X = X * [1, 10, 0.1, 1]
    X[::7] *= 20  # what these weigh matters to a deviation
    if request.param == "unit":
        X = np.clip(X + 60, 0, 255).astype(np.uint8)
    return X, y, request.param


@pytest.mark.parametrize("clf", EXACT, ids=lambda clf: f"{type(clf).__name__}-{getattr(clf, 'loss', 'squared')}")
@pytest.mark.parametrize("dtype", ["as it is", "float16"])
def test_no_weight_is_no_row_and_twice_the_weight_is_two_rows(clf, scaled, dtype):
    X, y, how = scaled
    X = X.astype(np.float16) if dtype == "float16" and how != "unit" else X
    times = np.random.default_rng(0).choice([0, 1, 2], len(y), p=[0.3, 0.4, 0.3])
    clf.set_params(scaling=how)
    weighted = clf.fit(X, y, 0.7 * times).decision_function(X)
    expected = clf.fit(np.repeat(X, times, axis=0), np.repeat(y, times)).decision_function(X)
    np.testing.assert_allclose(weighted, expected, atol=2e-4 * np.abs(expected).max())
    other = clf.fit(X, y).decision_function(X)
    assert np.abs(weighted - other).max() > 0.01 * np.abs(other).max()


def test_class_weights_are_weights(scaled):
    X, y, how = scaled
    for clf in (*EXACT, st.MLPClassifier((8,), epochs=3)):
        clf.set_params(scaling=how, class_weight={0: 5.0})
        ours = clf.fit(X, y).decision_function(X)
        clf.set_params(class_weight=None)
        np.testing.assert_array_equal(clf.fit(X, y, np.where(y == 0, 5.0, 1.0)).decision_function(X), ours)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_weighted_deviations_are_those_of_numpy(dtype, monkeypatch):
    monkeypatch.setattr("steepest.nn.scaling.BLOCK", 50)  # several blocks
    rng = np.random.default_rng(1)
    X = (rng.integers(0, 200, (83, 5)) + 50).astype(dtype)
    w = rng.uniform(0, 3, 83)
    shift, scale = fit_scaling(X, "standard", weight=w)
    mean = np.average(X.astype(np.float64), axis=0, weights=w)
    np.testing.assert_allclose(shift, mean, rtol=1e-12)
    np.testing.assert_allclose(scale**-2, np.average((X - mean) ** 2, axis=0, weights=w), rtol=1e-12)
    np.testing.assert_allclose(fit_scaling(X, "standard", weight=np.ones(83)).scale, fit_scaling(X, "standard").scale)
