from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

KEYS = {
    "test_accuracy",
    "finished",
    "source",
    "lr",
    "notes",
    "test_interval",
    "test_loss",
    "isa",
    "train_loss",
    "model_path",
    "batch_size",
    "versions",
    "n_train",
    "train_accuracy",
    "threads",
    "epochs",
    "n_features",
    "seconds_training",
    "classes",
    "seed",
    "seconds_total",
    "n_test",
}


def same_tensors(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(np.array_equal(a[k].view(np.uint8), b[k].view(np.uint8)) for k in a)


def test_digits_train_unattended_and_are_saved(steepest, tmp_path):
    done = steepest("train", "digits")
    assert done.status == 0
    assert done.err == ""
    run = tmp_path / "runs" / "digits-softmax-1"
    assert sorted(os.listdir(run)) == [
        "checkpoint.safetensors", "config.toml", "history.jsonl", "model.safetensors", "summary.json",
    ]  # fmt: skip
    summary = json.loads((run / "summary.json").read_text())
    assert not KEYS - summary.keys()
    assert summary["test_accuracy"] >= 0.95
    assert summary["n_train"] + summary["n_test"] == 1797
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert history[-1]["objective"] == summary["certificate"]["objective"]
    assert summary["certificate"]["gap"] <= 1e-4
    assert f"{100 * summary['test_accuracy']:.2f} %" in done.out
    assert "runs/digits-softmax-1" in done.out


def test_json_is_one_object_and_nothing_else(steepest):
    done = steepest("train", "spiral:n=60", "--epochs", 2, "--json")
    record = json.loads(done.out)
    assert not KEYS - record.keys()
    assert record["epochs"] == 2
    assert record["n_features"] == 2
    assert "12 test examples are few" in done.err


def test_quiet_is_one_line(steepest):
    done = steepest("train", "digits", "--epochs", 2, "--quiet")
    assert len(done.out.splitlines()) == 1
    assert done.err == ""


def test_config_repeats_a_run_to_the_bit(steepest, tmp_path):
    assert steepest("train", "digits", "--loss", "squared_hinge", "--epochs", 5, "--seed", 3, "--out", "a").status == 0
    said = tomllib.loads((tmp_path / "a" / "config.toml").read_text())
    assert said["loss"] == "squared_hinge"
    assert isinstance(said["lr"], float)
    assert said["scaling"] == "standard"
    assert steepest("train", "--config", "a/config.toml", "--out", "b", "--threads", 1).status == 0
    assert same_tensors(tmp_path / "a/model.safetensors", tmp_path / "b/model.safetensors")
    assert steepest("train", "--config", "a/config.toml", "--out", "c", "--seed", 4).status == 0
    assert not same_tensors(tmp_path / "a/model.safetensors", tmp_path / "c/model.safetensors")


def test_a_relative_path_in_config_holds_from_any_folder(steepest, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a,b,label\n" + "".join(f"{i},{-i},{'xy'[i % 2]}\n" for i in range(40)))
    assert steepest("train", "t.csv", "--epochs", 1, "--out", "r").status == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert steepest("train", "--config", "../r/config.toml").status == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alhpa = 1.0", ["alhpa", "alpha"]),
        ('lr = "fast"', ["lr", "'fast'", "number", "auto"]),
        ("epochs = true", ["epochs", "True"]),
        ('seed = "3"', ["seed", "'3'"]),
        ("image_size = [1, 2, 3]", ["image_size"]),
        ('model = "forest"', ["model", "'forest'", "linear"]),
        ("lr = = 1", ["TOML", "line 1"]),
    ],
)
def test_faults_in_a_config_are_named(steepest, tmp_path, text, words):
    (tmp_path / "c.toml").write_text(text)
    done = steepest("train", "digits", "--config", "c.toml")
    assert done.status == 2
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert all(word in done.err for word in ["steepest: error: c.toml", *words])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.csv"], "nothing.csv"),
        (["digtis"], "digits"),
        ([], "SOURCE"),
        (["digits", "--loss", "sofmax"], "softmax"),
        (["digits", "--penalty", "l3"], "l"),
        (["digits", "--optimizer", "adamant"], "adam"),
        (["digits", "--schedule", "cosin"], "cosine"),
        (["digits", "--model", "forest"], "linear"),
        (["digits", "--lr", "fast"], "--lr"),
        (["digits", "--lr", "-1"], "lr"),
        (["digits", "--epochs", "1.5"], "--epochs"),
        (["digits", "--epochs", "0"], "epochs"),
        (["digits", "--batch-size", "-3"], "batch_size"),
        (["digits", "--test-size", "2.5"], "test_size"),
        (["digits", "--test-size", "many"], "--test-size"),
        (["digits", "--test", "digits", "--test-size", "0.2"], "--test"),
        (["digits", "--image-size", "8x8x8"], "--image-size"),
        (["digits", "--scaling", "unit"], "standard"),
        (["digits", "--test", "spiral"], "8 x 8"),
        (["digits", "--config", "missing.toml"], "missing.toml"),
        (["--resume", "nowhere"], "nowhere"),
        (["digits", "--frobnicate"], "--frobnicate"),
        (["digits", "--seed", "-1"], "--seed"),
        (["digits", "--alpha", "x"], "--alpha"),
    ],
)
def test_wrong_words_end_with_2_and_leave_nothing(steepest, tmp_path, words, said):
    done = steepest("train", *words)
    assert done.status == 2
    assert done.out == "" or not words  # without any word, the help is shown
    assert said in done.err + done.out
    assert os.listdir(tmp_path) == []


