"""steepest train: read, train, test, save."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from steepest.cli import words
from steepest.cli.guard import printable, say
from steepest.cli.progress import Display
from steepest.cli.signals import Signals
from steepest.cli.tables import duration, pairs, percent
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.objective.compiled import CompiledLinear
from steepest.training import loop
from steepest.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from steepest.training.files import to_json, write_json, write_json_lines
from steepest.training.model_file import Card, Model, save_model
from steepest.training.plan import Plan, State
from steepest.training.recipe import prepare
from steepest.training.results import summarize, versions
from steepest.training.run_folder import RunFolder, is_finished, settings_of
from steepest.training.settings import Settings, save_settings
from steepest.training.source import Parts, read_parts

__all__ = ["train"]

MODELS = ("linear",)


@dataclass
class _Job:
    """A run under way: what its files are written from."""

    folder: RunFolder
    settings: Settings
    parts: Parts
    objective: CompiledLinear
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
        save_model(self.folder.model, Model(self.state.model, card))
        summary = summarize(self.objective, self.plan, self.state, self.parts, finished=finished)
        summary["seconds_total"] = round(time.monotonic() - self.began, 6)
        summary["model_path"] = str(self.folder.model)
        write_json(self.folder.summary, summary)
        return summary


def train(
    said: Mapping[str, Any],
    out: Path | None,
    resume: Path | None,
    config: Path | None,
    checkpoint_every: float,
    json: bool,
    quiet: bool,
    signals: Signals,
) -> int:
    """Run `steepest train`; see its help for the words."""
    began = time.monotonic()
    settings = _settings(said, out, resume, config)
    assert settings.source is not None
    if settings.model not in MODELS:
        raise InputError(f"there is no model {settings.model!r} yet: there is {' and '.join(MODELS)}")
    if resume is not None and is_finished(resume):
        raise InputError(
            f"{resume}: this run is finished, there is nothing to resume: see steepest evaluate and predict"
        )
    if resume is not None or out is not None:
        folder = RunFolder(resume or out or "", resume=resume is not None)
    else:
        folder = RunFolder.fresh(settings.source, settings.loss)
    with folder, Display(quiet) as display:
        job = _begin(folder, settings, display, began, go_on=resume is not None)

        def watch(state: State, plan: Plan) -> bool:
            display.training(state, plan, len(job.objective))
            if signals.caught is None and job.is_due(checkpoint_every):
                job.save_checkpoint()
            return signals.caught is not None

        signals.patient = True
        if signals.caught is None:
            loop.run(job.objective, job.plan, job.state, watch)
        finished = job.state.epoch >= job.plan.epochs
        summary = job.finish(finished)
        display.clear()
        _tell(summary, job, json, quiet)
        if finished:
            return 0
        say(f"stopped in epoch {job.state.epoch + 1} of {job.plan.epochs}, the state is saved; go on with")
        say(f"    steepest train --resume {folder.path}")
        return 128 + (signals.caught or 2)


def _settings(said: Mapping[str, Any], out: Path | None, resume: Path | None, config: Path | None) -> Settings:
    """Put together what config.toml and the command line say; the latter wins."""
    given = {name: value for name, value in said.items() if value is not None}
    if resume is not None:
        other = sorted(given.keys() - {"threads", "cache"})
        if other or out is not None or config is not None:
            named = (
                "SOURCE"
                if "source" in other
                else f"--{other[0].replace('_', '-')}"
                if other
                else "--out"
                if out
                else "--config"
            )
            raise InputError(f"--resume goes on with the settings in {resume}: leave out {named}, or start another run")
        config = settings_of(resume)
    settings = Settings()
    if config is not None:
        from steepest.cli.config import read_settings

        settings = read_settings(config)
    read = {
        "test_size": words.share_or_count(given.pop("test_size", None)),
        "image_size": words.image_size(given.pop("image_size", None)),
        "lr": words.number_or_auto(given.pop("lr", None)),
        "batch_size": words.whole_or_auto("--batch-size", given.pop("batch_size", None)),
        "epochs": words.whole_or_auto("--epochs", given.pop("epochs", None)),
    }
    given |= {name: value for name, value in read.items() if value is not None}
    # A new place for the test rows replaces the old one.
    if "test" in given and "test_size" not in given:
        settings = replace(settings, test_size=None)
    if "test_size" in given and "test" not in given:
        settings = replace(settings, test=None)
    settings = replace(settings, **{name: given[name] for name in given if name in {f.name for f in fields(Settings)}})
    if settings.source is None:
        raise InputError("say what to train on: steepest train SOURCE, for example steepest train digits")
    return settings


def _begin(folder: RunFolder, settings: Settings, display: Display, began: float, *, go_on: bool) -> _Job:
    """Read the data, resolve the settings, and take up the state when there is one."""
    threads = settings.threads or kernels.default_threads()
    parts = read_parts(settings, threads, display.reading)
    display.clear()
    for note in parts.notes:
        say(f"note: {printable(note)}")
    assert parts.train.y is not None
    recipe = replace(settings.recipe(), threads=threads)
    objective, plan, state = prepare(parts.train.X, parts.train.y, parts.train.n_classes, recipe)
    resolved = settings.resolved(objective, plan)
    if go_on and folder.checkpoint.exists():
        before = load_checkpoint(folder.checkpoint)
        if before.fingerprint != parts.origin["fingerprint"]:
            raise InputError(
                f"{settings.source}: not the data that {folder.path} was trained on: start another run with --out"
            )
        if before.level != kernels.level():
            say(f"note: begun on {before.level}, going on with {kernels.level()}: the last bits can differ")
        if before.state.model.W.shape != state.model.W.shape or before.state.epoch > plan.epochs:
            raise InputError(
                f"{folder.checkpoint}: does not belong to {folder.config}: copy both again or start another run"
            )
        # The scaling is summed from the same rows, but perhaps on another instruction set.
        objective, state = replace(objective, scaling=before.state.model.scaling), before.state
    elif go_on:
        say(f"note: {folder.path} has no checkpoint: the run begins again")
    if not go_on:
        save_settings(folder.config, resolved)
    return _Job(folder, resolved, parts, objective, plan, state, began, time.monotonic())


def _tell(summary: Mapping[str, Any], job: _Job, json: bool, quiet: bool) -> None:
    """Show the results: JSON, one line, or a short table."""
    for note in summary["notes"]:
        if note not in job.parts.notes:  # those were said when they were found
            say(f"note: {printable(note)}")
    if json:
        sys.stdout.write(to_json(summary) + "\n")
        return
    folder, tested = job.folder.path, summary["test_accuracy"] is not None
    accuracy = "not tested"
    if tested:
        low, high = summary["test_interval"]
        accuracy = f"{percent(summary['test_accuracy'])}  (95 % interval {percent(low)} to {percent(high)})"
    if quiet:
        print(f"test accuracy {accuracy}; {folder}")
        return
    rows = [("test accuracy", accuracy)]
    if tested:
        rows.append(("test loss", f"{summary['test_loss']:.4f} on {summary['n_test']:,} examples"))
    epochs, seen = summary["epochs"], summary["epochs"] * summary["n_train"]
    speed = f", {seen / summary['seconds_training']:,.0f} examples/s" if summary["seconds_training"] else ""
    rows += [
        ("train accuracy", percent(summary["train_accuracy"])),
        ("train loss", f"{summary['train_loss']:.4f} on {summary['n_train']:,} examples"),
        ("training", f"{duration(summary['seconds_training'])}, {epochs} epoch{'s' if epochs > 1 else ''}{speed}"),
        ("in all", duration(summary["seconds_total"])),
        ("model", str(job.folder.model)),
        ("next", f"steepest evaluate {folder} {shlex.quote(str(summary['source']))}"),
    ]
    print(pairs(rows))
