"""The same numbers in another shape, some of them, or several arrays as one."""

from typing import Any

import numpy as np

from steepest.autodiff.graph import raw
from steepest.autodiff.registry import Each, case, op

__all__ = [
    "broadcast_to",
    "cast",
    "concatenate",
    "gather",
    "index",
    "reshape",
    "scatter",
    "stack",
    "sum_to",
    "transpose",
]


@op(
    vjps=lambda g, f, x, shape: reshape(g, shape=x.shape),
    cases=[case((2, 3), shape=(6,)), case((2, 3), shape=(3, -1)), case((), shape=(1, 1)), case((0, 3), shape=(0,))],
)
def reshape(x: Any, shape: Any) -> Any:
    """The same numbers in the same order in another shape; one length may be -1: what is left."""
    return np.reshape(x, shape)[()]


@op(
    vjps=lambda g, f, x, axes=None: transpose(g, axes=None if axes is None else tuple(np.argsort(axes))),
    cases=[case((2, 3)), case((2, 3, 4), axes=(1, 2, 0)), case((3,)), case(()), case((0, 3))],
)
def transpose(x: Any, axes: Any = None) -> Any:
    """Axes in another order; by default the opposite one."""
    return np.transpose(x, axes)[()]


@op(
    vjps=lambda g, f, x, shape: sum_to(g, shape=x.shape),
    cases=[
        case((3,), shape=(2, 3)),
        case((2, 1), shape=(4, 2, 3)),
        case((), shape=(2,)),
        case((1, 3), shape=(0, 3)),
        case((0, 1), shape=(2, 0, 3)),
    ],
)
def broadcast_to(x: Any, shape: Any) -> Any:
    """X repeated along new axes and axes of length 1."""
    return np.broadcast_to(x, shape)[()]


@op(
    vjps=lambda g, f, x, shape: broadcast_to(g, shape=x.shape),
    cases=[
        case((2, 3), shape=(3,)),
        case((4, 2, 3), shape=(2, 1)),
        case((2,), shape=()),
        case((0, 3), shape=(1, 3)),
        case((1,), shape=()),
    ],
)
def sum_to(x: Any, shape: Any) -> Any:
    """Add up what broadcasting from ``shape`` has repeated: the derivative of ``broadcast_to``."""
    extra = np.ndim(x) - len(shape)
    stretched = tuple(a for a, n in enumerate(shape, extra) if n == 1 and np.shape(x)[a] != 1)
    return np.reshape(np.sum(x, axis=(*range(extra), *stretched)), shape)[()]


@op(
    vjps=lambda g, f, x, dtype: cast(g, dtype=x.dtype),
    cases=[case((2, 3), dtype=np.float64), case((), dtype=np.float64), case((0,), dtype=np.float64)],
)
def cast(x: Any, dtype: Any) -> Any:
    """x as another type of floats."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"{np.dtype(dtype)} has no derivative: cast .value")
    return np.asarray(x).astype(dtype, copy=False)[()]


@op(
    vjps=lambda g, f, x, key: scatter(g, key=key, shape=x.shape),
    cases=[
        case((2, 3), key=(0, 1)), case((5,), key=slice(1, None, 2)), case((4, 3), key=([0, 2, 2], [1, 0, 0])),
        case((3,), key=(None, ...)), case((3,), key=np.array([True, False, True])), case((3,), key=slice(0, 0)),
        case((1,), key=-1), case((0, 2), key=(..., 1)),
    ],
)  # fmt: skip
def index(x: Any, key: Any) -> Any:
    """x[key], as in NumPy: numbers, slices, arrays of indices or booleans. Local gradient 1 each time it is taken."""
    return x[key]


@op(
    vjps=lambda g, f, x, key, shape: index(g, key=key),
    cases=[
        case((), key=(0, 1), shape=(2, 3)), case((3,), key=([0, 2, 2], [1, 0, 0]), shape=(4, 3)),
        case((2,), key=slice(1, None, 2), shape=(5,)),
        case((0,), key=[], shape=(2,)),
    ],
)  # fmt: skip
def scatter(x: Any, key: Any, shape: Any) -> Any:
    """Zeros of a shape with x added at ``key``: the derivative of ``index``."""
    result = np.zeros(shape, np.asarray(x).dtype)
    parts = key if isinstance(key, tuple) else (key,)
    if all(part is None or part is ... or isinstance(part, (int, slice)) for part in parts):
        result[key] = x  # no place twice
    else:
        np.add.at(result, key, x)
    return result


def gather(x: Any, indices: Any, axis: int = -1) -> Any:
    """Take along an axis the numbers at ``indices``, an array of as many axes as x: ``numpy.take_along_axis``."""
    places = np.asarray(indices)
    grid = list(np.ogrid[tuple(slice(n) for n in places.shape)])
    grid[axis] = places
    return index(x, key=tuple(grid))


@op(
    vjps=Each(lambda k, g, f, *xs, axis=0: index(g, key=_part(k, xs, axis))),
    cases=[case((2, 3), (1, 3), axis=0), case((2, 1), (2, 3), (2, 2), axis=-1), case((3,)), case((0,), (1,))],
)
def concatenate(*xs: Any, axis: int = 0) -> Any:
    """Arrays one after the other along an axis; they may come in a list."""
    return np.concatenate(xs, axis)


def _part(k: int, xs: Any, axis: int) -> tuple[Any, ...]:
    """Return the key of the k-th of the arrays in the concatenation of all."""
    lengths = [np.shape(raw(x))[axis] for x in xs]
    start = sum(lengths[:k])
    return (*(slice(None),) * (axis % xs[k].ndim), slice(start, start + lengths[k]))


def stack(xs: Any, axis: int = 0) -> Any:
    """Arrays of one shape as one, along a new axis."""
    shapes = [np.shape(raw(x)) for x in xs]
    place = axis % (len(shapes[0]) + 1)
    ones = [(*shape[:place], 1, *shape[place:]) for shape in shapes]
    return concatenate([reshape(x, shape=shape) for x, shape in zip(xs, ones, strict=True)], axis=place)
