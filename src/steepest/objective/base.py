"""What every objective is: L(W), and its gradient."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from steepest.kernels.types import Order

__all__ = ["Objective", "Parameters"]

Parameters: TypeAlias = dict[str, NDArray[Any]]
"""The parameters of a model, or anything of their form: each array by its name, ``{"W": ..., "b": ...}``."""


class Objective(Protocol):
    """L(W) = 1/N sum_i L_i(f(x_i, W), y_i) + alpha R(W), as solvers, step rules, checks and pictures know it.

    `at` are the parameters W. With `rows`, int64 indices, the mean is over these rows alone.
    """

    def __len__(self) -> int:
        """N, the number of examples."""

    def value(self, at: Parameters, rows: Order | None = None) -> float:
        """L(W)."""

    def value_and_gradient(self, at: Parameters, rows: Order | None = None) -> tuple[float, Parameters]:
        """L(W) and dL/dW, in the form of the parameters."""

    def data_term(self) -> Objective:
        """Return the objective without its penalty."""
