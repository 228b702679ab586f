"""Adam: momentum, and a learning rate for each parameter."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

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
class Adam(StepRule):
    """Adam: a running mean of the gradients over the root of a running mean of their squares.

        t <- t + 1                             t = 0, m = 0, v = 0 at the start
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        update = -lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Bias-corrected: a running mean that begins at 0 has the weight 1 - beta^t so far, and is divided by it; so the first
    step of every entry is lr long. Epsilon is outside the root, and after the correction. A penalty that is part of the
    objective comes in through g and is divided by the root like the rest; ``AdamW`` keeps the decay apart.

    Parameters
    ----------
    lr : float or None
        The learning rate at the start; None leaves it to the trainer. 0.001 is usual.
    beta1, beta2 : float
        The shares of the two means kept from step to step, at least 0 and below 1.
    epsilon : float
        Added to the root, in the unit of the gradient, positive.

    Raises
    ------
    InputError
        If lr, beta1, beta2 or epsilon is out of its range, or the gradient does not fit the state.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import Adam
    >>> rule = Adam()
    >>> update, state = rule.step({"W": np.array([3.0, -0.01])}, rule.init({"W": np.zeros(2)}), lr=0.1)
    >>> update["W"].round(6)
    array([-0.1,  0.1])
    >>> state["m"]["W"], state["v"]["W"].round(9), state["count"]["t"]
    (array([ 0.3  , -0.001]), array([9.e-03, 1.e-07]), array(1))

    References
    ----------
    Kingma and Ba, Adam: a method for stochastic optimization, 2015 (Algorithm 1).
    """

    name: ClassVar[str] = "adam"

    lr: float | None = None
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_lr(self.lr)
        check_decaying("beta1", self.beta1, usual=0.9)
        check_decaying("beta2", self.beta2, usual=0.999)
        check_epsilon(self.epsilon)

    def init(self, params: Params) -> State:
        """Return two means of zero, and no steps."""
        return {"m": zeros_like(params), "v": zeros_like(params), "count": {"t": np.array(0)}}

    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return the corrected mean over the corrected root, times -lr, and the new m, v and t."""
        lr, beta1, beta2 = float(lr), float(self.beta1), float(self.beta2)  # NumPy scalars would widen float32 arrays
        check_same(grad, state["m"])
        t = int(state["count"]["t"]) + 1
        m = {name: beta1 * state["m"][name] + (1 - beta1) * g for name, g in grad.items()}
        v = {name: beta2 * state["v"][name] + (1 - beta2) * (g * g) for name, g in grad.items()}
        unbias_m, unbias_v, epsilon = 1 / (1 - beta1**t), 1 / (1 - beta2**t), float(self.epsilon)
        update = {name: -lr * (unbias_m * m[name] / (np.sqrt(unbias_v * v[name]) + epsilon)) for name in grad}
        return update, {"m": m, "v": v, "count": {"t": np.array(t)}}
