"""The ops: one declaration each, and with it a place in the graph, a derivative, tests and documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial, wraps
from inspect import signature
from itertools import count
from typing import Any, Final, TypeAlias, TypeVar, cast

import numpy as np

from steepest.autodiff import faults
from steepest.autodiff.calls import arranged, as_constant, as_parameter, as_value, watch
from steepest.autodiff.graph import Tensor

__all__ = ["CONSTANT", "REGISTRY", "Case", "Each", "Op", "case", "op"]

F = TypeVar("F", bound=Callable[..., Any])
VJP: TypeAlias = Callable[..., Any]
Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """A call that an op is tested on: the shape of each argument (an array stands for itself), and the parameters."""

    args: tuple[Any, ...]
    parameters: dict[str, Any]


def case(*args: Any, **parameters: Any) -> Case:
    """Describe a call that an op is tested on, in the words of the call: ``case((3, 4), axis=1)``.

    Parameters
    ----------
    *args
        The shape of each argument; an array, or a boolean, stands for itself.
    **parameters
        The parameters of the op, as they are.

    Returns
    -------
    Case
        For ``op(cases=[...])``.
    """
    return Case(args, parameters)


class Constant(Enum):
    """The type of CONSTANT."""

    CONSTANT = "CONSTANT"

    def __repr__(self) -> str:
        return "CONSTANT"


CONSTANT: Final = Constant.CONSTANT
"""In place of a VJP: the argument (a condition) counts as a constant, and nothing flows back to it."""


@dataclass(frozen=True)
class Each:
    """One VJP for any number of arguments; it is told the position of the argument first."""

    vjp: VJP

    def __iter__(self) -> Iterator[VJP]:
        return (partial(self.vjp, position) for position in count())


@dataclass(frozen=True, eq=False)
class Op:
    """What ``op`` declares; the attributes are its arguments.

    Attributes
    ----------
    name : str
        The function's own.
    forward : function
        Arrays in, array out.
    vjps : sequence
        For each argument the VJP, CONSTANT, or None where there is no derivative.
    domain : sequence of (low, high)
        Where the tests draw each argument from.
    cases : sequence of Case
        The calls that the tests make.
    kinks : sequence of (arguments, derivatives)
        The derivative taken where there is none, or more than one.
    """

    name: str
    forward: Callable[..., Any]
    vjps: Iterable[VJP | Constant | None]
    domain: Sequence[Interval]
    cases: Sequence[Case]
    kinks: Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]


REGISTRY: dict[str, Op] = {}
"""Every op by its name."""

_NUMBERS = frozenset((float, int, np.float64))  # the usual constants, which nobody can change

_ONE = (case(()), case((3,)), case((2, 3)), case((1,)), case((0,)))
_TWO = (
    case((), ()), case((2, 3), (2, 3)), case((2, 3), (3,)), case((2, 1), (1, 3)), case((), (2, 3)),
    case((3, 1, 2), (1, 2)), case((1,), (1,)), case((0, 3), (3,)), case((0,), ()),
)  # fmt: skip


def op(
    *,
    vjps: VJP | Each | Sequence[VJP | Constant | None] | None,
    domain: Interval | Sequence[Interval] = (-2.0, 2.0),
    cases: Sequence[Case] = (),
    kinks: Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]] = (),
) -> Callable[[F], F]:
    """Declare an op: the decorated function becomes differentiable, and is tested and documented with all others.

    With tensors among its arguments the function makes a node of the graph; with numbers and arrays alone it is the
    function that was written, and returns an array.

    Parameters
    ----------
    vjps : function, or a sequence of one for each argument
        ``vjp(g, y, *arguments, **parameters)`` returns the derivative of sum(g y) by its argument, where y is the
        value of the op and g the upstream gradient, in the shape of y. It is written with operators and ops, and then
        it can itself be differentiated. Where broadcasting has stretched an argument, the engine adds up for it.
        None where there is no derivative; CONSTANT for an argument that counts as constant.
    domain : (low, high), or a sequence of them
        Where the tests draw the arguments from.
    cases : sequence of Case
        Shapes and parameters that the tests call it with; by default those of an elementwise function.
    kinks : sequence of (arguments, derivatives)
        The derivatives taken where the function has none or several: decisions, which the tests hold.

    Returns
    -------
    decorator
        For a function of arrays; the arguments that have a VJP come first, its parameters after them.

    Raises
    ------
    InputError
        If steepest itself has an op of this name, or there are more VJPs than arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> @st.op(vjps=lambda g, y, x: g * 2 * x)
    ... def square(x):
    ...     return x * x
    >>> x = st.tensor(3.0)
    >>> square(x).backward()
    >>> float(x.grad), square(4.0)
    (6.0, 16.0)
    """
    each = vjps if isinstance(vjps, Each) else tuple(vjps) if isinstance(vjps, Sequence) else (vjps,)
    arity = None if isinstance(each, Each) else len(each)
    domains = tuple(d for d in domain if isinstance(d, tuple)) or (cast(Interval, domain),) * (arity or 1)

    def declare(forward: F) -> F:
        name, called = forward.__name__, signature(forward)
        faults.check_declaration(forward, each, REGISTRY.get(name))
        declared = REGISTRY[name] = Op(name, forward, each, domains, cases or (_ONE if arity == 1 else _TWO), kinks)

        @wraps(forward)
        def apply(*args: Any, **parameters: Any) -> Any:
            try:
                if len(args) != arity:
                    args, parameters = arranged(called, arity, args, parameters)
                if parameters:
                    parameters = {key: as_parameter(value) for key, value in parameters.items()}
                inputs, on_graph, arrays = [], False, False
                for arg in args:
                    if type(arg) is Tensor:
                        on_graph = True
                        inputs.append(arg._value)
                    else:
                        arrays = arrays or type(arg) not in _NUMBERS
                        inputs.append(arg)
                if not on_graph:
                    return forward(*[np.asarray(x) if type(x) is list else x for x in inputs], **parameters)
                if arrays:
                    args = tuple([arg if type(arg) is Tensor else as_constant(arg) for arg in args])
                    inputs = [arg._value if type(arg) is Tensor else arg for arg in args]
                value = forward(*inputs, **parameters)
                if type(value) is not np.float64:
                    value = as_value(value)
            except (ValueError, IndexError, TypeError) as error:
                raise faults.refused(declared, args, parameters, error) from error
            node = Tensor(value, declared, args, tuple(inputs), parameters)
            if arrays:
                watch(node, inputs)
            return node

        return apply  # type: ignore[return-value]

    return declare
