"""Decoded images, kept for the next time.

Where: `$STEEPEST_CACHE`, else `$XDG_CACHE_HOME/steepest`, else `~/.cache/steepest`. How much: `$STEEPEST_CACHE_SIZE`
("20GB" unless it says otherwise; "0" keeps nothing); what was used longest ago goes first.

An entry is a folder named by its key, with three files and no pickle anywhere: `rows.npy` (uint8, one image a row,
mapped into memory and never read as a whole), `labels.npy` (int64) and `entry.json` (class names, image names, what
was skipped, checksums). It is written in a temporary folder, flushed to the disk and renamed into place, so a
half-written entry is never seen and two programs that start at once do not disturb one another: the second finds the
first's entry, or drops its own.

An entry is believed only when its files have the sizes and checksums that `entry.json` gives and `entry.json` matches
its own digest. Rows are checked as a whole up to 512 MB, beyond that at their ends and at 4,096 places between. What
does not pass is removed and made anew.

Nothing here stops a reading: a cache that cannot be written costs a `DataWarning`, and the images are decoded into
memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import re
import shutil
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.errors import DataWarning, InputError

__all__ = ["HEADER", "Cache", "Draft", "Entry", "Memory", "map_rows", "npy_header"]

HEADER = 128
_FORMAT = "steepest image cache 1"
_WHOLE = 512 << 20
_STALE_SECONDS = 24 * 3600
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class Entry:
    """Decoded images with what is known about them: rows uint8 (n, D), labels int64 (n,), facts (plain JSON values)."""

    rows: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    facts: dict[str, Any]


def npy_header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    """Return the 128 bytes that begin a .npy file (format 1.0) of a C-ordered array."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape!r}, }}"
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + text.ljust(HEADER - 11).encode("ascii") + b"\n"


def map_rows(fd: int, base: int, rows: int, width: int) -> npt.NDArray[np.uint8]:
    """Map rows of bytes of an open file into memory, read only. The file may be closed or removed afterwards."""
    mapped = mmap.mmap(fd, base + rows * width, access=mmap.ACCESS_READ)
    return np.frombuffer(mapped, np.uint8, rows * width, base).reshape(rows, width)


class Memory:
    """A place for rows in memory that worker processes can write to: a file without a name."""

    base = 0

    def __init__(self, size: int) -> None:
        try:
            self.fd = os.memfd_create("steepest", os.MFD_CLOEXEC)
        except (AttributeError, OSError):
            with tempfile.TemporaryFile(buffering=0) as file:
                self.fd = os.dup(file.fileno())
        os.ftruncate(self.fd, size)

    def finish(self, rows: int, width: int) -> npt.NDArray[np.uint8]:
        """Map the rows; the memory lives as long as the array does."""
        os.ftruncate(self.fd, max(1, rows * width))
        try:
            return map_rows(self.fd, 0, rows, width)
        finally:
            self.discard()

    def discard(self) -> None:
        """Give the place up."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Draft:
    """An entry that is being written; `fd` is its open file of rows, and row 0 begins at `base`."""

    base = HEADER

    def __init__(self, cache: Cache, key: str, size: int) -> None:
        self.cache, self.key, self.fd = cache, key, -1
        self.folder = Path(tempfile.mkdtemp(prefix=".tmp-", dir=cache.root))
        try:
            self.fd = os.open(self.folder / "rows.npy", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            _lock(self.fd)
            # Room is taken before anything is decoded, so that a full disk is noticed now and not after minutes of
            # work.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self.fd, 0, HEADER + size)
        except BaseException:
            self.discard()
            raise

    def publish(self, labels: npt.NDArray[np.int64], facts: dict[str, Any], width: int) -> Entry:
        """Finish the entry with labels and facts and put it in its place; it stays usable when that fails."""
        rows = len(labels)
        os.ftruncate(self.fd, HEADER + rows * width)
        array = map_rows(self.fd, HEADER, rows, width)
        try:
            os.pwrite(self.fd, npy_header((rows, width)), 0)
            os.fsync(self.fd)
            _write(self.folder / "labels.npy", npy_header((rows,), "<i8") + labels.astype("<i8").tobytes())
            body = {
                "key": self.key,
                "rows": rows,
                "width": width,
                "rows_sum": checksum(array),
                "labels_sum": checksum(labels.view(np.uint8)),
                "facts": facts,
            }
            _write(self.folder / "entry.json", _seal(body))
            self._rename()
            self.cache.evict(keep=self.key)
        except OSError as error:
            self.cache.complain(error)
        finally:
            self.discard()
        return Entry(array, labels, facts)

    def _rename(self) -> None:
        place = self.cache.root / self.key
        try:
            os.rename(self.folder, place)
        except OSError:
            # Another program was first with the same entry. Theirs stays: somebody may be reading it.
            if not place.is_dir():
                raise
        else:
            with contextlib.suppress(OSError):
                _sync_folder(self.cache.root)

    def discard(self) -> None:
        """Remove what was written (nothing happens to an entry that has its place)."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        shutil.rmtree(self.folder, ignore_errors=True)


