"""d/dW: the computational graph, its ops, and the derivatives that it gives."""

from steepest.autodiff import ops
from steepest.autodiff.check import GradientCheck, check_gradient
from steepest.autodiff.derivatives import grad, jacobian, value_and_grad
from steepest.autodiff.graph import Tensor, tensor
from steepest.autodiff.numerical import numerical_gradient
from steepest.autodiff.registry import REGISTRY, case, op

__all__ = [
    "REGISTRY",
    "GradientCheck",
    "Tensor",
    "case",
    "check_gradient",
    "grad",
    "jacobian",
    "numerical_gradient",
    "op",
    "ops",
    "tensor",
    "value_and_grad",
]
