"""What W2, W3 and W4 share: the contenders of a task in rounds, their agreement, and the share of the peak."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.harness import ROOT, Row, Worker, absent, against, alternate, environment, rows
from benchmarks.network_contenders import CHECKED, CONTENDERS, TASKS

AGREE = 1e-3
BF16 = "steepest bf16"


def measure(
    identity: str,
    targets: dict[str, float],
    rounds: int,
    without: tuple[str, ...] = (),
    bf16: dict[str, float] | None = None,
) -> list[Row]:
    """Rows of the table of one task; figures are those of an epoch. `bf16`: the targets of our bfloat16."""
    task = TASKS[identity]
    leave_out = without if bf16 is not None else (*without, BF16, "torch bf16")
    names = [name for name in CONTENDERS if name not in leave_out]
    workers = {name: Worker("benchmarks.network_contenders", name, identity) for name in names}
    try:
        present = {name: worker for name, worker in workers.items() if worker.absent is None}
        checks = {name: worker.ask("check") for name, worker in present.items()}
        for name in [name for name, check in checks.items() if "loss" not in check]:
            workers[name].absent = checks.pop(name).get("absent", "it could not run")
            del present[name]
        counted, quiet = alternate(
            {name: worker.seconds for name, worker in present.items()},
            rounds,
            pids=[worker.process.pid for worker in present.values()],
        )
    finally:
        for worker in workers.values():
            worker.close()
    lines = rows(identity, counted.figures, "steepest", targets)
    for line in lines:
        line["note"] = f"loss {checks[line['name']]['loss']:.4f}"
    lines += against(identity, counted.figures, BF16, bf16 or {})
    lines += [absent(identity, name, worker.absent) for name, worker in workers.items() if worker.absent is not None]
    return [*lines, *({"id": identity, "note": note} for note in (_agreement(checks), _rate(task, lines[0]), quiet))]


def _agreement(checks: dict[str, dict]) -> str:
    ours = checks["steepest"]["loss"]
    same = [checks[name]["loss"] for name in ("JAX scan", "torch eager") if name in checks]
    if not same:
        return "nobody here to compare the mathematics with"
    apart = max(abs(loss - ours) / ours for loss in same)
    verdict = "the same mathematics" if apart <= AGREE else "NOT THE SAME MATHEMATICS"
    return f"loss after {CHECKED} steps in one order: steepest {ours:.6f}, torch and JAX within {apart:.1e}: {verdict}"


def _rate(task, ours: Row) -> str:
    machine = json.loads(
        subprocess.run(
            [sys.executable, "-m", "benchmarks.machine"], cwd=ROOT, env=environment(), check=True, capture_output=True
        ).stdout
    )
    rate, steps = task.flop / ours["median"], -(-task.rows // task.batch)
    return (
        f"{task.flop / 1e9:.2f} GFLOP an epoch at {rate / 1e9:.0f} GFLOP/s, {rate / machine['matmul']:.0%} of the rate "
        f"of NumPy's float32 product here ({machine['matmul'] / 1e9:.0f}, a lower bound on the FMA peak); "
        f"{1e6 * ours['median'] / steps:.3g} us a step"
    )
