"""The multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from steepest.errors import InputError, near
from steepest.nn.base import Layer
from steepest.nn.checks import fraction, whole
from steepest.nn.initialization import Initialization
from steepest.nn.layers.activation import Activation
from steepest.nn.layers.batch_norm import BatchNorm
from steepest.nn.layers.dropout import Dropout
from steepest.nn.layers.layer_norm import LayerNorm
from steepest.nn.layers.linear import Linear
from steepest.nn.sequential import Sequential

__all__ = ["MLP"]

_NORMS: dict[str, type[BatchNorm | LayerNorm]] = {"batch": BatchNorm, "layer": LayerNorm}


def MLP(  # noqa: N802  # it stands among layers and models
    sizes: Iterable[int],
    activation: str | Callable[[Any], Any] | Activation = "relu",
    *,
    init: str | Initialization = "he",
    dropout: float = 0.0,
    norm: str | None = None,
) -> Sequential:
    """Return a multi-layer perceptron: linear layers with an activation between them.

        h_0 = x,    h_k = f(norm(h_{k-1} W_k + b_k)), dropped out,    scores = h_{n-1} W_n + b_n

    Parameters
    ----------
    sizes : list of int
        Inputs, neurons of each hidden layer, classes: ``[784, 256, 10]``. Two sizes are a linear classifier.
    activation : str, function or Activation
        Of the hidden layers: a name of ``steepest.nn.NAMES``, or a function of your own.
    init : str or function
        Where the weights start: ``he``, ``xavier``, ``uniform``, ``zeros``, or a function of (rng, inputs, outputs).
    dropout : float
        The share of hidden neurons that each step of a training leaves out, in [0, 1).
    norm : "batch", "layer" or None
        What is put before each activation. With batch norm the linear layer has no bias: the mean would take it away.

    Returns
    -------
    Sequential
        The model; ``model.init(seed=0)`` makes its parameters.

    Raises
    ------
    InputError
        If there are fewer than two sizes, one is no whole number of at least 1, or an option is not known.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.nn.MLP([3, 4, 2])
    >>> model
    Sequential(Linear(inputs=3, outputs=4, bias=True), Activation('relu'), Linear(inputs=4, outputs=2, bias=True))
    >>> print(model.summary())
    name         layer                                   shape  neurons  weights  parameters  FLOPs  back
    linear1      Linear(inputs=3, outputs=4, bias=True)  4            4       12          16     24    24
    activation1  Activation('relu')                      4            0        0           0      0     0
    linear2      Linear(inputs=4, outputs=2, bias=True)  2            2        8          10     16    32
    total                                                             6       20          26     40    56
    104 bytes of float32; FLOPs are of one example
    """
    try:
        widths = list(sizes)
    except TypeError:
        raise InputError(f"the sizes of an MLP must be a list, as in MLP([784, 256, 10]), not {sizes!r}") from None
    if len(widths) < 2:
        raise InputError(f"an MLP needs two sizes or more, inputs first and classes last, not {widths}")
    widths = [whole(f"size {number} of the MLP", width) for number, width in enumerate(widths, 1)]
    if norm is not None and norm not in _NORMS:
        raise InputError(f"there is no norm {norm!r}: {near(norm, (*_NORMS, 'none'))}")
    function = activation if isinstance(activation, Activation) else Activation(activation)
    rate = fraction("dropout", dropout)
    layers: list[Layer] = []
    *hidden, last = pairwise(widths)
    for inputs, outputs in hidden:
        layers.append(Linear(inputs, outputs, bias=norm != "batch"))
        if norm is not None:
            layers.append(_NORMS[norm]())
        layers.append(function)
        if rate:
            layers.append(Dropout(rate))
    return Sequential(*layers, Linear(*last), init=init)
