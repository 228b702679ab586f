"""st.train: what a user meets."""

from __future__ import annotations

import json

import numpy as np
import pytest

import steepest as st


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


def toy(name):
    return st.load(f"{name}:n=600").split(seed=0)


@pytest.mark.parametrize("name", ["moons", "spiral", "circle", "xor"])
def test_toy_problems_are_solved_unattended(name):
    train, test = toy(name)
    run = st.train(st.nn.MLP([2, 32, 32, train.n_classes]), train)
    assert run.finished
    assert run.model.score(test.X, test.y) > 0.96  # of 120 rows, some with noise


@pytest.mark.parametrize("optimizer", st.optim.NAMES)
def test_every_step_rule_learns_the_digits_unattended(digits, optimizer):
    train, test = digits
    run = st.train("mlp", train, optimizer=optimizer)
    assert run.model.score(test.X, test.y) >= 0.96


def test_labels_are_the_users_own():
    X = np.random.default_rng(0).normal(size=(200, 2))
    y = np.where(X[:, 0] > 0, 7, -3)
    run = st.train(st.nn.MLP([2, 8, 2]), (X, y), validation=(X, y))
    assert set(run.model.predict(X)) == {7, -3}
    assert run.model.score(X, y) > 0.97
    words = np.where(y == 7, "right", "left")
    assert set(st.train("linear", (X, words), epochs=5).model.predict(X)) == {"right", "left"}
    np.testing.assert_allclose(run.model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


def test_a_run_is_saved_and_loaded(digits, tmp_path):
    train, test = digits
    run = st.train(st.nn.MLP([64, 16, 10], norm="batch", dropout=0.1), train, epochs=3, validation=test)
    run.save(tmp_path / "new/run")
    model = st.load_model(tmp_path / "new/run")
    np.testing.assert_array_equal(model.scores(test.X), run.model.scores(test.X))
    assert model.predict(test.X).tolist() == [train.classes[k] for k in run.model.predict(test.X)]
    summary = json.loads((tmp_path / "new/run/summary.json").read_text())
    assert summary["best_epoch"] == run.best_epoch
    assert len((tmp_path / "new/run/history.jsonl").read_text().splitlines()) == 3
    with pytest.raises(st.InputError, match="not empty"):
        run.save(tmp_path / "new/run")


def test_what_is_code_is_trained_but_not_saved(digits, tmp_path):
    train, test = digits
    model = st.nn.MLP([64, 16, 10], activation=lambda x: x * st.sigmoid(x))
    run = st.train(model, train, epochs=5)
    assert run.model.score(test.X, test.y) > 0.85
    with pytest.raises(st.InputError, match="of your own and cannot be saved"):
        run.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Third(st.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def epoch(self, run):
        self.seen.append((len(run.history), run.model.score(run.data.X, run.data.y)))
        return len(self.seen) == 3


def test_callbacks_look_on_and_end_a_run(digits):
    train, _ = digits
    third, seen = Third(), []
    run = st.train("mlp", train, epochs=10, callbacks=[third, lambda run: seen.append(run.history[-1]["loss"])])
    assert [epoch for epoch, _ in third.seen] == [1, 2, 3]
    assert third.seen[-1][1] == run.model.score(train.X, train.y)
    assert len(seen) == 3
    assert not run.finished


def test_early_stopping_keeps_the_best_epoch(digits):
    train, test = digits
    run = st.train("mlp", train, epochs=300, validation=test, patience=3, lr=0.05, schedule="constant", alpha=0.0)
    assert len(run.history) == run.best_epoch + 3 < 300
    best = run.history[run.best_epoch - 1]
    assert best["val_accuracy"] == run.model.score(test.X, test.y)


def test_weights_of_classes_and_samples():
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=2000) < 0.1).astype(int)
    X = rng.normal(size=(2000, 2)) + 1.2 * y[:, None]
    found = {}
    for how in (None, "balanced", {1: 9.0}):
        run = st.train("mlp", (X, y), epochs=20, class_weight=how)
        found[str(how)] = (run.model.predict(X)[y == 1] == 1).mean()
    assert found["balanced"] > found["None"] + 0.2
    assert found["{1: 9.0}"] > found["None"] + 0.2
    weighted = st.train("mlp", (X, y), epochs=3, sample_weight=np.where(y == 1, 9.0, 1.0)).history
    same = st.train("mlp", (X, y), epochs=3, class_weight={1: 9}).history
    assert [r["loss"] for r in weighted] == [r["loss"] for r in same]


def test_faults_of_the_data_name_the_argument():
    X, y = np.zeros((4, 2)), [0, 1, 0, 1]
    X[2, 1] = np.inf
    with pytest.raises(st.InputError, match=r"^data has inf in row 2, column 1"):
        st.train("mlp", (X, y))
    with pytest.raises(st.InputError, match=r"^data: X has no rows"):
        st.train("mlp", (X[:0], y[:0]))
    with pytest.raises(st.InputError, match=r"^data has one class only \('0'\)"):
        st.train("mlp", (X[:2], [0, 0]))


def test_a_model_that_no_memory_holds_is_counted(digits):
    with pytest.raises(st.InputError, match=r"the model has 73,999,999,926 weights, .* memory of adam take 1\.\d TB"):
        st.MLPClassifier(hidden=(999_999_999,)).fit(digits[0].X, digits[0].y)
    with pytest.raises(st.InputError, match=r"hidden=5 must be .* as in \(128,\)"):
        st.MLPClassifier(hidden=5).fit(digits[0].X, digits[0].y)


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"class_weight": "even"}, "class_weight"),
        ({"class_weight": {77: 1}}, "77"),
        ({"sample_weight": [1.0]}, "sample_weight"),
        ({"loss": "sofmax"}, "softmax"),
        ({"optimizer": "adamm"}, "adam"),
        ({"patience": 0}, "patience"),
        ({"validation": (np.zeros((3, 5)), [0, 1, 2])}, "features"),
        ({"batch_size": 0}, "batch_size"),
        ({"lr": -1}, "lr"),
        ({"clip_norm": "x"}, "clip_norm"),
        ({"smoothing": 0.1, "loss": "hinge"}, "smoothing=0.1 is a parameter of the softmax loss"),
        ({"schedule": 3}, "plateau"),
        ({"callbacks": 3}, "callbacks=3 must be a list"),
        ({"class_weight": {0: -1.0}}, r"class_weight\[0\]=-1.0 must be at least 0"),
        ({"sample_weight": ["a"] * 1438}, "sample_weight holds what is no number"),
        ({"validation": (np.zeros((3, 64)), [0, 1])}, "validation: X has 3 rows and y has 2 labels"),
        ({"validation": np.zeros((3, 64))}, r"validation: there are no labels: give the pair \(X, y\)"),
        ({"validation": (np.full((3, 64), np.nan), [0, 1, 2])}, "validation has NaN in row 0"),
        ({"validation": (np.zeros((1, 64)), ["x"])}, "validation has the label 'x' that training never saw"),
    ],
)
def test_wrong_words_are_named(digits, how, word):
    with pytest.raises(st.InputError, match=word):
        st.train("mlp", digits[0], **how)
