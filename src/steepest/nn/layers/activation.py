"""The activation of neurons: a function of each number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from steepest.autodiff import ops
from steepest.autodiff.graph import raw
from steepest.errors import InputError, near
from steepest.nn.base import Mode, Plain, Shape
from steepest.nn.checks import positive

__all__ = ["NAMES", "Activation"]


def softplus(x: Any) -> Any:
    """ln(1 + e^x), a smooth relu."""
    return ops.logaddexp(0.0, x)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        ops.identity,
        ops.step,
        ops.sigmoid,
        ops.tanh,
        ops.relu,
        ops.leaky_relu,
        ops.elu,
        ops.gelu,
        softplus,
    )
}
_SLOPES = {"leaky_relu": 0.01, "elu": 1.0}

NAMES: tuple[str, ...] = tuple(_FUNCTIONS)
"""The activations that have a name."""


@final
@dataclass(frozen=True, repr=False)
class Activation(Plain):
    """A function of each number: what makes a network more than one linear map.

    ==========  ==========================================  ==================
    name        f(x)                                        range
    ==========  ==========================================  ==================
    identity    x
    step        1 for x >= 0, else 0; its slope is 0        {0, 1}
    sigmoid     1 / (1 + e^-x)                              (0, 1)
    tanh        (e^x - e^-x) / (e^x + e^-x)                 (-1, 1)
    relu        max(0, x)                                   [0, inf)
    leaky_relu  x for x > 0, else slope x                   slope = 0.01
    elu         x for x > 0, else slope (e^x - 1)           (-slope, inf), slope = 1
    gelu        x P(Z <= x) = x (1 + erf(x / sqrt 2)) / 2   the exact form
    softplus    ln(1 + e^x)                                 (0, inf)
    ==========  ==========================================  ==================

    Attributes
    ----------
    function : str or function
        A name, or a function of your own: of arrays and tensors alike, element by element, written with ops.
    slope : float or None
        The factor below 0, of ``leaky_relu`` and ``elu`` (there it is also called a); their default for None.

    Raises
    ------
    InputError
        If there is no such function (the message has the near names, or all), or it takes no slope.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> st.nn.Activation("leaky_relu", slope=0.1)
    Activation('leaky_relu', slope=0.1)
    >>> swish = st.nn.Activation(lambda x: x * st.sigmoid(x))
    >>> swish.apply({}, np.array([[0.0, 100.0]]), st.nn.EVALUATION)
    array([[  0., 100.]])
    """

    name: ClassVar[str] = "activation"
    function: str | Callable[[Any], Any]
    slope: float | None = None

    def __post_init__(self) -> None:
        known = isinstance(self.function, str) and self.function in _FUNCTIONS
        if not known and (isinstance(self.function, str) or not callable(self.function)):
            raise InputError(f"there is no activation {self.function!r}: {near(self.function, NAMES)}")
        takes = _SLOPES.get(self.function) if isinstance(self.function, str) else None
        if takes is None and self.slope is not None:
            raise InputError(f"activation {self.function} takes no slope: only {' and '.join(_SLOPES)} do")
        if takes is not None:
            given = takes if self.slope is None else self.slope
            object.__setattr__(self, "slope", positive(f"slope of {self.function}", given))

    def __repr__(self) -> str:
        function = repr(self.function) if isinstance(self.function, str) else _called(self.function)
        return f"Activation({function}{'' if self.slope is None else f', slope={self.slope:g}'})"

    @property
    def input_shape(self) -> None:
        """Any."""
        return

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was."""
        return shape

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """f(x), number by number."""
        if isinstance(self.function, str):
            function = _FUNCTIONS[self.function]
            return function(x) if self.slope is None else function(x, self.slope)
        y = self.function(x)
        if getattr(raw(y), "shape", None) != x.shape:
            raise InputError(
                f"the activation {_called(self.function)} made shape {getattr(raw(y), 'shape', None)} of {x.shape}: "
                "it must be a function of each number"
            )
        return y


def _called(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or repr(function)
