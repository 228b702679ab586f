"""AdamW: Adam, and the weights decay beside it."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.errors import InputError
from steepest.optim.base import (
    Params,
    State,
    StepRule,
    check_decaying,
    check_epsilon,
    check_lr,
    check_same,
    zeros_like,
)


@final
@dataclass(frozen=True)
class AdamW(StepRule):
    """AdamW: Adam with decoupled weight decay, which no gradient divides.

        t <- t + 1                             t = 0, m = 0, v = 0 at the start
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        update = -lr ( (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay W )

    Only weights decay, which are the parameters of two axes or more; biases, of one axis, do not, as in the objective.
    The decay is in proportion to lr: a schedule scales both, and in a step a weight loses the share lr * decay of
    itself (at lr = 0.001 and decay = 0.01 it halves in 69,000 steps). An L2 penalty in the objective would come in
    through g and be divided by the root, so that weights with large gradients would decay less; here all decay at one
    rate. Do not use both: with this rule set alpha = 0.

    Bias correction and epsilon are those of ``Adam``.

    Parameters
    ----------
    lr : float or None
        The learning rate at the start; None leaves it to the trainer. 0.001 is usual.
    beta1, beta2 : float
        The shares of the two means kept from step to step, at least 0 and below 1.
    epsilon : float
        Added to the root, in the unit of the gradient, positive.
    decay : float
        The share of the weights lost in a step is lr * decay; at least 0. 0.01 to 0.1 is usual.

    Raises
    ------
    InputError
        If a constant is out of its range, the gradient does not fit the state, or ``step`` is not given the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import AdamW
    >>> params = {"W": np.array([[1.0, -2.0]]), "b": np.array([1.0])}
    >>> zero = {"W": np.zeros((1, 2)), "b": np.zeros(1)}
    >>> rule = AdamW(decay=0.5)
    >>> update, state = rule.step(zero, rule.init(params), 0.1, params)
    >>> update["W"], update["b"] + 0
    (array([[-0.05,  0.1 ]]), array([0.]))

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, 2019. There the schedule scales both terms and alpha
    only the first; here lr is their product, so their decay is lr * decay.
    """

    name: ClassVar[str] = "adamw"

    lr: float | None = None
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.01

    def __post_init__(self) -> None:
        check_lr(self.lr)
        check_decaying("beta1", self.beta1, usual=0.9)
        check_decaying("beta2", self.beta2, usual=0.999)
        check_epsilon(self.epsilon)
        if not (self.decay >= 0 and math.isfinite(self.decay)):
            raise InputError(f"decay must be at least 0 and finite, not {self.decay!r}: 0.01 is usual")

    def init(self, params: Params) -> State:
        """Return two means of zero, and no steps."""
        return {"m": zeros_like(params), "v": zeros_like(params), "count": {"t": np.array(0)}}

    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return Adam's update less lr * decay * W, and the new m, v and t."""
        if params is None:
            raise InputError("adamw needs the parameters, for they decay: step(grad, state, lr, params)")
        lr, beta1, beta2 = float(lr), float(self.beta1), float(self.beta2)  # NumPy scalars would widen float32 arrays
        check_same(grad, state["m"])
        check_same(grad, params, "parameters")
        t = int(state["count"]["t"]) + 1
        m = {name: beta1 * state["m"][name] + (1 - beta1) * g for name, g in grad.items()}
        v = {name: beta2 * state["v"][name] + (1 - beta2) * (g * g) for name, g in grad.items()}
        unbias_m, unbias_v, epsilon = 1 / (1 - beta1**t), 1 / (1 - beta2**t), float(self.epsilon)
        update = {}
        for name, W in params.items():
            step = unbias_m * m[name] / (np.sqrt(unbias_v * v[name]) + epsilon)
            update[name] = -lr * (step + float(self.decay) * W if W.ndim > 1 else step)
        return update, {"m": m, "v": v, "count": {"t": np.array(t)}}
