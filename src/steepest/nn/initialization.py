"""Where weights start. Biases start at zero; the numbers of a layer depend on the seed and the layer's name alone.

=======  ==================================  ====================
name     W                                   made for
=======  ==================================  ====================
zeros    0                                   linear models only
uniform  uniform in [-eps, eps]
xavier   N(0, 1) sqrt(2 / (in + out))        tanh, sigmoid
he       N(0, 1) sqrt(2 / in)                relu and its kin
=======  ==================================  ====================
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError, near
from steepest.kernels.types import F32
from steepest.nn.checks import positive, whole

__all__ = ["NAMES", "He", "Initialization", "Uniform", "Xavier", "Zeros", "generator", "get"]

Initialization: TypeAlias = Callable[[np.random.Generator, int, int], NDArray[Any]]
"""``init(rng, inputs, outputs)`` returns W (inputs, outputs)."""

_PURPOSE = 4  # the high half of the second key word, so that no other use of a seed draws the same numbers


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the random numbers of the layer of this name: Philox keyed by (seed, 2^32 * 4 + crc32(name)).

    What stands before or behind a layer does not change its numbers, nor do layers without weights in between.

    Examples
    --------
    >>> from steepest.nn.initialization import generator
    >>> generator(0, "linear2").bit_generator.random_raw() == generator(1, "linear2").bit_generator.random_raw()
    False
    """
    seed = whole("seed", seed, 0)
    if seed >= 2**64:
        raise InputError(f"seed must be less than 2^64, not {seed}")
    key = np.array([seed, _PURPOSE << 32 | zlib.crc32(name.encode())], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def uniforms(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return n numbers uniform on [0, 1): from the raw bits, for NumPy promises that those never change."""
    bits = np.asarray(rng.bit_generator.random_raw(n))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return n standard normal numbers, by Box and Muller: sqrt(-2 ln(1 - u)) times cos(2 pi v) and sin(2 pi v)."""
    half = (n + 1) // 2
    u = uniforms(rng, 2 * half)
    radius, angle = np.sqrt(-2 * np.log1p(-u[:half])), 2 * np.pi * u[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:n]


@final
@dataclass(frozen=True)
class Zeros:
    """All zero: W = 0. Hidden units that start alike get the same gradient, and stay alike for ever.

    Examples
    --------
    >>> import steepest as st
    >>> st.nn.MLP([2, 3, 2], init="zeros").init(seed=0)["linear1.W"].any().item()
    False
    """

    name: ClassVar[str] = "zeros"

    def __call__(self, rng: np.random.Generator, inputs: int, outputs: int) -> F32:
        """W = 0."""
        return np.zeros((inputs, outputs), np.float32)


@final
@dataclass(frozen=True)
class Uniform:
    """Uniform: each weight in [-eps, eps].

    Attributes
    ----------
    eps : float
        The bound, greater than 0.
    """

    name: ClassVar[str] = "uniform"
    eps: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", positive("eps of the uniform initialization", self.eps))

    def __call__(self, rng: np.random.Generator, inputs: int, outputs: int) -> F32:
        """W uniform in [-eps, eps]."""
        u = uniforms(rng, inputs * outputs).reshape(inputs, outputs)
        return (self.eps * (2 * u - 1)).astype(np.float32)


@final
@dataclass(frozen=True)
class Xavier:
    """Xavier: W = N(0, 1) sqrt(2 / n), n = in + out, the compromise between the passes forward and back.

    References
    ----------
    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """

    name: ClassVar[str] = "xavier"

    def __call__(self, rng: np.random.Generator, inputs: int, outputs: int) -> F32:
        """W = N(0, 1) sqrt(2 / (in + out))."""
        return _scaled(rng, inputs, outputs, inputs + outputs)


@final
@dataclass(frozen=True)
class He:
    """He: W = N(0, 1) sqrt(2 / n), n = in, which keeps the size of the numbers through layers of relu.

    References
    ----------
    He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015.
    """

    name: ClassVar[str] = "he"

    def __call__(self, rng: np.random.Generator, inputs: int, outputs: int) -> F32:
        """W = N(0, 1) sqrt(2 / in)."""
        return _scaled(rng, inputs, outputs, inputs)


def _scaled(rng: np.random.Generator, inputs: int, outputs: int, n: int) -> F32:
    drawn = normals(rng, inputs * outputs).reshape(inputs, outputs)
    return (drawn * math.sqrt(2 / n)).astype(np.float32)


_KINDS: dict[str, type[Zeros | Uniform | Xavier | He]] = {kind.name: kind for kind in (Zeros, Uniform, Xavier, He)}

NAMES: tuple[str, ...] = tuple(_KINDS)
"""The names that ``get`` knows."""


def get(init: str | Initialization, **parameters: float) -> Initialization:
    """Return the initialization of this name with these parameters; a function comes back as it is.

    Parameters
    ----------
    init : str or function
        A name, or a function of (rng, inputs, outputs) that returns W (inputs, outputs).
    **parameters
        ``eps`` of ``uniform``.

    Returns
    -------
    Initialization

    Raises
    ------
    InputError
        If there is no such initialization (the message has the near names, or all), or it has no such parameter.

    Examples
    --------
    >>> from steepest.nn import initialization
    >>> initialization.get("uniform", eps=0.1)
    Uniform(eps=0.1)
    """
    if not isinstance(init, str) and callable(init):
        if parameters:
            raise InputError(f"{init!r} has its parameters already: drop {', '.join(parameters)}, or give its name")
        return init
    if not isinstance(init, str) or init not in _KINDS:
        raise InputError(f"there is no initialization {init!r}: {near(init, NAMES)}")
    known = [field.name for field in fields(_KINDS[init])]
    for parameter in parameters:
        if parameter not in known:
            takes = f"its parameter is {', '.join(known)}" if known else "it takes none"
            raise InputError(f"initialization {init} has no parameter {parameter!r}: {takes}")
    return _KINDS[init](**parameters)
