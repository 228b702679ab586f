"""An approximate index finds nearly all neighbours, measures what it finds exactly, and says what it needs."""

import sys

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError
from steepest.estimators.knn import KNNClassifier
from steepest.nn.approximate import Graph

faiss = pytest.importorskip("faiss", reason="the extra `neighbors` is not installed")


def clouds(dtype, rows=1500, features=24, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 10, rows)
    X = rng.normal(size=(10, features))[y] * 20 + rng.normal(size=(rows, features)) * 15 + 100
    return X.clip(0, 255).astype(dtype), y


def recall(clf, exact, Z, k=None):
    found, true = clf.kneighbors(Z, k)[1], exact.kneighbors(Z, k)[1]
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), true.tolist(), strict=True)])


@pytest.mark.parametrize("metric", ["l2", "l1"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_nearly_all_neighbours_are_found_and_measured_exactly(metric, dtype):
    X, y = clouds(dtype)
    exact = KNNClassifier(5, metric).fit(X[:1200], y[:1200])
    clf = KNNClassifier(5, metric, index="approximate", candidates=40).fit(X[:1200], y[:1200])
    assert recall(clf, exact, X[1200:]) > 0.97
    assert recall(clf.set_params(candidates=400), exact, X[1200:]) > 0.999
    (far, index), (true, which) = clf.kneighbors(X[1200:]), exact.kneighbors(X[1200:])
    same = (index == which).all(axis=1)
    assert same.mean() > 0.99
    np.testing.assert_allclose(far[same], true[same], rtol=1e-12)
    np.testing.assert_array_equal(clf.predict(X[1200:])[same], exact.predict(X[1200:])[same])


def test_fewer_candidates_find_less():
    X, y = clouds("float32", 4000, 60)
    exact = KNNClassifier(20).fit(X, y)
    clf = KNNClassifier(20, index="approximate", candidates=1).fit(X, y)
    few = recall(clf, exact, X[:200])
    assert few < recall(clf.set_params(candidates=500), exact, X[:200])


def test_digits_by_their_neighbours():
    train, test = st.load("digits").split(seed=0)
    exact, clf = (KNNClassifier(3, index=how).fit(train.X, train.y) for how in ("exact", "approximate"))
    assert np.mean(clf.predict(test.X) == exact.predict(test.X)) > 0.99
    assert recall(clf, exact, None) > 0.98  # of the examples themselves, none its own
    assert not (clf.kneighbors(n_neighbors=4)[1] == np.arange(len(train.X))[:, None]).any()


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_neither_offset_nor_size_of_the_features_matter(offset, size):
    X, y = clouds("float64", 400, 6)
    exact, clf = (KNNClassifier(5, index=how).fit((X + offset) * size, y) for how in ("exact", "approximate"))
    assert recall(clf, exact, (X[::2] + offset) * size) > 0.99


def test_all_examples_can_be_asked_for_and_equal_ones_come_in_their_order():
    X = np.repeat([[0.0], [5.0]], 30, axis=0)
    clf = KNNClassifier(60, index="approximate").fit(X, np.arange(60) % 2)
    distance, index = clf.kneighbors([[1.0]])
    assert index[0].tolist() == list(range(60))
    assert distance[0].tolist() == [1.0] * 30 + [4.0] * 30


class Lost:
    """A graph with no path to the last of so many rows, which gives the others in no order."""

    def search(self, queries, k, params):
        found = np.full((len(queries), k), -1)
        found[:, : k - 1] = np.arange(k - 1)[::-1]
        return np.zeros(found.shape), found


def test_where_no_path_leads_to_enough_rows_all_are_looked_at():
    X = np.array([[3.0], [3.0], [1.0], [9.0], [9.0], [0.0]])
    graph = Graph(X, "l2").build()
    graph.index = Lost()
    for k, expected in ((1, [0]), (3, [2, 0, 1]), (6, [2, 0, 1, 5, 3, 4])):  # of 2k, at most 6, all but one are found
        ((_, distance, index),) = graph.nearest(np.array([[1.5]]), k, 512.0, 1)
        assert index[0].tolist() == expected
        np.testing.assert_array_equal(distance[0], np.abs(X[expected, 0] - 1.5))


def test_threads_budget_and_pickles_change_nothing():
    import pickle

    X, y = clouds("float32", 800)
    first = KNNClassifier(index="approximate", threads=1).fit(X, y)
    expected = first.kneighbors(X[:100])
    for other in (
        KNNClassifier(index="approximate", threads=2, memory=0.1).fit(X, y), pickle.loads(pickle.dumps(first))
    ):  # fmt: skip
        for a, b in zip(other.kneighbors(X[:100]), expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_faiss_is_given_its_threads_back():
    X, y = clouds("uint8", 300)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(before + 1)
    try:
        KNNClassifier(index="approximate", threads=1).fit(X, y).predict(X[:5])
        assert faiss.omp_get_max_threads() == before + 1
    finally:
        faiss.omp_set_num_threads(before)


@pytest.mark.parametrize(("dtype", "metric", "width"), [("uint8", "l2", 1), ("float16", "l2", 2), ("uint8", "l1", 4)])
def test_the_index_keeps_no_more_than_it_must(dtype, metric, width):
    X, y = clouds(dtype, 2000, 200)
    clf = KNNClassifier(metric=metric, index="approximate").fit(X, y)
    assert np.shares_memory(clf.model_.X, X)
    assert len(faiss.serialize_index(clf.model_.graph.index)) < len(X) * (width * 200 + 200)


def test_memory_is_reckoned_before_it_is_taken(monkeypatch):
    X, y = clouds("uint8", 1000)
    monkeypatch.setattr("steepest.nn.approximate.memory_size", lambda: 1000 * (24 + 200))
    KNNClassifier(index="approximate").fit(X, y)
    with pytest.raises(
        InputError, match=r"1,000 examples would take 296\.0 kB, .* 224\.0 kB of memory: use index='exact'"
    ):
        KNNClassifier(index="approximate").fit(X.astype(np.float32), y)


def test_what_is_wrong_is_named(monkeypatch):
    X, y = clouds("float32", 50)
    for how, word in (
        ({"index": "aproximate"}, "did you mean approximate"), ({"candidates": 0}, "candidates=0"),
        ({"index": "approximate", "n_neighbors": 51}, "51 is more than"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=word):
            KNNClassifier(**how).fit(X, y)
    clf = KNNClassifier(index="approximate").fit(X, y)
    with pytest.raises(InputError, match=r"memory=0.001 is not enough to find 5 .* takes .* megabytes"):
        clf.set_params(memory=0.001).predict(X)
    with pytest.raises(InputError, match="no approximate index with metric='l1' yet"):
        clf.set_params(metric="l1").predict(X)
    with pytest.raises(InputError, match="no approximate index"):
        KNNClassifier().fit(X, y).set_params(index="approximate").predict(X)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"pip install 'steepest\[neighbors\]'"):
        KNNClassifier(index="approximate").fit(X, y)
