"""L1: sparse classifiers on Fashion-MNIST to a proven gap of 1e-4: softmax against saga, lasso against Lasso.

saga is given ten times our time, and its objective stands beside ours. `l1_contenders` has the mathematics.
"""

from __future__ import annotations

from typing import Any

from benchmarks.harness import Row, Spread, Worker, absent, line
from benchmarks.l1_contenders import TOL

PATIENCE = 10
RIVALS = {"softmax": ("saga", "scikit-learn saga"), "squared": ("lasso", "scikit-learn Lasso")}


def run(rounds: int = 5) -> list[Row]:
    lines: list[Row] = []
    for loss, (rival, name) in RIVALS.items():
        fits, missing = _fits("steepest", loss, 0.0, rounds)
        if not fits:
            return [absent("L1", "steepest", missing)]
        times = Spread.of(fit["seconds"] for fit in fits)
        least = max(fit["objective"] * (1 - fit["proven"]) for fit in fits)
        lines.append(_row(f"{loss}: steepest", times, fits[0], least))
        theirs, missing = _fits(rival, loss, PATIENCE * times.median, 1)
        if not theirs:
            lines.append(absent("L1", name, missing))
            continue
        took = Spread.of(fit["seconds"] for fit in theirs)
        lines.append(_row(f"{loss}: {name}", took, theirs[0], least, times))
    return [
        *lines,
        {"id": "L1", "note": f"goal: a gap of {TOL:g}; gaps are to what steepest has proven of the optimum"},
    ]


def _fits(contender: str, loss: str, seconds: float, rounds: int) -> tuple[list[dict[str, Any]], str]:
    worker = Worker("benchmarks.l1_contenders", contender, loss, str(seconds))
    try:
        if worker.absent is not None:
            return [], worker.absent
        if contender == "steepest":
            worker.ask("fit")
        return [worker.ask("fit") for _ in range(rounds)], ""
    finally:
        worker.close()


def _row(name: str, times: Spread, fit: dict[str, Any], least: float, ours: Spread | None = None) -> Row:
    gap = (fit["objective"] - least) / least
    note = f"gap {gap:.1e}, {fit['share']:.0%} of the weights in use, {fit['passes']:.0f} passes"
    return line("L1", name, times, note, ours)
