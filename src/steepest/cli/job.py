"""A run of the command line: what it reads at the start, and what it leaves in its folder."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steepest.cli.guard import printable, say
from steepest.cli.progress import Display
from steepest.data.load import load
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.nn.linear import Linear
from steepest.objective.compiled import CompiledLinear
from steepest.training import automatic, loop
from steepest.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from steepest.training.files import write_json, write_json_lines
from steepest.training.model_file import Card, Model, save_model
from steepest.training.plan import Fitted, Plan, State
from steepest.training.recipe import prepare
from steepest.training.results import summarize, versions
from steepest.training.run_folder import RunFolder
from steepest.training.settings import Settings, save_settings
from steepest.training.source import Parts, read_parts
from steepest.training.weighting import weights

__all__ = ["Job", "begin"]


@dataclass
class Job:
    """A run under way: what its files are written from."""

    folder: RunFolder
    settings: Settings
    parts: Parts
    objective: loop.Trainable
    validation: loop.Validation | None
    plan: Plan
    state: State
    began: float
    saved: float
    cost: float = 0.0

    def is_due(self, every: float) -> bool:
        """Say whether to save the state: as often as asked, but for less than a hundredth of the time."""
        return time.monotonic() - self.saved >= (max(every, 100 * self.cost) if every else 0.0)

    def save_checkpoint(self) -> None:
        """Save the state and the epochs' records."""
        began = time.monotonic()
        origin = self.parts.origin
        save_checkpoint(self.folder.checkpoint, Checkpoint(self.state, origin["fingerprint"], kernels.level()))
        write_json_lines(self.folder.history, self.state.history)
        self.saved = time.monotonic()
        self.cost = self.saved - began

    def finish(self, finished: bool) -> dict[str, Any]:
        """Write all files; the summary last, for it says that the others are there."""
        self.save_checkpoint()
        train = self.parts.train
        card = Card(
            train.classes, train.feature_shape, train.X.dtype.name, self.settings.loss, self.settings.scaling,
            train.feature_names, self.parts.origin, versions(),
        )  # fmt: skip
        save_model(self.folder.model, Model(_plain(self.state.result, self.settings.model), card))
        summary = summarize(self.objective, self.plan, self.state, self.parts, finished=finished)
        summary["seconds_total"] = round(time.monotonic() - self.began, 6)
        summary["model_path"] = str(self.folder.model)
        write_json(self.folder.summary, summary)
        return summary


def begin(folder: RunFolder, settings: Settings, display: Display, began: float, *, go_on: bool) -> Job:
    """Read the data, resolve the settings, and take up the state when there is one."""
    threads = settings.threads or kernels.default_threads()
    parts = read_parts(settings, threads, display.reading)
    display.clear()
    for note in parts.notes:
        say(f"note: {printable(note)}")
    assert parts.train.y is not None
    validation = None
    if isinstance(settings.validation, str):
        validation = loop.Validation.of(
            parts.train, load(settings.validation, **settings.reading(), progress=display.reading)
        )
        display.clear()
    elif settings.validation is not None:
        kept, out = automatic.hold_out("validation", settings.validation, parts.train.y, settings.seed)
        held, parts = parts.train.take(out), replace(parts, train=parts.train.take(kept))
        assert held.y is not None
        validation = loop.Validation(held.X, held.y)
    assert parts.train.y is not None
    recipe = replace(settings.recipe(), threads=threads)
    weight = weights(
        None if settings.class_weight == "none" else settings.class_weight, None, parts.train.y,
        np.array(parts.train.classes),
    )  # fmt: skip
    objective, plan, state = prepare(parts.train.X, parts.train.y, parts.train.n_classes, recipe, weight)
    because = None if isinstance(objective, CompiledLinear) else objective.in_steps_because(plan.rule, plan.clip)
    if because is not None:
        say(f"note: slower than one native program: {printable(because)}")
    resolved = settings.resolved(objective, plan)
    if go_on and folder.checkpoint.exists():
        before = load_checkpoint(folder.checkpoint)
        if before.fingerprint != parts.origin["fingerprint"]:
            raise InputError(
                f"{settings.source}: not the data that {folder.path} was trained on: start another run with --out"
            )
        if before.level != kernels.level():
            say(f"note: begun on {before.level}, going on with {kernels.level()}: the last bits can differ")
        if _form(before.state) != _form(state) or before.state.epoch > plan.epochs:
            raise InputError(
                f"{folder.checkpoint}: does not belong to {folder.config}: copy both again or start another run"
            )
        # The scaling is summed from the same rows, but perhaps on another instruction set.
        objective, state = replace(objective, scaling=before.state.model.scaling), before.state
    elif go_on:
        say(f"note: {folder.path} has no checkpoint: the run begins again")
    if not go_on:
        save_settings(folder.config, resolved)
    return Job(folder, resolved, parts, objective, validation, plan, state, began, time.monotonic())


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
