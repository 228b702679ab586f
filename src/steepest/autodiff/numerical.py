"""Numerical derivatives: move one coordinate by h and look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.autodiff.graph import raw, tensor
from steepest.errors import InputError

__all__ = ["Probe", "number_of", "numerical_gradient"]


class Probe(NamedTuple):
    """One row of the table: what moving one coordinate does to the loss.

    Attributes
    ----------
    coordinate : tuple of int
        Its index; () for a number.
    W : float
        Its value.
    W_plus_h : float
        Its value, moved.
    loss : float
        The loss there.
    slope : float
        The derivative that follows.
    """

    coordinate: tuple[int, ...]
    W: float
    W_plus_h: float
    loss: float
    slope: float


@overload
def numerical_gradient(
    fn: Callable[..., Any], x: ArrayLike, h: float = 1e-5, centred: bool = True, trace: Literal[False] = False
) -> NDArray[np.float64]: ...


@overload
def numerical_gradient(
    fn: Callable[..., Any], x: ArrayLike, h: float = 1e-5, centred: bool = True, *, trace: Literal[True]
) -> Iterator[Probe]: ...


def numerical_gradient(
    fn: Callable[..., Any], x: ArrayLike, h: float = 1e-5, centred: bool = True, trace: bool = False
) -> Any:
    """Gradient by finite differences: slow, and approximate, but hard to get wrong.

        centred:    df/dx_i = (f(x + h e_i) - f(x - h e_i)) / 2h        error about h^2
        otherwise:  df/dx_i = (f(x + h e_i) - f(x)) / h                 error about h

    Both also carry the rounding of f, divided by h.

    Parameters
    ----------
    fn : function
        Of an array like x; it returns one number. It is given a copy, in float64.
    x : number or array
        Where.
    h : float
        The step, in the units of x.
    centred : bool
        Step to both sides.
    trace : bool
        Return an iterator over the rows of the table instead of the gradient, one for each coordinate: its index, W,
        W + h, the loss at W + h, the slope.

    Returns
    -------
    array of float64, or an iterator of Probe
        In the shape of x.

    Raises
    ------
    InputError
        If x is not made of real numbers, h is not positive, or too small to move x, or ``fn`` returns no number.

    Examples
    --------
    >>> import steepest as st
    >>> st.numerical_gradient(lambda w: w[0] ** 2 + 3 * w[1], [2.0, 5.0]).round(6)
    array([4., 3.])
    >>> for row in st.numerical_gradient(lambda w: w[0] ** 2 + 3 * w[1], [2.0, 5.0], h=0.5, centred=False, trace=True):
    ...     print(row.coordinate, row.W, row.W_plus_h, row.loss, row.slope)
    (0,) 2.0 2.5 21.25 4.5
    (1,) 5.0 5.5 20.5 3.0
    """
    try:
        at = np.array(tensor(x).value, np.float64)
    except InputError as error:
        raise InputError(f"x must be a number or an array of real numbers: {error}") from None
    if not (np.isfinite(h) and h > 0):
        raise InputError(f"the step h must be positive, not {h!r}")
    rows = _probes(fn, at, h, centred)
    if trace:
        return rows
    return np.array([row.slope for row in rows]).reshape(at.shape)[()]


def _probes(fn: Callable[..., Any], x: NDArray[np.float64], h: float, centred: bool) -> Iterator[Probe]:
    base = 0.0 if centred else number_of(fn, x)
    for index in np.ndindex(x.shape):
        W = float(x[index])
        ahead, loss = _moved(fn, x, index, h)
        behind, back = _moved(fn, x, index, -h) if centred else (W, base)
        yield Probe(index, W, ahead, loss, (loss - back) / (ahead - behind))


def _moved(fn: Callable[..., Any], x: NDArray[np.float64], index: tuple[int, ...], h: float) -> tuple[float, float]:
    """Return the coordinate moved by h, as exactly as floats can, and the value of the function there."""
    there = x.copy()
    there[index] += h
    if there[index] == x[index]:
        raise InputError(f"the step h = {h:g} is too small to move x[{', '.join(map(str, index))}] = {x[index]:g}")
    return float(there[index]), number_of(fn, there)


def number_of(fn: Callable[..., Any], x: Any) -> float:
    """Call a function that must return one number."""
    value = raw(fn(x if np.ndim(x) else np.float64(x)))
    if np.shape(value) != ():
        raise InputError(
            f"the function must return one number, and returned shape {np.shape(value)}: sum it, or average it"
        )
    return float(value)
