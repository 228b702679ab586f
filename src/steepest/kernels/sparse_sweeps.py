"""The sweeps over sparse rows: as those of `reference`, made of the two products, in float64.

Shift and scale never touch the rows, which would no longer be sparse:

    ((x - shift) * scale) W  =  x (scale * W) - (shift * scale) W
    sum_i ((x_i - shift) * scale)' p_i  =  scale * (sum_i x_i' p_i - shift sum_i p_i)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from steepest.kernels.sparse import SparseRows
from steepest.kernels.types import F32, F64, Formula, Labels, Order, Tally

__all__ = ["cross", "descend", "gradient", "gram", "moments", "scores"]

SCORES = 2**20
"""Scores that are held at a time."""
DENSE = 2**21
"""Numbers of rows that are held with their zeros at a time, for a Gram matrix."""


def blocks(X: SparseRows, order: Order | None, width: int) -> Iterator[tuple[SparseRows, slice, Order]]:
    """Yield some rows at a time, with their places in the order and their indices: `width` numbers are made of each."""
    step, count = max(1, SCORES // max(1, width)), len(X) if order is None else len(order)
    for first in range(0, count, step):
        at = slice(first, min(count, first + step))
        rows = np.arange(at.start, at.stop) if order is None else order[at]
        yield X[at if order is None else rows], at, rows


def scores(
    X: SparseRows, order: Order | None, shift: F64, scale: F64, W: F32, b: F32, out: F32, *, threads: int
) -> None:
    """See `reference.scores`."""
    inner = _Folded(shift, scale, W, b)
    for Z, at, _ in blocks(X, order, len(W)):
        out[at] = inner.scores(Z, threads)


def gradient(
    X: SparseRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64,
    W: F32, b: F32, dW: F32, db: F32, *, loss: Formula, threads: int, losses: Callable[..., None] | None = None,
) -> Tally:  # fmt: skip
    """See `reference.gradient`. `losses` is the native twin of the loss's formulas, where there is one."""
    inner, total, correct = _Folded(shift, scale, W, b), 0.0, 0
    sums, slopes = np.zeros((X.n_features, len(W))), np.zeros(len(W))
    for Z, _, rows in blocks(X, order, len(W)):
        S, labels = inner.scores(Z, threads).astype(np.float32), y[rows]
        each, P = _losses(loss, losses, S, labels)
        if weight is not None:
            each, P = each * weight[rows], P * weight[rows, np.newaxis]
        Z.transposed_times(P, sums, threads=threads)
        slopes += P.sum(axis=0, dtype=np.float64)
        total += float(each.sum(dtype=np.float64))
        correct += int(np.sum(S.argmax(axis=1) == labels))
    dW[:] = ((sums - np.outer(shift, slopes)) * scale[:, np.newaxis]).T
    db[:] = slopes
    return total, correct


def descend(
    X: SparseRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64,
    W: F32, b: F32, vW: F32, vb: F32, lr: F32, *, loss: Formula, batch_size: int, momentum: float, nesterov: bool,
    l2: float, l1: float, radius: float, threads: int, losses: Callable[..., None] | None = None,
) -> Tally:  # fmt: skip
    """See `reference.descend`. Steps without momentum and penalty touch what the rows of a batch hold, and no more."""
    how = _Steps(X, y, weight, loss, losses, threads)
    visits = np.arange(len(X)) if order is None else order
    batches = [visits[begin : begin + batch_size] for begin in range(0, len(visits), batch_size)]
    if momentum == l2 == l1 == radius == 0:
        return how.light(batches, shift, scale, W, b, vW, vb, lr)
    total, correct = 0.0, 0
    dW, db = np.empty_like(W), np.empty_like(b)
    for step, batch in enumerate(batches):
        L, right = gradient(X, y, batch, weight, shift, scale, W, b, dW, db, loss=loss, threads=threads, losses=losses)
        total, correct = total + L, correct + right
        dW /= np.float32(len(batch))
        db /= np.float32(len(batch))
        if l2:
            dW += np.float32(2 * l2) * W
        if l1:
            dW += np.float32(l1) * np.sign(W)
        for w, v, g in ((W, vW, dW), (b, vb, db)):
            v *= np.float32(momentum)
            v += g
            w -= lr[step] * (g + np.float32(momentum) * v if nesterov else v)
        if radius > 0:
            norms = np.sqrt(np.sum(W.astype(np.float64) ** 2, axis=1, keepdims=True))
            W *= np.where(norms > radius, radius / np.maximum(norms, radius), 1.0).astype(np.float32)
    return total, correct


