"""Runs of a solver that end before their time: nothing is lost, and they go on from where they were."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from steepest.cli.progress import Display
from steepest.errors import InputError
from steepest.training import reached

RUN = ("train", "digits", "--alpha", "1e-5", "--out", "r")


@pytest.fixture
def interrupted(monkeypatch):
    """Send a signal to this process at the n-th point that is shown."""

    def at(n, signum=signal.SIGINT, times=1):
        left, solving = [n], Display.solving

        def show(self, *words):
            left[0] -= 1
            for _ in range(times if left[0] == 0 else 0):
                os.kill(os.getpid(), signum)
            solving(self, *words)

        monkeypatch.setattr(Display, "solving", show)

    return at


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("words", [(), ("--model", "ova-svm", "--alpha", "1e-3")], ids=["linear", "svm"])
def test_a_signal_loses_nothing_and_the_run_goes_on(
    steepest, tmp_path, monkeypatch, interrupted, words, signum, status
):
    with monkeypatch.context() as patched:
        interrupted(4, signum)
        done = steepest(*RUN, *words, "--json")
        patched.undo()
    assert done.status == status
    assert done.err.splitlines()[-1].endswith("steepest train --resume r")
    assert "warning" not in done.err  # that it was asked to stop is no fault
    first = json.loads(done.out)
    assert first["finished"] is False
    assert 1e-4 < first["certificate"]["gap"] < 1e9
    assert steepest("evaluate", "r", "digits").status == 0  # what was reached is a model
    done = steepest("train", "--resume", "r", "--json")
    assert (done.status, "begins again" in done.err) == (0, False)
    last = json.loads(done.out)
    assert last["finished"] is True
    assert last["because"] == first["because"] != ""
    assert last["certificate"]["gap"] <= 1e-4
    assert last["certificate"]["objective"] < first["certificate"]["objective"]
    assert last["certificate"]["passes"] > first["certificate"]["passes"]
    again = steepest("train", "--resume", "r")
    assert (again.status, "finished" in again.err) == (2, True)


def test_a_second_signal_ends_at_once(steepest, tmp_path, interrupted):
    interrupted(2, times=2)
    done = steepest(*RUN)
    assert (done.status, done.err) == (130, "steepest: stopped; nothing was saved\n")
    assert os.listdir(tmp_path) == []


def test_a_second_signal_says_where_the_last_checkpoint_is(steepest, interrupted, monkeypatch):
    with monkeypatch.context() as patched:
        interrupted(4, times=2)
        done = steepest(*RUN, "--checkpoint-every", "0")
        patched.undo()
    said = "steepest: stopped; its last checkpoint is saved: steepest train --resume r\n"
    assert (done.status, done.err) == (130, said)
    assert steepest("train", "--resume", "r").status == 0


def test_a_calibration_that_is_stopped_is_done_again(steepest, tmp_path, interrupted, monkeypatch):
    steepest("train", "moons:n=90", "--model", "ova-svm", "--out", "plain")
    looks = len((tmp_path / "plain/history.jsonl").read_text().splitlines())
    with monkeypatch.context() as patched:
        interrupted(looks + 4)
        done = steepest("train", "moons:n=90", "--model", "ova-svm", "--probability", "--out", "r")
        patched.undo()
    assert done.status == 130
    assert steepest("predict", "r", "moons:n=90", "--proba").status == 2
    assert steepest("train", "--resume", "r").status == 0
    assert steepest("predict", "r", "moons:n=90", "--proba").status == 0


def test_stopped_while_alpha_is_chosen_it_chooses_again(steepest, tmp_path, interrupted, monkeypatch):
    with monkeypatch.context() as patched:
        interrupted(5)
        done = steepest("train", "circle:n=60", "--alpha", "auto", "--out", "r")
        patched.undo()
    assert done.status == 130
    assert "while alpha was being chosen" in done.err
    assert steepest("evaluate", "r", "circle:n=60").status == 0
    assert not (tmp_path / "r/checkpoint.safetensors").exists()
    done = steepest("train", "--resume", "r", "--json")
    assert "begins again" in done.err
    assert json.loads(done.out)["alphas"]


def test_the_alphas_that_were_tried_are_not_forgotten(steepest, interrupted, monkeypatch):
    """A run that is stopped after alpha was chosen says, once it is done, which others there were."""
    seen = []
    show = Display.solving
    with monkeypatch.context() as patched:

        def stop(self, *words):
            show(self, *words)
            if len(words) == 3:  # alpha is chosen
                os.kill(os.getpid(), signal.SIGINT)

        patched.setattr(Display, "solving", stop)
        seen.append(json.loads(steepest("train", "circle:n=60", "--alpha", "auto", "--out", "r", "--json").out))
        patched.undo()
    seen.append(json.loads(steepest("train", "--resume", "r", "--json").out))
    assert seen[0]["alphas"]
    assert [record["finished"] for record in seen] == [False, True]
    assert seen[1]["alphas"] == seen[0]["alphas"]


def test_a_search_goes_on(steepest, interrupted, monkeypatch):
    words = ("train", "blobs:n=90", "--solver", "local-search", "--draws", 40, "--out", "r", "--json")
    with monkeypatch.context() as patched:
        interrupted(10)
        first = json.loads(steepest(*words).out)
        patched.undo()
    assert first["certificate"]["passes"] == 10
    last = json.loads(steepest("train", "--resume", "r", "--json").out)
    assert last["certificate"]["passes"] == 41
    assert last["certificate"]["objective"] <= first["certificate"]["objective"]


@pytest.mark.parametrize("points", [1, 6])
def test_a_killed_run_goes_on(steepest, tmp_path, points):
    code = f"""
