"""Chooses between a native kernel and its NumPy twin; callers never see which.

`STEEPEST_ISA` forces a level: `reference` for the twins, or one of the names that `levels()` gives.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from steepest.errors import InputError
from steepest.kernels import (
    ascent_reference,
    coordinate_reference,
    gram_reference,
    neighbors_reference,
    reference,
    sparse_reference,
    sparse_sweeps,
)
from steepest.kernels.sparse import are_sparse
from steepest.kernels.types import F32, F64, AnyRows, Formula, Labels, NetworkStage, Order, Tally

try:
    from steepest.kernels import _native as native
except ImportError:  # installed with STEEPEST_PURE=1: everything works, slower
    native = None  # type: ignore[assignment]

__all__ = [
    "ascend",
    "best_slopes",
    "block_grams",
    "coordinate",
    "cross",
    "default_threads",
    "descend",
    "gradient",
    "gram",
    "level",
    "levels",
    "moments",
    "neighbors",
    "neighbors_memory",
    "network_descend",
    "network_gradient",
    "network_scores",
    "order",
    "pull",
    "runs_native",
    "scores",
    "sparse_times",
    "sparse_transposed_times",
    "use",
]

_level: str = "reference"


def levels() -> list[str]:
    """Names of the levels that run here, the plainest first; `reference` is the NumPy twins."""
    return ["reference", *(native.levels() if native else [])]


def level() -> str:
    """Name of the level in use."""
    return _level


def use(name: str | None = None) -> None:
    """Use this level from now on; None takes the fastest that runs here.

    Raises InputError when this build or this processor does not have it.
    """
    global _level
    if name is None:
        name = native.level() if native else "reference"
    if name not in levels():
        raise InputError(f"STEEPEST_ISA: no instruction-set level {name!r} here; there are {', '.join(levels())}")
    if native and name != "reference":
        native.use(name)
    _level = name


@lru_cache(maxsize=1)
def default_threads() -> int:
    """How many threads this process may use: its processors, the container's limit, OMP_NUM_THREADS."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no limit is set ("max"), or no such file
        pass
    limit = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return min(count, int(limit)) if limit.isdigit() and int(limit) > 0 else count


def runs_native() -> bool:
    """Say whether native code is in use, at whatever level."""
    return _level != "reference"


def order(seed: int, purpose: int, epoch: int, out: Order) -> None:
    """See `reference.order`."""
    (native.order if runs_native() else reference.order)(seed, purpose, epoch, out)


def moments(X: AnyRows, order: Order | None, mean: F64, variance: F64, *, threads: int) -> None:
    """See `reference.moments`."""
    kernel: Callable[..., None] = (
        sparse_sweeps.moments if are_sparse(X) else (native if runs_native() else reference).moments
    )
    kernel(X, order, mean, variance, threads=threads)


def neighbors(
    X: AnyRows, Z: AnyRows, distance: F64, index: Order, *, metric: Literal["l1", "l2"], threads: int
) -> None:
    """See `neighbors_reference.neighbors`."""
    kernel = native.neighbors if runs_native() else neighbors_reference.neighbors
    kernel(X, Z, distance, index, metric=metric, threads=threads)


def neighbors_memory(features: int, k: int, *, threads: int) -> float:
    """See `neighbors_reference.neighbors_memory`."""
    kernel = native.neighbors_memory if runs_native() else neighbors_reference.neighbors_memory
    return kernel(features, k, threads=threads)


def gram(
    X: AnyRows, order: Order | None, weight: F32 | None, shift: F64, scale: F64, out: F64,
    *, precision: str = "float32", threads: int,
) -> None:  # fmt: skip
    """See `gram_reference.gram`."""
    kernel: Callable[..., None] = (
        sparse_sweeps.gram if are_sparse(X) else (native if runs_native() else gram_reference).gram
    )
    kernel(X, order, weight, shift, scale, out, precision=precision, threads=threads)


def cross(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64, out: F64, *, threads: int
) -> None:
    """See `gram_reference.cross`."""
    kernel: Callable[..., None] = (
        sparse_sweeps.cross if are_sparse(X) else (native if runs_native() else gram_reference).cross
    )
    kernel(X, y, order, weight, shift, scale, out, threads=threads)


def ascend(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64, W: F32, b: F32, p: F32,
    gram: F32, turn: Order, *, loss: str, strength: float, bias: float, threads: int,
) -> Tally:  # fmt: skip
    """See `ascent_reference.ascend`."""
    kernel = native.ascend if runs_native() else ascent_reference.ascend
    return kernel(
        X, y, order, weight, shift, scale, W, b, p, gram, turn,
        loss=loss, strength=strength, bias=bias, threads=threads,
    )  # fmt: skip


def best_slopes(scores: F32, y: Labels, p: F32, *, loss: str, strength: float, threads: int) -> None:
    """See `ascent_reference.best_slopes`."""
    kernel = native.best_slopes if runs_native() else ascent_reference.best_slopes
    kernel(scores, y, p, loss=loss, strength=strength, threads=threads)


def pull(
    X: AnyRows, order: Order | None, weight: F32 | None, shift: F64, scale: F64, p: F32, out: F64, *, threads: int
) -> None:
    """See `ascent_reference.pull`."""
    (native if runs_native() else ascent_reference).pull(X, order, weight, shift, scale, p, out, threads=threads)


def block_grams(X: AnyRows, order: Order | None, shift: F64, scale: F64, out: F32, *, threads: int) -> None:
    """See `ascent_reference.block_grams`."""
    (native if runs_native() else ascent_reference).block_grams(X, order, shift, scale, out, threads=threads)


