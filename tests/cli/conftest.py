from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from steepest.cli import main


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(autouse=True, scope="session")
def heard() -> None:
    """Shells start what runs in the background with SIGINT ignored, and children inherit that: here it is heard."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def steepest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: Any) -> Outcome:
        capsys.readouterr()
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Outcome(status, out, err)

    return call


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Begin the command line as a process of its own, in an empty folder."""

    def begin(*words: Any, **how: Any) -> subprocess.Popen[str]:
        environment = how.pop("env", os.environ)
        environment = {k: v for k, v in environment.items() if k not in ("STEEPEST_DEBUG", "PYTHONWARNINGS")}
        command: Sequence[str] = [sys.executable, "-m", "steepest", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, **(pipes | how))

    return begin
