"""steepest evaluate: how good a trained model is on a source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from steepest import losses
from steepest.cli import words
from steepest.cli.guard import printable, say
from steepest.cli.progress import Display
from steepest.cli.tables import aligned, pairs, percent
from steepest.data.dataset import Dataset
from steepest.data.options import Progress
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.training.evaluation import Evaluation
from steepest.training.evaluation import evaluate as measure
from steepest.training.files import to_json
from steepest.training.model_file import Model, load_model
from steepest.training.source import choose, fit_to, read_for, type_note

__all__ = ["evaluate"]

_MOST_CLASSES = 20  # in the confusion table; more do not fit on a screen


def evaluate(
    run: Path,
    source: str,
    part: str,
    target: str | None,
    image_size: str | None,
    threads: int | None,
    cache: bool,
    json: bool,
    quiet: bool,
) -> int:
    """Run `steepest evaluate`; see its help for the words."""
    threads = threads or kernels.default_threads()
    model = load_model(run)
    with Display(quiet) as display:
        ds = read_for(
            model.card, source, labels="required", target=target, image_size=words.image_size(image_size),
            threads=threads, cache=cache, progress=display.working,
        )  # fmt: skip
        display.clear()
        chosen, which = choose(model.card, ds, part, threads)
        fitted = [fit_to(model.card, rows.data) for rows in chosen]
        result = _together([_measure(model, rows, threads, display.working) for rows in fitted])
    notes = [*dict.fromkeys([*(note for rows in fitted for note in rows.notes), *type_note(model.card, ds)])]
    for note in notes:
        say(f"note: {printable(note)}")
    record = _record(result, model, source, [rows.part for rows in chosen], which, notes)
    if json:
        sys.stdout.write(to_json(record) + "\n")
    elif quiet:
        print(f"accuracy {_accuracy(result)}")
    else:
        _show(result, model.card.classes, which)
    return 0


def _measure(model: Model, ds: Dataset, threads: int, progress: Progress) -> Evaluation:
    if len(ds) == 0 or ds.y is None:
        raise InputError(f"{ds.source} has no {'labels' if len(ds) else 'examples'}: there is nothing to evaluate on")
    loss = None if model.card.loss is None else losses.get(model.card.loss)
    return measure(model.function, ds.X, ds.y, loss, threads=threads, progress=progress)


def _together(results: list[Evaluation]) -> Evaluation:
    confusion = np.sum([result.confusion for result in results], axis=0)
    return Evaluation(confusion, sum(result.loss * result.n for result in results) / int(confusion.sum()))


def _accuracy(result: Evaluation) -> str:
    low, high = result.interval
    return f"{percent(result.accuracy)}  (95 % interval {percent(low)} to {percent(high)})"


def _record(
    result: Evaluation, model: Model, source: str, parts: list[str], which: str, notes: list[str]
) -> dict[str, Any]:
    return {
        "accuracy": result.accuracy,
        "interval": list(result.interval),
        "loss": result.loss,
        "loss_name": model.card.loss,
        "n": result.n,
        "correct": result.correct,
        "source": source,
        "parts": parts,
        "rows": which,
        "classes": list(model.card.classes),
        # A class that was never predicted has no precision: null.
        "precision": result.precision.tolist(),
        "recall": result.recall.tolist(),
        "support": result.support.tolist(),
        "confusion": result.confusion.tolist(),
        "notes": notes,
    }


def _show(result: Evaluation, classes: tuple[str, ...], which: str) -> None:
    lines = [("accuracy", _accuracy(result)), ("loss", f"{result.loss:.4f}"), ("examples", f"{result.n:,} {which}")]
    print(pairs([line for line in lines if line[0] != "loss" or not np.isnan(result.loss)]))
    columns = zip(classes, result.precision, result.recall, result.support, strict=True)
    rows = [(name, _share(precision), _share(recall), f"{count:,}") for name, precision, recall, count in columns]
    print("\n" + aligned(("class", "precision", "recall", "examples"), rows))
    if len(classes) <= _MOST_CLASSES:
        table = [
            (name, *(str(count or ".") for count in row)) for name, row in zip(classes, result.confusion, strict=True)
        ]
        print("\nclass (down) by prediction (across)\n" + aligned(("", *(name[:10] for name in classes)), table))
        return
    mixed = result.confusion - np.diag(np.diag(result.confusion))
    print(f"\nthe most frequent of {int(mixed.sum()):,} confusions (all are in --json)")
    order = np.argsort(-mixed, axis=None, kind="stable")[:_MOST_CLASSES]
    pairs_of = [(int(k) // len(classes), int(k) % len(classes)) for k in order if mixed.flat[k]]
    print(
        aligned(("class", "prediction", "examples"), [(classes[i], classes[j], str(mixed[i, j])) for i, j in pairs_of])
    )


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}"
