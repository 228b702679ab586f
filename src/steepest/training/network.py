"""f(x, W) of a network as it was trained: the model, its parameters and the scaling of the features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from steepest import losses, penalties
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, AnyRows, Order
from steepest.nn.layers.linear import Linear as LinearLayer
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.nn.sequential import Sequential
from steepest.objective.network import NetworkObjective

__all__ = ["Network"]


@dataclass(frozen=True, eq=False)
class Network:
    """A score function: scores = model((x - shift) * scale).

    Attributes
    ----------
    model : Sequential
        The layers.
    parameters : dict of float32 arrays
        By full name; running statistics among them.
    scaling : Scaling
        shift and scale of each feature, (D,) each.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> from steepest.nn.scaling import fit_scaling
    >>> X = np.array([[0, 255], [255, 0]], np.uint8)
    >>> network = Network.start(st.nn.MLP([2, 3, 4]), fit_scaling(X), seed=0)
    >>> network.scores(X).shape, network.n_features, network.n_classes
    ((2, 4), 2, 4)
    """

    model: Sequential
    parameters: dict[str, F32]
    scaling: Scaling

    @classmethod
    def start(cls, model: Sequential, scaling: Scaling, seed: int) -> Network:
        """Return the network before the first step: the weights of the seed, the statistics of nothing."""
        D = len(scaling.shift)
        return cls(model, {**model.init(D, seed=seed), **model.state(D)}, scaling)

    @cached_property
    def n_classes(self) -> int:
        """C."""
        return self.model.output_shape(self.n_features)[0]

    @property
    def n_features(self) -> int:
        """D."""
        return len(self.scaling.shift)

    @cached_property
    def statistics(self) -> frozenset[str]:
        """Names of the parameters that are not trained: the running statistics."""
        return frozenset(self.model.state(self.n_features))

    @property
    def trained(self) -> dict[str, F32]:
        """The parameters without the statistics, not copied."""
        return {name: part for name, part in self.parameters.items() if name not in self.statistics}

    def copy(self) -> Network:
        """Return the same with arrays of its own."""
        return replace(self, parameters={name: part.copy() for name, part in self.parameters.items()})

    def scores(self, X: AnyRows, rows: Order | None = None, *, threads: int | None = None) -> F32:
        """Scores (N, C) of the rows of X (N, D), or of those named; X is read in place in the type it has."""
        if not (len(X) if rows is None else len(rows)):
            return np.empty((0, self.n_classes), np.float32)
        labels = np.empty(0, np.int64)  # scores need none
        formula = NetworkObjective(
            self.model, X, labels, losses.softmax, penalties.none, 0.0, self.scaling, None,
            threads or kernels.default_threads(),
        )  # fmt: skip
        # The native program takes no read-only arrays, such as those mapped from a file: they are copied.
        parameters = {name: np.require(part, requirements=["C", "W"]) for name, part in self.parameters.items()}
        return np.asarray(formula.scores(parameters, rows), np.float32)

    def trace(self, X: AnyRows) -> dict[str, F32]:
        """Return what every layer makes of the rows of X in evaluation, by its name; the last are the scores."""
        scaled = ((X - self.scaling.shift) * self.scaling.scale).astype(np.float32)
        return self.model.trace(self.parameters, scaled)

    def linear(self) -> Linear:
        """Return the linear classifier that a network of one linear layer is; the arrays are copies.

        Raises
        ------
        InputError
            If there are other layers.
        """
        match self.model.layers:
            case (LinearLayer(bias=True),):
                W: Any = self.parameters["linear1.W"]
                # Class by class, as the kernels read it.
                return Linear(W.T.copy(order="C").T, self.parameters["linear1.b"].copy(), self.scaling)
        raise InputError("only a network of one linear layer is a linear classifier")
