"""Models that are fitted in one go: one sees how far they are, they can be stopped, and what is left is said."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import steepest as package
from steepest.cli.progress import Display


@pytest.fixture
def shown(monkeypatch):
    """Collect what is shown."""
    lines = []
    monkeypatch.setattr(Display, "working", lambda self, *words: lines.append(words))
    return lines


@pytest.fixture
def interrupted(monkeypatch):
    """Send a signal to this process when a line that begins so is shown for the n-th time."""

    def at(beginning, n=1, signum=signal.SIGINT):
        left = n

        def show(self, what, done, total):
            nonlocal left
            if what.startswith(beginning) and (left := left - 1) == 0:
                os.kill(os.getpid(), signum)

        monkeypatch.setattr(Display, "working", show)

    return at


def test_the_line(monkeypatch):
    lines = []
    monkeypatch.setattr(Display, "_show", lambda self, *words: lines.append(words))
    display = Display()
    display.working("testing", 1200, 5000)
    display.working("reading", 7, 0)
    display.working("eigenvectors", 0, 0)
    assert lines == [
        ("testing", 1200, 5000, "1,200 of 5,000"),
        ("reading", 7, 0, "7"),
        ("eigenvectors", 0, 0, ""),
    ]


def test_a_stage_is_shown_at_once_and_numbers_a_few_times_a_second(monkeypatch):
    drawn, clock = [], [100.0]
    monkeypatch.setattr("steepest.cli.progress.time.monotonic", lambda: clock[0])

    class Bar:
        def add_task(self, **state):
            return 0

        def update(self, task, **state):
            drawn.append(state["description"])

        def start(self): ...
        def stop(self): ...
        def refresh(self): ...

    monkeypatch.setattr("steepest.cli.progress._line", Bar)
    display = Display()
    display.shown = True
    display.working("too early", 0, 0)
    clock[0] += 1
    for words in (("a", 1, 9), ("b", 2, 9), ("eigenvectors", 0, 0), ("c", 3, 9)):
        display.working(*words)
    display.clear()
    display.working("d", 4, 9)
    assert drawn == ["a", "eigenvectors", "d"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ridge",), ["products of features", "eigenvectors"]),
        (("ridge", "--alpha", "auto"), ["products of features", "eigenvectors", "leaving rows out"]),
        (("nearest-mean",), ["means of the classes"]),
        (("nearest-mean", "--metric", "l1"), ["medians of the classes"]),
        (("knn",), []),
        (("perceptron", "--epochs", "3"), ["epochs"]),
    ],
)
def test_what_is_shown_while_it_works(steepest, shown, words, said):
    record = json.loads(steepest("train", "digits", "--model", *words, "--out", "r", "--json").out)
    told = [what.partition(",")[0] for what, _, _ in shown]
    tested = ["testing"] * (1 if words[0] == "knn" else 2)
    assert list(dict.fromkeys(told)) == [*said, "testing"]
    assert told[-len(tested) :] == tested
    accuracy = f"testing, accuracy so far {record['test_accuracy']:.4f}"
    assert shown[-1] == (accuracy, record["n_test"], record["n_test"])
    if words[0] == "perceptron":
        history = Path("r/history.jsonl").read_text().splitlines()
        mistakes = [json.loads(line)["mistakes"] for line in history]
        expected = ["epochs"] + [f"epochs, {wrong:,} mistakes in the last" for wrong in mistakes[:-1]]
        assert shown[:3] == [(line, done, 3) for done, line in enumerate(expected)]
    if "auto" in words:
        assert shown[-3] == ("leaving rows out", record["n_train"], record["n_train"])


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_perceptron_that_is_stopped_has_weights(steepest, tmp_path, monkeypatch, interrupted, signum, status):
    words = ("train", "moons:n=200,noise=0.3", "--model", "perceptron", "--json")
    with monkeypatch.context() as patched:
        interrupted("epochs", 4, signum)
        done = steepest(*words, "--out", "r")
        patched.undo()
    first = json.loads(done.out)
    assert (done.status, first["finished"], first["epochs"]) == (status, False, 3)
    assert "warning" not in done.err  # that it was asked to stop is no fault
    assert done.err.splitlines()[-2:] == [
        "steepest: stopped after epoch 3, whose weights are the model, and learning begins again; go on with",
        "steepest:     steepest train --resume r",
    ]
    steepest(*words, "--epochs", 3, "--out", "short")
    stopped, short = (load_file(tmp_path / name / "model.safetensors") for name in ("r", "short"))
    np.testing.assert_array_equal(stopped["W"], short["W"])
    assert steepest("evaluate", "r", words[1]).status == 0
    again = steepest("train", "--resume", "r", "--json")
    assert (again.status, "begins again" in again.err) == (0, True)
    assert json.loads(again.out)["finished"] is True
    assert json.loads(again.out)["epochs"] == 100


@pytest.mark.parametrize(
    ("words", "beginning"),
    [(("ridge", "--alpha", "auto"), "leaving"), (("ridge",), "eigen"), (("nearest-mean", "--metric", "l1"), "medians")],
)
def test_a_fit_that_is_ended_leaves_nothing(steepest, tmp_path, interrupted, words, beginning):
    interrupted(beginning)
    done = steepest("train", "digits", "--model", *words, "--out", "r")
    assert (done.status, done.out, done.err) == (130, "", "steepest: stopped; nothing was saved\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("model", ["knn", "ridge", "perceptron", "linear", "mlp"])
def test_stopped_in_its_test_a_model_is_there(steepest, tmp_path, monkeypatch, interrupted, model):
    words = ("train", "moons:n=200", "--model", model)
    accuracy = json.loads(steepest(*words, "--out", "whole", "--json").out)["test_accuracy"]
    with monkeypatch.context() as patched:
        interrupted("testing")
        done = steepest(*words, "--out", "r")
        patched.undo()
    said = "steepest: stopped; the model is saved, but not tested: steepest evaluate r SOURCE"
    assert (done.status, done.out, done.err.splitlines()[-1]) == (130, "", said)
    assert (tmp_path / "r/model.safetensors").exists()
    assert not (tmp_path / "r/summary.json").exists()
    assert json.loads(steepest("evaluate", "r", words[1], "--json").out)["accuracy"] == accuracy
    assert json.loads(steepest("train", "--resume", "r", "--json").out)["test_accuracy"] == accuracy


def test_what_was_there_before_is_named(steepest, tmp_path, monkeypatch, interrupted):
    steepest("train", "digits", "--model", "ridge", "--out", "r")
    for name in ("summary.json", "model.safetensors"):
        (tmp_path / "r" / name).unlink()  # as after a kill -9
    interrupted("eigen")
    assert steepest("train", "--resume", "r").err.splitlines()[-1] == "steepest: stopped; r is as it was"
    assert (tmp_path / "r/config.toml").exists()


def test_evaluating_and_predicting_can_be_stopped(steepest, tmp_path, monkeypatch, shown, interrupted):
    steepest("train", "digits", "--model", "knn", "--out", "r")
    shown.clear()
    steepest("evaluate", "r", "digits", "--part", "all")
    steepest("predict", "r", "digits", "--out", "p.csv")
    assert [words[1:] for words in shown] == [(1797, 1797), (1797, 1797)]
    (tmp_path / "p.csv").unlink()
    interrupted("testing")
    assert steepest("evaluate", "r", "digits").status == 130
    interrupted("predicting")
    assert steepest("predict", "r", "digits", "--out", "p.csv").status == 130
    assert os.listdir(tmp_path) == ["r"]


def on_a_terminal(folder, *words):
    """Run a command whose stderr is a terminal, with a line that waits for nothing; return what came there."""
    terminal, theirs = pty.openpty()
    code = f"from steepest.cli import main, progress; progress._PATIENCE = 0; raise SystemExit(main({list(words)!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while more := os.read(terminal, 65536):
            seen += more
    except OSError:  # the other side is closed
        pass
    os.close(terminal)
    process.communicate()
    assert process.returncode == 0
    return seen.decode()


def test_on_a_terminal_one_line_is_drawn_and_taken_away(tmp_path):
    seen = on_a_terminal(tmp_path, "train", "digits", "--model", "knn", "--out", "r")
    assert "testing, accuracy so far 0.9" in seen
    assert "359 of 359" in seen
    assert seen.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor is there again, the line is not


def test_approximate_neighbours(steepest, tmp_path, shown, monkeypatch):
    pytest.importorskip("faiss", reason="the extra `neighbors` is not installed")
    done = steepest("train", "digits", "-k", 3, "--model", "knn", "--index", "approximate", "--out", "r", "--json")
    assert ("linking neighbours", 0, 1438) in shown
    train, test = package.load("digits").split(seed=0)
    fitted = package.KNNClassifier(3, index="approximate").fit(train.X, train.y)
    accuracy = json.loads(done.out)["test_accuracy"]
    assert accuracy == fitted.score(test.X, test.y)
    assert 'index = "approximate"' in (tmp_path / "r/config.toml").read_text()
    assert "index          approximate" in steepest("info", "r").out
    shown.clear()
    assert json.loads(steepest("evaluate", "r", "digits", "--json").out)["accuracy"] == accuracy
    assert shown[0] == ("linking neighbours", 0, 1438)
    model = package.load_model(tmp_path / "r")
    np.testing.assert_array_equal(model.scores(test.X), fitted.predict_proba(test.X))
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert steepest("info", "r").status == 0
    for words in (("evaluate", "r", "digits"), ("predict", "r", "digits", "--out", "p.csv")):
        done = steepest(*words)
        assert (done.status, done.out) == (2, "")
        assert done.err == "steepest: error: index='approximate' needs faiss: pip install 'steepest[neighbors]'\n"
    assert os.listdir(tmp_path) == ["r"]


def test_without_the_extra_nothing_is_read(steepest, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    done = steepest("train", "nowhere.tar", "--model", "knn", "--index", "approximate")
    assert (done.status, "pip install 'steepest[neighbors]'" in done.err) == (2, True)
    assert os.listdir(tmp_path) == []


def test_an_index_that_there_is_not_is_named(steepest, tmp_path):
    done = steepest("train", "moons:n=60", "--model", "knn", "--index", "aproximate")
    assert (done.status, "did you mean approximate" in done.err) == (2, True)
    assert os.listdir(tmp_path) == []
