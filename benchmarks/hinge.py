"""HINGE: gap against time of the three multiclass hinges on CIFAR-10 (X / 255) at three alphas, against liblinear.

    L(W) = mean loss + alpha |W|^2,  b free        hinge (sum over j), hinge_max (Crammer-Singer), ova_hinge

No target. liblinear solves the last two, on a float64 copy and with a penalty on the bias; it is given ever more
iterations while a fit is likely to end within the limit. Nobody else solves the first. `hinge_contenders` has the
mathematics: everybody's L is taken in float64 by one piece of NumPy, and gaps are to the best bound that was proven.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cifar
from benchmarks.harness import Row, Spread, Worker, absent, line
from benchmarks.hinge_contenders import ALPHAS, HINGES, ITERATIONS, TOLS

LIMIT = 300.0
"""Seconds that a rival's fit may be expected to take."""


def run(rounds: int = 1) -> list[Row]:
    """Rows of the table: seconds to each gap."""
    with TemporaryDirectory() as folder:
        note = cifar.write(Path(folder))
        workers = {name: Worker("benchmarks.hinge_contenders", name, folder) for name in ("steepest", "liblinear")}
        try:
            present = {name: worker for name, worker in workers.items() if worker.absent is None}
            lines = [
                row for loss in HINGES for alpha in ALPHAS for row in _problem(f"{loss} {alpha:g}", present, rounds)
            ]
        finally:
            for worker in workers.values():
                worker.close()
    lines += [absent("HINGE", name, worker.absent) for name, worker in workers.items() if worker.absent is not None]
    return [*lines, {"id": "HINGE", "note": note}]


def _problem(problem: str, workers: dict[str, Worker], rounds: int) -> list[Row]:
    ours = {tol: [workers["steepest"].ask(f"{problem} {tol:g}") for _ in range(rounds)] for tol in TOLS}
    lower = max(fit["lower"] for fits in ours.values() for fit in fits)
    lines, took = [], []
    for tol, fits in ours.items():
        times, gap = Spread.of([fit["seconds"] for fit in fits]), (fits[0]["objective"] - lower) / lower
        took.append((gap, times.median))
        note = f"gap {gap:.1e}, {fits[0]['passes']:.0f} passes"
        lines.append(line("HINGE", f"{problem}: steepest to {tol:g}", times, note))
    if not problem.startswith("hinge ") and "liblinear" in workers:
        lines += _rival(problem, workers["liblinear"], lower, took)
    return lines


def _rival(problem: str, worker: Worker, lower: float, ours: list[tuple[float, float]]) -> list[Row]:
    """Fits with ever more iterations; beside each what steepest took for no larger a gap."""
    lines, last = list[Row](), 0.0
    for before, iterations in zip((None, *ITERATIONS), ITERATIONS, strict=False):
        if before is not None and last * iterations / before > LIMIT:
            break
        fit = worker.ask(f"{problem} {iterations}")
        last, gap = fit["seconds"], (fit["objective"] - lower) / lower
        name, as_good = (
            f"{problem}: liblinear, {iterations} iterations",
            [took for reached, took in ours if reached <= gap],
        )
        best = Spread.of([min(as_good)]) if as_good else None
        lines.append(line("HINGE", name, Spread.of([last]), f"gap {gap:.1e}", best))
    return lines
