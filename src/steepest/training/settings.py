"""Everything a user may say about a run, in one record: what the command line, config.toml and the studio fill in."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from steepest.errors import InputError
from steepest.nn.scaling import resolve
from steepest.training.files import write_bytes
from steepest.training.models import DESCENT, KNOWN, SEARCHES, SOLVED
from steepest.training.recipe import Recipe

__all__ = ["FILE_NAME", "Settings", "save_settings"]

FILE_NAME = "config.toml"
_RATE = {"gradient-descent": {"lr"}}
_HEADER = "# Repeats this run: steepest train --config {name}\n"


@dataclass(frozen=True)
class Settings:
    """The settings of a run; the defaults work unattended.

    Attributes
    ----------
    source, test : str or None
        What to train on; what to test on, when it is another source.
    test_size : float, int or None
        Share or number of the examples to hold out; 0 tests on none, None takes the source's own test part or 20 %.
    target, image_size, on_bad_image, cache
        How to read; see `steepest.load`.
    model : str
        Kind of classifier: one of `training.models.MODELS`, whose `KNOWN` says which of the others it knows.
    solver, tol, max_passes, draws
        How a linear classifier is solved; see `training.solving` and `training.searching`.
    hidden, activation, dropout, norm, init
        Of an mlp; see `steepest.nn.MLP`.
    validation : float, int, str or None
        Share or number of the training examples to hold out, or another source; the model is that of the best epoch on
        them.
    class_weight : "none" or "balanced"
        Balanced gives all classes the same say.
    scoring, metric, priors, neighbors, weights, index, averaged, probability
        Of the other models; see the estimators of their names.
    loss, smoothing, penalty, alpha, beta, radius, scaling, precision, optimizer, momentum, clip_norm, clip_value, lr,
    schedule, warm_up, batch_size, epochs, patience, seed, threads
        How to train; see `training.recipe.Recipe`.
    """

    source: str | None = None
    test: str | None = None
    test_size: float | int | None = None
    target: str | None = None
    image_size: int | tuple[int, int] | None = None
    on_bad_image: Literal["skip", "fail"] = "skip"
    cache: bool = True
    model: Literal["linear", "mlp", "ridge", "nearest-mean", "knn", "perceptron", "ova-svm"] = "linear"
    solver: str = "auto"
    tol: float = 1e-4
    max_passes: int = 1000
    draws: int = 1000
    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    dropout: float = 0.0
    norm: str = "none"
    init: str = "he"
    loss: str = "softmax"
    smoothing: float = 0.0
    penalty: str = "l2"
    alpha: float | Literal["auto"] = 1e-4
    beta: float = 1.0
    radius: float = 1.0
    scaling: str = "auto"
    precision: str = "float32"
    optimizer: str = "auto"
    momentum: float = 0.9
    clip_norm: float | None = None
    clip_value: float | None = None
    lr: float | Literal["auto"] = "auto"
    schedule: str = "cosine"
    warm_up: float = 0.0
    batch_size: int | Literal["auto"] = "auto"
    epochs: int | Literal["auto"] = "auto"
    validation: float | int | str | None = None
    class_weight: Literal["none", "balanced"] = "none"
    patience: int = 10
    scoring: Literal["loo", "gcv"] = "loo"
    metric: Literal["l2", "l1"] = "l2"
    priors: Literal["none", "empirical"] = "none"
    neighbors: int = 5
    weights: Literal["uniform", "distance"] = "uniform"
    index: Literal["exact", "approximate"] = "exact"
    averaged: bool = False
    probability: bool = False
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise InputError(f"seed={self.seed} must be from 0 to 2^64 - 1")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads={self.threads} must be at least 1")

    def recipe(self) -> Recipe:
        """Take what concerns the training itself."""
        said = {f.name: getattr(self, f.name) for f in fields(Recipe)}
        return Recipe(**(said | {"norm": None if self.norm == "none" else self.norm}))

    def descends(self) -> list[str]:
        """Return the settings of mini-batch descent that are not as by default."""
        return [name for name in DESCENT if getattr(self, name) != getattr(type(self), name)]

    def reading(self) -> dict[str, Any]:
        """Take what `steepest.load` needs to read a source."""
        names = ("target", "image_size", "on_bad_image", "cache", "threads")
        return {name: getattr(self, name) for name in names}

    def resolved(self, dtype: np.dtype[np.generic], **chosen: Any) -> Settings:
        """Put what was chosen in place of every "auto", and whole paths in place of relative ones."""
        return replace(
            self,
            source=_whole(self.source),
            test=_whole(self.test),
            validation=_whole(self.validation) if isinstance(self.validation, str) else self.validation,
            scaling=resolve(self.scaling, dtype) if "scaling" in KNOWN[self.model] else "none",
            **chosen,
        )

    def idle(self) -> set[str]:
        """Return the settings that mean nothing here: those of other models and of other solvers."""
        known = set(KNOWN[self.model])
        if self.model == "linear":
            known -= set(SOLVED) if self.solver in ("sgd", "ridge", *SEARCHES) else set()
            known -= set() if self.solver in ("auto", "sgd") else set(DESCENT) - _RATE.get(self.solver, set())
            known -= set() if self.solver in SEARCHES else {"draws"}
        return {name for names in KNOWN.values() for name in names} - known


def _whole(source: str | None) -> str | None:
    """Make a path absolute, so that a run can be repeated from any folder; names stay."""
    from steepest.data.load import NAMES

    if source is None or source.partition(":")[0] in NAMES:
        return source
    return os.path.abspath(os.path.expanduser(source))


def save_settings(path: str | os.PathLike[str], settings: Settings) -> None:
    """Write settings as TOML; what is None is left out.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    import tomli_w

    idle = settings.idle()
    said = {name: value for name, value in asdict(settings).items() if value is not None and name not in idle}
    try:
        text = tomli_w.dumps(said)
        content = (_HEADER.format(name=Path(path).name) + text).encode()
    except (TypeError, ValueError) as error:  # a path with bytes that are no text
        raise InputError(f"{path}: the settings cannot be written as TOML ({error})") from None
    write_bytes(path, content)
