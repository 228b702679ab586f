"""A word on losses that have no minimum."""

from __future__ import annotations

import warnings

from steepest import losses, penalties
from steepest.errors import ConvergenceWarning
from steepest.nn.linear import Linear
from steepest.objective.compiled import CompiledLinear

__all__ = ["warn_if_separable"]


def warn_if_separable(objective: CompiledLinear, found: Linear) -> None:
    """Warn where there is no penalty, all rows are right, and the loss is one that is never 0.

    Then 2W gets all rows right too, and has less loss: L falls for ever as the weights grow.
    """
    free = objective.alpha == 0 or isinstance(objective.penalty, penalties.NoPenalty)
    if not free or not (isinstance(objective.loss, losses.Softmax) or objective.loss == losses.logistic):
        return
    if objective.evaluate(dict(found.parameters))[1] == 1:
        warnings.warn(
            f"without a penalty, and with all {len(objective):,} rows classified right, the loss {objective.loss.name} "
            "has no minimum: it falls for ever as the weights grow, and these are where the training stopped; give "
            "alpha > 0",
            ConvergenceWarning,
            stacklevel=3,
        )
