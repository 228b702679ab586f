"""Sweep: a step of a 784-width-width-10 network over widths and batches, against JAX.

Each cell is an epoch of as many rows as some tenths of a second take, ReLU, SGD with momentum, float32; its number is
JAX's time over that of steepest. Target: steepest is ahead in at least 8 cells of 10. `network_contenders` has the
mathematics; the picture is pictures/sweep.png.
"""

from __future__ import annotations

import math
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, Row, Spread, Worker, absent, alternate, ratio, serve
from benchmarks.network_contenders import CONTENDERS, Data, Functions, Task
from benchmarks.networks import AGREE

WIDTHS = (32, 64, 128, 256, 512, 1024, 2048)
BATCHES = (1, 4, 16, 32, 64, 128, 256, 1024, 4096)
OURS, RIVAL = "steepest", "JAX scan"
SHARE = 80.0
BUDGET = 0.25
"""Seconds that a round of a cell takes, more or less."""

RATE, BANDWIDTH, STEP = 150e9, 30e9, 5e-6
"""Guesses, for the number of steps only: FLOP and bytes a second, seconds that a step takes beside."""


def task_of(width: int, batch: int) -> Task:
    """The cell's network, and rows for BUDGET: at least two steps, at most the 60,000 images."""
    one = Task((784, width, width, 10), "relu", batch, batch, lr=1e-3)
    weights = sum(a * b for a, b in zip(one.sizes, one.sizes[1:], strict=False))
    step = one.flop / RATE + 5 * 4 * weights / BANDWIDTH + STEP  # read, and with the velocity read and written
    steps = min(60_000 // batch, max(2, round(BUDGET / step)))
    return Task(one.sizes, one.activation, batch, steps * batch, lr=one.lr)


def run(rounds: int = 5) -> list[Row]:
    workers = {name: Worker("benchmarks.sweep", name) for name in (OURS, RIVAL)}
    try:
        if workers[RIVAL].absent:
            return [absent("SWEEP", RIVAL, workers[RIVAL].absent)]
        cells = [_cell(workers, width, batch, rounds) for width in WIDTHS for batch in BATCHES]
    finally:
        for worker in workers.values():
            worker.close()
    ahead = [cell for cell in cells if cell["ratio"] > 1]
    behind = sorted((cell for cell in cells if cell["ratio"] <= 1), key=lambda cell: cell["ratio"])
    share = 100 * len(ahead) / len(cells)
    apart = max(cell["apart"] for cell in cells)
    notes = [
        *_matrix(cells),
        f"{len(ahead)} of {len(cells)} cells ahead; behind: "
        + (", ".join(f"{c['width']} x {c['batch']} ({c['ratio']:.2f}x)" for c in behind) or "none"),
        f"losses after some steps in one order: at most {apart:.1e} apart"
        + ("" if apart <= AGREE else ": NOT THE SAME MATHEMATICS"),
        f"other programs took {Spread.of(c['others'] for c in cells).median:.0%} of the machine, "
        f"in the worst cell {max(c['others'] for c in cells):.0%}",
        f"picture: {_picture(cells, ROOT / 'pictures' / 'sweep.png')}",
    ]
    row: Row = {
        "id": "SWEEP", "name": f"cells ahead of {RIVAL}", "unit": "%", "median": share, "target": f">= {SHARE:g} %",
        "met": share >= SHARE, "cells": cells,
    }  # fmt: skip
    return [row, *({"id": "SWEEP", "note": note} for note in notes)]


def _cell(workers: dict[str, Worker], width: int, batch: int, rounds: int) -> dict[str, Any]:
    cell = f"{width} {batch}"
    losses = [worker.ask(f"check {cell}")["loss"] for worker in workers.values()]
    counted, _ = alternate(
        {name: lambda w=worker: float(w.ask(f"round {cell}")["seconds"]) for name, worker in workers.items()},
        rounds,
        patience=0,  # so many cells: a restless machine would take hours
        pids=[worker.process.pid for worker in workers.values()],
    )
    steps = math.ceil(task_of(width, batch).rows / batch)
    times = ratio(counted.figures[RIVAL], counted.figures[OURS])
    found = {
        "width": width,
        "batch": batch,
        "ours": Spread.of(counted.figures[OURS]).median / steps,
        "rival": Spread.of(counted.figures[RIVAL]).median / steps,
        "ratio": times.median,
        "ratio_low": times.low,
        "ratio_high": times.high,
        "apart": abs(losses[0] - losses[1]) / losses[1],
        "others": Spread.of(counted.others).median,
    }
    print(
        f"  width {width:>4} batch {batch:>4}: {1e6 * found['ours']:>9.1f} us a step, {found['ratio']:.2f}x "
        f"({times.low:.2f} ... {times.high:.2f})",
        flush=True,
    )
    return found


def _matrix(cells: list[dict[str, Any]]) -> list[str]:
    """The ratios as lines: a row for each width."""
    found = {(cell["width"], cell["batch"]): cell["ratio"] for cell in cells}
    head = "width\\batch" + "".join(f"{batch:>8}" for batch in BATCHES)
    return [
        head,
        *(f"{width:>11}" + "".join(f"{found[width, batch]:>7.2f}x" for batch in BATCHES) for width in WIDTHS),
    ]


def _picture(cells: list[dict[str, Any]], path: Path) -> str:
    """A heat map: blue where steepest is ahead, red where it is behind; as far from white as the ratio is from 1."""
    try:
        from matplotlib.colors import LogNorm
        from matplotlib.figure import Figure
    except ImportError as error:
        return f"absent ({error})"
    found = {(cell["width"], cell["batch"]): cell["ratio"] for cell in cells}
    grid = [[found[width, batch] for batch in BATCHES] for width in WIDTHS]
    figure = Figure(figsize=(8.4, 5.2), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(grid, cmap="RdBu", norm=LogNorm(1 / 8, 8), aspect="auto", origin="lower")
    for i, row in enumerate(grid):
        for j, times in enumerate(row):
            light = abs(math.log(times, 8)) > 0.6
            axes.text(j, i, f"{times:.2g}", ha="center", va="center", color="white" if light else "black")
    axes.set_xticks(range(len(BATCHES)), BATCHES)
    axes.set_yticks(range(len(WIDTHS)), WIDTHS)
    axes.set(xlabel="rows of a batch", ylabel="width of both hidden layers")
    ahead = sum(times > 1 for row in grid for times in row)
    axes.set_title(f"How many times as fast as JAX: ahead in {ahead} of {len(cells)} cells (784-width-width-10)")
    bar = figure.colorbar(image, ticks=[1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], label="JAX's time / ours")
    bar.ax.set_yticklabels(["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    bar.ax.minorticks_off()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=150)
    return str(path.relative_to(ROOT))


def _functions(name: str) -> Functions:
    """Requests "round WIDTH BATCH" and "check WIDTH BATCH"; only the cell asked for last is kept."""

    @cache
    def prepared(cell: tuple[int, int]) -> Functions:
        return CONTENDERS[name](Data(task_of(*cell)))

    def answer(what: str, cell: tuple[int, int]) -> dict[str, Any]:
        if what == "check":  # the first thing that a cell is asked
            prepared.cache_clear()
        return prepared(cell)[what]()

    prepared((WIDTHS[0], BATCHES[0]))  # a library that is not here shows at once
    cells = [(width, batch) for width in WIDTHS for batch in BATCHES]
    return {
        f"{what} {width} {batch}": partial(answer, what, (width, batch))
        for what in ("round", "check")
        for width, batch in cells
    }


if __name__ == "__main__":
    serve(lambda: _functions(sys.argv[1]))
