"""Gradient descent with momentum."""

from dataclasses import dataclass
from typing import ClassVar, final

from steepest.optim.base import Params, State, StepRule, check_lr, check_mu, check_same, zeros_like


@final
@dataclass(frozen=True)
class Momentum(StepRule):
    """Gradient descent with momentum: a ball with friction, the heavy-ball method.

        v <- mu v + g                          v = 0 at the start
        update = -lr v

    Undamped: g enters with weight 1, so under a constant gradient the step grows to lr / (1 - mu). The lecture's form
    v <- mu v - lr g, W <- W + v keeps the learning rate inside the velocity. At a constant learning rate both take the
    same steps (its v is -lr times this one); when the rate changes, here the whole velocity takes the new rate at once,
    there each gradient keeps the rate of its day.

    Parameters
    ----------
    lr : float or None
        The learning rate at the start; None leaves it to the trainer.
    mu : float
        The share of the velocity kept from step to step, at least 0 and below 1.

    Raises
    ------
    InputError
        If lr or mu is out of its range, or the gradient does not fit the state.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import Momentum
    >>> rule = Momentum(mu=0.5)
    >>> g = {"W": np.array([1.0])}
    >>> update, state = rule.step(g, rule.init(g), lr=0.1)
    >>> update, state = rule.step(g, state, lr=0.1)
    >>> update["W"].round(3), state["velocity"]["W"]
    (array([-0.15]), array([1.5]))

    References
    ----------
    Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """

    name: ClassVar[str] = "momentum"

    lr: float | None = None
    mu: float = 0.9

    def __post_init__(self) -> None:
        check_lr(self.lr)
        check_mu(self.mu)

    def init(self, params: Params) -> State:
        """Return a velocity of zero."""
        return {"velocity": zeros_like(params)}

    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return -lr v, and the new v."""
        lr, mu = float(lr), float(self.mu)  # NumPy scalars would widen float32 arrays
        check_same(grad, state["velocity"])
        velocity = {name: mu * state["velocity"][name] + g for name, g in grad.items()}
        return {name: -lr * v for name, v in velocity.items()}, {"velocity": velocity}
