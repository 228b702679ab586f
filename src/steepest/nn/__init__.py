"""f(x, W): the score functions. Layers and models are specifications; their parameters are a flat dict beside them.

==============  =====================================================================
layer           y
==============  =====================================================================
Linear          x W + b
Activation      f(x), number by number: the names are in ``NAMES``
Dropout         x m / (1 - rate), m zero or one, in training
BatchNorm       scale (x - mean) / sqrt(variance + eps) + shift, over the batch
LayerNorm       scale (x - mean) / sqrt(variance + eps) + shift, over the features
Residual        x + branch(x)
Flatten         each example as one vector
Standardize     (x - shift) scale, fixed
==============  =====================================================================

``Sequential`` puts layers one after the other, ``MLP`` makes the usual ones, ``linear_regions`` counts the linear
pieces of a ReLU network.
"""

from steepest.nn import initialization
from steepest.nn.base import EVALUATION, Cost, Layer, Mode, Plain
from steepest.nn.layers.activation import NAMES, Activation
from steepest.nn.layers.batch_norm import BatchNorm
from steepest.nn.layers.dropout import Dropout
from steepest.nn.layers.flatten import Flatten
from steepest.nn.layers.layer_norm import LayerNorm
from steepest.nn.layers.linear import Linear
from steepest.nn.layers.residual import Residual
from steepest.nn.layers.standardize import Standardize
from steepest.nn.mlp import MLP
from steepest.nn.regions import Piece, linear_regions
from steepest.nn.sequential import Sequential
from steepest.nn.summary import Summary

__all__ = [
    "EVALUATION",
    "MLP",
    "NAMES",
    "Activation",
    "BatchNorm",
    "Cost",
    "Dropout",
    "Flatten",
    "Layer",
    "LayerNorm",
    "Linear",
    "Mode",
    "Piece",
    "Plain",
    "Residual",
    "Sequential",
    "Standardize",
    "Summary",
    "initialization",
    "linear_regions",
]
