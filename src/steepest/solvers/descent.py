"""Plain gradient descent, its gradient analytic or numerical."""

from __future__ import annotations

import math
from typing import Literal

from steepest.autodiff.numerical import numerical_gradient
from steepest.errors import DivergenceError, InputError, near
from steepest.kernels.types import F64, Order
from steepest.nn.checks import positive, whole
from steepest.objective.base import Objective, Parameters
from steepest.solvers.search import Search, Searching, Watch

__all__ = ["GRADIENTS", "gradient_descent"]

GRADIENTS = ("analytic", "numerical")

GROWN = 1e6
"""Where L(W) is so many times that of the start, and of 1, no step will bring it back."""


def gradient_descent(
    objective: Objective,
    start: Parameters,
    lr: float,
    steps: int = 100,
    gradient: Literal["analytic", "numerical"] = "analytic",
    *,
    h: float = 1e-5,
    rows: Order | None = None,
    watch: Watch | None = None,
) -> Search:
    """Follow the slope: all rows in every step, and the same rate for all of them.

        W <- W - lr dL/dW

        analytic     dL/dW as the objective has it: one evaluation, whatever the number of weights
        numerical    (L(W + h e_i) - L(W - h e_i)) / 2h for each coordinate i: two evaluations a weight, for small
                     problems

    Parameters
    ----------
    objective : Objective
        L(W).
    start : dict of arrays
        Where to begin.
    lr : float
        The learning rate.
    steps : int
        How many.
    gradient : "analytic" or "numerical"
        Where the gradient comes from.
    h : float
        The step of the numerical gradient. Where the objective computes in float32, as the native ones do, about 1e-2.
    rows : int64 array or None
        The rows that L(W) is the mean over; None means all.
    watch : callable or None
        Told after each step of the evaluations and the least value so far; returning True ends the descent.

    Returns
    -------
    Search
        `history` has every step; the parameters are the best of all steps, as a rule the last. On Ctrl-C, of where it
        stood then.

    Raises
    ------
    InputError
        If an argument is out of its range, or L(W) is not finite at the start.
    DivergenceError
        If L(W) is on its way to infinity: the steps are too long. It hands over the steps before.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.objective import GraphObjective
    >>> from steepest.solvers.descent import gradient_descent
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]]), np.array([0, 1, 2])
    >>> L = GraphObjective(lambda p, X: X @ p["W"], X, y, loss="softmax")
    >>> for how in ("analytic", "numerical"):
    ...     found = gradient_descent(L, {"W": np.zeros((2, 3))}, lr=0.5, steps=20, gradient=how)
    ...     print(round(found.value, 6), found.evaluations)
    0.038893 21
    0.038893 261
    """
    lr, steps, h = positive("lr", lr), whole("steps", steps), positive("h", h)
    if gradient not in GRADIENTS:
        raise InputError(f"there is no gradient {gradient!r}: {near(gradient, GRADIENTS)}")

    def slopes(w: F64) -> tuple[float, F64]:
        if gradient == "numerical":
            return search.value(w), numerical_gradient(search.value, w, h)
        try:
            return search.value_and_gradient(w)
        except InputError:  # the graph refuses to go back through a NaN
            value = search.value(w)
            if math.isfinite(value):
                raise
            return value, w

    def stand(step: int, w: F64, value: float) -> None:
        if step and not value <= GROWN * max(1.0, search.history[0][1]):
            raise DivergenceError(
                f"gradient descent diverged: L(W) is {value:.3g} after step {step} at lr={lr:g}; use a lower lr",
                step=step,
                history=[{"evaluations": evaluations, "value": then} for evaluations, then in search.history],
            )
        search.move(w, value)

    with Searching(f"gradient descent, {gradient}", objective, start, rows, watch) as search:
        w = search.start
        for step in range(steps):
            value, slope = slopes(w)
            stand(step, w, value)
            w = w - lr * slope
        stand(steps, w, search.value(w))
    return search.result()
