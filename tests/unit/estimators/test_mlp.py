"""MLPClassifier: unattended, the same bits on any number of threads, early stopping, streams."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import steepest as st
from steepest.kernels.dispatch import runs_native


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_digits_unattended(seed):
    train, test = st.load("digits").split(seed=seed)
    clf = st.MLPClassifier(random_state=seed).fit(train.X, train.y)
    assert clf.score(test.X, test.y) >= 0.97
    assert [W.shape for W in clf.coefs_] == [(64, 128), (128, 10)]
    assert [b.shape for b in clf.intercepts_] == [(128,), (10,)]


@pytest.mark.parametrize("name", ["moons", "spiral"])
@pytest.mark.parametrize("seed", [0, 1])
def test_toy_problems_are_solved(name, seed):
    train, test = st.load(f"{name}:n=600,seed={seed}").split(seed=seed)
    assert st.MLPClassifier(hidden=(32, 32), random_state=seed).fit(train.X, train.y).score(test.X, test.y) > 0.97


@pytest.mark.parametrize("how", [{"dropout": 0.2}, {"norm": "batch"}, {"norm": "layer"}, {"activation": "gelu"}])
def test_options_learn_the_digits(digits, how):
    train, test = digits
    clf = st.MLPClassifier(hidden=(64,), epochs=15, **how).fit(train.X, train.y)
    assert clf.score(test.X, test.y) > 0.95


def test_threads_never_change_a_bit(digits):
    train, _ = digits
    one, two = (st.MLPClassifier(epochs=5, dropout=0.2, threads=k).fit(train.X, train.y) for k in (1, 2))
    for a, b in zip(one.coefs_ + one.intercepts_, two.coefs_ + two.intercepts_, strict=True):
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


def test_labels_and_pickles_and_clones(digits):
    train, test = digits
    names = np.array([f"digit {k}" for k in range(10)])
    clf = st.MLPClassifier(epochs=5).fit(train.X, names[train.y])
    assert clf.score(test.X, names[test.y]) > 0.9
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(test.X), clf.predict_proba(test.X))
    assert clone(clf).get_params() == clf.get_params()


def test_it_works_in_pipelines_and_searches(digits):
    train, _ = digits
    X, y = train.X[:600], train.y[:600]
    pipe = make_pipeline(StandardScaler(), st.MLPClassifier(hidden=(32,)))
    assert cross_val_score(pipe, X, y, cv=StratifiedKFold(3, shuffle=True, random_state=0)).mean() > 0.9
    search = GridSearchCV(st.MLPClassifier(epochs=5), {"hidden": [(8,), (64,)]}, cv=2).fit(X, y)
    assert search.best_params_ == {"hidden": (64,)}


def test_early_stopping_keeps_the_best_epoch(digits):
    train, test = digits
    how = {"lr": 0.05, "schedule": "constant", "epochs": 300, "patience": 3, "alpha": 0.0}
    clf = st.MLPClassifier(**how).fit(train.X, train.y, X_val=test.X, y_val=test.y)
    assert clf.n_iter_ == clf.best_epoch_ + 3 < 300
    assert clf.history_[clf.best_epoch_ - 1]["val_accuracy"] == clf.score(test.X, test.y)
    held = st.MLPClassifier(early_stopping=True, validation_fraction=0.2, **how).fit(train.X, train.y)
    assert held.n_iter_ == held.best_epoch_ + 3
    assert "val_loss" in held.history_[0]
    assert st.MLPClassifier(epochs=2).fit(train.X, train.y).best_epoch_ is None


@pytest.mark.parametrize(
    "how",
    [
        {"smoothing": 0.1}, {"clip_norm": 1.0}, {"clip_value": 0.1}, {"penalty": "max_norm", "radius": 2.0},
        {"warm_up": 0.2}, {"schedule": "plateau:factor=0.5,patience=2"}, {"schedule": "one_cycle"},
        {"loss": st.losses.Softmax(smoothing=0.1)}, {"schedule": st.optim.schedules.Plateau()},
    ],
)  # fmt: skip
def test_ways_to_train_learn_the_digits_and_are_cloned(digits, how):
    train, test = digits
    clf = clone(st.MLPClassifier(hidden=(64,), epochs=15, **how)).fit(train.X, train.y, X_val=test.X, y_val=test.y)
    assert clf.score(test.X, test.y) > 0.95
    assert clf.predict_proba(test.X).shape == (359, 10)
    assert pickle.loads(pickle.dumps(clf)).score(test.X, test.y) == clf.score(test.X, test.y)
    clf.partial_fit(train.X, train.y)


def test_a_copied_loss_stays_native(digits):
    train, _ = digits
    clf = clone(st.MLPClassifier(loss=st.losses.hinge, epochs=1))
    seen = []
    clf.set_params(callbacks=[lambda run: seen.append(run.on_graph_because)]).fit(train.X, train.y)
    assert seen == [None if runs_native() else "there is no native code in use"]


def test_a_stream_is_learned_portion_by_portion(digits):
    train, test = digits
    clf = st.MLPClassifier(dropout=0.1)
    for _ in range(12):
        for begin in range(0, len(train), 300):
            clf.partial_fit(train.X[begin : begin + 300], train.y[begin : begin + 300], classes=range(10))
    assert clf.score(test.X, test.y) > 0.93
    clf = st.MLPClassifier(epochs=5).fit(train.X, train.y, X_val=test.X, y_val=test.y)
    before = clf.score(test.X, test.y)
    for _ in range(5):
        clf.partial_fit(train.X, train.y)
    assert clf.score(test.X, test.y) > before - 0.02


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"activation": "rulu"}, "relu"), ({"norm": "bacth"}, "batch"), ({"init": "hee"}, "he"),
        ({"dropout": 1.0}, "dropout"), ({"hidden": (3, -1)}, "size 3"), ({"optimizer": "adamm"}, "adam"),
        ({"loss": "sofmax"}, "softmax"), ({"patience": 0}, "patience"),
        ({"early_stopping": True, "validation_fraction": 2.0}, "validation_fraction"),
    ],
)  # fmt: skip
def test_wrong_words_are_named(digits, how, word):
    with pytest.raises(ValueError, match=word):
        st.MLPClassifier(**how).fit(digits[0].X, digits[0].y)


def test_validation_rows_are_checked(digits):
    train, test = digits
    clf = st.MLPClassifier(epochs=1)
    with pytest.raises(ValueError, match="belong together"):
        clf.fit(train.X, train.y, X_val=test.X)
    with pytest.raises(ValueError, match=r"y_val\[0\] is 77"):
        clf.fit(train.X, train.y, X_val=test.X, y_val=np.full(len(test), 77))
    with pytest.raises(ValueError, match="features"):
        clf.fit(train.X, train.y, X_val=test.X[:, :5], y_val=test.y)
