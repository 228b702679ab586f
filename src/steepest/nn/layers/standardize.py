"""The scaling of the features, as a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.autodiff.ops import cast
from steepest.errors import InputError
from steepest.kernels.types import F64
from steepest.nn.base import Mode, Plain, Shape

__all__ = ["Standardize"]


@final
@dataclass(frozen=True, eq=False)
class Standardize(Plain):
    """Standardize: a fixed shift and scale for each feature, found in the training rows and not learned.

        y = (x - shift) scale

    Computed in float64, for the shift may be far larger than what is left; y has the type of x.

    Attributes
    ----------
    shift, scale : float64 array (D,)
        As ``steepest.nn.scaling.fit_scaling(X)`` finds them: ``Standardize(*fit_scaling(X))``.

    Raises
    ------
    InputError
        If the two are not finite numbers of one shape.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> layer = st.nn.Standardize(shift=[100.0, 0.0], scale=[0.1, 1.0])
    >>> layer.apply({}, np.array([[110.0, 1.0]]), st.nn.EVALUATION)
    array([[1., 1.]])
    """

    name: ClassVar[str] = "standardize"
    shift: F64
    scale: F64

    def __post_init__(self) -> None:
        for field in ("shift", "scale"):
            try:
                array = np.array(getattr(self, field), np.float64)
            except (TypeError, ValueError) as error:
                raise InputError(f"{field} of Standardize must be an array of numbers: {error}") from None
            if not np.isfinite(array).all():
                raise InputError(f"{field} of Standardize must be finite")
            array.setflags(write=False)
            object.__setattr__(self, field, array)
        if self.shift.shape != self.scale.shape or self.shift.ndim == 0:
            raise InputError(
                f"shift and scale of Standardize must have the shape of one example, "
                f"not {self.shift.shape} and {self.scale.shape}"
            )

    @property
    def input_shape(self) -> Shape:
        """That of shift and scale."""
        return self.shift.shape

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was, if it is that of shift and scale."""
        if shape != self.shift.shape:
            raise InputError(f"Standardize takes examples of shape {self.shift.shape}, not {shape}")
        return shape

    def apply(self, parameters: Mapping[str, Any], x: Any, mode: Mode) -> Any:
        """(x - shift) scale."""
        y = (x - self.shift) * self.scale
        return y if y.dtype == x.dtype else cast(y, dtype=x.dtype)
