"""A run by a solver: linear classifiers to a proven optimum, one-against-all machines, and the lecture's searches."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import Any

from steepest.cli.guard import say
from steepest.cli.job import Data, Fit, Job, check_same_data
from steepest.cli.progress import Display
from steepest.cli.signals import Signals
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F64
from steepest.nn.linear import Linear
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import Certificate, Choice
from steepest.training.automatic import check_count, check_number
from steepest.training.calibration import one_score, sigmoids
from steepest.training.files import write_json_lines
from steepest.training.models import SEARCHES
from steepest.training.reached import Reached, load_reached, save_reached
from steepest.training.results import outcome
from steepest.training.run_folder import RunFolder
from steepest.training.settings import Settings
from steepest.training.solving import Progress, Solving

__all__ = ["SolverJob"]


class _StoppedError(Exception):
    """Leaves a calibration that was interrupted."""


class SolverJob(Job):
    """Takes up the weights that were reached before, when there are any."""

    def __init__(
        self, folder: RunFolder, settings: Settings, data: Data, began: float, objective: CompiledLinear,
        choice: Choice, *, go_on: bool,
    ) -> None:  # fmt: skip
        super().__init__(folder, settings, data, began)
        self.patient = choice.solver != "ridge"  # it is never asked
        self._sigmoids: F64 | None = None
        self._tol = check_number("tol", settings.tol, 0.0)
        self._max_passes = check_count("max_passes", settings.max_passes)
        check_count("draws", settings.draws)
        before = None
        if go_on and folder.checkpoint.exists():
            before = load_reached(folder.checkpoint)
            objective, choice = self._take_up(before, objective), choice._replace(because=before.because)
        elif go_on:
            say(f"note: {folder.path} has no checkpoint: the run begins again")
        chosen = {"solver": choice.solver} if settings.model == "linear" else {}
        if not go_on:
            self.save_settings(**chosen)
        else:
            self.settings = settings.resolved(data.parts.train.X.dtype, **chosen)
        self.solving = self._begin(objective, choice, before)
        self._selects = settings.alpha == "auto" and before is None

    def _begin(self, objective: CompiledLinear, choice: Choice, before: Reached | None = None) -> Solving:
        settings = self.settings
        return Solving(
            objective, choice, tol=self._tol, max_passes=self._max_passes, draws=settings.draws, lr=settings.lr,
            seed=settings.seed, before=before,
        )  # fmt: skip

    def _take_up(self, before: Reached, objective: CompiledLinear) -> CompiledLinear:
        place = self.folder
        check_same_data(place, self.settings, self.data, before.fingerprint, before.level)
        if before.model.W.shape != (objective.X.shape[1], objective.n_classes):
            raise InputError(
                f"{place.checkpoint}: does not belong to {place.config}: copy both again or start another run"
            )
        # The scaling is summed from the same rows, but perhaps on another instruction set.
        return replace(objective, scaling=before.model.scaling, alpha=before.alpha)

    def run(self, display: Display, signals: Signals, every: float) -> bool:
        """Solve; then calibrate, where probabilities are wanted."""
        total = self.settings.draws if self.solving.choice.solver in SEARCHES else None

        def watch(at: Progress) -> bool:
            display.solving(at, self._tol, total)
            if signals.caught is None:
                self.save_checkpoint_if_due(every)
            return signals.caught is not None

        def watch_alphas(at: Progress) -> bool:
            display.solving(at, self._tol, None, "choosing alpha")
            return signals.caught is not None

        if self._selects:
            self.solving.choose_alpha(watch_alphas)
            if self.solving.stopped:
                return False
            self._selects = False
        self.solving.run(watch)
        display.clear()
        self.warn(self.solving.warnings)
        if self.solving.stopped or not self.settings.probability:
            return not self.solving.stopped
        try:
            self._calibrate(display, signals)
        except _StoppedError:
            return False
        return True

    def _calibrate(self, display: Display, signals: Signals) -> None:
        fold = 0

        def part(objective: CompiledLinear) -> Linear:
            nonlocal fold
            fold, solving = fold + 1, self._begin(objective, self.solving.choice)

            def watch(at: Progress) -> bool:
                display.solving(at, self._tol, None, f"calibrating, fold {fold}")
                return signals.caught is not None

            solving.run(watch)
            if solving.stopped:
                raise _StoppedError
            return solving.model

        self._sigmoids = sigmoids(self.solving.objective, self.settings.scaling, part, self.settings.seed)
        display.clear()

    def checkpoint(self) -> None:
        """Write the weights and the way to them, once alpha is known."""
        if self._selects:
            return
        fingerprint, level = self.data.parts.origin["fingerprint"], kernels.level()
        save_reached(self.folder.checkpoint, self.solving.reached(fingerprint=fingerprint, level=level))
        write_json_lines(self.folder.history, self.solving.history)

    def fit(self, finished: bool) -> Fit:
        """Return the solution, with what is proven of it."""
        solving, objective = self.solving, self.solving.objective
        function = one_score(solving.model) if self.settings.model == "ova-svm" else solving.model
        certificate = solving.certificate
        proof = None if certificate is None else as_json(certificate)
        price = objective.alpha * objective.penalty(solving.model.W) if objective.alpha else 0.0
        test = partial(
            outcome, function, objective.loss, self.data.parts, objective.threads,
            price=price,
            notes=self.warnings,
            solver=solving.choice.solver,
            because=solving.choice.because,
            certificate=proof,
            passes=proof and proof["passes"],
            seconds_training=round(certificate.seconds if certificate else 0.0, 6),
            penalty=objective.penalty.name,
            alpha=objective.alpha,
            alphas=solving.alphas or None,
        )  # fmt: skip
        return Fit(function, test, solving.history, objective.loss.name, self._sigmoids, proof)

    @property
    def where(self) -> str:
        """What is proven."""
        made = self.solving.certificate
        if made is not None:
            return f"after {made.passes:.4g} passes, the state is saved"
        return "while alpha was being chosen, the best so far is the model, and choosing begins again"


def as_json(certificate: Certificate) -> dict[str, Any]:
    """Return a certificate as the files have it."""
    return asdict(certificate) | {"gap": certificate.gap}
