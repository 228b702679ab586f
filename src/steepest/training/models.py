"""The models that have a name, and which settings each of them knows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from steepest.errors import InputError, near

__all__ = ["DEFAULTS", "DESCENT", "KNOWN", "MODELS", "SEARCHES", "SOLVED", "check_known", "check_model"]

SEARCHES = ("random-search", "local-search", "genetic-search", "gradient-descent")
"""Solvers of `training.searching`, beside those of `solvers.SOLVERS`."""

DESCENT = (
    "optimizer", "momentum", "clip_norm", "clip_value", "lr", "schedule", "warm_up", "batch_size", "epochs",
    "validation", "patience", "precision",
)  # fmt: skip
"""Settings of mini-batch descent: one of them that is not as by default asks for it."""

SOLVED = ("tol", "max_passes")
"""Settings of the solvers that prove what they find."""

_FORMULA = ("loss", "smoothing", "penalty", "alpha", "beta", "radius", "scaling", "class_weight")

KNOWN: dict[str, tuple[str, ...]] = {
    "linear": (*_FORMULA, "solver", *SOLVED, "draws", *DESCENT),
    "mlp": (*_FORMULA, "hidden", "activation", "dropout", "norm", "init", *DESCENT),
    "ridge": ("alpha", "scoring", "scaling", "class_weight"),
    "nearest-mean": ("metric", "priors"),
    "knn": ("neighbors", "metric", "weights", "index"),
    "perceptron": ("epochs", "averaged", "scaling"),
    "ova-svm": ("loss", "alpha", *SOLVED, "probability", "scaling", "class_weight"),
}
"""Settings by model, beside those of the data and of the run, which all know."""

MODELS = tuple(KNOWN)

DEFAULTS: dict[str, dict[str, Any]] = {"ridge": {"loss": "squared"}, "ova-svm": {"loss": "squared_hinge"}}
"""What a model takes by default where it is not what the others take."""

_OWNED = frozenset(name for names in KNOWN.values() for name in names)


def check_model(name: str) -> None:
    """Raise an InputError for a model that there is not."""
    if name not in MODELS:
        close = near(name, [known.replace("-", "_") for known in MODELS]).replace("_", "-")
        raise InputError(f"there is no model {name!r}: {close}")


def check_known(model: str, given: Collection[str], file: object = None) -> None:
    """Raise an InputError for the first setting that the model does not know.

    Parameters
    ----------
    model : str
        One of MODELS.
    given : names
        What was said.
    file : path or None
        Where; None is the command line, whose options begin with two dashes.
    """
    for name in given:
        if name in _OWNED and name not in KNOWN[model]:
            place, *known = (each if file else f"--{each.replace('_', '-')}" for each in (name, *KNOWN[model]))
            where = f"{file}: " if file else ""
            raise InputError(f"{where}{place} is not known to model {model}: it knows {', '.join(known)}")
