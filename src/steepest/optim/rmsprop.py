"""RMSProp: a learning rate for each parameter, from the size of its recent gradients."""

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
class RMSProp(StepRule):
    """RMSProp: each entry's step is divided by the root of a running mean of its squared gradients.

        s <- rho s + (1 - rho) g^2             s = 0 at the start
        update = -lr g / (sqrt(s) + epsilon)

    Epsilon is outside the root. Not bias-corrected: the mean begins at 0 and is too small at first, so the first steps
    are up to 1 / sqrt(1 - rho) times lr long (3.2 lr at rho = 0.9) and come down to about lr. Neither centred nor with
    momentum: ``Adam`` has both corrections and momentum. With rho = 0 each entry steps by lr against its sign.

    Parameters
    ----------
    lr : float or None
        The learning rate at the start; None leaves it to the trainer. 0.001 is usual.
    rho : float
        The share of the mean kept from step to step, at least 0 and below 1; it looks back over about
        1 / (1 - rho) steps.
    epsilon : float
        Added to the root, in the unit of the gradient, positive.

    Raises
    ------
    InputError
        If lr, rho or epsilon is out of its range, or the gradient does not fit the state.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import RMSProp
    >>> rule = RMSProp(rho=0.75)
    >>> update, state = rule.step({"W": np.array([3.0, -0.01])}, rule.init({"W": np.zeros(2)}), lr=0.1)
    >>> update["W"].round(6), state["squares"]["W"].round(6)
    (array([-0.2,  0.2]), array([2.25e+00, 2.50e-05]))

    References
    ----------
    Tieleman and Hinton, Neural networks for machine learning, lecture 6.5, 2012.
    """

    name: ClassVar[str] = "rmsprop"

    lr: float | None = None
    rho: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_lr(self.lr)
        check_decaying("rho", self.rho, usual=0.9)
        check_epsilon(self.epsilon)

    def init(self, params: Params) -> State:
        """Return a mean square of zero."""
        return {"squares": zeros_like(params)}

    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return -lr g / (sqrt(s) + epsilon), and the new s."""
        lr, rho, epsilon = float(lr), float(self.rho), float(self.epsilon)  # NumPy scalars would widen float32 arrays
        check_same(grad, state["squares"])
        squares = {name: rho * state["squares"][name] + (1 - rho) * (g * g) for name, g in grad.items()}
        update = {name: -lr * g / (np.sqrt(squares[name]) + epsilon) for name, g in grad.items()}
        return update, {"squares": squares}
