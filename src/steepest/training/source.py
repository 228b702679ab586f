"""Which rows a run trains on, which it tests on, and how these are found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from steepest.data.checks import align_test, check_finite, validate
from steepest.data.dataset import Dataset
from steepest.data.load import load
from steepest.data.options import Progress
from steepest.errors import InputError
from steepest.training.fingerprint import fingerprint
from steepest.training.model_file import Card
from steepest.training.settings import Settings

__all__ = ["Part", "Parts", "choose", "fit_to", "read_parts"]

Part = Literal["auto", "all", "train", "test"]


@dataclass(frozen=True)
class Parts:
    """The rows of a run.

    Attributes
    ----------
    train : Dataset
        What to train on.
    test : Dataset or None
        What to test on, in the classes and columns of the training rows.
    origin : dict
        What a model's card keeps, so that `choose` finds the same rows: source, fingerprint (of the whole source
        before any was held out), n, held_out ("own", "split", "source" or "none"), test_size, seed, target, image_size.
    notes : tuple of str
        What a reader should know about the reading.
    """

    train: Dataset
    test: Dataset | None
    origin: Mapping[str, Any]
    notes: tuple[str, ...]


def read_parts(settings: Settings, threads: int, progress: Progress | None = None) -> Parts:
    """Read what a run needs, and check it.

    Parameters
    ----------
    settings : Settings
        With a source.
    threads : int
        For the fingerprint.
    progress : callable or None
        Told how far the reading is.

    Raises
    ------
    InputError
        When it cannot be read, trained on or tested on.
    """
    ds = load(settings.source, **settings.reading(), progress=progress)
    notes = list(ds.notes)
    other = None
    if settings.test is not None:
        if settings.test_size is not None:
            raise InputError(
                "--test names the test rows and --test-size holds some of the source out: give one of the two"
            )
        other = load(settings.test, **settings.reading(), progress=progress)
        notes += other.notes
        if other.test is not None:
            notes.append(f"{settings.test}: its test part is used, and its {len(other):,} training examples are not")
            other = other.test
        if ds.test is not None:
            notes.append(f"{settings.source}: its own test part is not used, for --test names another")
    held_out = "source" if other is not None else _held_out(ds, settings)
    validate(ds if held_out == "own" else replace(ds, test=None))
    match held_out:
        case "own":
            train, test = ds.split()
            notes += test.notes if test.notes != ds.notes else ()
            test = align_test(train, test)
        case "split":
            train, test = ds.split(settings.test_size, settings.seed)
        case "source":
            assert other is not None
            train, test = replace(ds, test=None), align_test(ds, other)
            check_finite(test)
        case _:
            train, test = replace(ds, test=None), None
    if test is not None and (test.y is None or len(test) == 0):
        raise InputError(f"{test.source}: the test part has no {'labels' if len(test) else 'examples'}")
    origin = {
        "source": settings.source,
        "fingerprint": fingerprint(ds, threads),
        "n": len(ds),
        "held_out": held_out,
        "test_size": settings.test_size,
        "seed": settings.seed,
        "target": settings.target,
        "image_size": settings.image_size,
    }
    return Parts(train, test, origin, tuple(dict.fromkeys(notes)))


def _held_out(ds: Dataset, settings: Settings) -> str:
    if settings.test_size == 0:
        return "none"
    return "own" if ds.test is not None and settings.test_size is None else "split"


def fit_to(card: Card, ds: Dataset) -> Dataset:
    """Give the examples with the classes and columns that a model knows.

    Parameters
    ----------
    card : Card
        The model's.
    ds : Dataset
        With or without labels.

    Raises
    ------
    InputError
        Another feature shape, other columns, numbers that are not finite, classes that the model does not know.
    """
    C, D = len(card.classes), int(np.prod(card.feature_shape))
    # One example of each class stands for the training data: their shape, columns and classes are all that counts.
    stand_in = Dataset(
        np.broadcast_to(np.float32(0), (C, D)),
        np.arange(C),
        card.classes,
        card.feature_shape,
        feature_names=card.feature_names,
    )
    fitted = align_test(stand_in, replace(ds, test=None))
    check_finite(fitted)
    return fitted


def choose(card: Card, ds: Dataset, part: Part, threads: int) -> tuple[list[tuple[str, Dataset]], str]:
    """Choose the rows of a source that a model is to be shown.

    Parameters
    ----------
    card : Card
        The model's; it knows which rows it was trained on.
    ds : Dataset
        The source.
    part : "auto", "all", "train" or "test"
        auto: the source's own test part; or, of the source that the model was trained on, the rows that were held out
        then; or all of it.
    threads : int
        For the fingerprint.

    Returns
    -------
    list of (part, Dataset)
        "train" and "test", or "all" for a source without parts; not yet fitted to the model.
    words : str
        Which rows these are.

    Raises
    ------
    InputError
        When the source has no such part.
    """
    if part not in ("auto", "all", "train", "test"):
        raise InputError(f"--part must be auto, all, train or test, not {part!r}")
    held = card.data.get("held_out")
    same = len(ds) == card.data.get("n") and fingerprint(ds, threads) == card.data.get("fingerprint")
    whole = replace(ds, test=None)
    parts: dict[str, Dataset] = {}
    if same and held == "split":
        parts["train"], parts["test"] = whole.split(card.data.get("test_size"), int(card.data.get("seed", 0)))
        words = {"test": "held out of this source in training", "train": "of this source used in training"}
    elif ds.test is not None:
        parts = {"train": whole, "test": ds.test}
        words = {"test": "of the source's own test part", "train": "of the source's training part"}
    if part == "all" or not parts:
        if part in ("train", "test"):
            raise InputError(f"{ds.source} has no {part} part: leave out --part {part}")
        seen = ", the rows that the model was trained on" if same and held in ("source", "none") else ""
        chosen = [(name, rows) for name, rows in parts.items()] or [("all", whole)]
        return chosen, f"of the whole source{seen}"
    name = "test" if part == "auto" else part
    return [(name, parts[name])], words[name]
