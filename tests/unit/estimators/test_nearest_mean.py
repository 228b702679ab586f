"""NearestMean: means and medians as NumPy finds them, the labels of scikit-learn, and a linear classifier."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st_
from scipy.stats import multivariate_normal
from sklearn.neighbors import NearestCentroid

import steepest as st
from steepest.errors import InputError
from steepest.estimators.nearest_mean import NearestMean

NAMES = {"l1": "manhattan", "l2": "euclidean"}


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(0)
    y = rng.choice(4, 500, p=[0.1, 0.2, 0.3, 0.4])
    return rng.normal(size=(500, 6)) + np.eye(4, 6)[y], y


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_means_and_labels_are_those_of_scikit_learn(blobs, metric):
    X, y = blobs
    ours, theirs = NearestMean(metric).fit(X, y), NearestCentroid(metric=NAMES[metric]).fit(X, y)
    np.testing.assert_allclose(ours.means_, theirs.centroids_, rtol=1e-12)
    Z = np.random.default_rng(1).normal(size=(1000, 6))
    np.testing.assert_array_equal(ours.predict(Z), theirs.predict(Z))


@given(
    seed=st_.integers(0, 1000),
    dtype=st_.sampled_from(["uint8", "float16", "float32", "float64"]),
    rows=st_.integers(2, 60),
    features=st_.integers(1, 30),
    memory=st_.sampled_from([1e-6, 1e-4, 1.0]),
    strided=st_.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=40)
def test_means_and_medians_are_those_of_numpy(seed, dtype, rows, features, memory, strided):
    rng = np.random.default_rng(seed)
    X = (rng.integers(0, 256, (rows, features + 3)) / (1 if dtype == "uint8" else 7)).astype(dtype)
    X = X[:, 1:-2] if strided else np.ascontiguousarray(X[:, 1:-2])
    y = np.append([0, 1], rng.integers(0, 2, rows - 2))
    for metric, middle in (("l2", np.mean), ("l1", np.median)):
        means = NearestMean(metric, memory=memory).fit(X, y).means_
        for c in (0, 1):
            np.testing.assert_allclose(means[c], middle(X[y == c].astype(np.float64), axis=0), rtol=1e-13)


@pytest.mark.parametrize("priors", [None, "empirical", [0.1, 0.2, 0.3, 0.4]])
@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_a_linear_classifier(blobs, priors, classes):
    X, y = blobs[0][blobs[1] < classes], blobs[1][blobs[1] < classes]
    priors = [0.2, 0.8] if classes == 2 and isinstance(priors, list) else priors
    clf = NearestMean(priors=priors).fit(X, y)
    linear, scores = X @ clf.coef_.T + clf.intercept_, clf.decision_function(X)
    if classes == 2:
        assert clf.coef_.shape == (1, 6)
        np.testing.assert_allclose(linear[:, 0], scores, atol=1e-12)
        np.testing.assert_array_equal(clf.predict(X), linear[:, 0] > 0)
    else:
        np.testing.assert_array_equal(clf.coef_, clf.means_)
        np.testing.assert_allclose(linear - linear[:, :1], scores - scores[:, :1], atol=1e-12)
        np.testing.assert_array_equal(clf.predict(X), linear.argmax(axis=1))


def test_with_priors_it_is_the_likeliest_of_round_clouds(blobs):
    X, y = blobs
    clf = NearestMean(priors="empirical").fit(X, y)
    share, means = np.bincount(y) / len(y), [X[y == c].mean(axis=0) for c in range(4)]
    variance = np.mean((X - np.take(means, y, axis=0)) ** 2)
    assert clf.variance_ == pytest.approx(variance)
    joint = [
        multivariate_normal(m, variance * np.eye(6)).logpdf(X) + np.log(p) for m, p in zip(means, share, strict=True)
    ]
    np.testing.assert_array_equal(clf.predict(X), np.argmax(joint, axis=0))
    assert not np.array_equal(clf.predict(X), NearestMean().fit(X, y).predict(X))
    np.testing.assert_array_equal(NearestMean(priors=share).fit(X, y).intercept_, clf.intercept_)


def test_equal_distances_go_to_the_first_class():
    for metric in ("l1", "l2"):
        assert NearestMean(metric).fit([[0.0], [2.0]], ["b", "a"]).predict([[1.0]]).tolist() == ["a"]


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_bytes_are_read_as_they_are_and_threads_change_nothing(metric):
    train, test = st.load("digits").split(seed=0)
    X, Z = (part.X.reshape(len(part.X), -1).astype(np.uint8) for part in (train, test))
    one = NearestMean(metric, threads=1).fit(X, train.y)
    assert one.score(Z, test.y) > 0.85
    for how in ({"threads": 2}, {"threads": 2, "memory": 2}):
        other = NearestMean(metric, **how).fit(X, train.y)
        np.testing.assert_array_equal(other.means_, one.means_)
        np.testing.assert_array_equal(other.decision_function(Z), one.decision_function(Z))
    floats = NearestMean(metric).fit(X.astype(np.float64), train.y)
    np.testing.assert_allclose(floats.means_, one.means_, rtol=1e-13)


def test_a_huge_offset_costs_nothing():
    X = 1e9 + np.array([[0.0], [1.0], [4.0], [5.0]])
    clf = NearestMean().fit(X, [0, 0, 1, 1])
    assert clf.means_.ravel().tolist() == [1e9 + 0.5, 1e9 + 4.5]
    assert clf.predict(1e9 + np.array([[2.25], [2.75]])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"metric": "l3"}, "metric='l3'"), ({"memory": -1}, "memory=-1"), ({"priors": "uniform"}, "'empirical'"),
        ({"priors": [0.5, 0.5]}, "4 positive numbers"), ({"priors": [0.5, 0.5, 0.5, 0.5]}, "sum to 1"),
        ({"priors": [0.5, 0.5, 0, 0]}, "positive"), ({"priors": "empirical", "metric": "l1"}, "metric='l2'"),
    ],
)  # fmt: skip
def test_wrong_words_are_named(blobs, how, word):
    with pytest.raises(InputError, match=word):
        NearestMean(**how).fit(*blobs)


def test_nothing_of_an_earlier_fit_is_left(blobs):
    clf = NearestMean(priors="empirical").fit(*blobs)
    assert hasattr(clf, "variance_")
    clf.set_params(priors=None).fit(*blobs)
    assert not hasattr(clf, "variance_")
    assert not hasattr(clf.set_params(metric="l1").fit(*blobs), "coef_")


def test_what_cannot_be_asked(blobs):
    X, y = blobs
    with pytest.raises(InputError, match="one class only"):
        NearestMean().fit(X, np.zeros(500))
    with pytest.raises(ValueError, match="6 features"):
        NearestMean().fit(X, y).predict(X[:, :5])
    clf = NearestMean().fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.decision_function(X), clf.decision_function(X))


@pytest.mark.slow
@pytest.mark.data
def test_the_accuracy_on_cifar10_is_the_published_one():
    """scope.md S1.3: 27-28 %."""
    tar = Path(os.environ.get("STEEPEST_DATA", "")) / "cifar10-images.tar"
    if not tar.is_file():
        pytest.skip("no cifar10-images.tar: STEEPEST_DATA names its folder")
    train, test = st.load(tar).split()
    X, Z = train.X.reshape(len(train.X), -1), test.X.reshape(len(test.X), -1)
    assert 0.27 < NearestMean().fit(X, train.y).score(Z, test.y) < 0.28
