"""A run by mini-batch descent: linear classifiers where no solver proves more, and networks."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

from steepest.cli.guard import printable, say
from steepest.cli.job import Data, Fit, Job, check_same_data
from steepest.cli.progress import Display
from steepest.cli.signals import Signals
from steepest.data.options import Progress
from steepest.errors import ConvergenceWarning, InputError
from steepest.kernels import dispatch as kernels
from steepest.nn.linear import Linear
from steepest.objective.compiled import CompiledLinear
from steepest.training import loop
from steepest.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from steepest.training.files import write_json_lines
from steepest.training.plan import Fitted, Plan, State
from steepest.training.recipe import prepare
from steepest.training.results import summarize
from steepest.training.run_folder import RunFolder
from steepest.training.settings import Settings

__all__ = ["DescentJob"]


class DescentJob(Job):
    """Resolves the recipe, and takes up the state when there is one; `because` says why it descends."""

    def __init__(
        self, folder: RunFolder, settings: Settings, data: Data, began: float, *, go_on: bool, because: str = ""
    ) -> None:
        super().__init__(folder, settings, data, began)
        train, self.because = data.parts.train, because
        self.given = settings.descends()
        assert train.y is not None
        recipe = replace(settings.recipe(), threads=data.threads)
        self.objective, self.plan, self.state = prepare(train.X, train.y, train.n_classes, recipe, data.weight)
        if not isinstance(self.objective, CompiledLinear):
            slow = self.objective.in_steps_because(self.plan.rule, self.plan.clip)
            if slow is not None:
                say(f"note: slower than one native program: {printable(slow)}")
        if go_on and folder.checkpoint.exists():
            self._take_up()
        elif go_on:
            say(f"note: {folder.path} has no checkpoint: the run begins again")
        chosen = {name: getattr(self.plan, name) for name in ("lr", "batch_size", "epochs")}
        chosen["optimizer"] = self.plan.rule.name
        if settings.model == "linear":
            chosen["solver"] = "sgd"
        if not go_on:
            self.save_settings(**chosen)
        else:
            self.settings = settings.resolved(train.X.dtype, **chosen)

    def _take_up(self) -> None:
        before, place = load_checkpoint(self.folder.checkpoint), self.folder
        check_same_data(place, self.settings, self.data, before.fingerprint, before.level)
        if _form(before.state) != _form(self.state) or before.state.epoch > self.plan.epochs:
            raise InputError(
                f"{place.checkpoint}: does not belong to {place.config}: copy both again or start another run"
            )
        # The scaling is summed from the same rows, but perhaps on another instruction set.
        self.objective, self.state = replace(self.objective, scaling=before.state.model.scaling), before.state

    def run(self, display: Display, signals: Signals, every: float) -> bool:
        """Go through the epochs."""

        def watch(state: State, plan: Plan) -> bool:
            display.training(state, plan, len(self.objective))
            if signals.caught is None:
                self.save_checkpoint_if_due(every)
            return signals.caught is not None

        if signals.caught is None:
            loop.run(self.objective, self.plan, self.state, watch, self.data.validation)
        finished = self.plan.is_over(self.state)
        if finished and self.given == []:
            self._look_for_an_optimum()
        return finished

    def _look_for_an_optimum(self) -> None:
        """Say so where there is none: a solver would have been asked for, and could not have found it either."""
        from steepest.estimators.separable import warn_if_separable

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            if isinstance(self.objective, CompiledLinear) and isinstance(self.state.result, Linear):
                warn_if_separable(self.objective, self.state.result)
        self.warn(str(each.message) for each in caught)

    def checkpoint(self) -> None:
        """Write the state and the epochs' records."""
        fingerprint = self.data.parts.origin["fingerprint"]
        save_checkpoint(self.folder.checkpoint, Checkpoint(self.state, fingerprint, kernels.level()))
        write_json_lines(self.folder.history, self.state.history)

    def fit(self, finished: bool) -> Fit:
        """Return the model of the best epoch, or of the last."""

        def test(progress: Progress) -> dict[str, Any]:
            summary = summarize(
                self.objective, self.plan, self.state, self.data.parts, finished=finished, progress=progress
            )
            summary |= {"because": self.because} if self.settings.model == "linear" else {"solver": None}
            return summary | {"notes": [*self.warnings, *summary["notes"]]}

        return Fit(_plain(self.state.result, self.settings.model), test, self.state.history, self.objective.loss.name)

    @property
    def where(self) -> str:
        """The epoch under way."""
        return f"in epoch {self.state.epoch + 1} of {self.plan.epochs}, the state is saved"


def _form(state: State) -> Any:
    """Return what two states of the same run have in common: layers, and the shapes of all arrays."""
    layers = None if isinstance(state.model, Linear) else state.model.model.layers
    parts = {"": state.model.parameters, **state.memory}
    return (
        layers,
        list(parts),
        {(what, name): part.shape for what, arrays in parts.items() for name, part in arrays.items()},
    )


def _plain(model: Fitted, kind: str) -> Fitted:
    """Return a linear classifier as such, also where it was trained as a network of one layer."""
    return model.linear() if kind == "linear" and not isinstance(model, Linear) else model
