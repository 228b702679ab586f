"""TTA: time until a 784-128-10 network first has 88.5 % of Fashion-MNIST's test images right.

Targets: at least 2x torch and 4x scikit-learn. `tta_contenders` has the mathematics; each round is another seed.
"""

from __future__ import annotations

from benchmarks.harness import Row, Spread, Worker, absent, against, alternate, rows
from benchmarks.tta_contenders import CONTENDERS, GOAL

TARGETS = {"torch eager": 2.0, "scikit-learn MLP": 4.0}


def run(rounds: int = 7) -> list[Row]:
    workers = {name: Worker("benchmarks.tta_contenders", name) for name in CONTENDERS}
    epochs: dict[str, list[float]] = {name: [] for name in workers}
    missed: list[str] = []

    def seconds(name: str) -> float:
        found = workers[name].ask("round")
        epochs[name].append(found["epochs"])
        if found["accuracy"] < GOAL:
            missed.append(f"{name} came to {found['accuracy']:.1%} only")
        return float(found["seconds"])

    try:
        present = {name: worker for name, worker in workers.items() if worker.absent is None}
        if "steepest" not in present:
            return [absent("TTA", name, worker.absent or "nobody to compare with") for name, worker in workers.items()]
        counted, quiet = alternate(
            {name: lambda name=name: seconds(name) for name in present},
            rounds,
            pids=[worker.process.pid for worker in present.values()],
        )
    finally:
        for worker in workers.values():
            worker.close()
    lines = rows("TTA", counted.figures, "steepest", TARGETS)
    for line in lines:
        took = Spread.of(epochs[line["name"]])
        line["note"] = f"{took.median:g} epochs, {took.low:g} ... {took.high:g}"
    lines += against("TTA", counted.figures, "steepest bf16", {"torch bf16": TARGETS["torch eager"]})
    lines += [absent("TTA", name, worker.absent) for name, worker in workers.items() if worker.absent is not None]
    return [*lines, *({"id": "TTA", "note": note} for note in (*missed, quiet))]