class Cache:
    """The folder of entries, and its bound."""

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root, limit

    @classmethod
    def from_environment(cls) -> Cache | None:
        """Return the cache that the environment names; None when it keeps nothing."""
        limit = _parse_size(os.environ.get("STEEPEST_CACHE_SIZE", "20GB"))
        if limit <= 0:
            return None
        if named := os.environ.get("STEEPEST_CACHE"):
            return cls(Path(named), limit)
        if base := os.environ.get("XDG_CACHE_HOME"):
            return cls(Path(base) / "steepest", limit)
        try:
            return cls(Path.home() / ".cache" / "steepest", limit)
        except RuntimeError:  # no home folder
            return None

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key; None when there is none, or when it is damaged (then it is removed)."""
        folder = self.root / key
        try:
            sealed = (folder / "entry.json").read_bytes()
        except OSError:
            if folder.is_dir():
                self._remove(folder)
            return None
        try:
            entry = _open(folder, key, sealed)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            self._remove(folder)
            return None
        with contextlib.suppress(OSError):
            os.utime(folder)  # the time of last use, for evict()
        return entry

    def reserve(self, key: str, size: int) -> Draft | None:
        """Begin an entry with `size` bytes of rows; None, with a DataWarning that says why, when it cannot be kept."""
        if size > self.limit:
            self.complain(f"{size:,} bytes are more than STEEPEST_CACHE_SIZE allows ({self.limit:,})")
            return None
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.evict(room=size)
            return Draft(self, key, size)
        except OSError as error:
            self.complain(error)
            return None

    def complain(self, why: OSError | str) -> None:
        """Warn that decoded images are not kept."""
        words = why if isinstance(why, str) else (why.strerror or str(why))
        warnings.warn(
            f"decoded images are not kept in {self.root}: {words}; STEEPEST_CACHE names another folder",
            DataWarning,
            stacklevel=2,
        )

    def evict(self, room: int = 0, keep: str = "") -> None:
        """Remove what was used longest ago until everything, and `room` bytes more, is within the limit."""
        entries = []
        for found in os.scandir(self.root):
            with contextlib.suppress(OSError):
                if found.name.startswith(".tmp-"):
                    self._remove_if_dead(Path(found.path), found.stat().st_mtime)
                elif found.is_dir(follow_symlinks=False) and re.fullmatch("[0-9a-f]{64}", found.name):
                    size = sum(file.stat().st_size for file in os.scandir(found.path))
                    entries.append((found.stat().st_mtime_ns, found.name, size))
        held = sum(size for _, _, size in entries) + room
        for _, name, size in sorted(entries):
            if held <= self.limit:
                break
            if name != keep:
                self._remove(self.root / name)
                held -= size

    def _remove(self, folder: Path) -> None:
        # Out of the way first, in one step: nobody opens an entry of which a part is gone.
        with contextlib.suppress(OSError):
            away = Path(tempfile.mkdtemp(prefix=".tmp-", dir=self.root))
            with contextlib.suppress(OSError):
                os.rename(folder, away / "old")
            shutil.rmtree(away, ignore_errors=True)

    def _remove_if_dead(self, folder: Path, modified: float) -> None:
        """Remove what a killed program left behind; a live one holds a lock on its rows."""
        rows = folder / "rows.npy"
        if rows.exists():
            fd = os.open(rows, os.O_RDWR)
            try:
                dead = _lock(fd)
            finally:
                os.close(fd)
        else:
            dead = time.time() - modified > _STALE_SECONDS
        if dead:
            shutil.rmtree(folder, ignore_errors=True)


def checksum(array: npt.NDArray[np.uint8]) -> str:
    """Return a digest of an array's bytes that one changed byte changes (see the module's text for large arrays)."""
    flat = array.reshape(-1)
    digest = hashlib.sha256(str(flat.size).encode())
    if flat.size > _WHOLE:
        for start in np.linspace(0, flat.size - 4096, 4096, dtype=np.int64):
            digest.update(flat[start : start + 4096].tobytes())
        return digest.hexdigest()
    # Sums of 64-bit words by block, then a digest of the sums: it runs at the speed of memory, a digest of everything
    # does not.
    block = 1 << 20
    whole = flat.size // block * block
    sums = flat[:whole].view("<u8").reshape(-1, block // 8).sum(axis=1, dtype=np.uint64)
    digest.update(sums.astype("<u8").tobytes())
    digest.update(flat[whole:].tobytes())
    return digest.hexdigest()


def _open(folder: Path, key: str, sealed: bytes) -> Entry:
    body = _unseal(sealed)
    rows, width, facts = body["rows"], body["width"], body["facts"]
    if body["key"] != key or not isinstance(facts, dict):
        raise ValueError("another entry's facts")
    with open(folder / "rows.npy", "rb") as file:
        if file.read(HEADER) != npy_header((rows, width)) or os.fstat(file.fileno()).st_size != HEADER + rows * width:
            raise ValueError("rows of another size")
        array = map_rows(file.fileno(), HEADER, rows, width)
    raw = (folder / "labels.npy").read_bytes()
    if raw[:HEADER] != npy_header((rows,), "<i8") or len(raw) != HEADER + 8 * rows:
        raise ValueError("labels of another size")
    labels = np.frombuffer(raw, "<i8", rows, HEADER).astype(np.int64)
    if checksum(array) != body["rows_sum"] or checksum(labels.view(np.uint8)) != body["labels_sum"]:
        raise ValueError("a damaged entry")
    return Entry(array, labels, facts)


def _seal(body: dict[str, Any]) -> bytes:
    text = json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"
    return f"{_FORMAT} {hashlib.sha256(text).hexdigest()}\n".encode() + text


def _unseal(sealed: bytes) -> dict[str, Any]:
    head, _, text = sealed.partition(b"\n")
    if head.decode("ascii") != f"{_FORMAT} {hashlib.sha256(text).hexdigest()}":
        raise ValueError("a damaged entry")
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError("a damaged entry")
    return body


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    """Take the lock on a file without waiting; False when another process has it, or where there are no locks."""
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _parse_size(text: str) -> int:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if match is None:
        raise InputError(f'STEEPEST_CACHE_SIZE is "{text}"; write a size like 20GB or 500MB, or 0 to keep nothing')
    return int(float(match[1]) * _UNITS[match[2].upper()])
