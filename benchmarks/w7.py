"""W7: ridge regression on Fashion-MNIST (60,000 x 784 uint8), 100 values of alpha, against scikit-learn with 10.

Target: at least 30x RidgeClassifierCV (the faster of float64 and float32), by leave-one-out and by GCV.
`w7_contenders` has the mathematics, and a check that leave-one-out gives the same errors.
"""

from __future__ import annotations

from benchmarks.harness import Row, Worker, absent, against, alternate, rows
from benchmarks.w7_contenders import CONTENDERS

OURS, GCV = "steepest, leave-one-out", "steepest, GCV"
TARGET = 30.0
AGREE = 1e-4


def run(rounds: int = 5) -> list[Row]:
    workers = {name: Worker("benchmarks.w7_contenders", name) for name in CONTENDERS}
    try:
        present = {name: worker for name, worker in workers.items() if worker.absent is None}
        checks = {name: worker.ask("check") for name, worker in present.items()}
        counted, quiet = alternate(
            {name: worker.seconds for name, worker in present.items()},
            rounds,
            pids=[worker.process.pid for worker in present.values()],
        )
    finally:
        for worker in workers.values():
            worker.close()
    rivals = [name for name in counted.figures if name.startswith("scikit-learn")]
    best = {min(rivals, key=lambda name: sorted(counted.figures[name])[rounds // 2]): TARGET} if rivals else {}
    lines = rows("W7", counted.figures, OURS, best)
    for line in lines:
        line["note"] = f"test accuracy {checks[line['name']]['accuracy']:.1%}"
    lines += against("W7", counted.figures, GCV, best)
    lines += [absent("W7", name, worker.absent) for name, worker in workers.items() if worker.absent is not None]
    return [*lines, {"id": "W7", "note": _agreement(checks, rivals)}, {"id": "W7", "note": quiet}]


def _agreement(checks: dict[str, dict], rivals: list[str]) -> str:
    if OURS not in checks or not rivals:
        return "nobody here to compare with"
    ours = checks[OURS]["error"]
    apart = max(abs(checks[name]["error"] - ours) / ours for name in rivals)
    verdict = "the same mathematics" if apart <= AGREE else "NOT THE SAME MATHEMATICS"
    return f"least leave-one-out error among the same 10 alphas: steepest {ours:.6f}, within {apart:.1e}: {verdict}"
