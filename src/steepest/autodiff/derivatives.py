"""Derivatives of functions: of a function of arrays, another one that returns its gradient or its Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import numpy as np

from steepest.autodiff.backward import ancestors, pull_back
from steepest.autodiff.graph import Tensor, raw, tensor
from steepest.autodiff.ops import identity, reshape, stack
from steepest.autodiff.trees import leaves, of_arrays, transform
from steepest.errors import InputError

__all__ = ["grad", "jacobian", "value_and_grad"]


def grad(fn: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return the function that gives the gradient of ``fn``: d fn / d argument, in the shape of the argument.

    Parameters
    ----------
    fn : function
        Of numbers, arrays, or dicts, lists and tuples of them; it returns one number.
    argnums : int or sequence of int
        The argument, by position, that the derivative is taken by; with a sequence a tuple of gradients comes back.

    Returns
    -------
    function
        It takes what ``fn`` takes. Plain arrays in give plain arrays out; tensors in, or a tensor that ``fn`` knows of
        otherwise, give tensors: so the gradient of a gradient is written as such.

    Raises
    ------
    InputError
        From the returned function: if ``fn`` does not return one number, or an argument holds integers.

    Examples
    --------
    >>> import steepest as st
    >>> cube = lambda x: x**3
    >>> float(st.grad(cube)(2.0)), float(st.grad(st.grad(cube))(2.0))
    (12.0, 12.0)
    >>> st.grad(lambda p: (p["w"] * p["w"]).sum())({"w": [1.0, -2.0]})
    {'w': array([ 2., -4.])}
    """
    both = value_and_grad(fn, argnums)

    @wraps(fn)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def value_and_grad(fn: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return the function that gives the value of ``fn`` and its gradient, for the price of one pass each way.

    Parameters, errors and arguments are those of ``grad``.

    Parameters
    ----------
    fn : function
        It returns one number.
    argnums : int or sequence of int
        The arguments, by position, that the derivative is taken by.

    Returns
    -------
    function
        It returns the pair (value, gradient).

    Examples
    --------
    >>> import steepest as st
    >>> value, slope = st.value_and_grad(lambda x: x * x)(3.0)
    >>> float(value), float(slope)
    (9.0, 6.0)
    """

    @wraps(fn)
    def both(*args: Any, **kwargs: Any) -> Any:
        inner, wrt = _opened(args, (argnums,) if isinstance(argnums, int) else tuple(argnums))
        result = fn(*inner, **kwargs)
        shape = _shape(result, fn)
        if shape != ():
            raise InputError(
                f"the gradient of a function needs one number from it, and {_name(fn)} returned shape {shape}: "
                "take its mean or sum, or use jacobian"
            )
        value, on_graph, pull = _pulled(result, wrt)
        found = pull(None)
        slopes = [transform(lambda node: found.get(node, _zeros(node)), wrt[k]) for k in wrt]
        return (result if on_graph else value), (slopes[0] if isinstance(argnums, int) else tuple(slopes))

    return both


def jacobian(fn: Callable[..., Any], argnums: int = 0, *, batched: bool = False) -> Callable[..., Any]:
    """Return the function that gives all first derivatives of ``fn``: row i, column j holds d value_i / d argument_j.

    =================  ==================================================================================
    d value / d arg    shape
    =================  ==================================================================================
    number / number    ()
    vector / number    (m, 1), a column
    number / vector    (1, n), a row
    vector / vector    (m, n)
    number / matrix    that of the matrix
    any other          (size of the value, size of the argument): the Jacobian of the flattened tensors
    =================  ==================================================================================

    Parameters
    ----------
    fn : function
        Of numbers and arrays; it returns a number or an array.
    argnums : int
        The argument, by position, that the derivatives are taken by.
    batched : bool
        Argument and value have a first axis of B examples, each value coming from its own example alone. The result is
        (B, ...): the Jacobian of each example, flattened as above if it is a matrix or an image.

    Returns
    -------
    function
        It takes what ``fn`` takes. One pass forward, and one back for each number of the value (of one example).

    Raises
    ------
    InputError
        From the returned function: if the argument is no single array of floats, or a batch has no axis of examples.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> st.jacobian(lambda x: A @ x)(np.ones(2))
    array([[1., 2.],
           [3., 4.],
           [5., 6.]])
    >>> st.jacobian(lambda x: (x * x).sum())(np.ones(2))
    array([[2., 2.]])
    """

    @wraps(fn)
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        inner, wrt = _opened(args, (argnums,))
        argument = wrt[argnums]
        if type(argument) is not Tensor:
            raise InputError(f"a Jacobian is taken by one array, and argument {argnums} is a {type(argument).__name__}")
        result = fn(*inner, **kwargs)
        out, into = _shape(result, fn), argument.shape
        if batched and (not out or not into or out[0] != into[0]):
            raise InputError(
                f"a batched Jacobian needs B examples along the first axis of argument and value: they are {into} and "
                f"{out}"
            )
        value, _, pull = _pulled(result, wrt)
        rows = [pull(seed).get(argument, _zeros(argument)) for seed in _seeds(np.asarray(value), batched)]
        if batched:
            return _assembled(rows, out[1:], into[1:], into[0])
        return _assembled(rows, out, into, None)

    return derivatives


def _opened(args: tuple[Any, ...], argnums: tuple[int, ...]) -> tuple[list[Any], dict[int, Any]]:
    """Return the arguments with new nodes in place of those that derivatives are taken by, and these by position."""
    inner, wrt = list(args), {}
    for k in argnums:
        if not -len(args) <= k < len(args):
            raise InputError(f"there is no argument {k} to differentiate by: the function was given {len(args)}")
        inner[k] = wrt[k] = transform(partial(_node, position=k), of_arrays(args[k]))
    return inner, wrt


def _node(part: Any, position: int) -> Tensor:
    node: Tensor = identity(part) if type(part) is Tensor else tensor(part)
    if node.dtype.kind != "f":
        raise InputError(
            f"argument {position} holds {node.dtype}, and integers have no gradient: give floats, 3.0 and not 3"
        )
    return node


def _pulled(result: Any, wrt: dict[int, Any]) -> tuple[Any, bool, Callable[[Any], dict[Tensor, Any]]]:
    """Return the plain value of a result, whether it hangs on tensors from outside, and its way back."""
    targets = {node for tree in wrt.values() for _, node in leaves(tree)}
    if type(result) is not Tensor:
        return result, False, lambda seed: {}
    nodes = ancestors(result, stop=targets)
    outside = any(node.op is None and node not in targets and node.dtype.kind == "f" for node in nodes)
    on_graph = outside or any(node.op is not None for node in targets)
    return result._value, on_graph, lambda seed: pull_back(result, seed, targets, on_graph=on_graph)


def _zeros(node: Tensor) -> Any:
    return np.zeros(node.shape, node.dtype)[()]


def _seeds(value: Any, batched: bool) -> Any:
    """Yield the upstream gradients that pick one number of the value, or one of each example."""
    each = value.shape[1:] if batched else value.shape
    for place in np.ndindex(each):
        seed = np.zeros(value.shape, value.dtype)
        seed[(slice(None), *place) if batched else place] = 1
        yield seed


def _assembled(rows: list[Any], out: tuple[int, ...], into: tuple[int, ...], batch: int | None) -> Any:
    """Arrange the gradients of the numbers of a value as the table of ``jacobian`` says."""
    m, n = int(np.prod(out)), int(np.prod(into))
    if out == () and (into == () or len(into) == 2):
        shape: tuple[int, ...] = into
    else:
        shape = (m, n)
    if batch is None:
        return reshape(stack(rows), shape=shape) if rows else np.zeros(shape)
    each = [reshape(row, shape=(batch, n)) for row in rows]
    return reshape(stack(each, axis=1), shape=(batch, *shape)) if rows else np.zeros((batch, *shape))


def _shape(result: Any, fn: Any) -> tuple[int, ...]:
    if isinstance(result, (list, tuple, dict)) or result is None:
        raise InputError(f"{_name(fn)} must return a number or an array, not a {type(result).__name__}: see st.stack")
    return np.shape(raw(result))


def _name(fn: Any) -> str:
    return getattr(fn, "__name__", "the function")
