"""Every classifier on the command line: what its estimator does in Python, saved, shown, evaluated, predicted with."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tomllib

import numpy as np
import pytest

import steepest as package
from steepest.training.models import KNOWN, MODELS

WAYS = {
    "linear": ((), lambda: package.LinearClassifier()),
    "linear weighted": (
        ("--alpha", "1e-3", "--loss", "squared_hinge", "--class-weight", "balanced"),
        lambda: package.LinearClassifier("squared_hinge", alpha=1e-3, class_weight="balanced"),
    ),
    "linear auto": (("--alpha", "auto"), lambda: package.LinearClassifier(alpha="auto")),
    "linear l1": (
        ("--penalty", "l1", "--alpha", "1e-2"),
        lambda: package.LinearClassifier(penalty="l1", alpha=1e-2),
    ),
    "linear hinge": (("--loss", "hinge", "--alpha", "1e-2"), lambda: package.LinearClassifier("hinge", alpha=1e-2)),
    "linear squared": (("--loss", "squared"), lambda: package.LinearClassifier("squared")),
    "ridge": ((), lambda: package.RidgeClassifier()),
    "ridge auto": (
        ("--alpha", "auto", "--scoring", "gcv", "--class-weight", "balanced"),
        lambda: package.RidgeClassifier("auto", scoring="gcv", class_weight="balanced"),
    ),
    "nearest-mean": ((), lambda: package.NearestMean()),
    "nearest-mean medians": (("--metric", "l1"), lambda: package.NearestMean("l1")),
    "nearest-mean priors": (("--priors", "empirical"), lambda: package.NearestMean(priors="empirical")),
    "knn": ((), lambda: package.KNNClassifier()),
    "knn near": (
        ("--neighbors", "3", "--metric", "l1", "--weights", "distance"),
        lambda: package.KNNClassifier(3, "l1", "distance"),
    ),
    "perceptron": (
        ("--epochs", "7", "--averaged", "--scaling", "none"),
        lambda: package.Perceptron(7, averaged=True, scaling=None),
    ),
    "ova-svm": (("--alpha", "1e-3"), lambda: package.OneVsAllSVM(alpha=1e-3)),
    "ova-svm hinge": (("--loss", "hinge", "--alpha", "1e-2"), lambda: package.OneVsAllSVM("hinge", alpha=1e-2)),
}


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A table of three overlapping classes, of which the last is rare; rows that were not seen are in the same file."""
    rng = np.random.default_rng(0)
    y = np.array(["iris", "rose", "tulip"])[rng.choice(3, 300, p=[0.5, 0.4, 0.1])]
    X = rng.normal(size=(300, 4)) + 2 * (y[:, None] == np.array(["iris", "rose", "tulip", ""])) + 7
    place = tmp_path_factory.mktemp("flowers") / "flowers.npz"
    np.savez(place, X=X, y=y)
    return place


@pytest.mark.filterwarnings("ignore::steepest.errors.ConvergenceWarning")
@pytest.mark.parametrize("way", WAYS)
def test_it_does_what_its_estimator_does(steepest, tmp_path, flowers, way):
    words, make = WAYS[way]
    done = steepest("train", flowers, "--model", way.split()[0], *words, "--out", "r", "--seed", 0, "--json")
    assert done.status == 0
    record = json.loads(done.out)
    train, test = package.load(flowers).split(seed=0)
    names = np.array(train.classes)
    fitted = make().fit(train.X, names[train.y])
    model = package.load_model(tmp_path / "r")
    scores = model.scores(test.X)
    said = names[scores.argmax(axis=1)]
    assert (said == fitted.predict(test.X)).all()
    if scores.shape[1] > 2 and model.card.loss != "squared":  # ridge sums in float64, and is saved in float32
        np.testing.assert_allclose(scores, fitted.decision_function(test.X), rtol=1e-4, atol=1e-4)
    assert record["test_accuracy"] == (said == names[test.y]).mean() == fitted.score(test.X, names[test.y])
    assert json.loads(steepest("evaluate", "r", flowers, "--json").out)["accuracy"] == record["test_accuracy"]
    if hasattr(fitted, "certificate_"):
        proof = record["certificate"]
        assert proof["objective"] == pytest.approx(fitted.certificate_.objective, rel=1e-6)
        assert proof["gap"] <= 1e-4
        assert proof["solver"] == fitted.certificate_.solver
        assert model.card.certificate == proof
        assert f"{proof['objective']:.8g}" in steepest("info", "r").out
    else:
        assert record["certificate"] is None
    if hasattr(fitted, "alpha_"):
        assert record["alpha"] == fitted.alpha_
    assert model.card.model == way.split()[0]
    shown = json.loads(steepest("info", "r", "--json").out)
    assert (shown["model"], shown["classes"]) == (way.split()[0], ["iris", "rose", "tulip"])


