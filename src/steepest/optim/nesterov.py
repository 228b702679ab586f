"""Gradient descent with Nesterov momentum."""

from dataclasses import dataclass
from typing import ClassVar, final

from steepest.optim.base import Params, State, StepRule, check_lr, check_mu, check_same, zeros_like


@final
@dataclass(frozen=True)
class Nesterov(StepRule):
    """Gradient descent with Nesterov momentum: the velocity is looked ahead by one step.

        v <- mu v + g                          v = 0 at the start
        update = -lr (g + mu v)                with the new v

    Undamped, as in ``Momentum``. The textbook form takes the gradient at the point ahead, W - lr mu v; this one keeps
    that point as its W, so the gradient is taken where the parameters stand. At a constant learning rate both visit the
    same points.

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
    >>> from steepest.optim import Nesterov
    >>> rule = Nesterov(mu=0.5)
    >>> g = {"W": np.array([1.0])}
    >>> update, state = rule.step(g, rule.init(g), lr=0.1)
    >>> update["W"].round(3), state["velocity"]["W"]
    (array([-0.15]), array([1.]))

    References
    ----------
    Nesterov, A method of solving a convex programming problem with convergence rate O(1/k^2), 1983; this form: Bengio,
    Boulanger-Lewandowski and Pascanu, Advances in optimizing recurrent networks, 2013.
    """

    name: ClassVar[str] = "nesterov"

    lr: float | None = None
    mu: float = 0.9

    def __post_init__(self) -> None:
        check_lr(self.lr)
        check_mu(self.mu)

    def init(self, params: Params) -> State:
        """Return a velocity of zero."""
        return {"velocity": zeros_like(params)}

    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return -lr (g + mu v), and the new v."""
        lr, mu = float(lr), float(self.mu)  # NumPy scalars would widen float32 arrays
        check_same(grad, state["velocity"])
        velocity = {name: mu * state["velocity"][name] + g for name, g in grad.items()}
        return {name: -lr * (g + mu * velocity[name]) for name, g in grad.items()}, {"velocity": velocity}
