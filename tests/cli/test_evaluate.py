from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


@pytest.fixture
def arrays(tmp_path):
    """Two parts of three overlapping classes."""
    rng = np.random.default_rng(0)
    y, y_test = rng.integers(0, 3, 400), rng.integers(0, 3, 90)
    X, X_test = (rng.normal(size=(len(k), 4)) + np.eye(3, 4)[k] for k in (y, y_test))
    np.savez(tmp_path / "parts.npz", X=X, y=y, X_test=X_test, y_test=y_test)
    np.savez(tmp_path / "whole.npz", X=X, y=y)
    return tmp_path


@pytest.mark.parametrize("loss", ["softmax", "hinge", "logistic"])
def test_the_accuracy_is_the_one_that_train_reported(steepest, arrays, loss):
    for source in ("digits", "whole.npz", "parts.npz"):
        trained = json.loads(steepest("train", source, "--loss", loss, "--seed", 7, "--epochs", 4, "--json").out)
        run = trained["model_path"].rpartition("/")[0]
        result = json.loads(steepest("evaluate", run, source, "--json").out)
        assert result["accuracy"] == trained["test_accuracy"]
        assert result["interval"] == trained["test_interval"]
        assert result["loss"] == trained["test_loss"]
        assert result["n"] == trained["n_test"]
        seen = json.loads(steepest("evaluate", run, source, "--part", "train", "--json").out)
        assert (seen["accuracy"], seen["n"]) == (trained["train_accuracy"], trained["n_train"])
        everything = json.loads(steepest("evaluate", run, source, "--part", "all", "--json").out)
        assert everything["correct"] == result["correct"] + seen["correct"]
        assert everything["n"] == result["n"] + seen["n"]


def test_held_out_rows_are_found_again_by_content(steepest, arrays):
    trained = json.loads(steepest("train", "whole.npz", "--epochs", 2, "--out", "r", "--json").out)
    (arrays / "whole.npz").rename(arrays / "renamed.npz")
    done = steepest("evaluate", "r", "renamed.npz")
    assert f"{trained['n_test']} held out of this source in training" in done.out
    X, y = (np.load(arrays / "renamed.npz")[name] for name in "Xy")
    np.savez(arrays / "changed.npz", X=X + 1e-3, y=y)
    assert "400 of the whole source" in steepest("evaluate", "r", "changed.npz").out


def test_figures_are_those_of_scikit_learn(steepest, arrays):
    steepest("train", "parts.npz", "--epochs", 5, "--out", "r")
    result = json.loads(steepest("evaluate", "r", "parts.npz", "--json").out)
    rows = [line.split(",") for line in steepest("predict", "r", "parts.npz", "--part", "test").out.splitlines()]
    assert rows[0] == ["index", "prediction", "label"]
    said, true = [row[1] for row in rows[1:]], [row[2] for row in rows[1:]]
    np.testing.assert_array_equal(result["confusion"], confusion_matrix(true, said, labels=["0", "1", "2"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, _, support = precision_recall_fscore_support(true, said, labels=["0", "1", "2"])
    np.testing.assert_allclose(result["precision"], precision, rtol=1e-12)
    np.testing.assert_allclose(result["recall"], recall, rtol=1e-12)
    assert result["support"] == support.tolist()
    assert result["accuracy"] == np.mean(np.array(said) == true)


def test_the_table_shows_every_class(steepest):
    steepest("train", "digits", "--epochs", 3, "--out", "r")
    done = steepest("evaluate", "r", "digits")
    assert all(word in done.out for word in ("accuracy", "precision", "recall", "95 % interval", "prediction (across)"))
    assert len(steepest("evaluate", "r", "digits", "--quiet").out.splitlines()) == 1
    assert json.loads(steepest("evaluate", "r/model.safetensors", "digits", "--json").out)["n"] == 359


def test_labels_are_matched_by_name(steepest, tmp_path):
    rng = np.random.default_rng(1)
    y = np.array(["cat", "dog", "eel"])[np.arange(90) % 3]
    X = rng.normal(size=(90, 2)) + 4 * np.eye(3, 2)[np.arange(90) % 3]
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.savez(tmp_path / "b.npz", X=X[y != "cat"], y=y[y != "cat"])
    np.savez(tmp_path / "c.npz", X=X, y=np.where(y == "cat", "yak", y))
    steepest("train", "a.npz", "--out", "r")
    result = json.loads(steepest("evaluate", "r", "b.npz", "--json").out)
    assert result["accuracy"] > 0.9
    assert result["support"] == [0, 30, 30]
    assert result["recall"][0] is None
    done = steepest("evaluate", "r", "c.npz")
    assert (done.status, "'yak'" in done.err, "'cat'" in done.err) == (2, True, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["r", "digits"], "8 x 8"),
        (["r", "spiral:n=60,seed=5", "--part", "test"], "no test part"),
        (["r", "spiral", "--part", "some"], "--part"),
        (["nowhere", "spiral"], "nowhere"),
        (["r", "nothing.csv"], "nothing.csv"),
    ],
)
def test_what_cannot_be_evaluated_is_said(steepest, words, said):
    steepest("train", "spiral:n=60", "--epochs", 1, "--out", "r")
    done = steepest("evaluate", *words)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_another_type_of_numbers_is_noticed(steepest, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 255, (60, 5)).astype(np.uint8), np.arange(60) % 2
    np.savez(tmp_path / "bytes.npz", X=X, y=y)
    np.savez(tmp_path / "floats.npz", X=(X / 255).astype(np.float32), y=y)
    steepest("train", "bytes.npz", "--epochs", 1, "--out", "r")
    assert "same scale" in steepest("evaluate", "r", "floats.npz").err
    assert "same scale" not in steepest("evaluate", "r", "bytes.npz").err


def test_many_classes_show_the_worst_confusions(steepest, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "many.npz", X=rng.normal(size=(600, 3)), y=np.arange(600) % 30)
    steepest("train", "many.npz", "--epochs", 1, "--out", "r")
    assert "confusions" in steepest("evaluate", "r", "many.npz").out
