"""The gradient check: whether this is the derivative of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from steepest.autodiff.backward import pull_back
from steepest.autodiff.derivatives import value_and_grad
from steepest.autodiff.graph import Tensor, raw, tensor
from steepest.autodiff.slopes import judge, relative_error
from steepest.autodiff.trees import leaves, of_arrays, transform
from steepest.errors import InputError

DIRECTIONS = 3

__all__ = ["Coordinate", "Differentiable", "GradientCheck", "check_gradient"]


@runtime_checkable
class Differentiable(Protocol):
    """What can be checked besides a function: it has a value and says what its gradient is."""

    def value(self, at: Any) -> float:
        """Return the value."""

    def value_and_gradient(self, at: Any) -> tuple[float, Any]:
        """Return the value, and the gradient in the form of ``at``."""


@dataclass(frozen=True)
class Coordinate:
    """One line of a gradient check.

    Attributes
    ----------
    part : str
        What was differentiated: "" for the whole, "data term" or "penalty".
    name : str
        The coordinate, ``W[3, 2]``, or a direction through all of them.
    automatic, numerical : float
        The derivative under check, and the slope measured.
    error : float
        |automatic - numerical| / max(|automatic|, |numerical|).
    verdict : str
        "ok"; "kink": the slopes to the left and to the right differ, and the derivative under check is one of them or
        between; "wrong"; "rounding": the function is too coarse for the step, so that nothing can be said.
    """

    part: str
    name: str
    automatic: float
    numerical: float
    error: float
    verdict: str


@dataclass(frozen=True)
class GradientCheck:
    """What a gradient check found. True in a condition if it passed; printed, a table of the worst coordinates.

    Attributes
    ----------
    coordinates : tuple of Coordinate
        All that was compared.
    tolerance : float
        The relative error allowed.
    """

    coordinates: tuple[Coordinate, ...]
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether no coordinate is wrong, or drowned in rounding."""
        return all(c.verdict in ("ok", "kink") for c in self.coordinates)

    @property
    def kinks(self) -> tuple[Coordinate, ...]:
        """The coordinates that lie at a kink."""
        return tuple(c for c in self.coordinates if c.verdict == "kink")

    def worst(self, n: int = 5) -> tuple[Coordinate, ...]:
        """Return the n coordinates with the gravest verdict and the largest error."""
        gravity = ("ok", "kink", "rounding", "wrong").index
        return tuple(sorted(self.coordinates, key=lambda c: (gravity(c.verdict), c.error), reverse=True)[:n])

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        bad = sum(c.verdict in ("wrong", "rounding") for c in self.coordinates)
        said = "passed" if self.passed else f"FAILED: {bad} of {len(self.coordinates)} wrong"
        if any(c.verdict == "rounding" for c in self.coordinates):
            said += " (rounding drowns the slopes: compute in float64)"
        kinks = f", {len(self.kinks)} at a kink" if self.kinks else ""
        lines = [f"gradient check {said}; {len(self.coordinates)} slopes compared{kinks}, tolerance {self.tolerance:g}"]
        lines.append(f"{'coordinate':<28}{'automatic':>14}{'numerical':>14}{'error':>10}  verdict")
        for c in self.worst():
            name = f"{c.part}: {c.name}" if c.part else c.name
            lines.append(f"{name:<28}{c.automatic:>14.7g}{c.numerical:>14.7g}{c.error:>10.1e}  {c.verdict}")
        return "\n".join(lines)