def test_divergence_is_one_line_and_status_1(steepest, tmp_path):
    done = steepest("train", "digits", "--lr", "1e9", "--loss", "squared", "--out", "r")
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert "lr=" in done.err
    assert not (tmp_path / "r").exists()


def test_a_folder_with_files_is_refused(steepest, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    done = steepest("train", "digits", "--out", "out")
    assert done.status == 2
    assert "choose another --out" in done.err
    assert os.listdir(tmp_path / "out") == ["thesis.txt"]


def test_a_run_killed_before_its_first_checkpoint_is_not_written_over(steepest, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "config.toml").write_text('source = "spiral:n=60"\nepochs = 2\n')
    done = steepest("train", "digits", "--out", "r")
    assert (done.status, "--resume r" in done.err) == (2, True)
    assert (tmp_path / "r" / "config.toml").exists()
    done = steepest("train", "--resume", "r")
    assert (done.status, "begins again" in done.err) == (0, True)


def test_an_empty_folder_and_nested_new_ones_are_used(steepest, tmp_path):
    (tmp_path / "empty").mkdir()
    assert steepest("train", "spiral:n=60", "--epochs", 1, "--out", "empty").status == 0
    assert steepest("train", "spiral:n=60", "--epochs", 1, "--out", "a/b/c").status == 0
    assert (tmp_path / "a/b/c/model.safetensors").exists()
    assert steepest("train", "nothing.csv", "--out", "x/y").status == 2
    assert not (tmp_path / "x").exists()


def test_a_finished_run_is_not_resumed(steepest):
    steepest("train", "spiral:n=60", "--epochs", 1, "--out", "r")
    done = steepest("train", "--resume", "r")
    assert (done.status, "finished" in done.err) == (2, True)
    done = steepest("train", "--resume", "r", "--lr", "1")
    assert (done.status, "--lr" in done.err) == (2, True)
    done = steepest("train", "spiral", "--resume", "r")
    assert (done.status, "SOURCE" in done.err) == (2, True)


def test_a_test_source_of_its_own(steepest):
    done = steepest("train", "spiral:n=300", "--test", "spiral:n=150,seed=1", "--epochs", 3, "--json")
    record = json.loads(done.out)
    assert (record["n_train"], record["n_test"], record["held_out"]) == (300, 150, "source")


def test_nothing_held_out(steepest):
    done = steepest("train", "spiral:n=300", "--test-size", 0, "--epochs", 3, "--json")
    record = json.loads(done.out)
    assert (record["n_train"], record["n_test"], record["test_accuracy"]) == (300, 0, None)
    assert "not known" in done.err


def test_what_a_careful_engineer_would_say(steepest):
    notes = json.loads(steepest("train", "circle:n=2000,seed=2", "--json").out)["notes"]
    assert any("no better than always saying" in note for note in notes)


@pytest.mark.parametrize("penalty", ["l1", "elastic_net", "max_norm", "none"])
def test_every_penalty_has_a_finite_training_loss(steepest, penalty):
    record = json.loads(
        steepest("train", "digits", "--penalty", penalty, "--alpha", "1e-3", "--epochs", 3, "--json").out
    )
    assert record["train_loss"] > 0
    assert record["penalty"] == penalty
