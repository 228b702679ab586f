"""What a reader may be told, in one place, so that every reader takes the same words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Progress", "ReadOptions"]

Progress = Callable[[str, int, int], object]
"""progress(what, done, total): called from the working thread a few times a second; total is 0 when it is not known."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; every reader takes one of these and uses the fields that mean something to it.

    Attributes
    ----------
    target : str or None
        Name of the label column of a table; None looks for the usual names.
    image_size : (height, width) or None
        Resize every image to this; None asks that all have one size.
    on_bad_image : "skip" or "fail"
        An unreadable image is skipped, counted and listed, or stops the reading.
    labels : "required" or "optional"
        Whether a source without labels is an error.
    threads : int or None
        Workers for decoding; None uses the cores that this process may use.
    cache : bool
        Keep decoded images for the next time.
    progress : callable or None
        Told how far the reading is.
    """

    target: str | None = None
    image_size: tuple[int, int] | None = None
    on_bad_image: Literal["skip", "fail"] = "skip"
    labels: Literal["required", "optional"] = "required"
    threads: int | None = None
    cache: bool = True
    progress: Progress | None = None
