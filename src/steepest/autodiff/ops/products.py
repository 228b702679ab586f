"""Products of matrices and vectors."""

from typing import Any

import numpy as np

from steepest.autodiff.ops.shapes import reshape, sum_to, transpose
from steepest.autodiff.registry import case, op

__all__ = ["matmul"]


def _turned(x: Any) -> Any:
    """Exchange the last two axes."""
    return transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _as_matrices(g: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return g, x and y as of a product of matrices: a vector is a row on the left, a column on the right."""
    x_rows = reshape(x, shape=(1, x.size)) if x.ndim == 1 else x
    y_columns = reshape(y, shape=(y.size, 1)) if y.ndim == 1 else y
    shape = g.shape if x.ndim > 1 else (*g.shape[: g.ndim - (y.ndim > 1)], 1, *g.shape[g.ndim - (y.ndim > 1) :])
    return reshape(g, shape=(*shape, 1) if y.ndim == 1 else shape), x_rows, y_columns


def _by_x(g: Any, f: Any, x: Any, y: Any) -> Any:
    if x.ndim == y.ndim == 2:
        return g @ _turned(y)
    g, _, y = _as_matrices(g, x, y)
    product = g @ _turned(y)
    return sum_to(reshape(product, shape=(*product.shape[:-2], product.shape[-1])) if x.ndim == 1 else product, x.shape)


def _by_y(g: Any, f: Any, x: Any, y: Any) -> Any:
    if x.ndim == y.ndim == 2:
        return _turned(x) @ g
    g, x, _ = _as_matrices(g, x, y)
    product = _turned(x) @ g
    return sum_to(reshape(product, shape=product.shape[:-1]) if y.ndim == 1 else product, y.shape)


@op(
    vjps=(_by_x, _by_y),
    cases=[
        case((2, 3), (3, 4)), case((3,), (3,)), case((2, 3), (3,)), case((3,), (3, 4)), case((5, 2, 3), (3, 4)),
        case((5, 1, 2, 3), (4, 3, 2)), case((3,), (5, 3, 2)), case((5, 2, 3), (3,)), case((0, 3), (3, 2)),
        case((1, 1), (1, 1)),
    ],
)  # fmt: skip
def matmul(x: Any, y: Any) -> Any:
    """X @ y, as in NumPy: matrices, vectors, and batches of matrices. Local gradients g y' and x' g."""
    return np.matmul(x, y)
