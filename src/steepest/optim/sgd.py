"""Stochastic gradient descent."""

from dataclasses import dataclass
from typing import ClassVar, final

from steepest.optim.base import Params, State, StepRule, check_lr


@final
@dataclass(frozen=True)
class SGD(StepRule):
    """Gradient descent; stochastic when the gradient is that of a mini-batch.

        update = -lr g

    No memory: the state is empty.

    Parameters
    ----------
    lr : float or None
        The learning rate at the start; None leaves it to the trainer.

    Raises
    ------
    InputError
        If lr is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import SGD
    >>> update, state = SGD().step({"W": np.array([2.0])}, {}, lr=0.1)
    >>> update
    {'W': array([-0.2])}

    References
    ----------
    Robbins and Monro, A stochastic approximation method, 1951.
    """

    name: ClassVar[str] = "sgd"

    lr: float | None = None

    def __post_init__(self) -> None:
        check_lr(self.lr)

    def init(self, params: Params) -> State:
        """Return the empty state."""
        return {}

    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return -lr g, and the empty state."""
        lr = float(lr)  # a NumPy scalar would widen float32 arrays
        return {name: -lr * g for name, g in grad.items()}, state
