"""Decoding on all cores: who decodes which images, and what came of it.

The first images are decoded in this process, with a clock beside them. When the rest would take noticeably longer
than starting workers does, the rest goes to worker processes; the rules and the results are the same (see
`pixels`). Each worker has a thread here that keeps two chunks under way, so that it never waits for the next
one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from steepest.data import _decode_worker
from steepest.data.decoder import Decoder, Event, Plan
from steepest.errors import InputError

__all__ = ["ImageSource", "cores", "run"]

_WORTH_WORKERS = 0.4  # seconds of decoding left, for one core, that pay for starting workers
_TRIAL = 0.04  # seconds of decoding here before that is judged
_CHUNK_BYTES = 1 << 22
Chunk = tuple[Sequence[int], Sequence[Any]]


@dataclass(frozen=True)
class ImageSource:
    """Image files, wherever they are.

    Attributes
    ----------
    title : str
        The source, for messages.
    names : sequence of str
        One name an image, in row order.
    kind : "files", "spans", "zipped" or "blobs"
        What an item is: a path, a span of an open file, a member of an open zip file, or the bytes themselves.
    items : sequence or None
        One item an image, in row order; None when they can only be read one after the other.
    stream : callable or None
        Gives an iterator over (row, bytes), from the start each time it is called.
    fd : int
        The open archive, or -1.
    """

    title: str
    names: Sequence[str]
    kind: str
    items: Sequence[Any] | None = None
    stream: Callable[[], Iterator[tuple[int, Any]]] | None = None
    fd: int = -1

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Cut the images into chunks of at most `size`."""
        if self.items is not None:
            for start in range(0, len(self.names), size):
                rows = range(start, min(start + size, len(self.names)))
                yield rows, self.items[rows.start : rows.stop]
            return
        assert self.stream is not None
        some_rows: list[int] = []
        some_items: list[Any] = []
        held = 0
        for row, blob in self.stream():
            some_rows.append(row)
            some_items.append(blob)
            held += len(blob)
            if len(some_rows) >= size or held >= _CHUNK_BYTES:
                yield some_rows, some_items
                some_rows, some_items, held = [], [], 0
        if some_rows:
            yield some_rows, some_items


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def run(
    source: ImageSource,
    plan: Plan,
    out_fd: int,
    base: int,
    threads: int | None,
    stop_at: frozenset[str],
    report: Callable[[int], None],
) -> list[Event]:
    """Decode every image of a source into its row of a file.

    Parameters
    ----------
    source, plan : ImageSource, Plan
        What to decode, and into what shape.
    out_fd, base : int
        The open file, and where its row 0 begins.
    threads : int or None
        Worker processes; None takes one a core. 1 decodes in this process.
    stop_at : set of str
        Kinds of events after which nothing more is begun. Chunks are begun in order and finished once begun, so the
        first such event by row is the same whatever the number of workers.
    report : callable
        Told how many images are done.

    Returns
    -------
    list of Event, sorted by row.
    """
    size = max(1, min(256, _CHUNK_BYTES // max(1, plan.row_bytes)))
    decoder = Decoder(plan, source.kind, source.fd, out_fd, base)
    workers = threads if threads is not None else cores()
    total, done, events = len(source.names), 0, list[Event]()
    chunks = source.chunks(min(size, 16))
    start = time.perf_counter()
    for rows, items in chunks:
        events += decoder.run(rows, items)
        done += len(rows)
        report(done)
        if any(kind in stop_at for _, kind, _ in events):
            return sorted(events, key=_row)
        spent = time.perf_counter() - start
        if workers > 1 and spent > _TRIAL and spent / done * (total - done) > _WORTH_WORKERS:
            team = _Team(workers, plan, source, out_fd, base)
            if team.started:
                events += team.run(_regroup(chunks, size), stop_at, lambda n: report(done + n))  # noqa: B023
                break
            workers = 1
    return sorted(events, key=_row)


def _row(event: Event) -> int:
    return event[0]


def _regroup(chunks: Iterator[Chunk], size: int) -> Iterator[Chunk]:
    """Join small chunks into chunks of `size` (or of enough bytes)."""
    rows: list[int] = []
    items: list[Any] = []
    held = 0
    for some_rows, some_items in chunks:
        rows += some_rows
        items += some_items
        held += sum(len(item) for item in some_items if isinstance(item, bytes))
        if len(rows) >= size or held >= _CHUNK_BYTES:
            yield rows, items
            rows, items, held = [], [], 0
    if rows:
        yield rows, items


class _Team:
    """Worker processes and the threads that feed them."""

    def __init__(self, number: int, plan: Plan, source: ImageSource, out_fd: int, base: int) -> None:
        self.title = source.title
        self.processes: list[subprocess.Popen[bytes]] = []
        self.started = False
        inherited = [fd for fd in (source.fd, out_fd) if fd >= 0]
        paths = [os.path.abspath(path) for path in sys.path]
        try:
            for _ in range(number):
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-P", _decode_worker.__file__],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        pass_fds=inherited,
                        start_new_session=True,  # a Ctrl-C in the terminal reaches the parent only
                    )
                )
            for process in self.processes:
                _send(process, [paths, list(plan), source.kind, source.fd, out_fd, base])
            self.started = all(_receive(process) == "ready" for process in self.processes)
        except (OSError, EOFError, ValueError):
            # No interpreter to start (an embedded one, a sandbox): decoding goes on in this process.
            pass
        finally:
            if not self.started:
                self.close()

    def close(self) -> None:
        """End every worker, at once and for good."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def run(self, chunks: Iterator[Chunk], stop_at: frozenset[str], report: Callable[[int], None]) -> list[Event]:
        """Hand out the chunks; gather the events."""
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        turn, stop = threading.Lock(), threading.Event()
        drivers = [
            threading.Thread(target=self._drive, args=(process, chunks, turn, stop, answers), daemon=True)
            for process in self.processes
        ]
        events: list[Event] = []
        done, running, failure = 0, len(drivers), None
        try:
            for driver in drivers:
                driver.start()
            while running:
                answer = answers.get()
                if answer is None:
                    running -= 1
                elif isinstance(answer, BaseException):
                    failure = failure or answer
                    stop.set()
                else:
                    number, found = answer
                    done += number
                    events += found
                    report(done)
                    if any(kind in stop_at for _, kind, _ in found):
                        stop.set()
        finally:
            stop.set()
            self.close()
            for driver in drivers:
                if driver.ident is not None:
                    driver.join()
        if failure is not None:
            raise failure
        return events

    @staticmethod
    def _next(chunks: Iterator[Chunk], stop: threading.Event, answers: queue.SimpleQueue[Any]) -> Chunk | None:
        """Take the next chunk; an error while it is read is the reader's, not the worker's."""
        try:
            return next(chunks, None)
        except BaseException as error:
            answers.put(error)
            stop.set()
            return None

    def _drive(
        self,
        process: subprocess.Popen[bytes],
        chunks: Iterator[Chunk],
        turn: threading.Lock,
        stop: threading.Event,
        answers: queue.SimpleQueue[Any],
    ) -> None:
        waiting: list[Sequence[int]] = []
        try:
            while True:
                with turn:
                    chunk = None if stop.is_set() else self._next(chunks, stop, answers)
                if chunk is not None:
                    rows, items = chunk
                    waiting.append(rows)
                    _send(process, list(rows), items)
                if not waiting:
                    return
                if chunk is None or len(waiting) > 1:
                    found = [_event(*found) for found in _receive(process)]
                    answers.put((len(waiting.pop(0)), found))
        except (OSError, EOFError, ValueError):
            if not stop.is_set():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                status = process.poll()
                images = f"images {waiting[0][0] + 1:,} to {waiting[0][-1] + 1:,}" if waiting else "images"
                answers.put(
                    InputError(
                        f"{self.title}: the process that decoded {images} ended without an answer (status {status}); "
                        "an image there may crash the decoder, or memory ran out"
                    )
                )
        except BaseException as error:
            answers.put(error)
        finally:
            answers.put(None)


def _event(row: int, kind: str, detail: Any) -> Event:
    return row, kind, tuple(detail) if isinstance(detail, list) else detail  # JSON knows no tuples


def _send(process: subprocess.Popen[bytes], what: Any, items: Sequence[Any] = ()) -> None:
    assert process.stdin is not None
    _decode_worker.send(process.stdin, what, items)


def _receive(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    return _decode_worker.receive(process.stdout)[0]