@pytest.mark.parametrize(
    ("words", "make"),
    [
        (("knn", "-k", "4"), lambda: package.KNNClassifier(4)),
        (("ova-svm", "--probability"), lambda: package.OneVsAllSVM(probability=True)),
        (("linear",), lambda: package.LinearClassifier()),
    ],
)
def test_probabilities_survive_saving(steepest, flowers, words, make):
    assert steepest("train", flowers, "--model", *words, "--out", "r").status == 0
    done = steepest("predict", "r", flowers, "--proba", "--part", "test")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    found = np.array([[float(row[name]) for name in ("iris", "rose", "tulip")] for row in rows])
    train, test = package.load(flowers).split(seed=0)
    expected = make().fit(train.X, train.y).predict_proba(test.X)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert "probabilities  yes" in steepest("info", "r").out


@pytest.mark.parametrize("words", [("nearest-mean",), ("ridge",), ("perceptron",), ("ova-svm",)])
def test_where_there_are_no_probabilities_it_says_what_has_some(steepest, flowers, words):
    steepest("train", flowers, "--model", *words, "--out", "r")
    done = steepest("predict", "r", flowers, "--proba")
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "--model ova-svm --probability" in done.err


def test_two_classes_of_an_svm_have_scores_of_opposite_signs(steepest, tmp_path):
    steepest("train", "moons:n=200", "--model", "ova-svm", "--probability", "--out", "r")
    model, (train, test) = package.load_model(tmp_path / "r"), package.load("moons:n=200").split(seed=0)
    scores = model.scores(test.X)
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1], rtol=1e-4, atol=1e-5)
    fitted = package.OneVsAllSVM(probability=True).fit(train.X, train.y)
    np.testing.assert_allclose(scores[:, 1], fitted.decision_function(test.X), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(test.X), fitted.predict_proba(test.X), atol=1e-4)


@pytest.mark.parametrize(("model", "option"), [(m, n) for m in MODELS for n in ("neighbors", "hidden", "averaged")])
def test_a_setting_that_the_model_does_not_know_is_named_with_those_it_knows(steepest, tmp_path, model, option):
    if option in KNOWN[model]:
        return
    words = ["--" + option] + ([] if option == "averaged" else ["3"])
    done = steepest("train", "spiral:n=60", "--model", model, *words)
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert f"--{option} is not known to model {model}: it knows" in done.err
    assert all("--" + name.replace("_", "-") in done.err for name in KNOWN[model])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "nearest"], "nearest-mean"),
        (["--model", "svm"], "ova-svm"),
        (["--solver", "newtons"], "newton"),
        (["--solver", "randomsearch"], "random-search"),
        (["--solver", "newton", "--epochs", "3"], "--epochs"),
        (["--solver", "random-search", "--batch-size", "3"], "--batch-size"),
        (["--draws", "10"], "random-search"),
        (["--solver", "random-search", "--draws", "0"], "draws"),
        (["--solver", "newton", "--penalty", "max_norm"], "L2"),
        (["--tol", "-1"], "tol"),
        (["--max-passes", "0"], "max_passes"),
        (["--alpha", "much"], "--alpha"),
        (["--alpha", "-1"], "alpha"),
        (["--model", "ridge", "--alpha", "-1"], "alpha"),
        (["--model", "ridge", "--scoring", "look"], "loo"),
        (["--model", "ridge", "--solver", "newton"], "--solver"),
        (["--model", "knn", "-k", "0"], "n_neighbors"),
        (["--model", "knn", "-k", "1000"], "n_neighbors=1000"),
        (["--model", "knn", "--metric", "l3"], "l2"),
        (["--model", "knn", "--weights", "some"], "uniform"),
        (["--model", "nearest-mean", "--priors", "some"], "empirical"),
        (["--model", "nearest-mean", "--priors", "empirical", "--metric", "l1"], "metric='l2'"),
        (["--model", "ova-svm", "--loss", "softmax"], "squared_hinge"),
        (["--model", "perceptron", "--epochs", "0"], "max_epochs"),
    ],
)
def test_wrong_words_end_with_2_and_leave_nothing(steepest, tmp_path, words, said):
    done = steepest("train", "spiral:n=60", *words)
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert said in done.err
    assert os.listdir(tmp_path) == []


