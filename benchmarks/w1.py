"""W1: one epoch of linear softmax on CIFAR-10, mini-batch 256, SGD with momentum.

50,000 rows of 3,072 bytes, 10 classes, alpha 1e-4, shuffled anew each epoch; `w1_contenders` has the mathematics, and
a check that the contenders agree on it. Target: at least 6x torch with its tensors indexed (the faster of bytes
converted in the step and float32 prepared beforehand), at least 10x JAX (the faster of the same two).

Roofline: the bytes are read once, N D = 154 MB, and each meets 2 C multiply-adds, 4 N D C = 6.1 GFLOP. Where bytes meet
weights in integers (level avx512vnni), an instruction does 64 multiply-adds of a third of a weight in place of 16 whole
ones, and the float32 peak is no bound.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cifar
from benchmarks.harness import ROOT, Row, Worker, absent, alternate, environment, figure, rows
from benchmarks.w1_contenders import CONTENDERS

TARGETS = {"torch indexed": 6.0, "JAX scan": 10.0}
AGREE = 1e-3


def run(rounds: int = 7) -> list[Row]:
    with TemporaryDirectory() as folder:
        what = cifar.write(Path(folder))
        workers = {name: Worker("benchmarks.w1_contenders", name, folder) for name in CONTENDERS}
        try:
            lines = _measure(workers, rounds)
        finally:
            for worker in workers.values():
                worker.close()
    return [{"id": "W1", "note": f"data: {what}"}, *lines]


def _measure(workers: dict[str, Worker], rounds: int) -> list[Row]:
    present = {name: worker for name, worker in workers.items() if worker.absent is None}
    checks = {name: worker.ask("check") for name, worker in present.items()}
    counted, quiet = alternate(
        {name: worker.seconds for name, worker in present.items()},
        rounds,
        pids=[w.process.pid for w in present.values()],
    )
    lines = rows("W1", counted.figures, "steepest", _best(counted.figures))
    for line in lines:
        check = checks[line["name"]]
        line["note"] = f"loss {check['loss']:.4f}"
    lines += [absent("W1", name, worker.absent) for name, worker in workers.items() if worker.absent is not None]
    if "steepest" in checks:
        lines += [{"id": "W1", "note": _agreement(checks)}, *_roofline(lines[0]["median"])]
    return [*lines, {"id": "W1", "note": quiet}]


def _best(figures: dict[str, list[float]]) -> dict[str, float]:
    """The target of each family falls on its fastest variant."""
    targets = {}
    for family, target in TARGETS.items():
        variants = [name for name in figures if name.startswith(family)]
        if variants:
            targets[min(variants, key=lambda name: sorted(figures[name])[len(figures[name]) // 2])] = target
    return targets


def _agreement(checks: dict[str, dict]) -> str:
    ours = checks["steepest"]["loss"]
    rivals = {
        name: check["loss"] for name, check in checks.items() if not name.startswith(("scikit-learn", "steepest"))
    }
    if not rivals:
        return f"loss after one epoch in a given order {ours:.6f}; nobody here to compare with"
    apart = max(abs(loss - ours) / ours for loss in rivals.values())
    verdict = "the same mathematics" if apart <= AGREE else "NOT THE SAME MATHEMATICS"
    return (
        f"loss after one epoch from zero in one order: steepest {ours:.6f}, torch and JAX within {apart:.1e}: {verdict}"
    )


def _roofline(seconds: float) -> list[Row]:
    """What of the machine we reach, beside what it can do as measured just now."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.machine"],
        cwd=ROOT,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    machine = json.loads(answer.stdout)
    moved, flop = cifar.N * cifar.D, 4 * cifar.N * cifar.D * cifar.C
    read, product = machine["read"], machine["matmul"]
    note = (
        f"roofline: {moved / 1e6:.0f} MB at {moved / seconds / 1e9:.1f} of {read / 1e9:.1f} GB/s read here "
        f"({moved / seconds / read:.0%}); {flop / 1e9:.2f} GFLOP at {flop / seconds / 1e9:.0f} of "
        f"{product / 1e9:.0f} GFLOP/s ({flop / seconds / product:.0%}), the rate of NumPy's float32 product, "
        f"a lower bound on the FMA peak; at these rates an epoch takes {figure(max(moved / read, flop / product), 's')}"
        " in floats"
    )
    return [{"id": "W1", "note": note}]
