"""d/dW: the computational graph, its ops, and the derivatives that it gives."""

from steepest.autodiff import ops
from steepest.autodiff.graph import Tensor, tensor
from steepest.autodiff.registry import REGISTRY, op

__all__ = ["REGISTRY", "Tensor", "op", "ops", "tensor"]
