"""The learning rate falls when the validation figure does not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError

Waiting: TypeAlias = Mapping[str, NDArray[Any]]
"""What ``Plateau`` remembers: {"best": array, "waited": array, "f": array}, each one number."""


@final
@dataclass(frozen=True)
class Plateau:
    """The factor f on the learning rate falls when the validation figure has not improved for ``patience`` epochs.

                                f = 1, best = infinity, waited = 0 at the start
        improved                figure < best - threshold |best|:   best <- figure,  waited <- 0
        else                    waited <- waited + 1
        if waited == patience:  f <- max(factor * f, min_factor),  waited <- 0

    No schedule of the step, for it follows the history; so it is asked after each epoch, and pure as the step rules
    are: all memory is in the state that comes back, a dict of arrays that a checkpoint can write. The learning rate is
    lr f, times the factor of a schedule where there is one.

    Parameters
    ----------
    factor : float
        What f is multiplied by when it falls, above 0 and below 1.
    patience : int
        Epochs without an improvement before it falls, at least 1. After a fall the count begins again.
    min_factor : float
        f goes no lower; 0 ... 1.
    threshold : float
        The share of the best figure that an improvement must be, 0 ... 1 (below 1).

    Examples
    --------
    >>> from steepest.optim.schedules import Plateau
    >>> plateau = Plateau(patience=2)
    >>> state = plateau.init()
    >>> for loss in (1.0, 0.5, 0.5, 0.6, 0.5, 0.5):
    ...     f, state = plateau.step(loss, state)
    ...     print(round(f, 3), end=" ")
    1.0 1.0 1.0 0.1 0.1 0.01
    """

    factor: float = 0.1
    patience: int = 5
    min_factor: float = 1e-4
    threshold: float = 1e-4

    def __post_init__(self) -> None:
        if not 0 < self.factor < 1:
            raise InputError(f"plateau: factor must be above 0 and below 1, not {self.factor!r}")
        if isinstance(self.patience, bool) or not isinstance(self.patience, int | np.integer) or self.patience < 1:
            raise InputError(f"plateau: patience must be a whole number from 1 on, not {self.patience!r}")
        if not 0 <= self.min_factor <= 1:
            raise InputError(f"plateau: min_factor must be at least 0 and at most 1, not {self.min_factor!r}")
        if not 0 <= self.threshold < 1:
            raise InputError(f"plateau: threshold must be at least 0 and below 1, not {self.threshold!r}")

    def init(self) -> Waiting:
        """Return the state before the first epoch: nothing seen, f = 1."""
        return {"best": np.array(math.inf), "waited": np.array(0), "f": np.array(1.0)}

    def step(self, figure: float, state: Waiting) -> tuple[float, Waiting]:
        """Return f for the next epoch, and the state.

        Parameters
        ----------
        figure : float
            The validation figure of the epoch, one that should fall: a loss, or 1 - accuracy. NaN is no improvement.
        state : dict of arrays
            What ``init`` or the epoch before gave.
        """
        best, waited, f = float(state["best"]), int(state["waited"]), float(state["f"])
        bar = best if math.isinf(best) else best - self.threshold * abs(best)
        best, waited = (float(figure), 0) if figure < bar else (best, waited + 1)
        if waited == self.patience:
            f, waited = max(self.factor * f, min(self.min_factor, f)), 0
        return f, {"best": np.array(best), "waited": np.array(waited), "f": np.array(f)}
