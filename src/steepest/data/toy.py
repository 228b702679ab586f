"""Toy problems in the plane, each an equation: blobs, circle, xor, spiral, moons.

Row i belongs to class i mod C, so the classes are as equal as they can be. u is uniform on [0, 1), z standard normal;
both are functions of the seed and the position alone (see `order.py`), so a toy problem is the same everywhere.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from steepest.data.dataset import Dataset
from steepest.data.order import TOY, check_seed, normals, uniforms
from steepest.errors import InputError

__all__ = ["TOYS", "toy"]

Float = npt.NDArray[np.float64]


class _Rows(NamedTuple):
    """What an equation may use: class, place along the class in [0, 1], two uniforms, and the number of classes."""

    c: npt.NDArray[np.int64]
    t: Float
    u: Float
    v: Float
    classes: int


class _Toy(NamedTuple):
    points: Callable[[_Rows], tuple[Float, Float]]
    noise: float
    classes: int
    # Some problems are about two classes and no other number.
    any_classes: bool
    # Noise that bends the angle, rather than moves the point.
    angular: bool = False


def _blobs(r: _Rows) -> tuple[Float, Float]:
    """Points x = 3 (cos a, sin a) + noise z, a = 2 pi c / C: one normal cloud a class, centres on a circle."""
    a = 2 * math.pi * r.c / r.classes
    return 3 * np.cos(a), 3 * np.sin(a)


def _circle(r: _Rows) -> tuple[Float, Float]:
    """Points x = rho (cos 2 pi v, sin 2 pi v) + noise z; rho^2 on [0, 0.25] in class 0, on [0.64, 1] in class 1."""
    rho = np.sqrt(np.where(r.c == 0, 0.25 * r.u, 0.64 + 0.36 * r.u))
    a = 2 * math.pi * r.v
    return rho * np.cos(a), rho * np.sin(a)


def _xor(r: _Rows) -> tuple[Float, Float]:
    """Points x1 = 2 u - 1, |x2| = v; x2 has the sign of x1 in class 0, the other sign in class 1; + noise z."""
    x1 = 2 * r.u - 1
    sign = np.where((x1 >= 0) == (r.c == 0), 1.0, -1.0)
    return x1, sign * r.v


def _spiral(r: _Rows) -> tuple[Float, Float]:
    """Points x = t (sin a, cos a), a = 4 t + 2 pi c / C + noise z, t evenly on [0, 1]: one arm a class."""
    return r.t, 4 * r.t + 2 * math.pi * r.c / r.classes


def _moons(r: _Rows) -> tuple[Float, Float]:
    """Points x = (cos a, sin a) in class 0, (1 - cos a, 1/2 - sin a) in class 1, a = pi t; + noise z."""
    a = math.pi * r.t
    upper = r.c == 0
    return np.where(upper, np.cos(a), 1 - np.cos(a)), np.where(upper, np.sin(a), 0.5 - np.sin(a))


TOYS: dict[str, _Toy] = {
    "blobs": _Toy(_blobs, noise=0.5, classes=3, any_classes=True),
    "circle": _Toy(_circle, noise=0.05, classes=2, any_classes=False),
    "xor": _Toy(_xor, noise=0.05, classes=2, any_classes=False),
    "spiral": _Toy(_spiral, noise=0.2, classes=3, any_classes=True, angular=True),
    "moons": _Toy(_moons, noise=0.1, classes=2, any_classes=False),
}


def toy(
    name: str, n: int | None = None, noise: float | None = None, classes: int | None = None, seed: int = 0
) -> Dataset:
    """Make a toy problem.

    ======  =====================================================================================================
    blobs   x = 3 (cos a, sin a) + noise z, a = 2 pi c / C
    circle  x = rho (cos 2 pi v, sin 2 pi v) + noise z; rho^2 on [0, 0.25] in class 0, on [0.64, 1] in class 1
    xor     x1 = 2 u - 1, |x2| = v; the signs are equal in class 0, opposite in class 1; + noise z
    spiral  x = t (sin a, cos a), a = 4 t + 2 pi c / C + noise z, t evenly on [0, 1]
    moons   x = (cos a, sin a) in class 0, (1 - cos a, 1/2 - sin a) in class 1, a = pi t; + noise z
    ======  =====================================================================================================

    Parameters
    ----------
    name : {"blobs", "circle", "xor", "spiral", "moons"}
        Which problem.
    n : int, optional
        Number of examples over all classes; 300 when not given.
    noise : float, optional
        Deviation of the noise: 0.5 for blobs, 0.05 for circle and xor, 0.2 (of the angle) for spiral, 0.1 for moons.
    classes : int, optional
        C; 3 for blobs and spiral when not given. The other problems have 2.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    Dataset
        X float32 (n, 2), y of class i mod C.

    Raises
    ------
    InputError
        A name or a number that cannot be.

    Examples
    --------
    >>> toy("spiral", n=300, classes=3).X.shape
    (300, 2)
    """
    if name not in TOYS:
        raise InputError(f"no toy problem is called {name!r}: there are {', '.join(TOYS)}")
    kind = TOYS[name]
    number = _whole("n", 300 if n is None else n)
    width = _whole("classes", kind.classes if classes is None else classes)
    spread = _number(kind.noise if noise is None else noise)
    if not kind.any_classes and width != 2:
        raise InputError(f"{name} has 2 classes, not {width}")
    if width < 2:
        raise InputError(f"classes must be at least 2, not {width}")
    if number < width:
        raise InputError(f"n={number} is too few for {width} classes: give at least one example of each")
    check_seed(seed)

    c = np.arange(number) % width
    place = np.arange(number) // width
    size = (number - 1 - c) // width  # the last place in class c
    rows = _Rows(c, place / np.maximum(size, 1), uniforms(number, seed, TOY, 0), uniforms(number, seed, TOY, 1), width)
    first, second = kind.points(rows)
    z1, z2 = spread * normals(number, seed, TOY, 2), spread * normals(number, seed, TOY, 3)
    if kind.angular:
        x1, x2 = first * np.sin(second + z1), first * np.cos(second + z1)
    else:
        x1, x2 = first + z1, second + z2
    X = np.column_stack([x1, x2]).astype(np.float32)
    return Dataset(X, c, tuple(map(str, range(width))), (2,), source=name, feature_names=("x1", "x2"))


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) < math.inf:
        raise InputError(f"noise must be a number, 0 or more, not {value!r}")
    return float(value)