def test_a_config_of_another_model_is_refused_by_name(steepest, tmp_path):
    (tmp_path / "c.toml").write_text('source = "spiral:n=60"\nmodel = "knn"\nneighbors = 3\nalpha = 1.0\n')
    done = steepest("train", "--config", "c.toml")
    assert (done.status, "c.toml: alpha is not known to model knn" in done.err) == (2, True)
    assert steepest("train", "--config", "c.toml", "--model", "ridge").status == 2


@pytest.mark.parametrize("way", [k for k in WAYS if k not in ("linear auto", "linear squared")])
def test_config_repeats_a_run_to_the_bit(steepest, tmp_path, flowers, way):
    words, _ = WAYS[way]
    steepest("train", flowers, "--model", way.split()[0], *words, "--out", "a")
    written = tomllib.loads((tmp_path / "a/config.toml").read_text())
    assert written["model"] == way.split()[0]
    assert not written.keys() & {"hidden", "epochs"} - set(KNOWN[way.split()[0]])
    assert steepest("train", "--config", "a/config.toml", "--out", "b", "--threads", 1).status == 0
    one, other = package.load_model(tmp_path / "a"), package.load_model(tmp_path / "b")
    X = package.load(flowers).X
    np.testing.assert_array_equal(one.scores(X), other.scores(X))


def test_settings_of_descent_ask_for_it_and_it_says_so(steepest):
    for words, said in (
        (("--epochs", "2", "--lr", "0.1"), "lr, epochs were given"),
        (("--loss", "perceptron"), "perceptron"),
    ):
        done = steepest("train", "spiral:n=90", *words)
        assert f"mini-batch descent ({said}" in done.out or said in done.out
    record = json.loads(steepest("train", "spiral:n=90", "--epochs", "2", "--json").out)
    assert (record["solver"], record["because"], record["certificate"]) == ("sgd", "epochs was given", None)
    record = json.loads(steepest("train", "spiral:n=90", "--json").out)
    assert (record["solver"], record["epochs"], record["lr"]) == ("newton", None, None)
    assert "convex" in record["because"]
    record = json.loads(steepest("train", "spiral:n=90", "--solver", "sgd", "--json").out)
    assert (record["solver"], record["because"]) == ("sgd", "")


def test_what_could_not_be_proven_is_a_warning_of_one_line(steepest):
    words = ("train", "digits", "--alpha", "1e-7", "--max-passes", 1)
    done = steepest(*words)
    assert done.status == 0
    warned = [line for line in done.err.splitlines() if line.startswith("steepest: warning: ")]
    assert len(warned) == 1
    assert "of the optimum only" in warned[0]
    assert ".py" not in done.err
    assert json.loads(steepest(*words, "--json").out)["notes"][0] in warned[0]


def test_a_perceptron_that_never_settles_says_so_once(steepest):
    done = steepest("train", "xor:n=120", "--model", "perceptron", "--epochs", 4)
    assert done.status == 0
    assert done.err.count("mistakes") == 1
    assert "steepest: warning: after 4 epochs" in done.err
    assert "epochs" in done.out
    done = steepest("train", "blobs:n=120", "--model", "perceptron", "--json")
    assert json.loads(done.out)["separable"] in (True, False)


