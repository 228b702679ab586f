"""G1: forward and backward on the graph, (a) a scalar expression of 30 ops, (b) a 784-100-10 network at batch 128.

The graph is built anew each time, as in training. Targets: (a) at least 3x HIPS autograd and not slower than torch
eager; (b) not slower than HIPS autograd. `g1_contenders` has the expression and the network.
"""

from __future__ import annotations

from benchmarks.g1_contenders import CONTENDERS, NETWORKS, NUMBERS
from benchmarks.harness import Row, Worker, absent, alternate, rows

TASKS = {
    "scalar": ("(a) 30 ops", NUMBERS, {"torch eager": 1.0, "HIPS autograd": 3.0}),
    "network": ("(b) 784-100-10", NETWORKS, {"HIPS autograd": 1.0}),
}


def run(rounds: int = 9) -> list[Row]:
    workers = {name: Worker("benchmarks.g1_contenders", name) for name in CONTENDERS}
    try:
        present = {name: worker for name, worker in workers.items() if worker.absent is None}
        lines: list[Row] = []
        for task in TASKS:
            lines += _measure(task, present, rounds)
        lines += [absent("G1", name, worker.absent) for name, worker in workers.items() if worker.absent is not None]
        return [
            *lines,
            {"id": "G1", "note": _agreement({name: worker.ask("check") for name, worker in present.items()})},
        ]
    finally:
        for worker in workers.values():
            worker.close()


def _measure(task: str, workers: dict[str, Worker], rounds: int) -> list[Row]:
    title, times, targets = TASKS[task]
    counted, quiet = alternate(
        {name: lambda w=worker: float(w.ask(task)["seconds"]) / times for name, worker in workers.items()},
        rounds,
        patience=60.0,
        pids=[worker.process.pid for worker in workers.values()],
    )
    table = rows(
        "G1", {name: [1e6 * s for s in figures] for name, figures in counted.figures.items()}, "steepest", targets, "us"
    )
    return [*({**row, "note": title} for row in table), {"id": "G1", "note": f"{title}: {quiet}"}]


def _agreement(checks: dict[str, dict[str, list[float]]]) -> str:
    ours = checks.pop("steepest")
    worst = max(
        (
            abs(a - b) / abs(b)
            for check in checks.values()
            for task in TASKS
            for a, b in zip(ours[task], check[task], strict=True)
        ),
        default=0.0,
    )
    return f"gradients agree to {worst:.1e}, in relative terms (the network's in float32, summed)"
