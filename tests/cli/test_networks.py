"""Networks on the command line: trained, saved, interrupted, resumed, evaluated."""

from __future__ import annotations

import json
import os
import signal
import time
import tomllib

import numpy as np
import pytest
from safetensors.numpy import load_file

import steepest as package

LONG = (
    "train", "digits", "--model", "mlp", "--hidden", "48,24", "--dropout", "0.2", "--optimizer", "adam", "--epochs",
    "600", "--validation", "0.2", "--patience", "600", "--seed", "5",
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same run, never interrupted."""
    from steepest.cli import main

    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main([*LONG, "--quiet", "--out", str(folder)]) == 0
    return folder


def assert_same(run, other):
    for name in ("model.safetensors", "checkpoint.safetensors"):
        a, b = load_file(run / name), load_file(other / name)
        assert a.keys() == b.keys()
        for key in b:
            assert a[key].tobytes() == b[key].tobytes(), (name, key)
    one, two = ([json.loads(line) for line in (f / "history.jsonl").read_text().splitlines()] for f in (run, other))
    assert [{k: v for k, v in r.items() if k != "seconds"} for r in one] == [
        {k: v for k, v in r.items() if k != "seconds"} for r in two
    ]


def wait_for(path, process):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_cut_goes_on_to_the_same_bits(start, steepest, tmp_path, whole, signum):
    process = start(*LONG, "--checkpoint-every", "0", "--out", "r")
    wait_for(tmp_path / "r/checkpoint.safetensors", process)
    time.sleep(0.2)
    process.send_signal(signum)
    _, err = process.communicate(timeout=30)
    assert process.returncode == (-signal.SIGKILL if signum == signal.SIGKILL else 130)
    if signum == signal.SIGINT:
        assert "steepest train --resume r" in err
        assert json.loads((tmp_path / "r/summary.json").read_text())["finished"] is False
        assert steepest("evaluate", "r", "digits").status == 0
    assert steepest("train", "--resume", "r", "--threads", 1).status == 0
    assert_same(tmp_path / "r", whole)


WAYS = {
    "clip": ("--clip-norm", "0.5", "--clip-value", "0.1", "--epochs", "60"),
    "plateau": ("--schedule", "plateau:factor=0.5,patience=2", "--warm-up", "0.1", "--epochs", "400"),
    "max norm": ("--penalty", "max_norm", "--radius", "1.5", "--epochs", "60"),
    "smoothing": ("--smoothing", "0.1", "--class-weight", "balanced", "--epochs", "60"),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_train_survives_a_kill_to_the_bit(start, steepest, tmp_path, way):
    words = (
        "train",
        "digits",
        "--model",
        "mlp",
        "--hidden",
        "24",
        "--validation",
        "0.2",
        "--patience",
        "600",
        *WAYS[way],
    )
    assert steepest(*words, "--quiet", "--out", "whole").status == 0
    process = start(*words, "--checkpoint-every", "0", "--out", "r")
    wait_for(tmp_path / "r/checkpoint.safetensors", process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    done = steepest("train", "--resume", "r", "--threads", 1)
    assert done.status == 0 or "finished" in done.err  # it may have been faster
    assert_same(tmp_path / "r", tmp_path / "whole")


def test_validation_on_a_source_of_ones_own(steepest, tmp_path):
    rng = np.random.default_rng(0)

    def table(name, n):
        X = rng.normal(size=(n, 2))
        lines = [f"{a},{b},{'right' if a > 0 else 'left'}" for a, b in X]
        (tmp_path / name).write_text("\n".join(["a,b,label", *lines]))

    table("train.csv", 400)
    table("mine.csv", 90)
    words = ("train", "train.csv", "--model", "mlp", "--validation", "mine.csv", "--epochs", 20, "--test-size", 0)
    record = json.loads(steepest(*words, "--out", "r", "--json").out)
    assert record["n_train"] == 400
    assert record["validation"]["accuracy"] > 0.9
    model = package.load_model(tmp_path / "r")
    held = package.load(tmp_path / "mine.csv")
    assert (model.predict(held.X) == np.array(held.classes)[held.y]).mean() == record["validation"]["accuracy"]
    assert tomllib.loads((tmp_path / "r/config.toml").read_text())["validation"] == str(tmp_path / "mine.csv")
    for other, said in (("digits", "features"), ("gone.csv", "no such file")):
        done = steepest("train", "train.csv", "--model", "mlp", "--validation", other)
        assert (done.status, said in done.err) == (2, True)


def test_what_is_slower_says_why(steepest):
    done = steepest("train", "digits", "--model", "mlp", "--clip-norm", 1, "--epochs", 2)
    assert done.err.startswith("steepest: note: slower than one native program: ")
    assert steepest("train", "digits", "--model", "mlp", "--epochs", 2).err == ""


def test_where_the_rate_came_from(steepest):
    out = steepest("train", "digits", "--model", "mlp", "--hidden", 8).out
    assert ", from a range test" in out
    assert "0.002, usual for this step rule" in steepest("train", "digits", "--model", "mlp", "--epochs", 1).out
    assert ", from the curvature" in steepest("train", "digits", "--epochs", 1).out


def test_the_line_of_progress_has_the_validation_figures():
    from steepest.training.callbacks.progress import figures
    from steepest.training.plan import Plan, State

    plan = Plan(package.optim.SGD(), package.optim.schedules.Constant(), 0.1, 10, 5, 0)
    last = {"epoch": 1, "loss": 0.5, "accuracy": 0.8, "val_loss": 0.25, "val_accuracy": 0.9}
    state = State(None, {}, epoch=1, step=2, loss=8.0, correct=15, history=[last])
    assert figures(state, plan, 100) == "loss 0.4000  accuracy 0.7500  validation loss 0.2500  accuracy 0.9000"
    state.step = 0
    assert figures(state, plan, 100) == "loss 0.5000  accuracy 0.8000  validation loss 0.2500  accuracy 0.9000"
    assert figures(State(None, {}), plan, 100) == ""


def test_unattended_and_round_the_folder(steepest, tmp_path):
    done = steepest("train", "digits", "--model", "mlp")
    assert (done.status, done.err) == (0, "")
    run = tmp_path / "runs/digits-mlp-1"
    assert sorted(os.listdir(run)) == [
        "checkpoint.safetensors", "config.toml", "history.jsonl", "model.safetensors", "summary.json",
    ]  # fmt: skip
    summary = json.loads((run / "summary.json").read_text())
    assert summary["test_accuracy"] >= 0.97
    assert summary["optimizer"] == "adam"
    assert summary["layers"][0] == "Linear(inputs=64, outputs=128, bias=True)"
    assert json.loads(steepest("evaluate", run, "digits", "--json").out)["accuracy"] == summary["test_accuracy"]
    table = steepest("predict", run, "digits", "--proba").out.splitlines()
    assert len(table) == 1798
    assert package.load_model(run).predict_proba(np.zeros((2, 64))).shape == (2, 10)


@pytest.mark.parametrize(
    "words",
    [
        (
            "--hidden",
            "20,10",
            "--activation",
            "tanh",
            "--dropout",
            "0.3",
            "--init",
            "xavier",
            "--optimizer",
            "nesterov",
        ),
        ("--norm", "batch", "--activation", "gelu", "--optimizer", "rmsprop"),
        ("--validation", "200", "--optimizer", "adamw", "--loss", "hinge"),
    ],
)
def test_config_repeats_a_run_to_the_bit(steepest, tmp_path, words):
    assert steepest("train", "digits", "--model", "mlp", "--epochs", 3, *words, "--out", "a").status == 0
    said = tomllib.loads((tmp_path / "a/config.toml").read_text())
    assert said["model"] == "mlp"
    assert isinstance(said["lr"], float)
    assert steepest("train", "--config", "a/config.toml", "--out", "b", "--threads", 1).status == 0
    assert_same(tmp_path / "a", tmp_path / "b")


def test_validation_keeps_the_best_epoch(steepest, tmp_path):
    words = ("--lr", "0.05", "--schedule", "constant", "--epochs", 300, "--validation", "0.2", "--patience", 3)
    record = json.loads(steepest("train", "digits", "--model", "mlp", *words, "--out", "r", "--json").out)
    assert record["finished"] is True
    assert record["epochs"] == record["best_epoch"] + 3
    assert record["n_train"] == 1438 - 288
    done = steepest("train", "--resume", "r")
    assert (done.status, "finished" in done.err) == (2, True)


def test_a_linear_classifier_with_a_rule_of_networks_is_saved_as_one(steepest, tmp_path):
    assert steepest("train", "digits", "--optimizer", "adam", "--out", "r").status == 0
    model = package.load_model(tmp_path / "r")
    assert model.linear.W.shape == (64, 10)
    summary = json.loads((tmp_path / "r/summary.json").read_text())
    found = json.loads(steepest("evaluate", "r", "digits", "--json").out)
    assert found["accuracy"] == summary["test_accuracy"] > 0.94


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hidden", "12,x"], "--hidden"),
        (["--hidden", "0"], "--hidden"),
        (["--activation", "rulu"], "relu"),
        (["--dropout", "1.5"], "dropout"),
        (["--norm", "bach"], "batch"),
        (["--init", "hee"], "he"),
        (["--patience", "0"], "patience"),
        (["--validation", "1.5"], "validation"),
        (["--hidden", "999999999"], "73,999,999,926 weights"),
        (["--schedule", "plato"], "plateau"),
        (["--schedule", "plateau:wait=3"], "patience"),
        (["--clip-norm", "-1"], "clip_norm"),
        (["--smoothing", "1"], "smoothing"),
        (["--smoothing", "0.1", "--loss", "hinge"], "softmax"),
        (["--class-weight", "even"], "balanced"),
        (["--warm-up", "2"], "warm_up"),
    ],
)
def test_wrong_words_end_with_2_and_leave_nothing(steepest, tmp_path, words, said):
    done = steepest("train", "digits", "--model", "mlp", *words)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert os.listdir(tmp_path) == []


def test_divergence_names_the_layer(steepest, tmp_path):
    done = steepest("train", "digits", "--model", "mlp", "--optimizer", "sgd", "--lr", "1e30", "--out", "r")
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert "linear" in done.err
    assert not (tmp_path / "r").exists()


def test_faults_in_a_config_are_named(steepest, tmp_path):
    (tmp_path / "c.toml").write_text('source = "digits"\nmodel = "mlp"\nhidden = ["many"]\n')
    done = steepest("train", "--config", "c.toml")
    assert (done.status, "hidden" in done.err) == (2, True)
