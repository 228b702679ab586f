"""How much each example counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.kernels.types import Labels
from steepest.training.automatic import check_number

__all__ = ["weights"]


def weights(how: Any, sample_weight: Any, y: Labels, labels: NDArray[Any]) -> NDArray[Any] | None:
    """Return the weight of each example; None: all alike."""
    try:
        own = None if sample_weight is None else np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError):
        raise InputError("sample_weight holds what is no number: give one number for each example") from None
    if how is None:
        return own
    if isinstance(how, str) and how == "balanced":
        counts = np.bincount(y, minlength=len(labels))
        by_class = len(y) / (len(labels) * np.maximum(counts, 1))
    elif isinstance(how, Mapping):
        known = labels.tolist()
        unknown = [label for label in how if label not in known]
        if unknown:
            raise InputError(f"class_weight names {unknown[0]!r}, and the labels are {known[:20]}")
        by_class = np.array([check_number(f"class_weight[{label!r}]", how.get(label, 1.0), 0.0) for label in known])
    else:
        raise InputError(f"class_weight={how!r} must be 'balanced', a dict of label and weight, or None")
    each = by_class[y]
    return each if own is None else each * own
