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
