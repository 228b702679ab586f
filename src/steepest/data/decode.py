"""Many image files become one array: its shape is found, every image gets its row, what failed is counted and named."""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from steepest.data import pool
from steepest.data.decoder import Event, Plan
from steepest.data.fetching import fetcher
from steepest.data.names import count, few, printable
from steepest.data.options import ReadOptions
from steepest.data.pixels import decode, reason
from steepest.data.pool import ImageSource
from steepest.errors import DataWarning, InputError

__all__ = ["Decoded", "Place", "bad_images_note", "decode_all", "refuse_bad_images", "warn"]

Bad = list[tuple[str, str]]


class Place(Protocol):
    """Where rows are written: an open file, and the byte at which row 0 begins."""

    fd: int
    base: int

    def discard(self) -> None:
        """Give the place up."""


@dataclass(frozen=True)
class Decoded:
    """What came of decoding: `place` holds the kept rows one after the other.

    Attributes
    ----------
    feature_shape : (H, W) or (H, W, 3)
    kept : bool array (n,)
        Which images could be read.
    bad : list of (name, reason)
        The others.
    """

    feature_shape: tuple[int, ...]
    kept: npt.NDArray[np.bool_]
    bad: Bad


def decode_all(source: ImageSource, options: ReadOptions, open_place: Callable[[int], Place]) -> tuple[Decoded, Place]:
    """Decode every image of a source.

    The first readable image fixes height and width; the others must agree unless `options.image_size` is given. Rows
    have one channel when every image is grey, three otherwise; that depends on the images alone, never on workers or
    order.

    Parameters
    ----------
    source : ImageSource
    options : ReadOptions
    open_place : callable
        Given a number of bytes, opens the place for the rows.

    Raises
    ------
    InputError
        No image can be read; one cannot and `on_bad_image` is "fail"; images have several sizes; they need more
        memory than there is.
    """
    plan, first_bad = _first_plan(source, options)
    stop_at = {"store", "colour"} | ({"bad"} if options.on_bad_image == "fail" else set())
    if options.on_bad_image == "fail" and first_bad:
        refuse_bad_images(source.title, [(source.names[row], why) for row, why in first_bad])
    while True:
        place = open_place(len(source.names) * plan.row_bytes)
        try:
            events = pool.run(
                source, plan, place.fd, place.base, options.threads, frozenset(stop_at), _reporter(source, options)
            )
            if plan.channels == 1 and any(kind == "colour" for _, kind, _ in events):
                # Grey so far, but not all: begin again with three channels. It happens at most once.
                plan = plan._replace(channels=3)
                place.discard()
                continue
            return _finish(source, options, plan, events, place), place
        except BaseException:
            place.discard()
            raise


def _first_plan(source: ImageSource, options: ReadOptions) -> tuple[Plan, list[tuple[int, str]]]:
    """Take height, width and channels from the first image that can be read; return the bad ones before it too."""
    fetch = fetcher(source.kind, source.fd)
    bad: list[tuple[int, str]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows, items in source.chunks(1):
            try:
                _, height, width, channels = decode(fetch(items[0]), options.image_size, 0)
            except Exception as error:
                bad.append((rows[0], reason(error)))
                if options.on_bad_image == "fail":
                    break
                continue
            return Plan(height, width, channels, options.image_size is not None), bad
    if options.on_bad_image == "fail":
        refuse_bad_images(source.title, [(source.names[row], why) for row, why in bad])
    listed = few((f"{source.names[row]} ({why})" for row, why in sorted(bad)), len(bad))
    raise InputError(f"{source.title}: none of its {count(len(source.names), 'image')} can be read: {listed}")


def _finish(source: ImageSource, options: ReadOptions, plan: Plan, events: list[Event], place: Place) -> Decoded:
    for _, kind, detail in events:
        if kind == "store":
            raise InputError(
                f"{source.title}: its decoded images could not be written: {detail}; free some disk space or memory"
            )
    bad = [(row, str(detail)) for row, kind, detail in events if kind == "bad"]
    named = [(source.names[row], why) for row, why in bad]
    if named and options.on_bad_image == "fail":
        refuse_bad_images(source.title, named[:1])
    _refuse_other_sizes(source, plan, events, len(source.names) - len(bad))
    kept = np.ones(len(source.names), dtype=np.bool_)
    kept[[row for row, _ in bad]] = False
    if bad:
        _close_gaps(place, kept, plan.row_bytes)
    shape = (plan.height, plan.width) if plan.channels == 1 else (plan.height, plan.width, plan.channels)
    return Decoded(shape, kept, named)


def _refuse_other_sizes(source: ImageSource, plan: Plan, events: list[Event], readable: int) -> None:
    others = [(row, detail) for row, kind, detail in events if kind == "size"]
    if not others:
        return
    examples: dict[tuple[int, int], str] = {}
    for row, size in others:
        examples.setdefault(size, source.names[row])
    different = {row for row, kind, _ in events if kind in ("size", "bad")}
    same = next(name for row, name in enumerate(source.names) if row not in different)
    examples[plan.height, plan.width] = same
    tally = Counter(size for _, size in others)
    tally[plan.height, plan.width] = readable - len(others)
    most = sorted(tally.items(), key=lambda pair: (-pair[1], pair[0]))
    listed = [f"{h}x{w} ({count(n, 'image')}, for example {printable(examples[h, w])})" for (h, w), n in most[:4]]
    if len(most) > 4:
        listed.append(f"and {count(len(most) - 4, 'more size')}")
    h, w = most[0][0]
    raise InputError(
        f"{source.title}: images have several sizes (height x width): {', '.join(listed)}; "
        f"give --image-size {h}x{w} (image_size=({h}, {w})) to resize them all"
    )


def refuse_bad_images(title: str, bad: Sequence[tuple[str, str]]) -> None:
    """Stop at an image that cannot be read."""
    name, why = bad[0]
    raise InputError(
        f"{title}: {printable(name)} cannot be read: {why}; mend or remove it, "
        'or leave such images out with --on-bad-image skip (on_bad_image="skip")'
    )


def bad_images_note(bad: Sequence[tuple[str, str]], total: int) -> str:
    """Say in one line which images were left out."""
    listed = few((f"{name} ({why})" for name, why in bad), len(bad))
    verb = "was" if len(bad) == 1 else "were"
    return f"{len(bad):,} of {count(total, 'image')} could not be read and {verb} left out: {listed}"


def warn(title: str, note: str) -> None:
    """Give a note as a DataWarning too."""
    warnings.warn(f"{title}: {note}", DataWarning, stacklevel=2)


def _close_gaps(place: Place, kept: npt.NDArray[np.bool_], row_bytes: int) -> None:
    """Move the kept rows together, in pieces, inside the file."""
    edges = np.flatnonzero(np.diff(kept, prepend=False, append=False))
    to = place.base
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        at, stop = place.base + begin * row_bytes, place.base + end * row_bytes
        while at < stop:
            piece = os.pread(place.fd, min(1 << 22, stop - at), at)
            if not piece:
                raise InputError("the file of decoded images was cut off while it was written")
            if at != to:
                os.pwrite(place.fd, piece, to)
            at, to = at + len(piece), to + len(piece)


def _reporter(source: ImageSource, options: ReadOptions) -> Callable[[int], None]:
    progress, total = options.progress, len(source.names)
    if progress is None:
        return lambda done: None
    last = 0.0

    def report(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > 0.1:
            last = now
            progress(f"decoding {source.title}", done, total)

    return report