def moments(X: SparseRows, order: Order | None, mean: F64, variance: F64, *, threads: int) -> None:
    """See `reference.moments`."""
    rows = X if order is None else X[order]
    values, columns = rows.stored()
    mean[:] = np.bincount(columns, values, X.n_features) / len(rows)
    empty = len(rows) - np.bincount(columns, minlength=X.n_features)
    away = values - mean[columns]
    variance[:] = (np.bincount(columns, away * away, X.n_features) + empty * mean**2) / len(rows)


def cross(
    X: SparseRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64, out: F64, *, threads: int
) -> None:
    """See `gram_reference.cross`."""
    sums, shares = np.zeros((X.n_features, len(out))), np.zeros(len(out))
    for Z, _, rows in blocks(X, order, len(out)):
        T = (y[rows][:, np.newaxis] == np.arange(len(out))).astype(np.float64)
        T = T if weight is None else T * weight[rows, np.newaxis]
        Z.transposed_times(T, sums, threads=threads)
        shares += T.sum(axis=0)
    out[:] = ((sums - np.outer(shift, shares)) * scale[:, np.newaxis]).T


def gram(
    X: SparseRows, order: Order | None, weight: F32 | None, shift: F64, scale: F64, out: F64,
    *, precision: str = "float32", threads: int,
) -> None:  # fmt: skip
    """See `gram_reference.gram`. The output is larger than the few rows that are given their zeros at a time."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    visits = np.arange(len(X)) if order is None else order
    out[:] = 0
    step = max(1, DENSE // X.n_features)
    with threadpool_limits(threads, user_api="blas"):
        for begin in range(0, len(visits), step):
            rows = visits[begin : begin + step]
            Z = (X[rows].toarray() - shift) * scale
            out += (Z if weight is None else Z * weight[rows, np.newaxis].astype(np.float64)).T @ Z


class _Folded:
    """The scores of rows as given, shift and scale folded into the weights."""

    def __init__(self, shift: F64, scale: F64, W: F32, b: F32) -> None:
        self.W = np.ascontiguousarray((W * scale).T)
        self.b = b - shift @ self.W

    def scores(self, X: SparseRows, threads: int) -> F64:
        S = X.times(self.W, threads=threads)
        S += self.b
        return S


class _Steps:
    """Steps against the gradient of a few rows at a time."""

    def __init__(
        self,
        X: SparseRows,
        y: Labels,
        weight: F32 | None,
        loss: Formula,
        losses: Callable[..., None] | None,
        threads: int,
    ) -> None:
        self.X, self.y, self.weight, self.loss, self.losses, self.threads = X, y, weight, loss, losses, threads

    def light(self, batches: list[Order], shift: F64, scale: F64, W: F32, b: F32, vW: F32, vb: F32, lr: F32) -> Tally:
        """W <- W - lr g alone.

        Of U = scale * W (D, C) the part that is along scale^2 * shift, which is dense, is kept apart: U = V - m q'.
        """
        V, m = np.ascontiguousarray((W * scale).T, np.float64), scale**2 * shift
        q, bias, offset, P = np.zeros(len(W)), b.astype(np.float64), shift @ V, np.zeros((0, len(W)))
        square, total, correct, Z = float(shift @ m), 0.0, 0, self.X[:0]
        for step, batch in enumerate(batches):
            Z = self.X[batch]
            S = Z.times(V, threads=1) - np.outer(Z.times(m[:, np.newaxis], threads=1), q)
            S += bias - offset + square * q
            each, slopes = _losses(self.loss, self.losses, S.astype(np.float32), self.y[batch])
            if self.weight is not None:
                each, slopes = each * self.weight[batch], slopes * self.weight[batch, np.newaxis]
            total += float(each.sum(dtype=np.float64))
            correct += int(np.sum(S.argmax(axis=1) == self.y[batch]))
            P = slopes.astype(np.float64) / len(batch)
            if P.any():
                values, columns = Z.stored()
                squared = SparseRows(values * scale[columns] ** 2, columns, Z.starts - Z.starts[0], Z.n_features)
                away = -float(lr[step]) * P
                squared.transposed_times(away, V, threads=self.threads)
                offset += (squared.times(shift[:, np.newaxis], threads=1).T @ away)[0]
                q += away.sum(axis=0)
                bias += away.sum(axis=0)
        W[:], b[:] = ((V - np.outer(m, q)) / scale[:, np.newaxis]).T, bias
        vb[:] = P.sum(axis=0)
        vW[:] = ((Z.transposed_times(P, threads=self.threads) - np.outer(shift, vb)) * scale[:, np.newaxis]).T
        return total, correct


def _losses(loss: Formula, native: Callable[..., None] | None, S: F32, y: Labels) -> tuple[F32, F32]:
    """L_i and dL_i/ds of each row."""
    if native is None:
        return np.asarray(loss.loss(S, y)), np.asarray(loss.gradient(S, y))
    each, P = np.empty(len(S), np.float32), np.empty_like(S)
    native(np.ascontiguousarray(S), y, each, P)
    return each, P
