"""Chunks of images become rows of an open file; what was remarkable on the way becomes events."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from steepest.data.fetching import fetcher
from steepest.data.pixels import decode, reason

__all__ = ["Decoder", "Event", "Plan", "StoreError"]


class Plan(NamedTuple):
    """What every row will look like: height x width x channels, and whether images are resized to it."""

    height: int
    width: int
    channels: int
    resize: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.height * self.width * self.channels


Event = tuple[int, str, Any]
"""(row, "bad", reason), (row, "size", (height, width)), (row, "colour", None) or (row, "store", reason)."""


class StoreError(OSError):
    """Pixels could not be written to their place."""


class Decoder:
    """Decodes chunks of images into rows of an open file: row r begins at `base + r * plan.row_bytes`."""

    def __init__(self, plan: Plan, kind: str, source_fd: int, out_fd: int, base: int) -> None:
        self.plan, self.out_fd, self.base = plan, out_fd, base
        self.fetch = fetcher(kind, source_fd)

    def run(self, rows: Sequence[int], items: Sequence[Any]) -> list[Event]:
        """Decode `items` into `rows`; return what was remarkable. Nothing is raised for a bad image."""
        with warnings.catch_warnings():
            # Decoders warn about odd metadata; whether that is an error must not depend on the caller's filters.
            warnings.simplefilter("ignore")
            try:
                return self._run(rows, items)
            except StoreError as error:
                return [(rows[0], "store", reason(error))]

    def _run(self, rows: Sequence[int], items: Sequence[Any]) -> list[Event]:
        events: list[Event] = []
        plan, fetch, base, row_bytes = self.plan, self.fetch, self.base, self.plan.row_bytes
        shape = (plan.height, plan.width)
        size = shape if plan.resize else None
        for row, item in zip(rows, items, strict=True):
            try:
                pixels, height, width, channels = decode(fetch(item), size, plan.channels)
            except Exception as error:
                events.append((row, "bad", reason(error)))
                continue
            if channels > plan.channels:
                events.append((row, "colour", None))
                break
            if (height, width) != shape:
                events.append((row, "size", (height, width)))
            else:
                self._write(pixels, base + row * row_bytes)
        return events

    def _write(self, pixels: bytes, at: int) -> None:
        try:
            done = os.pwrite(self.out_fd, pixels, at)
            while done < len(pixels):
                done += os.pwrite(self.out_fd, pixels[done:], at + done)
        except OSError as error:
            raise StoreError(*error.args) from error
