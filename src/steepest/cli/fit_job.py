"""A run that is one fit of an estimator: ridge, nearest means, neighbours, the perceptron."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from steepest import losses
from steepest.cli.guard import say
from steepest.cli.job import Data, Fit, Job
from steepest.cli.progress import Display
from steepest.cli.signals import Signals
from steepest.cli.solver_job import as_json
from steepest.errors import ConvergenceWarning, InputError
from steepest.training.results import outcome
from steepest.training.run_folder import RunFolder
from steepest.training.settings import Settings

__all__ = ["FitJob"]


class FitJob(Job):
    """Fits in one go, without a state to go on from: stopped, it begins again.

    What is ended in its middle is no model, but for a perceptron: it has weights after every epoch.
    """

    def __init__(self, folder: RunFolder, settings: Settings, data: Data, began: float, *, go_on: bool) -> None:
        super().__init__(folder, settings, data, began)
        self.patient = settings.model == "perceptron"
        train = data.parts.train
        assert train.y is not None
        absent = np.flatnonzero(np.bincount(train.y, minlength=train.n_classes) == 0)
        if len(absent):
            raise InputError(
                f"{settings.source}: no training example of {train.classes[absent[0]]!r}: --model {settings.model} "
                "needs one of every class"
            )
        if go_on:
            say(f"note: {folder.path} has no checkpoint: the run begins again")
            self.settings = settings.resolved(train.X.dtype)
        else:
            self.save_settings()
        self._seconds = 0.0
        self._estimator: Any = None

    def run(self, display: Display, signals: Signals, every: float) -> bool:
        """Fit the estimator of that name."""
        began, train = time.perf_counter(), self.data.parts.train
        estimator = self._estimator = _ESTIMATORS[self.settings.model](self.settings, self.data.threads)
        stopped = False

        def progress(what: str, done: int, total: int) -> bool:
            nonlocal stopped
            display.working(what, done, total)
            stopped = signals.caught is not None
            return stopped

        estimator._progress = progress
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            estimator.fit(train.X, train.y)
        self._seconds = time.perf_counter() - began
        if not stopped:
            display.clear()
            self.warn(str(each.message) for each in caught if issubclass(each.category, ConvergenceWarning))
        return not stopped

    def checkpoint(self) -> None:
        """Write nothing: there is no state."""

    def fit(self, finished: bool) -> Fit:
        """Return the fitted score function."""
        said, history, loss = _DETAILS[self.settings.model](self._estimator)
        certificate = getattr(self._estimator, "certificate_", None)
        proof = None if certificate is None else as_json(certificate)
        function, named = self._estimator.model_, None if loss is None else losses.get(loss)
        test = partial(
            outcome, function, named, self.data.parts, self.data.threads,
            notes=self.warnings,
            seconds_training=round(self._seconds, 6),
            certificate=proof,
            passes=proof and proof["passes"],
            **said,
        )  # fmt: skip
        return Fit(function, test, history, loss, certificate=proof)

    @property
    def where(self) -> str:
        """The epochs of a perceptron; no other is stopped in good order."""
        epochs = self._estimator.n_iter_
        return f"after epoch {epochs}, whose weights are the model, and learning begins again"


def _ridge(settings: Settings, threads: int) -> Any:
    from steepest.estimators.ridge import RidgeClassifier

    return RidgeClassifier(
        settings.alpha, scoring=settings.scoring, scaling=settings.scaling, threads=threads,
        class_weight=None if settings.class_weight == "none" else settings.class_weight,
    )  # fmt: skip


def _nearest_mean(settings: Settings, threads: int) -> Any:
    from steepest.estimators.nearest_mean import NearestMean

    return NearestMean(settings.metric, None if settings.priors == "none" else settings.priors, threads=threads)


def _knn(settings: Settings, threads: int) -> Any:
    from steepest.estimators.knn import KNNClassifier

    return KNNClassifier(settings.neighbors, settings.metric, settings.weights, index=settings.index, threads=threads)


def _perceptron(settings: Settings, threads: int) -> Any:
    from steepest.estimators.perceptron import Perceptron

    epochs: Any = 100 if settings.epochs == "auto" else settings.epochs
    return Perceptron(
        epochs, averaged=settings.averaged, scaling=settings.scaling, random_state=settings.seed, threads=threads
    )


_ESTIMATORS: dict[str, Callable[[Settings, int], Any]] = {
    "ridge": _ridge, "nearest-mean": _nearest_mean, "knn": _knn, "perceptron": _perceptron,
}  # fmt: skip

Details = tuple[dict[str, Any], list[dict[str, Any]], str | None]
"""What there is to say of a fit, its history, and the name of its loss."""


def _of_ridge(fitted: Any) -> Details:
    curve = [] if fitted.curve_ is None else zip(*map(np.ndarray.tolist, fitted.curve_), strict=True)
    return {"alpha": fitted.alpha_, "penalty": "l2"}, [{"alpha": a, "error": e} for a, e in curve], "squared"


def _of_perceptron(fitted: Any) -> Details:
    history = [{"epoch": epoch, "mistakes": wrong} for epoch, wrong in enumerate(fitted.mistakes_, 1)]
    return {"epochs": fitted.n_iter_, "separable": fitted.separable_}, history, "perceptron"


_DETAILS: dict[str, Callable[[Any], Details]] = {
    "ridge": _of_ridge,
    "perceptron": _of_perceptron,
    "nearest-mean": lambda fitted: ({}, [], None),
    "knn": lambda fitted: ({}, [], None),
}
