"""The native kernels' readable twins in NumPy: same names, same arguments, same results up to rounding.

Arrays follow the native layout: `W` is (C, D), class by class. `order` names the rows to visit, `None` means all rows
in their order. Outputs belong to the caller and are written in place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from steepest.kernels.types import F32, F64, AnyRows, Formula, Labels, Order, Tally

__all__ = ["descend", "gradient", "moments", "order", "scores"]

BLOCK = 256  # rows converted at a time, so that no float copy of the data is ever made


def order(seed: int, purpose: int, epoch: int, out: Order) -> None:
    """Write the rows 0 .. n-1 in a random order into `out` (n,) int64: a function of the arguments alone.

    Every row draws 64 bits from Philox 4x64-10 keyed by (seed, 2^32 purpose + epoch); rows are sorted by the upper half
    of theirs, equal ones by row.

    References
    ----------
    Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011.
    """
    key = np.array([seed, purpose << 32 | epoch], dtype=np.uint64)
    bits = np.random.Philox(key=key).random_raw(len(out))
    out[:] = np.argsort(bits >> np.uint64(32), kind="stable")


def blocks(X: AnyRows, order: Order | None, shift: F64, scale: F64) -> Iterator[tuple[np.ndarray, Order]]:
    """(x - shift) * scale in float32, a few rows at a time, with the rows' indices."""
    count = len(X) if order is None else len(order)
    for begin in range(0, count, BLOCK):
        end = min(count, begin + BLOCK)
        rows = np.arange(begin, end) if order is None else order[begin:end]
        yield ((X[rows] - shift) * scale).astype(np.float32), rows


def scores(X: AnyRows, order: Order | None, shift: F64, scale: F64, W: F32, b: F32, out: F32, *, threads: int) -> None:
    """Write out[i] = W (x - shift) * scale + b for the rows in `order`; `out` is (rows, C) float32."""
    begin = 0
    for Z, _ in blocks(X, order, shift, scale):
        out[begin : begin + len(Z)] = Z @ W.T + b
        begin += len(Z)


def gradient(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    W: F32,
    b: F32,
    dW: F32,
    db: F32,
    *,
    loss: Formula,
    threads: int,
) -> Tally:
    """Write sum_i weight_i dL_i/dW and sum_i weight_i dL_i/db into `dW` and `db`.

    Returns sum_i weight_i L_i and how many rows are classified right.
    """
    dW[:], db[:] = 0, 0
    total, correct = 0.0, 0
    for Z, rows in blocks(X, order, shift, scale):
        S, labels = Z @ W.T + b, y[rows]
        w = np.ones(len(rows), np.float32) if weight is None else weight[rows]
        dS = loss.gradient(S, labels) * w[:, np.newaxis]
        dW += dS.T @ Z
        db += dS.sum(axis=0)
        total += float(np.sum(loss.loss(S, labels) * w, dtype=np.float64))
        correct += int(np.sum(S.argmax(axis=1) == labels))
    return total, correct


def descend(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    W: F32,
    b: F32,
    vW: F32,
    vb: F32,
    lr: F32,
    *,
    loss: Formula,
    batch_size: int,
    momentum: float,
    nesterov: bool,
    l2: float,
    l1: float,
    radius: float,
    threads: int,
) -> Tally:
    """Step once for every `batch_size` rows of `order`, step i at the rate `lr[i]`; W, b, vW and vb move in place.

        g = 1/B sum_batch weight_i dL_i/dW + 2 l2 W + l1 sign(W)          B rows in the batch; the last may be short
        v <- momentum v + g
        W <- W - lr v,  or  W - lr (g + momentum v)  with Nesterov

    b moves by the same rule without l2 and l1. With a radius > 0, weights of a class that are longer are then scaled
    back to that norm. Returns sum_i weight_i L_i, each at the weights its batch met, and how many rows were classified
    right.
    """
    visits = np.arange(len(X)) if order is None else order
    total, correct = 0.0, 0
    dW, db = np.empty_like(W), np.empty_like(b)
    for step, begin in enumerate(range(0, len(visits), batch_size)):
        batch = visits[begin : begin + batch_size]
        L, right = gradient(X, y, batch, weight, shift, scale, W, b, dW, db, loss=loss, threads=threads)
        total, correct = total + L, correct + right
        dW[:] = dW / len(batch) + 2 * l2 * W + l1 * np.sign(W)
        db[:] = db / len(batch)
        for w, v, g in ((W, vW, dW), (b, vb, db)):
            v[:] = momentum * v + g
            w -= lr[step] * (g + momentum * v if nesterov else v)
        if radius > 0:
            norms = np.sqrt(np.sum(W.astype(np.float64) ** 2, axis=1, keepdims=True))
            W *= np.where(norms > radius, radius / np.maximum(norms, radius), 1.0).astype(np.float32)
    return total, correct


def moments(X: AnyRows, order: Order | None, mean: F64, variance: F64, *, threads: int) -> None:
    """Write the mean and the variance (over N, not N - 1) of every feature of the rows in `order`, (D,) each."""
    mean[:], variance[:] = 0, 0
    before = 0
    for Z, rows in blocks64(X, order):
        after, delta = before + len(rows), Z.mean(axis=0) - mean
        mean += delta * len(rows) / after
        variance += np.sum((Z - Z.mean(axis=0)) ** 2, axis=0) + delta**2 * before * len(rows) / after
        before = after
    variance /= before


def blocks64(X: AnyRows, order: Order | None) -> Iterator[tuple[np.ndarray, Order]]:
    """Yield the rows as they are, in float64, a few at a time."""
    visits = np.arange(len(X)) if order is None else order
    for begin in range(0, len(visits), BLOCK):
        rows = visits[begin : begin + BLOCK]
        yield X[rows].astype(np.float64), rows
