"""The learning-rate range test: which rate suits an objective and a step rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64, Order
from steepest.optim.base import Params, StepRule

__all__ = ["Differentiable", "RangeTest", "find_lr", "range_test"]

KEPT = 0.9
"""Share of the running mean of the losses kept from step to step, while the test runs."""

TOO_HIGH = 4.0
"""The test ends when the running mean is so many times the least."""

FADING = 0.8
"""Weight of a neighbour in the smoothed loss, to the power of its distance in steps."""

SHARE = 3.0
"""The choice is the rate of the least smoothed loss over this."""

ORDER = 4
"""Purpose of the random order of the rows; data.order names those below it."""


class Differentiable(Protocol):
    """What the test needs of an objective: the number of rows, and loss and gradient on some of them."""

    def __len__(self) -> int:
        """N, the number of examples."""

    def value_and_gradient(self, at: Any, rows: Order | None = None) -> tuple[float, Any]:
        """L(W) and dL/dW on these rows."""


@dataclass(frozen=True, eq=False)
class RangeTest:
    """What a range test saw and chose; printed, a small chart.

    Attributes
    ----------
    rates : float64 array (n,)
        The learning rates tried, rising by the same ratio from each to the next.
    losses : float64 array (n,)
        The loss of the batch that each was tried on, before its step; smoothed, from both sides.
    choice : float
        The learning rate chosen: a third of that of the least smoothed loss.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    choice: float

    def __str__(self) -> str:
        least = int(self.losses.argmin())
        shown = sorted({*np.linspace(0, len(self.rates) - 1, 16).round().astype(int).tolist(), least})
        width = 40 / self.losses[shown].max() if self.losses[shown].max() > 0 else 0.0
        lines = [
            f"learning rate {self.choice:.2g}: a third of {self.rates[least]:.2g}, where the smoothed loss was least",
            "    rate      loss",
        ]
        for i in shown:
            bar = "#" * max(0, round(width * float(self.losses[i])))
            lines.append(f"{self.rates[i]:>8.1e}  {self.losses[i]:>8.3g}  {bar}{' <- least' if i == least else ''}")
        return "\n".join(lines)


def find_lr(
    objective: Differentiable,
    params: Params,
    rule: StepRule,
    *,
    batch_size: int = 64,
    seed: int = 0,
    low: float = 1e-6,
    high: float = 100.0,
    steps: int = 200,
) -> RangeTest:
    """Raise the learning rate from step to step, watch the loss, and choose a rate.

        lr_i = low (high / low)^(i / (steps - 1))              i = 0 ... steps - 1, one batch each, its loss L_i
        stop when r_i > 4 min r                                r_i the mean of L_j for j <= i, weights 0.9^(i - j)
        choice = lr_k / 3,  k = argmin s                       s_i the mean of L_j for all j, weights 0.8^|i - j|

    Up to the rate of the least loss training gets faster, behind it the loss climbs. Smoothing from both sides keeps
    that place where it is; a running mean would see it late, and above the rate at which training is stable when the
    loss has become very small by then. Compared on seven problems (digits and spirals, linear classifiers and networks,
    three losses) with every step rule, by the loss after 300 steps with a cosine schedule over that of the best rate of
    a grid: 1.25 in the geometric mean and 3.3 at worst. A half is 1.2 and 4.5, a fifth 1.4 and 5.1; of the running
    mean, a fifth is 1.2 and 4.6, a tenth 1.4 and 4.9. The rate where the loss falls most steeply is no guide, with 2
    and more: an adaptive rule, or a noisy batch, has it anywhere.

    The choice is a peak for a schedule that falls, like cosine.

    Parameters
    ----------
    objective : Objective
        Anything with a length and ``value_and_gradient(at, rows)``; its loss must be at least 0.
    params : dict of arrays
        Where to begin. They are not changed.
    rule : StepRule
        The rule that the rate is for.
    batch_size : int
        Rows a step; all of them where there are fewer.
    seed : int
        Keys the random order of the rows: a new one each time they have all been seen.
    low, high : float
        The range of rates, positive.
    steps : int
        The most steps taken, at least 10.

    Returns
    -------
    RangeTest

    Raises
    ------
    InputError
        If an argument is out of its range, or the loss is not finite at the start or falls nowhere in the range.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.objective import GraphObjective
    >>> from steepest.optim import SGD, find_lr
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]]), np.array([0, 1, 2])
    >>> L = GraphObjective(lambda p, X: X @ p["W"], X, y, loss="softmax", penalty="l2", alpha=0.1)
    >>> found = find_lr(L, {"W": np.zeros((2, 3))}, SGD())
    >>> 0.01 < found.choice < 10
    True

    References
    ----------
    Smith, Cyclical learning rates for training neural networks, 2017.
    """
    state = rule.init(params)
    at = dict(params)

    def step(rows: Order, lr: float) -> float:
        nonlocal at, state
        loss, grad = objective.value_and_gradient(at, rows)
        update, state = rule.step(grad, state, lr, at)
        at = {name: at[name] + update[name] for name in at}
        return loss

    return range_test(step, len(objective), batch_size=batch_size, seed=seed, low=low, high=high, steps=steps)


