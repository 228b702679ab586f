"""Runs that end before their time: signals, kills, full disks, two processes in one folder."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from steepest.training import loop, source

LONG = ("train", "digits", "--epochs", "8000", "--seed", "5")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same run, never interrupted."""
    from steepest.cli import main

    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main([*LONG, "--quiet", "--out", str(folder)]) == 0
    return folder


def wait_for(path: Path, process) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_same(run: Path, whole: Path) -> None:
    a, b = load_file(run / "model.safetensors"), load_file(whole / "model.safetensors")
    for name in b:
        np.testing.assert_array_equal(a[name].view(np.uint8), b[name].view(np.uint8))
    one, other = ([json.loads(line) for line in (f / "history.jsonl").read_text().splitlines()] for f in (run, whole))
    assert [(r["epoch"], r["loss"], r["accuracy"], r["lr"]) for r in one] == [
        (r["epoch"], r["loss"], r["accuracy"], r["lr"]) for r in other
    ]


def test_a_killed_run_goes_on_to_the_same_bits(start, steepest, tmp_path, whole):
    process = start(*LONG, "--checkpoint-every", "0", "--out", "r")
    wait_for(tmp_path / "r/checkpoint.safetensors", process)
    time.sleep(0.2)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "r/model.safetensors").exists()
    assert steepest("train", "--resume", "r").status == 0
    assert_same(tmp_path / "r", whole)
    assert json.loads((tmp_path / "r/summary.json").read_text())["finished"] is True


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_in_good_order(start, steepest, tmp_path, whole, signum, status):
    process = start(*LONG, "--checkpoint-every", "0.01", "--out", "r", "--json")
    wait_for(tmp_path / "r/checkpoint.safetensors", process)
    process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert "steepest train --resume r" in err
    assert "Traceback" not in err
    assert json.loads(out)["finished"] is False
    assert json.loads((tmp_path / "r/summary.json").read_text())["epochs"] < 8000
    assert not [name for name in os.listdir(tmp_path / "r") if name.startswith(".")]
    assert steepest("evaluate", "r", "digits").status == 0  # the state so far is a model
    assert steepest("train", "--resume", "r", "--threads", 1).status == 0
    assert_same(tmp_path / "r", whole)


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_reading_ends_at_once(steepest, tmp_path, monkeypatch, signum, status):
    def slow(*_, **__):
        os.kill(os.getpid(), signum)
        time.sleep(5)
        raise AssertionError("went on")

    monkeypatch.setattr(source, "load", slow)
    done = steepest("train", "digits", "--out", "r")
    assert done.status == status
    assert os.listdir(tmp_path) == []


def test_a_second_signal_ends_at_once(steepest, tmp_path, monkeypatch):
    def stubborn(objective, plan, state, watch, validation):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        raise AssertionError("went on")

    monkeypatch.setattr(loop, "run", stubborn)
    assert steepest("train", "digits", "--epochs", 3, "--out", "r").status == 130
    assert os.listdir(tmp_path) == []


def test_changed_data_are_not_trained_on(start, steepest, tmp_path):
    rows = [f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(400)]
    (tmp_path / "t.csv").write_text("a,b,label\n" + "".join(rows))
    process = start("train", "t.csv", "--epochs", "100000", "--checkpoint-every", "0.01", "--out", "r")
    wait_for(tmp_path / "r/checkpoint.safetensors", process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    (tmp_path / "t.csv").write_text("a,b,label\n" + "".join(rows).replace("3,3,", "3,4,"))
    done = steepest("train", "--resume", "r")
    assert (done.status, "not the data" in done.err) == (2, True)
    assert (tmp_path / "r/checkpoint.safetensors").exists()


@pytest.mark.parametrize("limit", [10, 2000])
def test_a_full_disk_is_one_line_and_leaves_nothing(start, tmp_path, limit):
    process = start(
        "train", "digits", "--out", "r", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("steepest: error: r/")
    assert "space" in err
    assert os.listdir(tmp_path) == []


def test_two_processes_do_not_share_a_folder(steepest, tmp_path):
    (tmp_path / "r").mkdir()
    with open(tmp_path / "r/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = steepest("train", "digits", "--out", "r")
    assert (done.status, "another process" in done.err) == (2, True)
    assert (
        steepest("train", "digits", "--out", "r", "--epochs", 1).status == 0
    )  # a lock that nobody holds is no obstacle


def test_two_at_once_get_folders_of_their_own(start, tmp_path):
    processes = [start("train", "digits", "--quiet") for _ in range(3)]
    assert [process.communicate() and process.returncode for process in processes] == [0, 0, 0]
    assert sorted(os.listdir(tmp_path / "runs")) == [f"digits-softmax-{k}" for k in (1, 2, 3)]


def test_a_folder_that_may_not_be_written(steepest, tmp_path):
    (tmp_path / "file").write_text("")
    done = steepest("train", "digits", "--out", "file/r")
    assert done.status == 2
    assert "file/r" in done.err