def check_gradient(
    fn: Callable[..., Any] | Differentiable,
    at: Any,
    *,
    gradient: Callable[..., Any] | None = None,
    h: float = 1e-4,
    tolerance: float = 1e-6,
    most: int = 100,
    seed: int = 0,
) -> GradientCheck:
    """Compare a gradient with measured slopes, coordinate by coordinate and along random directions.

        slope = (4 D(h/2) - D(h)) / 3,    D(h) = (f(x + h e) - f(x - h e)) / 2h        error about h^4

    Everything is computed in float64. Where the two disagree, steps from 1000 h down to what rounding allows decide:
    the function may be steep, or bent nearby. Where the slopes to the left and to the right stay apart, however small
    the step, there is a kink, and any derivative between them is right. An objective is checked as a whole, and its
    data term and its penalty each alone, so that neither can hide behind the other.

    Parameters
    ----------
    fn : function or objective
        A function of ``at`` that returns one number; or anything with ``value(at)`` and ``value_and_gradient(at)``,
        and ``data_term()``, an objective without the penalty, if it has one.
    at : number, array, or dict, list or tuple of them
        Where. A list of numbers is an array.
    gradient : function or None
        The gradient to check, a function of ``at``; by default the automatic one.
    h : float
        The first step, for coordinates up to 1 in size; relative to the coordinate above.
    tolerance : float
        The relative error allowed.
    most : int
        Coordinates to look at in each array: the largest and the smallest derivatives and some at random.
    seed : int
        For the choice of coordinates and directions.

    Returns
    -------
    GradientCheck
        True if it passed. ``print`` shows the worst coordinates by name.

    Raises
    ------
    InputError
        If ``fn`` does not return one number, ``at`` holds no numbers, or the gradient does not have its form.

    Examples
    --------
    >>> import steepest as st
    >>> bool(st.check_gradient(lambda w: (w**3).sum(), [1.0, -2.0]))
    True
    >>> print(st.check_gradient(lambda w: w**3, 2.0, gradient=lambda w: 3 * w))
    gradient check FAILED: 1 of 1 wrong; 1 slopes compared, tolerance 1e-06
    coordinate                       automatic     numerical     error  verdict
    x                                        6            12   5.0e-01  wrong
    """
    if most < 1:
        raise InputError(f"most must be at least 1, not {most}")
    point = _in_float64(at)
    found: list[Coordinate] = []
    for part in _parts(fn, point, gradient):
        with np.errstate(all="ignore"):  # a step may lead out of the domain, and says so by a NaN
            found += _compared(part, point, h, tolerance, most, np.random.default_rng(seed))
    return GradientCheck(tuple(found), tolerance)


def _in_float64(at: Any) -> Any:
    try:
        point = transform(lambda part: np.array(raw(part), np.float64), of_arrays(at))
    except (TypeError, ValueError) as error:
        raise InputError(f"the point of a gradient check must hold real numbers: {error}") from None
    for name, part in leaves(point):
        if not np.isfinite(part).all():
            raise InputError(f"the point of a gradient check must be finite, and {name or 'it'} is not")
    if not any(part.size for _, part in leaves(point)):
        raise InputError("the point of a gradient check has no coordinates")
    return point


@dataclass(frozen=True)
class _Part:
    """Something to differentiate, and the gradient under check; `size` is that of the numbers it is a difference of."""

    name: str
    value: Callable[[Any], Any]
    slopes: Any
    size: float = 0.0


def _parts(fn: Any, point: Any, gradient: Callable[..., Any] | None) -> Iterator[_Part]:
    """Yield the whole, and each of its parts if it has them."""
    if not isinstance(fn, Differentiable):
        slopes = gradient(_given(point)) if gradient else value_and_grad(fn)(_given(point))[1]
        yield _Part("", lambda x: _number(fn(_given(x))), _like(slopes, point), _size(fn, point))
        return
    slopes = _like(gradient(_given(point)) if gradient else fn.value_and_gradient(point)[1], point)
    yield _Part("", lambda x: _number(fn.value(x)), slopes)
    if hasattr(fn, "data_term") and gradient is None:
        data = fn.data_term()
        of_data = _like(data.value_and_gradient(point)[1], point)
        yield _Part("data term", lambda x: _number(data.value(x)), of_data)
        rest = transform(np.subtract, slopes, of_data)
        if any(part.any() for _, part in leaves(rest)) or fn.value(point) != data.value(point):
            size = abs(float(fn.value(point)))
            yield _Part("penalty", lambda x: _number(fn.value(x)) - _number(data.value(x)), rest, size)


