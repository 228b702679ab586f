"""Crossover: from which size on a step of a small network is faster on all threads than on one.

64-width-width-10, ReLU, SGD with momentum, float32, by the FLOP of a step. The program itself takes one thread where a
step is too small: there both figures are of the same program, and the ratio is 1.
"""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import Any

from benchmarks.harness import Row, Spread, Worker, alternate, cores, ratio, serve
from benchmarks.network_contenders import Data, Functions, Task, steepest

WIDTHS = (8, 16, 32, 64, 128)
BATCHES = (4, 16, 64, 256)
BUDGET, RATE, STEP = 0.05, 3e10, 3e-6
"""Seconds of a round; FLOP a second and seconds beside them, guessed for the number of steps only."""


def task_of(width: int, batch: int) -> Task:
    sizes = (64, width, width, 10)
    steps = round(BUDGET / (work(width, batch) / RATE + STEP))
    return Task(sizes, "relu", batch, min(60_000 // batch, steps) * batch, lr=1e-3)


def work(width: int, batch: int) -> float:
    """FLOP of a step as the program counts them: six for each weight and row."""
    return 6.0 * batch * (64 * width + width * width + 10 * width)


def run(rounds: int = 7) -> list[Row]:
    one, all_ = Worker("benchmarks.crossover", "1"), Worker("benchmarks.crossover", str(cores()))
    try:
        cells = sorted(((w, b) for w in WIDTHS for b in BATCHES), key=lambda cell: work(*cell))
        return [_row(one, all_, width, batch, rounds) for width, batch in cells]
    finally:
        one.close()
        all_.close()


def _row(one: Worker, all_: Worker, width: int, batch: int, rounds: int) -> Row:
    cell, workers = f"{width} {batch}", {"one": one, "all": all_}
    counted, _ = alternate(
        {name: lambda w=worker: float(w.ask(cell)["seconds"]) for name, worker in workers.items()},
        rounds,
        patience=0,
        pids=[worker.process.pid for worker in workers.values()],
    )
    steps = task_of(width, batch).rows // batch
    took = Spread.of(1e6 * seconds / steps for seconds in counted.figures["all"])
    gain = ratio(counted.figures["one"], counted.figures["all"])
    return {
        "id": "CROSSOVER", "name": f"{work(width, batch):>8.1e} FLOP: 64-{width}-{width}-10, batch {batch}",
        "unit": "us", "median": took.median, "low": took.low, "high": took.high,
        "ratio": gain.median, "ratio_low": gain.low, "ratio_high": gain.high,
    }  # fmt: skip


def _functions(threads: int) -> Functions:
    """Requests "WIDTH BATCH": an epoch of that cell."""

    @cache
    def prepared(width: int, batch: int) -> Functions:
        return steepest(Data(task_of(width, batch)), threads)

    def answer(width: int, batch: int) -> dict[str, Any]:
        return prepared(width, batch)["round"]()

    return {f"{width} {batch}": partial(answer, width, batch) for width in WIDTHS for batch in BATCHES}


if __name__ == "__main__":
    serve(lambda: _functions(int(sys.argv[1])))