import os, signal
from steepest.cli import main
from steepest.cli.progress import Display
left = [{points}]
def show(self, *words):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
Display.solving = show
main([*{RUN!r}, "--checkpoint-every", "0"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "r/model.safetensors").exists()
    state = reached.load_reached(tmp_path / "r/checkpoint.safetensors")
    assert len(state.history) == points
    record = json.loads(steepest("train", "--resume", "r", "--json").out)
    assert record["finished"] is True
    assert record["certificate"]["gap"] <= 1e-4
    lines = [json.loads(line) for line in (tmp_path / "r/history.jsonl").read_text().splitlines()]
    assert lines[:points] == state.history


def test_a_state_of_something_else_is_refused(steepest, tmp_path, interrupted, monkeypatch):
    with monkeypatch.context() as patched:
        interrupted(3)
        steepest(*RUN)
        patched.undo()
    config = (tmp_path / "r/config.toml").read_text()
    (tmp_path / "r/config.toml").write_text(config.replace('solver = "newton"', 'solver = "sgd"'))
    done = steepest("train", "--resume", "r")
    assert (done.status, len(done.err.splitlines())) == (2, 1)
    (tmp_path / "r/config.toml").write_text(config.replace("digits", "spiral"))
    done = steepest("train", "--resume", "r")
    assert (done.status, "not the data" in done.err) == (2, True)
    (tmp_path / "r/config.toml").write_text(config)
    assert steepest("train", "--resume", "r").status == 0


@pytest.mark.parametrize("model", ["linear", "knn", "ridge", "ova-svm"])
def test_a_full_disk_is_one_line_and_leaves_nothing(start, tmp_path, model):
    limit = 1000  # enough for the settings
    process = start(
        "train", "digits", "--model", model, "--out", "r",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("steepest: error: r/")
    assert "space" in err
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_that_cannot_be_written_ends_the_run(steepest, tmp_path, monkeypatch):
    from steepest.cli import solver_job

    def full(path, state):
        raise InputError(f"{path}: cannot be written (No space left on device): free some space")

    monkeypatch.setattr(solver_job, "save_reached", full)
    done = steepest(*RUN, "--checkpoint-every", "0")
    assert (done.status, len(done.err.splitlines())) == (2, 1)
    assert os.listdir(tmp_path) == []


def test_the_line_of_progress(monkeypatch):
    from steepest.training.solving import Progress

    shown = []
    monkeypatch.setattr(Display, "_show", lambda self, *words: shown.append(words))
    display = Display()
    display.shown = True
    display.solving(Progress(12, 0.25, 0.0025), 1e-4, None)
    display.solving(Progress(3, 0.25), 1e-4, None)
    display.solving(Progress(30, 0.25), 1e-4, 60)
    assert shown == [
        ("solving", 50, 100, "12 passes  objective 0.25  within 1.0e-02 of the optimum"),
        ("solving", 0, 100, "3 passes  objective 0.25"),
        ("searching", 30, 60, "30 looks  least 0.25"),
    ]
