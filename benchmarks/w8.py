"""W8: cold start, whole processes: an import, the help, a training run on the digits.

Each figure is the wall time from starting a process until it has ended, the files in the system's cache. Targets:
`import steepest` at most 0.15 s, `steepest --help` at most 0.3 s, `steepest train digits` (load, train, test, save)
at most 2 s in all. `python -c pass` and `import numpy` say how much of that is not ours. Ratios are to `import
steepest`. An editable install slows every start of its environment by an import hook: measure a plain one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import Row, absent, alternate, at_most, environment, rows

OURS = "import steepest"
LIMITS = {OURS: 0.15, "steepest --help": 0.3, "steepest train digits": 2.0}


def commands(folder: str) -> dict[str, list[str]]:
    """Name -> command line; the run folder of `train` is new each time."""
    script = str(Path(sys.executable).parent / "steepest")
    imports = {
        f"import {name}": [sys.executable, "-c", f"import {name}"]
        for name in ("steepest", "numpy", "sklearn", "jax", "torch")
    }
    return {
        OURS: imports.pop(OURS),
        "steepest --help": [script, "--help"],
        "steepest train digits": [script, "train", "digits", "--out", f"{folder}/run-{time.monotonic_ns()}"],
        "python -c pass": [sys.executable, "-c", "pass"],
        **imports,
    }


def run(rounds: int = 7) -> list[Row]:
    with TemporaryDirectory() as folder:
        failures = {name: _failure(command, folder) for name, command in commands(folder).items()}
        present = {name: _timer(name, folder) for name, failure in failures.items() if failure is None}
        counted, quiet = alternate(present, rounds, patience=60)
    lines = rows("W8", counted.figures, OURS if OURS in present else None, {})
    lines = [at_most(line, LIMITS[line["name"]]) if line["name"] in LIMITS else line for line in lines]
    lines += [absent("W8", name, failure) for name, failure in failures.items() if failure is not None]
    return [*lines, {"id": "W8", "note": quiet}]


def _failure(command: list[str], folder: str) -> str | None:
    """Why a command does not run here, or None; the first run also compiles bytecode and warms the file cache."""
    try:
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return None
    return (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]


def _timer(name: str, folder: str) -> Callable[[], float]:
    def measure() -> float:
        command = commands(folder)[name]
        start = time.perf_counter()
        subprocess.run(
            command, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return time.perf_counter() - start

    return measure
