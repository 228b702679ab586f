"""steepest train: read, train, test, save."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from steepest.cli import words
from steepest.cli.guard import printable, say
from steepest.cli.job import Job
from steepest.cli.progress import Display
from steepest.cli.signals import Interrupted, Signals
from steepest.cli.start import begin
from steepest.cli.tables import duration, pairs, percent
from steepest.errors import InputError
from steepest.training.files import to_json
from steepest.training.models import DEFAULTS, check_known, check_model
from steepest.training.run_folder import RunFolder, is_finished, settings_of
from steepest.training.settings import Settings

__all__ = ["train"]

_FROM = {
    "curvature": ", from the curvature", "range test": ", from a range test", "table": ", usual for this step rule",
}  # fmt: skip


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
    if resume is not None and is_finished(resume):
        raise InputError(
            f"{resume}: this run is finished, there is nothing to resume: see steepest evaluate and predict"
        )
    if resume is not None or out is not None:
        folder = RunFolder(resume or out or "", resume=resume is not None)
    else:
        folder = RunFolder.fresh(settings.source, settings.loss if settings.model == "linear" else settings.model)
    try:
        with folder, Display(quiet) as display:
            job = begin(folder, settings, display, began, go_on=resume is not None)
            signals.patient = job.patient
            finished = job.run(display, signals, checkpoint_every)
            display.clear()
            signals.patient = True
            summary = job.finish(finished, display, signals)
            display.clear()
            _tell(summary, job, json, quiet)
            if finished:
                return 0
            say(f"stopped {job.where}; go on with")
            say(f"    steepest train --resume {folder.path}")
            return 128 + (signals.caught or 2)
    except Interrupted as stop:
        stop.left = stop.left or _left(folder)
        raise


def _left(folder: RunFolder) -> str:
    """Say what a run that was ended at once leaves on the disk."""
    if folder.checkpoint.exists():
        return f"its last checkpoint is saved: steepest train --resume {folder.path}"
    return f"{folder.path} is as it was" if folder.config.exists() else "nothing was saved"


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
    written: dict[str, Any] = {}
    if config is not None:
        from steepest.cli.config import read_settings

        written = read_settings(config)
    read = {
        "test_size": words.share_or_count(given.pop("test_size", None)),
        "image_size": words.image_size(given.pop("image_size", None)),
        "alpha": words.number_or_auto("--alpha", given.pop("alpha", None)),
        "lr": words.number_or_auto("--lr", given.pop("lr", None)),
        "batch_size": words.whole_or_auto("--batch-size", given.pop("batch_size", None)),
        "epochs": words.whole_or_auto("--epochs", given.pop("epochs", None)),
        "hidden": words.sizes("--hidden", given.pop("hidden", None)),
        "validation": words.share_count_or_source(given.pop("validation", None)),
        "model": words.name(given.pop("model", None)),
        "solver": words.name(given.pop("solver", None)),
    }
    given |= {name: value for name, value in read.items() if value is not None}
    # A new place for the test rows replaces the old one.
    if "test" in given and "test_size" not in given:
        written.pop("test_size", None)
    if "test_size" in given and "test" not in given:
        written.pop("test", None)
    model = given.get("model", written.get("model", "linear"))
    check_model(model)
    check_known(model, given)
    check_known(model, written, config)
    settings = replace(Settings(), **(DEFAULTS.get(model, {}) | written | given))
    if settings.class_weight not in ("none", "balanced"):
        raise InputError(f"--class-weight must be balanced or none, not {settings.class_weight!r}")
    if settings.source is None:
        raise InputError("say what to train on: steepest train SOURCE, for example steepest train digits")
    return settings


def _tell(summary: Mapping[str, Any], job: Job, json: bool, quiet: bool) -> None:
    """Show the results: JSON, one line, or a short table."""
    for note in summary["notes"]:
        if note not in job.said:  # those were said when they were found
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
    has_loss = summary["loss"] is not None
    if tested and has_loss:
        rows.append(("test loss", f"{summary['test_loss']:.4f} on {summary['n_test']:,} examples"))
    if (best := summary["validation"]) is not None:
        rows.append(
            ("validation", f"accuracy {percent(best['accuracy'])}, loss {best['loss']:.4f} in epoch {best['epoch']}")
        )
    if summary["train_accuracy"] is not None:
        rows.append(("train accuracy", percent(summary["train_accuracy"])))
    if has_loss:
        rows.append(("train loss", f"{summary['train_loss']:.4f} on {summary['n_train']:,} examples"))
    rows += _of_training(summary)
    rows += [
        ("in all", duration(summary["seconds_total"])),
        ("model", str(job.folder.model)),
        ("next", f"steepest evaluate {folder} {shlex.quote(str(summary['source']))}"),
    ]
    print(pairs(rows))


def _of_training(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say what the training took, and what is proven of it."""
    rows, took = [], duration(summary["seconds_training"])
    because = f" ({summary['because']})" if summary["because"] else ""
    if (proof := summary["certificate"]) is not None:
        above = f", at most {proof['gap']:.1e} of it above the optimum" if proof["gap"] < float("inf") else ""
        rows.append(("objective", f"{proof['objective']:.8g}{above}"))
        looks = "passes" if above else "looks at all rows"
        rows.append(("training", f"{took}, {proof['passes']:.4g} {looks} by {proof['solver']}{because}"))
        tried = f", the best of {len(summary['alphas'])} on examples that were held out" if summary["alphas"] else ""
        rows.append(("alpha", f"{summary['alpha']:.4g}{tried}"))
    elif summary["lr"] is not None:
        epochs, seen = summary["epochs"], summary["epochs"] * summary["n_train"]
        speed = f", {seen / summary['seconds_training']:,.0f} examples/s" if summary["seconds_training"] else ""
        rows.append(("training", f"{took}, {epochs} epoch{'s' if epochs > 1 else ''}{speed}"))
        if because:
            rows.append(("solver", f"mini-batch descent{because}"))
        rows.append(("learning rate", f"{summary['lr']:.3g}{_FROM.get(summary['lr_from'], '')}"))
    else:
        epochs = summary["epochs"]
        rows.append(("training", took if epochs is None else f"{took}, {epochs} epoch{'s' if epochs > 1 else ''}"))
    return rows
