"""BF16: test accuracy of the same networks trained in bfloat16 and in float32, over five seeds.

Fashion-MNIST: 784-256-128-10, 10 epochs of the defaults. CIFAR-10: the network of examples/cifar10_two_layers.toml,
of 10 epochs. Precision concerns the products while training; the test is in float32 for both.
"""

from __future__ import annotations

import statistics
import time
import tomllib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import cifar
from benchmarks.harness import ROOT, Row, Spread, absent
from benchmarks.network_contenders import fashion

PRECISIONS = ("float32", "bf16")
RECIPE = ROOT / "examples" / "cifar10_two_layers.toml"

Arrays = tuple[np.ndarray, np.ndarray]
Parts = tuple[Arrays, Arrays]


def run(rounds: int = 5) -> list[Row]:
    return [*_compare("Fashion-MNIST", _fashion, _small, rounds), *_compare("CIFAR-10", _cifar, _two_layers, rounds)]


def _compare(data: str, parts: Callable[[], Parts | None], settings: Callable[[], dict], rounds: int) -> list[Row]:
    from steepest import MLPClassifier
    from steepest.errors import InputError

    found = parts()
    if found is None:
        return [absent("BF16", data, "the images are not here")]
    (X, y), (T, labels) = found
    right: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    seconds: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for seed in range(rounds):
        for precision in PRECISIONS:
            began = time.perf_counter()
            try:
                clf = MLPClassifier(**settings(), precision=precision, random_state=seed).fit(X, y)
            except InputError as error:
                return [absent("BF16", data, str(error))]
            seconds[precision].append(time.perf_counter() - began)
            right[precision].append(100 * clf.score(T, labels))
    return [_row(f"{data}, {precision}", right[precision], seconds[precision]) for precision in PRECISIONS]


def _row(name: str, right: list[float], seconds: list[float]) -> Row:
    seen = Spread.of(right)
    deviation = statistics.stdev(right) if len(right) > 1 else 0.0
    return {
        "id": "BF16", "name": name, "unit": "%", "median": seen.median, "low": seen.low, "high": seen.high,
        "note": f"mean {statistics.mean(right):.2f} +- {deviation:.2f} %, fit {statistics.median(seconds):.1f} s",
    }  # fmt: skip


def _small() -> dict[str, Any]:
    return {"hidden": (256, 128), "batch_size": 128, "epochs": 10}


def _two_layers() -> dict[str, Any]:
    """The settings of the example, as the estimator takes them."""
    said = tomllib.loads(RECIPE.read_text())
    return {name: value for name, value in said.items() if name not in ("model", "seed")} | {"epochs": 10}


def _fashion() -> Parts | None:
    train, test = fashion("train"), fashion("t10k")
    return None if train is None or test is None else (train, test)


def _cifar() -> Parts | None:
    import steepest as st

    tar = cifar.archive()
    if tar is None:
        return None
    train, test = st.load(str(tar)).split()
    return (train.X, train.y), (test.X, test.y)
