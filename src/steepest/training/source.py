"""Which rows a run trains on, which it tests on, and how these are found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steepest.data.checks import align_test, check_finite, validate
from steepest.data.dataset import Dataset
from steepest.data.load import load
from steepest.data.options import Progress
from steepest.data.splitting import split_rows
from steepest.errors import InputError
from steepest.training.fingerprint import fingerprint
from steepest.training.model_file import Card
from steepest.training.settings import Settings

__all__ = ["PARTS", "Chosen", "Parts", "choose", "fit_to", "read_for", "read_parts", "type_note"]

PARTS = ("auto", "all", "train", "test")


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
    digest = fingerprint(ds, threads)  # before rows are copied out of a mapped file: a look at it reads it in again
    test: Dataset | None
    match held_out:
        case "own":
            train, test = ds.split()
            notes += test.notes
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
        "fingerprint": digest,
        "n": len(ds),
        "held_out": held_out,
        "test_size": settings.test_size,
        "seed": settings.seed,
        "target": ds.label_name or settings.target,
        "image_size": settings.image_size,
    }
    return Parts(train, test, origin, tuple(dict.fromkeys(notes)))


def _held_out(ds: Dataset, settings: Settings) -> str:
    if settings.test_size == 0:
        return "none"
    return "own" if ds.test is not None and settings.test_size is None else "split"


def read_for(
    card: Card,
    source: str,
    *,
    labels: Literal["required", "optional"],
    target: str | None = None,
    image_size: int | tuple[int, int] | None = None,
    threads: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> Dataset:
    """Read a source in the way that a model's training data were read: images of its size, labels from its column.

    Parameters
    ----------
    card : Card
        The model's.
    source : str
        What to read.
    labels, target, image_size, threads, cache, progress
        See `steepest.load`; a target and a size win over the model's.

    Raises
    ------
    InputError
        When the source cannot be read.
    """
    size = card.data.get("image_size") if image_size is None else image_size
    known = card.data.get("target") if target is None else None

    def read(column: str | None) -> Dataset:
        return load(
            source,
            target=column,
            image_size=tuple(size) if isinstance(size, list) else size,
            labels=labels,
            threads=threads,
            cache=cache,
            progress=progress,
        )

    if known is None:
        return read(target)
    try:
        return read(known)
    except InputError as error:
        try:  # its label column may have another name
            ds = read(None)
        except InputError:
            raise error from None
        if set(card.feature_names or ()) - set(ds.feature_names or ()):  # no: a feature was taken for it
            raise
        return ds


def fit_to(card: Card, ds: Dataset, *, labels: Literal["required", "optional"] = "required") -> Dataset:
    """Give the examples with the columns and classes that a model knows; columns that it does not know are left out.

    Parameters
    ----------
    card : Card
        The model's.
    ds : Dataset
        With or without labels.
    labels : "required" or "optional"
        With "optional" the labels stay as they are, known to the model or not.

    Raises
    ------
    InputError
        Another feature shape, missing columns, numbers that are not finite, classes that the model does not know.
    """
    ds = _known_columns(card, ds)
    C, D = len(card.classes), int(np.prod(card.feature_shape))
    # One example of each class stands for the training data: their shape, columns and classes are all that counts.
    stand_in = Dataset(
        np.broadcast_to(np.float32(0), (C, D)),
        np.arange(C),
        card.classes,
        card.feature_shape,
        feature_names=card.feature_names,
    )
    if labels == "optional":
        fitted = replace(align_test(stand_in, replace(ds, y=None, test=None)), y=ds.y, classes=ds.classes)
    else:
        fitted = align_test(stand_in, replace(ds, test=None))
    check_finite(fitted)
    return fitted


def _known_columns(card: Card, ds: Dataset) -> Dataset:
    ours, theirs = card.feature_names, ds.feature_names
    if ours is None or theirs is None or ours == theirs:
        return ds
    missing = [name for name in ours if name not in theirs]
    if missing:
        names, s = ", ".join(map(repr, missing[:5])), "s" if len(missing) > 1 else ""
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise InputError(f"{ds.source} lacks the column{s} {names}{more} that the model was trained on")
    extra = [name for name in theirs if name not in ours]
    notes = ds.notes
    if extra:
        more = f" and {len(extra) - 5} more" if len(extra) > 5 else ""
        notes += (f"not used, for the model does not know them: {', '.join(map(repr, extra[:5]))}{more}",)
    X = np.ascontiguousarray(ds.X[:, [theirs.index(name) for name in ours]])
    return replace(ds, X=X, feature_names=ours, feature_shape=card.feature_shape, notes=notes)


def type_note(card: Card, ds: Dataset) -> list[str]:
    """Say that the examples are of another type than the model was trained on, when that may change what they mean."""
    if (card.dtype == "uint8") == (ds.X.dtype == np.uint8):
        return []
    return [f"the model was trained on {card.dtype} features and these are {ds.X.dtype}: are they on the same scale?"]


class Chosen(NamedTuple):
    """Some rows of a source.

    Attributes
    ----------
    part : str
        "train" or "test", or "all" where there are no parts.
    data : Dataset
        The rows.
    rows : int64 array
        Their numbers in the source, or in its own part of that name.
    """

    part: str
    data: Dataset
    rows: NDArray[np.int64]


def choose(card: Card, ds: Dataset, part: str, threads: int) -> tuple[list[Chosen], str]:
    """Choose the rows of a source that a model is to be shown.

    Parameters
    ----------
    card : Card
        The model's; it knows which rows it was trained on.
    ds : Dataset
        The source.
    part : "auto", "all", "train" or "test"
        auto: of the source that the model was trained on, the rows that were held out then; of one with a test part of
        its own, that part; of any other, all rows.
    threads : int
        For the fingerprint.

    Returns
    -------
    list of Chosen
        Not yet fitted to the model.
    words : str
        Which rows these are.

    Raises
    ------
    InputError
        When the source has no such part.
    """
    if part not in PARTS:
        raise InputError(f"--part must be {', '.join(PARTS[:-1])} or {PARTS[-1]}, not {part!r}")
    held = card.data.get("held_out")
    same = len(ds) == card.data.get("n") and fingerprint(ds, threads) == card.data.get("fingerprint")
    parts: dict[str, Chosen] = {}
    if part != "all" and same and held == "split" and ds.y is not None:
        seed = int(card.data.get("seed", 0))
        both = split_rows(len(ds), ds.y, card.data.get("test_size"), seed, True, ds.classes)
        parts = {name: Chosen(name, ds.take(rows), rows) for name, rows in zip(("train", "test"), both, strict=True)}
        words = {"test": "held out of this source in training", "train": "of this source that the model was trained on"}
    elif ds.test is not None:
        parts = {"train": _all("train", ds), "test": _all("test", ds.test)}
        words = {"test": "of the source's own test part", "train": "of the source's training part"}
    if part == "all" or not parts:
        if part in ("train", "test"):
            raise InputError(f"{ds.source} has no {part} part: leave out --part {part}")
        trained = {"split": "; the model was trained on some", "own": "; the model was trained on its training part"}
        seen = trained.get(str(held), "; the model was trained on these very rows") if same else ""
        return list(parts.values()) or [_all("all", ds)], f"of the whole source{seen}"
    name = "test" if part == "auto" else part
    return [parts[name]], words[name]


def _all(part: str, ds: Dataset) -> Chosen:
    return Chosen(part, replace(ds, test=None), np.arange(len(ds)))