def _size(fn: Callable[..., Any], point: Any) -> float:
    """Return the size of the numbers whose rounding is in the value: of a sum of 1 and -1 it is not 0 but 2.

    A function of arrays alone does not tell: 0.
    """
    try:
        result = fn(transform(tensor, point))
        grads = pull_back(result) if type(result) is Tensor else {}
    except (AttributeError, TypeError, ValueError):
        return 0.0
    with np.errstate(all="ignore"):
        sizes = [float(np.abs(node.value * grad).sum()) for node, grad in grads.items()]
    return max((size for size in sizes if np.isfinite(size)), default=0.0)


def _given(point: Any) -> Any:
    """Numbers as numbers: a function of a number need not know of arrays."""
    return transform(lambda part: part[()] if part.ndim == 0 else part, point)


def _number(value: Any) -> Any:
    value = raw(value)
    if np.shape(value) != ():
        raise InputError(f"a gradient check needs one number, and the function returned shape {np.shape(value)}")
    return value


def _like(slopes: Any, point: Any) -> Any:
    """Return the gradient in float64, if it has the form of the point."""

    def fit(part: Any, where: NDArray[np.float64]) -> NDArray[np.float64]:
        array = np.asarray(raw(part), np.float64)
        if array.shape != where.shape:
            raise InputError(f"the gradient has shape {array.shape} where the point has {where.shape}")
        return array

    try:
        return transform(lambda where, part: fit(part, where), point, of_arrays(slopes))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the gradient must have the form of the point: {error!r}") from None


def _compared(part: _Part, point: Any, h: float, tolerance: float, most: int, rng: Any) -> Iterator[Coordinate]:
    """Yield the comparison of single coordinates of each array, then of directions through all of them."""
    arrays = dict(leaves(point))
    for (name, where), (_, derivatives) in zip(arrays.items(), leaves(part.slopes), strict=True):
        for index in _chosen(derivatives, most, rng):
            along = {other: np.zeros_like(array) for other, array in arrays.items()}
            along[name][index] = max(1.0, abs(float(where[index])))
            place = f"[{', '.join(map(str, index))}]" if index else ""
            yield _line(part, f"{name or 'x'}{place}", point, along, h, tolerance)
    if sum(array.size for array in arrays.values()) > 1:
        for number in range(DIRECTIONS):
            along = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
            length = _length(along)
            along = {name: step / length * np.maximum(1, np.abs(arrays[name])) for name, step in along.items()}
            yield _line(part, f"direction {number + 1}", point, along, h, tolerance)


def _line(
    part: _Part, place: str, point: Any, along: dict[str, NDArray[np.float64]], h: float, tolerance: float
) -> Coordinate:
    """Compare on the line through the point in the direction `along`; its length is the unit of the step."""
    length = _length(along)
    slopes, arrays = dict(leaves(part.slopes)), dict(leaves(point))
    derivative = sum(float((slopes[name] * step).sum()) for name, step in along.items()) / length
    drift = sum(float(np.abs(slopes[name] * arrays[name])[step != 0].sum()) for name, step in along.items())
    parts = iter(along.values())
    direction = transform(lambda _: next(parts), point)

    def moved(t: float) -> Any:
        return part.value(transform(lambda at, step: at + (t / length) * step, point, direction))

    numerical, verdict = judge(moved, derivative, h * length, tolerance, part.size, drift)
    return Coordinate(part.name, place, derivative, numerical, relative_error(derivative, numerical), verdict)


def _length(along: dict[str, NDArray[np.float64]]) -> float:
    return float(np.sqrt(sum(float((array**2).sum()) for array in along.values())))


def _chosen(derivatives: NDArray[np.float64], most: int, rng: Any) -> list[tuple[int, ...]]:
    """Return the indices to look at: all, or the largest, the smallest and some at random."""
    size = derivatives.size
    if size <= most:
        return list(np.ndindex(derivatives.shape))
    by_size = np.argsort(np.abs(derivatives), axis=None)
    ends = max(1, most // 4)
    flat = {*by_size[:ends].tolist(), *by_size[-ends:].tolist()}
    flat |= set(rng.choice(size, min(size, most - len(flat)), replace=False).tolist())
    return [tuple(int(i) for i in np.unravel_index(k, derivatives.shape)) for k in sorted(flat)]
