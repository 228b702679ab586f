"""What every step rule is: a gradient and a state in; an update and the next state out."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError

Params: TypeAlias = Mapping[str, NDArray[np.floating[Any]]]
"""Arrays by the name of their parameter: {"W": (D, C), "b": (C,)}. Gradients and updates have the same names."""

State: TypeAlias = Mapping[str, Mapping[str, NDArray[Any]]]
"""What a rule remembers between steps, by the name it has in its recurrence: {"velocity": {"W": ..., "b": ...}}.

A memory that no parameter owns is filed in the same way: Adam's number of steps is {"count": {"t": array(3)}}.
"""


class StepRule(ABC):
    """How a gradient becomes a step: W <- W + update.

    Rules are pure: nothing handed in is changed, and all memory is in the state that comes back, a dict of dicts of
    arrays that a checkpoint can write as it is. Rules are frozen dataclasses whose fields are their constants. ``lr``
    is the learning rate at the start, which a schedule scales from step to step; None leaves the choice to the trainer.
    The learning rate of a step is an argument of ``step``.

    Most rules never look at the parameters; AdamW does, and so all take them. Hand them in always, and any rule will
    do.

    Arrays keep their dtype: float32 gradients make float32 updates.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.optim import SGD
    >>> rule = SGD()
    >>> params = {"W": np.array([1.0, 2.0])}
    >>> state = rule.init(params)
    >>> update, state = rule.step({"W": np.array([10.0, -10.0])}, state, 0.01, params)
    >>> {name: params[name] + update[name] for name in params}
    {'W': array([0.9, 2.1])}
    """

    name: ClassVar[str]
    lr: float | None

    @abstractmethod
    def init(self, params: Params) -> State:
        """Return the state before the first step."""

    @abstractmethod
    def step(self, grad: Params, state: State, lr: float, params: Params | None = None) -> tuple[Params, State]:
        """Return the update to add to the parameters, and the state for the next step.

        Parameters
        ----------
        grad : dict of arrays
            The gradient of the objective by each parameter.
        state : dict of dicts of arrays
            What ``init`` or the step before gave.
        lr : float
            The learning rate of this step.
        params : dict of arrays or None
            The parameters that the gradient was taken at. AdamW needs them; the others do without.

        Raises
        ------
        InputError
            If the names or shapes of the gradient are not those of the state, or the rule needs the parameters and
            there are none.
        """


def zeros_like(params: Params) -> Params:
    """Return a zero array for each parameter."""
    return {name: np.zeros_like(param) for name, param in params.items()}


def check_same(grad: Params, other: Mapping[str, NDArray[Any]], what: str = "state") -> None:
    """Raise an InputError unless the gradient has the names and shapes of the state (or of what is said)."""
    names = ", ".join(grad) or "nothing"
    advice = "make the state by init(params) from the parameters of this gradient"
    if what != "state":
        advice = f"hand in the {what} that the gradient was taken at"
    if grad.keys() != other.keys():
        raise InputError(f"the gradient is of {names}, the {what} of {', '.join(other) or 'nothing'}: {advice}")
    for name, g in grad.items():
        if g.shape != other[name].shape:
            raise InputError(f"the gradient of {name} has shape {g.shape}, its {what} {other[name].shape}: {advice}")


def check_lr(lr: float | None) -> None:
    """Raise an InputError unless the learning rate is None, or positive and finite."""
    if lr is not None and not (lr > 0 and math.isfinite(lr)):
        raise InputError(f"lr must be positive and finite, or None to have it chosen, not {lr!r}")


def check_mu(mu: float) -> None:
    """Raise an InputError unless 0 <= mu < 1: with 1 or more the velocity never fades."""
    if not 0 <= mu < 1:
        raise InputError(f"mu must be at least 0 and below 1, not {mu!r}: 0.9 is usual")


def check_decaying(constant: str, value: float, usual: float) -> None:
    """Raise an InputError unless 0 <= value < 1: with 1 a running mean would never move."""
    if not 0 <= value < 1:
        raise InputError(f"{constant} must be at least 0 and below 1, not {value!r}: {usual} is usual")


def check_epsilon(epsilon: float) -> None:
    """Raise an InputError unless epsilon is positive and finite: it is what keeps 0 / 0 out."""
    if not (epsilon > 0 and math.isfinite(epsilon)):
        raise InputError(f"epsilon must be positive and finite, not {epsilon!r}: 1e-8 is usual")
