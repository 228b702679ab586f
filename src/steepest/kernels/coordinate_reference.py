"""Twin of coordinate descent: a quadratic form plus sizes and squares, minimized coordinate by coordinate."""

from __future__ import annotations

import numpy as np

from steepest.kernels.types import F64

__all__ = ["coordinate"]

NARROW = 10
"""Sweeps over the rows in use between two over all."""
LEAST = 1e-8
"""Of what bends a coordinate without the pairs, where they leave less."""


def coordinate(
    G: F64, U: F64 | None, P: F64, signs: F64, damping: F64, gradient: F64, l1: F64, l2: F64, V: F64, Q: F64,
    *, centred: bool = False, tol: float, epochs: int, threads: int,
) -> tuple[int, float]:  # fmt: skip
    """Minimize m(V) from the given V, in place, feature by feature and for each class by class.

        m(V) = <g, d> + 1/2 sum_k (U'd)_k' G_k (U'd)_k + 1/2 sum_f damping_f |d_f|^2 + 1/2 sum_r sign_r <P_r, d>^2
               + sum_f l1_f |V_f|_1 + l2_f |V_f|^2,        d = V - (V at the call)

        v  <-  soft(h v - dm/dv, l1) / (h + 2 l2),         h the second derivative of the smooth part by v

    What it makes of V (U'd)_k' G_k is left in Q. After a sweep over all features come up to ten over those in use
    alone. It ends where no step of a sweep over all, times h + 2 l2, is above `tol`.

    Parameters
    ----------
    G : float64 array (K, D, D), or (1, D, D) for all k
        Symmetric, positive semi-definite.
    U : float64 array (C, K) or None
        None: the classes themselves, K = C.
    P, signs : float64 arrays (C, D, R) and (R,)
        Pairs of a quasi-Newton method; the whole form must stay convex.
    damping, l1, l2 : float64 arrays (D,)
        Not negative.
    gradient, V, Q : float64 arrays (C, D), (C, D) and (K, D)
        g; where it begins and ends; what is left there.
    centred : bool
        With U = None: d less its mean over the classes stands in the place of U'd.
    epochs : int
        Sweeps at most.
    threads : int
        They share the classes where nothing couples these, and never change a result.

    Returns
    -------
    epochs, change
        Sweeps done, and the largest step of the last times h + 2 l2.

    References
    ----------
    Friedman, Hastie and Tibshirani, Regularization paths for generalized linear models via coordinate descent, 2010.
    """
    Q[:] = 0
    K, C = len(Q), len(V)
    each = np.broadcast_to(np.diagonal(G, axis1=1, axis2=2), Q.shape)
    if U is None:
        basis = np.eye(C) - (1 / C if centred else 0)
        plain = damping + each * (1 - 1 / C if centred else 1)
    else:
        basis, plain = U, damping + U**2 @ each
    h = np.maximum(plain + (P**2 @ signs), LEAST * plain)
    coupled = U is not None or centred or len(signs) > 0
    settled = [
        _settle(G, basis, U, P, signs, damping, gradient, l1, l2, V, Q, h, each, classes, tol, epochs)
        for classes in ([np.arange(C)] if coupled else np.arange(K)[:, np.newaxis])
    ]
    return max(s[0] for s in settled), max(s[1] for s in settled)


def _settle(
    G: F64, basis: F64, U: F64 | None, P: F64, signs: F64, damping: F64, gradient: F64, l1: F64, l2: F64, V: F64,
    Q: F64, h: F64, each: F64, classes: np.ndarray, tol: float, epochs: int,
) -> tuple[int, float]:  # fmt: skip
    moved, along = np.zeros_like(V), np.zeros(len(signs))
    everything = used = np.arange(V.shape[1])
    whole, narrow, epoch = True, 0, 0
    while True:
        epoch, change = epoch + 1, 0.0
        for f in everything if whole else used:
            row, step = Q[:, f].copy(), np.zeros(len(Q))
            for j in classes:
                slope = gradient[j, f] + damping[f] * moved[j, f] + basis[j] @ row + P[j, f] @ along
                delta = _least(h[j, f], h[j, f] * V[j, f] - slope, l1[f], l2[f], V[j, f]) - V[j, f]
                V[j, f] += delta
                moved[j, f] += delta
                change = max(change, abs(delta) * (h[j, f] + 2 * l2[f]))
                by = delta * (np.arange(len(Q)) == j if U is None else U[j])
                row += by * each[:, f]
                step += by
                along += signs * delta * P[j, f]
            for k in np.flatnonzero(step):
                Q[k] += step[k] * G[k if len(G) > 1 else 0, f]
        if whole:
            used = np.flatnonzero(V[classes].any(axis=0))
        if (whole and change <= tol) or epoch >= epochs:
            return epoch, change
        narrow = 0 if whole else narrow + 1
        whole = not whole and (change <= tol or narrow >= NARROW)


def _least(bend: float, pull: float, l1: float, l2: float, before: float) -> float:
    """Return the v with the least bend/2 v^2 - pull v + l1 |v| + l2 v^2."""
    if not bend + 2 * l2 > 0:
        return 0.0 if l1 > 0 else before
    return float(np.sign(pull) * max(abs(pull) - l1, 0.0) / (bend + 2 * l2))