def range_test(
    step: Callable[[Order, float], float],
    n: int,
    *,
    batch_size: int = 64,
    seed: int = 0,
    low: float = 1e-6,
    high: float = 100.0,
    steps: int = 200,
) -> RangeTest:
    """Do the range test of ``find_lr`` with steps that somebody else takes.

    Parameters
    ----------
    step : function of (rows, lr)
        Takes one step on these rows at this rate; returns the loss on them before it, or what is not finite.
    n : int
        The number of examples.
    batch_size, seed, low, high, steps
        As for ``find_lr``, which has what is returned and raised, too.
    """
    if not (0 < low < high < math.inf):
        raise InputError(f"the rates must rise from low to high, both positive: not from {low!r} to {high!r}")
    if steps < 10 or batch_size < 1:
        raise InputError(f"steps must be at least 10 and batch_size at least 1, not {steps} and {batch_size}")
    if not 0 <= seed < 2**64:
        raise InputError(f"seed must lie between 0 and 2^64 - 1, not {seed}")
    rates = low * (high / low) ** (np.arange(steps) / (steps - 1))
    seen = _losses(step, n, rates, min(batch_size, n), seed)
    if not seen:
        raise InputError("the loss is not finite at the start: the range test needs other parameters or rows")
    i = np.arange(len(seen))
    weights = FADING ** np.abs(i[:, None] - i)
    losses = weights @ np.array(seen) / weights.sum(axis=1)
    least = int(np.argmin(losses))
    if least == 0:
        raise InputError(f"the loss falls at no rate from {low:g} to {high:g}: begin lower, or at other parameters")
    return RangeTest(rates[: len(losses)], losses, float(rates[least] / SHARE))


def _losses(step: Callable[[Order, float], float], n: int, rates: F64, batch_size: int, seed: int) -> list[float]:
    """Return the loss at each rate, up to the one that is not finite or lifts the running mean too high."""
    batches = n // batch_size  # full ones alone: a short batch at the end would be noisier
    order = np.empty(n, np.int64)
    seen, total, lowest = list[float](), 0.0, math.inf
    with np.errstate(all="ignore"):  # the end of the test is often an overflow
        for i, lr in enumerate(rates):
            if i % batches == 0:
                kernels.order(seed, ORDER, i // batches, order)
            begin = i % batches * batch_size
            loss = step(order[begin : begin + batch_size], float(lr))
            if not math.isfinite(loss):
                break
            total = KEPT * total + (1 - KEPT) * loss
            mean = total / (1 - KEPT ** (i + 1))
            lowest = min(lowest, mean)
            if mean > TOO_HIGH * lowest:
                break
            seen.append(loss)
    return seen
