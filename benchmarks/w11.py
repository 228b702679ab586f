"""W11: exact k-nearest neighbours, CIFAR-10 (50,000 x 3072 uint8), k = 5: 1,000 queries of the 10,000.

Time is in proportion to the queries, so a tenth of them is measured. Target: at least 3x scikit-learn's brute force, on
the faster of bytes as given and float32 prepared beforehand; memory at most the data, the budget of 256 MB and 100 MB
for interpreter and libraries. `w11_contenders` has the mathematics, and a check that all find the same neighbours.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cifar
from benchmarks.harness import ROOT, Row, Worker, absent, alternate, at_most, environment, rows
from benchmarks.w11_contenders import BUDGET, CONTENDERS, QUERIES

OURS, RIVAL, TARGET = "steepest", "scikit-learn brute", 3.0
LIMIT = (cifar.N + QUERIES) * cifar.D + 1e6 * BUDGET + 100e6


def run(rounds: int = 5) -> list[Row]:
    with TemporaryDirectory() as folder:
        what = cifar.write(Path(folder))
        workers = {name: Worker("benchmarks.w11_contenders", name, folder) for name in CONTENDERS}
        try:
            lines = _measure(workers, rounds)
        finally:
            for worker in workers.values():
                worker.close()
    return [{"id": "W11", "note": f"data: {what}"}, *lines]


def _measure(workers: dict[str, Worker], rounds: int) -> list[Row]:
    present = {name: worker for name, worker in workers.items() if worker.absent is None}
    counted, quiet = alternate(
        {name: worker.seconds for name, worker in present.items()},
        rounds,
        pids=[worker.process.pid for worker in present.values()],
    )
    checks = {name: worker.ask("check") for name, worker in present.items()}
    rivals = [name for name in counted.figures if name.startswith(RIVAL)]
    best = min(rivals, key=lambda name: sorted(counted.figures[name])[len(counted.figures[name]) // 2], default="")
    lines = rows("W11", counted.figures, OURS, {best: TARGET})
    lines += [absent("W11", name, worker.absent) for name, worker in workers.items() if worker.absent is not None]
    peaks = rows("W11", {f"peak of {name}": [float(check["peak"])] for name, check in checks.items()}, None, {}, "B")
    lines += [at_most(line, LIMIT) if line["name"] == f"peak of {OURS}" else line for line in peaks]
    rate = QUERIES * cifar.N * cifar.D / lines[0]["median"]
    return [
        *lines,
        {"id": "W11", "note": _agreement({name: check["nearest"] for name, check in checks.items()})},
        {"id": "W11", "note": f"{rate / 1e9:.0f} G multiply-adds of bytes a second; {_floats()}"},
        {"id": "W11", "note": quiet},
    ]


def _agreement(nearest: dict[str, list[list[int]]]) -> str:
    ours = nearest[OURS]
    apart = {
        name: sum(set(a) != set(b) for a, b in zip(ours, theirs, strict=True))
        for name, theirs in nearest.items()
        if name not in (OURS, "steepest, l1")
    }
    words = ", ".join(f"{name} {count}" for name, count in apart.items())
    return f"queries of {QUERIES} whose neighbours are others than ours (ties, roundings of float32): {words}"


def _floats() -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.machine"],
        cwd=ROOT,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return f"NumPy's product reaches {json.loads(answer.stdout)['matmul'] / 2e9:.0f} G of float32 here"
