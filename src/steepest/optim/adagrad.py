"""Adagrad: a learning rate for each parameter, from all its gradients so far."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.optim.base import Params, State, StepRule, check_epsilon, check_lr, check_same, zeros_like


@final
@dataclass(frozen=True)
class Adagrad(StepRule):
    """Adagrad: each entry's step is divided by the root of the sum of its squared gradients.

        s <- s + g^2                           s = 0 at the start
        update = -lr g / (sqrt(s) + epsilon)

    Epsilon is outside the root. Every entry's first step has length lr, whatever the size of its gradient: features
    that are rare or small move as far as the others. The sum only grows, so the steps shrink like 1 / sqrt(t) by
    themselves, and never recover; ``RMSProp`` forgets instead.

    Parameters
    ----------
    lr : float or None
        The learning rate at the start; None leaves it to the trainer. 0.01 to 0.1 is usual.
    epsilon : float
        Added to the root, in the unit of the gradient, positive: an entry whose gradients were all 0 stays where it is.

    Raises
    ------
    InputError
        If lr or epsilon is out of its range, or the gradient does not fit the state.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import Adagrad
    >>> rule = Adagrad()
    >>> update, state = rule.step({"W": np.array([3.0, -0.01])}, rule.init({"W": np.zeros(2)}), lr=0.1)
    >>> update["W"].round(6)
    array([-0.1,  0.1])
    >>> update, state = rule.step({"W": np.array([4.0, 0.0])}, state, lr=0.1)
    >>> update["W"].round(6), state["squares"]["W"]
    (array([-0.08, -0.  ]), array([2.5e+01, 1.0e-04]))

    References
    ----------
    Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization, 2011.
    """

    name: ClassVar[str] = "adagrad"

    lr: float | None = None
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_lr(self.lr)
        check_epsilon(self.epsilon)

    def init(self, params: Params) -> State:
        """Return a sum of squares of zero."""
        return {"squares": zeros_like(params)}

    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return -lr g / (sqrt(s) + epsilon), and the new s."""
        lr, epsilon = float(lr), float(self.epsilon)  # NumPy scalars would widen float32 arrays
        check_same(grad, state["squares"])
        squares = {name: state["squares"][name] + g * g for name, g in grad.items()}
        update = {name: -lr * g / (np.sqrt(squares[name]) + epsilon) for name, g in grad.items()}
        return update, {"squares": squares}
