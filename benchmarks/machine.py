"""The machine beside the figures: what it is, and what it can do at most.

python -m benchmarks.machine      prints both
"""

from __future__ import annotations

import json
import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.harness import cores

PACKAGES = ("steepest", "numpy", "scikit-learn", "scikit-learn-intelex", "torch", "jax", "pillow")


def describe() -> dict[str, Any]:
    """Processor, cores, threads, versions, instruction-set level."""
    from steepest.kernels import dispatch

    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "level": dispatch.level(),
        "levels": dispatch.levels(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def words(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads for each, {machine['system']}\n"
        f"steepest runs at level {machine['level']} (this processor has {', '.join(machine['levels'])})\n{versions}"
    )


def load() -> str:
    return "load average " + " ".join(f"{x:.2f}" for x in os.getloadavg())


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    seen = dict(line.split(":", 1) for line in lines if ":" in line)
    known = {key.strip(): value.strip() for key, value in seen.items()}
    return f"{known.get('model name', 'unknown')} (family {known.get('cpu family')}, model {known.get('model')})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def read_bandwidth(repeats: int = 15) -> float:
    """Bytes a second that all threads together read: dot products of arrays larger than any cache, best of some."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    parts = [np.ones(32 << 20, np.float32) for _ in range(cores())]
    best = 0.0
    with threadpool_limits(1), ThreadPoolExecutor(len(parts)) as pool:
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(lambda x: np.dot(x, x), parts))
            best = max(best, sum(x.nbytes for x in parts) / (time.perf_counter() - start))
    return best


def matmul_rate(repeats: int = 15) -> float:
    """FLOP a second of NumPy's float32 product of 2048 x 2048 matrices, best of some: at most the FMA peak."""
    import numpy as np

    a = np.ones((2048, 2048), np.float32)
    best = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        best = max(best, 2 * 2048**3 / (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    print(json.dumps({**describe(), "read": read_bandwidth(), "matmul": matmul_rate()}))
