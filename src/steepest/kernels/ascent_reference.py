"""Twins of dual block coordinate ascent for the hinges: the best p_i of one example after another, while W follows."""

from __future__ import annotations

import numpy as np

from steepest.kernels.reference import blocks64
from steepest.kernels.types import F32, F64, AnyRows, Labels, Order, Tally

__all__ = ["ascend", "best_slopes", "block_grams", "pull"]


def ascend(
    X: AnyRows, y: Labels, order: Order | None, weight: F32 | None, shift: F64, scale: F64, W: F32, b: F32, p: F32,
    gram: F32, turn: Order, *, loss: str, strength: float, bias: float, threads: int,
) -> Tally:  # fmt: skip
    """Go once over the blocks that `turn` names, and give each example the best p_i while all others stay.

        max over p of  <p, s_i> - L*_i(p) - q_i/2 |p - p_i|^2,    q_i = w_i (|x'_i|^2 + bias) / strength

        W <- W - w_i x'_i dp_i' / strength,    b <- b - bias w_i dp_i / strength,    dp_i what p_i moved

    The rows of a block do so one after another through their Gram matrix; W takes what they moved when all have.

    Parameters
    ----------
    order : int64 array or None
        The k-th block is its entries k block ... (k + 1) block - 1; no row may be in it twice.
    W, b, p : float32 arrays (C, D), (C,), (N, C)
        Moved in place; p_i is the row of the example's place in X.
    gram : float32 array (rows to visit, block)
        Of `block_grams`.
    turn : int64 array
        The blocks, in the order to visit them.
    loss : "hinge", "hinge_max" or "ova_hinge"
    strength : float
        2 alpha N.
    bias : float
        The square of the feature that stands for the bias.

    Returns
    -------
    tuple
        sum_i w_i (L_i(s_i) + L*_i(p_i) - <p_i, s_i>), each as the pass met it, and how many rows moved.

    References
    ----------
    Keerthi et al., A sequential dual method for large scale multi-class linear SVMs, 2008.
    """
    rows, block = np.arange(len(X)) if order is None else order, gram.shape[1]
    left, moved = 0.0, 0
    for k in turn:
        these = rows[k * block : (k + 1) * block]
        Z = ((X[these] - shift) * scale).astype(np.float32)
        S, d = Z @ W.T + b, np.zeros((len(these), len(W)), np.float32)
        for r, i in enumerate(these):
            w = 1.0 if weight is None else float(weight[i])
            G = gram[k * block + r, : len(these)] + np.float32(bias)
            s, q = S[r].astype(np.float64), w * float(G[r]) / strength
            left += w * _gap(loss, s, p[i].astype(np.float64), int(y[i]))
            if q > 0:
                best = _best(loss, s, p[i].astype(np.float64), int(y[i]), q).astype(np.float32)
                d[r] = (best - p[i]) * np.float32(w / strength)
                moved += bool(np.any(best != p[i]))
                p[i] = best
                S -= np.outer(G, d[r])
        W -= d.T @ Z
        b -= np.float32(bias) * d.sum(axis=0)
    return left, moved


def best_slopes(scores: F32, y: Labels, p: F32, *, loss: str, strength: float, threads: int) -> None:
    """Write p_i = argmax over p of <s_i, p> - L*_i(p) - |p|^2 / (2 strength) into `p` (N, C).

    Where it is the slope of L_i: at the scores s_i - p_i / strength, the proximal point of s_i.
    """
    for i, s in enumerate(scores.astype(np.float64)):
        p[i] = _best(loss, s, np.zeros_like(s), int(y[i]), 1 / strength)


def pull(
    X: AnyRows, order: Order | None, weight: F32 | None, shift: F64, scale: F64, p: F32, out: F64, *, threads: int
) -> None:
    """Write sum_i w_i p_ic x'_i over the rows in `order` into `out` (C, D), in float64 but for blocks of some rows."""
    out[:] = 0
    for Z, rows in blocks64(X, order):
        d = p[rows] if weight is None else p[rows] * weight[rows, np.newaxis]
        out += d.T.astype(np.float64) @ ((Z - shift) * scale)


def block_grams(X: AnyRows, order: Order | None, shift: F64, scale: F64, out: F32, *, threads: int) -> None:
    """Write x'_k x'_j of the k-th row to visit and the j-th of its block into out[k, j]; `out` is (rows, block)."""
    out[:] = 0
    rows, block = np.arange(len(X)) if order is None else order, out.shape[1]
    for begin in range(0, len(rows), block):
        Z = (X[rows[begin : begin + block]] - shift) * scale
        out[begin : begin + block, : len(Z)] = Z @ Z.T


def _gap(loss: str, s: F64, p: F64, y: int) -> float:
    """L(s) + L*(p) - <p, s>."""
    if loss == "ova_hinge":
        t = np.where(np.arange(len(s)) == y, 1.0, -1.0)
        m = 1 - t * s
        return float((np.maximum(m, 0) + t * p * m).sum())
    m = s - s[y] + (np.arange(len(s)) != y)
    m[y] = 0
    return float(np.maximum(m, 0).sum() - p @ m) if loss == "hinge" else float(m.max() - p @ m)


def _best(loss: str, s: F64, p: F64, y: int, q: float) -> F64:
    """Return the best p of one example: cut to [0, 1], or projected on the simplex."""
    wrong = np.arange(len(s)) != y
    if loss == "ova_hinge":
        t = np.where(wrong, -1.0, 1.0)
        return np.asarray(-t * np.clip((1 - t * s) / q - t * p, 0, 1))
    a = p + (s - s[y] + wrong) / q
    best = np.zeros_like(p)
    if loss == "hinge":
        best[wrong] = np.clip(a[wrong] - _shared(a[wrong], -p[y]), 0, 1)
    else:
        a[y] += 1
        best[wrong] = np.maximum(a - _threshold(a), 0)[wrong]
    best[y] = -best.sum()
    return best


def _shared(a: F64, before: float) -> float:
    """Return the root t of t + before = sum_j [a_j - t] cut to [0, 1]: linear between the ends a_j - 1 and a_j."""
    ends = np.sort(np.concatenate([a, a - 1]))
    left = ends + before - np.clip(a - ends[:, np.newaxis], 0, 1).sum(axis=1)
    at = int(np.searchsorted(left, 0))
    if at == 0:  # all are 1 here
        return len(a) - before
    if at == len(ends):  # and all 0 here
        return -before
    step = ends[at] - ends[at - 1]
    return float(ends[at - 1] - left[at - 1] * step / (left[at] - left[at - 1])) if step > 0 else float(ends[at])


def _threshold(a: F64) -> float:
    """Return the t at which sum_j max(a_j - t, 0) = 1."""
    falling = -np.sort(-a)
    t = (np.cumsum(falling) - 1) / np.arange(1, len(a) + 1)
    return float(t[np.flatnonzero(falling > t)[-1]])
