"""W12: a linear probe of 200,000 x 768 float16 features and 1,000 classes to a gap of 1e-3, in time and memory.

    L(W) = mean softmax(W'x + b, y) + alpha |W|^2,  alpha = 1e-5, b free

The features are a mixture with a spectrum that falls as 1/j: see `w12_contenders`. No target is set. Rivals are given
float32, and ten times as long as steepest took (STEEPEST_PATIENCE times, where that is set); a rival that stops by
itself sooner is taken at its word. Everybody's L is taken in float64 by one piece of NumPy, and gaps are to the bound
that steepest has proven. The peaks are of whole processes, interpreter, libraries and data included.
"""

from __future__ import annotations

import os
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness import ROOT, Row, Worker, absent

RIVALS = ("scikit-learn lbfgs", "torch L-BFGS", "scikit-learn-intelex")


def run() -> list[Row]:
    """Rows of the table: seconds, with the gap reached and the memory in the note."""
    patience = float(os.environ.get("STEEPEST_PATIENCE", "10"))
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "benchmarks.w12_contenders", "write", folder], cwd=ROOT, check=True)
        ours = _fit("steepest", folder, 0.0)
        lower = ours["objective"] * (1 - ours["proven"])
        lines = [_row("steepest", ours, lower, ours["seconds"])]
        for name in RIVALS:
            fit = _fit(name, folder, patience * ours["seconds"])
            if "absent" in fit:
                lines.append(absent("W12", name, fit["absent"]))
            else:
                lines.append(_row(name, fit, lower, ours["seconds"]))
    note = f"{ours['bytes'] / 1e6:.0f} MB of features; steepest has proven {ours['proven']:.1e}"
    return [*lines, {"id": "W12", "note": f"{note}; rivals had {patience:g}x its time"}]


def _fit(name: str, folder: str, limit: float) -> dict[str, Any]:
    worker = Worker("benchmarks.w12_contenders", name, folder, str(limit))
    try:
        return {"absent": worker.absent} if worker.absent is not None else worker.ask("fit")
    finally:
        worker.close()


def _row(name: str, fit: dict[str, Any], lower: float, ours: float) -> Row:
    gap = (fit["objective"] - lower) / lower
    row: Row = {
        "id": "W12", "name": name, "unit": "s", "median": fit["seconds"], "low": fit["seconds"], "high": fit["seconds"],
        "note": f"gap {gap:.1e}, {fit['passes']:.0f} passes, peak {fit['peak'] / 1e6:,.0f} MB",
    }  # fmt: skip
    return row if name == "steepest" else row | {"ratio": fit["seconds"] / ours}
