"""The search for nearest rows, where the estimators look for it."""

from __future__ import annotations

from steepest.nn.nearest import METRICS, Found, Metric, budget_of, check_metric, nearest

__all__ = ["METRICS", "Found", "Metric", "budget_of", "check_metric", "nearest"]
