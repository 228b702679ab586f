"""A model: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from steepest.autodiff.graph import Tensor
from steepest.errors import InputError
from steepest.kernels.types import F32, F64
from steepest.nn import chain
from steepest.nn import initialization as initializations
from steepest.nn.base import EVALUATION, Layer, Mode, Shape
from steepest.nn.checks import shape_of, whole
from steepest.nn.initialization import Initialization
from steepest.nn.summary import Summary, summarize

__all__ = ["Sequential", "flat"]


@final
@dataclass(frozen=True, init=False, repr=False)
class Sequential:
    """A model: each layer takes what the one before it made.

        f(x) = layer_n(... layer_2(layer_1(x)))

    It is a specification and holds no parameters: ``init`` makes them, one flat dict ``{"linear1.W": ..., "linear1.b":
    ..., "linear2.W": ...}``, and a call takes them. So a model is a formula for ``GraphObjective``, gradient checks and
    step rules as it stands.

    Attributes
    ----------
    layers : tuple of Layer
        One after the other. A model among them counts as its layers.
    initialization : function
        What ``init`` fills the weights with.

    Parameters
    ----------
    *layers : Layer
        The layers, or one list of them.
    init : str or function
        ``he``, ``xavier``, ``uniform``, ``zeros``, or a function of (rng, inputs, outputs).

    Raises
    ------
    InputError
        If something is no layer, or one cannot take what the one before it makes.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> model = st.nn.Sequential(st.nn.Linear(3, 4), st.nn.Activation("relu"), st.nn.Linear(4, 2))
    >>> parameters = model.init(seed=0)
    >>> {name: array.shape for name, array in parameters.items()}
    {'linear1.W': (3, 4), 'linear1.b': (4,), 'linear2.W': (4, 2), 'linear2.b': (2,)}
    >>> model(parameters, np.ones((5, 3))).shape
    (5, 2)
    >>> L = st.objective.GraphObjective(model, np.eye(3), np.array([0, 1, 1]), alpha=0.1, penalty="l2")
    >>> bool(st.check_gradient(L, parameters))
    True
    """

    layers: tuple[Layer, ...]
    initialization: Initialization

    def __init__(self, *layers: Layer | Sequential | Iterable[Any], init: str | Initialization = "he") -> None:
        object.__setattr__(self, "layers", flat("Sequential", *layers))
        object.__setattr__(self, "initialization", initializations.get(init))
        shape = chain.input_shape(self.layers)
        if shape is not None:
            chain.output_shape(self.layers, shape)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"

    @property
    def names(self) -> tuple[str, ...]:
        """The layers' names in this model: kind and number, as in the names of their parameters and in errors."""
        return chain.names(self.layers)

    def input_shape(self, shape: int | Shape | None = None) -> Shape:
        """Return the shape of one example, (D,): the one given, or the one that the layers say.

        Raises
        ------
        InputError
            If no layer says it.
        """
        if shape is not None:
            return shape_of(shape)
        found = chain.input_shape(self.layers)
        if found is None:
            raise InputError(f"no layer says what examples it takes: give the shape of one, as in init(784), to {self}")
        return found

    def output_shape(self, shape: int | Shape | None = None) -> Shape:
        """Return the shape of the scores of one example."""
        return chain.output_shape(self.layers, self.input_shape(shape))

    def init(
        self, shape: int | Shape | None = None, *, seed: int = 0, init: str | Initialization | None = None
    ) -> dict[str, F32]:
        """Return the parameters to start from, by full name: float32 arrays, biases zero.

        Parameters
        ----------
        shape : int, tuple or None
            The shape of one example; None where the layers say it.
        seed : int
            The same seed gives the same weights. Those of a layer depend on the seed and the layer's name alone.
        init : str, function or None
            The initialization; by default the model's own.
        """
        how = self.initialization if init is None else initializations.get(init)
        return chain.init(self.layers, self.input_shape(shape), whole("seed", seed, 0), how)

    def state(self, shape: int | Shape | None = None) -> dict[str, F32]:
        """Return the running statistics to start from, by full name; {} if no layer has any.

        In evaluation a model with statistics needs them beside the parameters: ``model({**parameters, **state}, X)``.
        """
        return chain.state(self.layers, self.input_shape(shape))

    def __call__(self, parameters: Mapping[str, Any], X: Any, mode: Mode = EVALUATION) -> Any:
        """Return the scores of the rows of X: of tensors the graph, of arrays an array.

        Parameters
        ----------
        parameters : dict
            Arrays or tensors by full name; running statistics among them.
        X : array or tensor (N, *shape)
            The examples. Integers become floats.
        mode : Mode
            Training or evaluation.

        Raises
        ------
        InputError
            If X or a parameter does not have the shape that a layer needs, or there is no layer for a parameter: the
            message names the layer.
        """
        return chain.apply(self.layers, parameters, _rows(X), mode)

    def trace(self, parameters: Mapping[str, Any], X: Any, mode: Mode = EVALUATION) -> dict[str, Any]:
        """Return what every layer makes of the rows of X, by the layer's name; the last are the scores.

        Of tensors they are parts of the graph, so that ``backward`` leaves the slopes there too.

        Examples
        --------
        >>> import numpy as np
        >>> import steepest as st
        >>> model = st.nn.MLP([2, 3, 2])
        >>> seen = model.trace(model.init(seed=0), st.tensor(np.ones((4, 2))))
        >>> {name: h.shape for name, h in seen.items()}
        {'linear1': (4, 3), 'activation1': (4, 3), 'linear2': (4, 2)}
        >>> st.losses.softmax(seen["linear2"], np.array([0, 1, 1, 0])).mean().backward()
        >>> seen["activation1"].grad.shape
        (4, 3)
        """
        return dict(chain.trace(self.layers, parameters, _rows(X), mode))

    def summary(self, shape: int | Shape | None = None) -> Summary:
        """Return what the model is made of, layer by layer: print it for a table.

        Examples
        --------
        >>> import steepest as st
        >>> size = st.nn.MLP([3, 4, 2]).summary()
        >>> size.neurons, size.weights, size.parameters
        (6, 20, 26)
        """
        return summarize(self.layers, self.input_shape(shape))

    def collapse(self, parameters: Mapping[str, Any], shape: int | Shape | None = None) -> tuple[F64, F64]:
        """Return the one linear map, W (D, C) and b (C,), that the model is in evaluation: f(x) = x W + b.

        Layers without a bend in them, however many, are one linear map: Linear, Standardize, Flatten, the identity
        activation, dropout and batch norm (which are linear in evaluation), and residual blocks of these.

        Raises
        ------
        InputError
            If a layer is not linear, or a parameter or running statistic is missing: the message names the layer.

        Examples
        --------
        >>> import numpy as np
        >>> import steepest as st
        >>> model = st.nn.MLP([3, 50, 2], activation="identity")
        >>> parameters = model.init(seed=0)
        >>> W, b = model.collapse(parameters)
        >>> X = np.array([[1.0, 2.0, 3.0]])
        >>> np.allclose(X @ W + b, model(parameters, X), atol=1e-5)
        True
        """
        from steepest.nn.affine import collapsed

        return collapsed(self.layers, parameters, self.input_shape(shape))


def _rows(X: Any) -> Any:
    """Return X as an array of floats or as the tensor that it is."""
    if not isinstance(X, Tensor):
        X = np.asarray(X)
        if X.dtype.kind in "iub":
            X = X.astype(np.result_type(X.dtype, np.float32))
    if X.ndim < 2:
        raise InputError(f"X must have a row for each example, and has shape {X.shape}")
    return X


def flat(whose: str, *layers: Any) -> tuple[Layer, ...]:
    """Return the layers, or those of the one list, as a tuple; a model among them has its layers put in its place."""
    given = layers[0] if len(layers) == 1 and isinstance(layers[0], (list, tuple)) else layers
    found: list[Layer] = []
    for number, layer in enumerate(given, 1):
        if isinstance(layer, Sequential):
            found += layer.layers
        elif isinstance(layer, Layer):
            found.append(layer)
        else:
            raise InputError(f"layer {number} of {whose} must be a layer, like Linear(3, 4), and is {layer!r}")
    if not found:
        raise InputError(f"{whose} needs at least one layer")
    return tuple(found)
