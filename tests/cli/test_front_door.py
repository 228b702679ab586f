from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import steepest as st

HEAVY = {"sklearn", "pandas", "polars", "pyarrow", "torch", "jax", "matplotlib", "PIL", "scipy"}


def test_help_and_version(steepest):
    for words in (["--help"], ["train", "--help"], ["evaluate", "-h"], ["predict", "-h"], ["info", "-h"]):
        done = steepest(*words)
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith("Usage: steepest")
    assert steepest("--version").out == f"steepest {st.__version__}\n"


@pytest.mark.parametrize("words", [[], ["fly"], ["train", "digits", "more"], ["evaluate", "r"], ["info", "x"]])
def test_usage_errors_end_with_2(steepest, words):
    assert steepest(*words).status == 2


def test_info(steepest):
    record = json.loads(steepest("info", "--json").out)
    assert record["versions"]["steepest"] == st.__version__
    assert record["level"] in record["levels"]
    assert record["threads"] >= 1
    out = steepest("info").out
    assert all(word in out for word in ("steepest", "kernels", "threads", "processor", "cache", "numpy"))


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--help"], HEAVY | {"rich", "pydantic", "safetensors", "steepest.kernels", "steepest.data"}),
        (["train", "--help"], HEAVY | {"rich", "safetensors", "steepest.kernels"}),
        (["train", "digits", "--epochs", "1"], HEAVY | {"rich"}),
    ],
)
def test_what_a_cold_start_does_not_load(tmp_path, words, without):
    code = f"""
import sys
from steepest.cli import main
assert main({words!r}) == 0
print(*sys.modules, sep="\\n", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not without & set(done.stderr.split())


@pytest.mark.parametrize(("words", "limit"), [(["--help"], 1.0), (["train", "digits"], 4.0)])
def test_cold_starts_are_quick(tmp_path, words, limit):
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "steepest", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    assert min(times) < limit  # several times what it takes, for machines that do other things, too


def test_a_traceback_when_asked_for():
    done = subprocess.run(
        [sys.executable, "-m", "steepest", "train", "nothing.csv"],
        env={**os.environ, "STEEPEST_DEBUG": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def in_a_terminal(tmp_path: Path, *words: str, **environment: str) -> str:
    """Run the command line with a terminal for stderr, and return what it shows there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "steepest", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not more:
            break
        shown += more
    os.close(ours)
    process.communicate()
    assert process.returncode == 0
    return shown.decode()


def test_progress_is_for_terminals(tmp_path):
    long = ("train", "digits", "--epochs", "6000")
    shown = in_a_terminal(tmp_path, *long)
    assert all(word in shown for word in ("epoch", "loss", "accuracy", "examples/s", "left", "\x1b[9"))
    plain = in_a_terminal(tmp_path, *long, NO_COLOR="1")
    assert "examples/s" in plain
    assert "\x1b[9" not in plain
    assert in_a_terminal(tmp_path, *long, "--quiet") == ""


def test_an_unknown_instruction_set_is_one_line(start):
    process = start("train", "digits", env={**os.environ, "STEEPEST_ISA": "abacus"})
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert len(err.splitlines()) == 1
    assert "'abacus'" in err


def test_everything_works_without_the_native_extension(start):
    env = {**os.environ, "STEEPEST_ISA": "reference"}
    process = start("train", "digits", "--epochs", "5", "--out", "r", "--json", env=env)
    record = json.loads(process.communicate(timeout=60)[0])
    assert record["isa"] == "reference"
    assert record["test_accuracy"] > 0.9
    process = start("evaluate", "r", "digits", "--json", env=env)
    assert json.loads(process.communicate(timeout=60)[0])["accuracy"] == record["test_accuracy"]


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["info"], ["train", "spiral:n=300", "--quiet"]])
def test_a_result_that_cannot_be_written_is_one_line(start, words):
    with open("/dev/full", "w") as full:
        process = start(*words, stdout=full)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.splitlines()[-1] == "steepest: error: No space left on device"
    assert "Traceback" not in err


def test_names_that_the_terminal_cannot_write(start, steepest, tmp_path):
    rows = "".join(f"{i},{['schön', 'häßlich'][i % 2]}\n" for i in range(200))
    (tmp_path / "t.csv").write_text("a,label\n" + rows, encoding="utf-8")
    steepest("train", "t.csv", "--out", "r", "--quiet")
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    out, _ = start("evaluate", "r", "t.csv", env=env).communicate(timeout=30)
    assert "sch\\xf6n" in out
    out, _ = start("evaluate", "r", "t.csv", "--json", env=env).communicate(timeout=30)
    assert json.loads(out)["classes"] == ["häßlich", "schön"]


def test_names_from_files_do_not_move_the_cursor(steepest, tmp_path):
    y = np.array(["red\x1b[2J", "blue"])[np.arange(200) % 2]
    np.savez(tmp_path / "t.npz", X=np.arange(200.0)[:, None], y=y)
    steepest("train", "t.npz", "--out", "r")
    out = steepest("evaluate", "r", "t.npz").out
    assert "\x1b" not in out
    assert "red\\x1b[2J" in out