def coordinate(
    G: F64, U: F64 | None, P: F64, signs: F64, damping: F64, gradient: F64, l1: F64, l2: F64, V: F64, Q: F64, **how: Any
) -> tuple[int, float]:
    """See `coordinate_reference.coordinate`."""
    kernel = native.coordinate if runs_native() else coordinate_reference.coordinate
    return kernel(G, U, P, signs, damping, gradient, l1, l2, V, Q, **how)


def scores(X: AnyRows, order: Order | None, shift: F64, scale: F64, W: F32, b: F32, out: F32, *, threads: int) -> None:
    """See `reference.scores`."""
    kernel: Callable[..., None] = (
        sparse_sweeps.scores if are_sparse(X) else (native if runs_native() else reference).scores
    )
    kernel(X, order, shift, scale, W, b, out, threads=threads)


def gradient(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64,
    W: F32, b: F32, dW: F32, db: F32, *, loss: Formula, threads: int,
) -> Tally:  # fmt: skip
    """See `reference.gradient`."""
    if are_sparse(X):
        return sparse_sweeps.gradient(
            X, y, order, weight, shift, scale, W, b, dW, db, loss=loss, threads=threads, losses=_native_losses(loss)
        )
    if loss.native is None or not runs_native():
        return reference.gradient(X, y, order, weight, shift, scale, W, b, dW, db, loss=loss, threads=threads)
    return native.gradient(
        X, y, order, weight, shift, scale, W, b, dW, db, loss=loss.native, smoothing=loss.smoothing, threads=threads
    )


def descend(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64,
    W: F32, b: F32, vW: F32, vb: F32, lr: F32, *, loss: Formula, threads: int, **how: Any,
) -> Tally:  # fmt: skip
    """See `reference.descend`."""
    if are_sparse(X):
        return sparse_sweeps.descend(
            X, y, order, weight, shift, scale, W, b, vW, vb, lr,
            loss=loss, threads=threads, losses=_native_losses(loss), **how,
        )  # fmt: skip
    if loss.native is None or not runs_native():
        return reference.descend(X, y, order, weight, shift, scale, W, b, vW, vb, lr, loss=loss, threads=threads, **how)
    return native.descend(
        X, y, order, weight, shift, scale, W, b, vW, vb, lr,
        loss=loss.native, smoothing=loss.smoothing, threads=threads, **how,
    )  # fmt: skip


def sparse_times(values: Any, columns: Any, starts: Order, W: F64, out: F64, *, threads: int) -> None:
    """See `sparse_reference.sparse_times`."""
    (native if runs_native() else sparse_reference).sparse_times(values, columns, starts, W, out, threads=threads)


def sparse_transposed_times(values: Any, columns: Any, starts: Order, P: F64, out: F64, *, threads: int) -> None:
    """See `sparse_reference.sparse_transposed_times`."""
    kernel = (native if runs_native() else sparse_reference).sparse_transposed_times
    kernel(values, columns, starts, P, out, threads=threads)


def _native_losses(loss: Formula) -> Callable[..., None] | None:
    """Return the native twin of a loss's two formulas, where there is one and it is in use."""
    if loss.native is None or not runs_native():
        return None
    return partial(native.losses, name=loss.native, smoothing=loss.smoothing)


def network_descend(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64,
    layers: list[NetworkStage], lr: F32, **how: Any,
) -> Tally:  # fmt: skip
    """Step once for every batch of `order`, by backpropagation through the layers; all their arrays move in place.

    Native only: where it cannot run, the same training runs on the computational graph.

    Parameters
    ----------
    X, y, order, weight, shift, scale
        As for `descend`.
    layers : list of NetworkStage
        From the features to the scores.
    lr : float32 array
        The rate of each step.
    loss, smoothing : str, float
        Name of a native loss; how far the softmax loss smooths the labels.
    batch_size : int
        Rows a step. With batch norm all of them are in flight at once, and every batch needs two.
    rule, constants : str, tuple of 4 floats
        Name of the step rule, and its constants in their order, padded with zeros.
    l2, l1 : float
        alpha R = l2 sum W^2 + l1 sum |W|.
    seed, first_step : int
        Dropout's masks depend on them; Adam's correction counts steps from the first.
    precision : "float32" or "bf16"
        Of what the products multiply; they add up, and everything else is, in float32.
    most : float
        Where the losses add up to more, or a parameter is no longer finite, nothing moves and the loss is infinite.
    threads : int
        They never change a result.
    """
    return native.network_descend(X, y, order, weight, shift, scale, layers, lr, **how)


def network_gradient(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64,
    layers: list[NetworkStage], *, loss: str, smoothing: float = 0.0, threads: int,
) -> Tally:  # fmt: skip
    """Leave the sum over the rows of dL_i/dW in each layer's `memory_W[0]`, and so for b, scale and shift.

    As in evaluation: nothing is dropped, and batch norm takes its running statistics.
    """
    return native.network_gradient(
        X, y, order, weight, shift, scale, layers, loss=loss, smoothing=smoothing, threads=threads
    )


def network_scores(
    X: AnyRows, order: Order | None, shift: F64, scale: F64, layers: list[NetworkStage], out: F32, *, threads: int
) -> None:
    """Write the scores (N, C) of the rows to `out`; as in evaluation."""
    native.network_scores(X, order, shift, scale, layers, out, threads=threads)


use(os.environ.get("STEEPEST_ISA") or None)