@pytest.mark.parametrize("name", ["random-search", "local_search", "genetic-search", "gradient-descent"])
def test_the_searches_of_the_lecture(steepest, tmp_path, name):
    done = steepest("train", "blobs:n=150", "--solver", name, "--draws", 60, "--out", "r", "--json")
    record = json.loads(done.out)
    proof = record["certificate"]
    assert record["solver"] == name.replace("_", "-")
    assert 55 <= proof["passes"] <= 62
    assert proof["objective"] < math.log(3)
    assert proof["bound"] is None  # nothing is proven
    history = [json.loads(line) for line in (tmp_path / "r/history.jsonl").read_text().splitlines()]
    assert history[-1]["objective"] == pytest.approx(proof["objective"], rel=1e-6)
    assert "looks at all rows" in steepest("train", "blobs:n=150", "--solver", name, "--draws", 20).out


def table(rows):
    return "a,b,label\n" + "".join(rows)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([f"{i},{'nan' if i == 7 else i},{'xy'[i % 2]}\n" for i in range(40)], "line 9"),
        ([f"{i},{-i},x\n" for i in range(40)], "one class only"),
        ([], "no"),
        ([f"{i},{'many' if i == 7 else i},{'xy'[i % 2]}\n" for i in range(40)], "many"),
    ],
)
def test_data_that_cannot_be_used_are_one_line(steepest, tmp_path, model, rows, said):
    (tmp_path / "t.csv").write_text(table(rows))
    done = steepest("train", "t.csv", "--model", model, "--out", "r")
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "t.csv" in done.err
    assert said in done.err
    assert os.listdir(tmp_path) == ["t.csv"]


@pytest.mark.parametrize("model", ["nearest-mean", "knn", "ova-svm"])
def test_evaluating_on_other_data(steepest, tmp_path, model):
    steepest("train", "blobs:n=90", "--model", model, "--out", "r")
    other = json.loads(steepest("evaluate", "r", "blobs:n=60,seed=5", "--json").out)
    assert other["n"] == 60
    assert other["accuracy"] > 0.5
    assert (other["loss"] is None) == (model != "ova-svm")
    assert ("loss" in steepest("evaluate", "r", "blobs:n=60,seed=5").out) == (model == "ova-svm")
    done = steepest("evaluate", "r", "digits")
    assert (done.status, "features" in done.err or "8 x 8" in done.err) == (2, True)


def test_info_of_what_is_no_run(steepest, tmp_path):
    (tmp_path / "m").write_text("no")
    for place, said in (("gone", "no such run"), ("m", "not a whole"), (".", "no model")):
        done = steepest("info", place)
        assert (done.status, said in done.err) == (2, True)


def test_where_the_loss_has_no_minimum_it_says_so(steepest):
    done = steepest("train", "digits", "--penalty", "none", "--json")
    assert done.status == 0
    assert "steepest: warning: without a penalty" in done.err
    assert "has no minimum" in json.loads(done.out)["notes"][0]
    assert "no minimum" not in steepest("train", "digits", "--penalty", "none", "--epochs", 60).err


def test_alpha_is_chosen_on_examples_that_are_held_out(steepest, tmp_path, flowers):
    record = json.loads(steepest("train", flowers, "--alpha", "auto", "--out", "r", "--json").out)
    tried = {one["alpha"]: one for one in record["alphas"]}
    assert len(tried) >= 5
    best = tried[record["alpha"]]
    assert best["accuracy"] == max(one["accuracy"] for one in tried.values())
    assert record["certificate"]["gap"] <= 1e-4
    assert record["certificate"]["passes"] > sum(one["passes"] for one in tried.values())
    again = json.loads(steepest("train", flowers, "--alpha", record["alpha"], "--json").out)
    assert again["certificate"]["objective"] == pytest.approx(record["certificate"]["objective"], rel=2e-4)
    assert tomllib.loads((tmp_path / "r/config.toml").read_text())["alpha"] == "auto"
    assert "the best of" in steepest("train", flowers, "--alpha", "auto").out


@pytest.mark.parametrize("words", [("--epochs", "3"), ("--solver", "random-search"), ("--penalty", "none")])
def test_where_nothing_is_proven_alpha_cannot_be_chosen(steepest, tmp_path, flowers, words):
    done = steepest("train", flowers, "--alpha", "auto", *words)
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "give a number" in done.err
    assert os.listdir(tmp_path) == []
