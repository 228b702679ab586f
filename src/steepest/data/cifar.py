"""CIFAR-10 and CIFAR-100 as published (Krizhevsky, 2009): Python or binary version, folder or archive.

Both versions store an image as 3,072 bytes: 1,024 red, 1,024 green, 1,024 blue, each row by row. Here rows are
channels-last like every other image, so `X[i].reshape(32, 32, 3)` is a picture. CIFAR-100 is read with its 100 fine
labels.

- Python version: `data_batch_1` to `_5`, `test_batch` and `batches.meta`; `train`, `test` and `meta` for CIFAR-100:
  pickled dictionaries, which `pickled` reads without running what they name.
- Binary version: `data_batch_1.bin` to `_5.bin`, `test_batch.bin`, `batches.meta.txt`: a label byte, then the pixels;
  `train.bin`, `test.bin` and `fine_label_names.txt` for CIFAR-100, with the coarse label's byte before the fine
  one's.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.data import archives
from steepest.data.dataset import Dataset
from steepest.data.folders import is_regular
from steepest.data.names import printable
from steepest.data.options import ReadOptions
from steepest.data.pickled import ByteArray, PickleRefusedError, read_pickle
from steepest.errors import DataWarning, InputError

__all__ = ["is_cifar", "read_cifar"]

_PIXELS = 3072
_MOST_BYTES = 1 << 28
_SNIFFED = 64
_TEN = re.compile(r"(data_batch_[1-5]|test_batch)(\.bin)?")
_HUNDRED = re.compile(r"(train|test)(\.bin)?")
_NAMES = ("batches.meta", "batches.meta.txt", "meta", "fine_label_names.txt")
_TEN_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class _Part:
    """The training or the test part while it is read: a batch goes straight to its place, nothing is held twice."""

    def __init__(self, batches: int, most: int) -> None:
        # Pages that no batch writes to are never taken from the system.
        self.X = np.empty((batches * most, _PIXELS), np.uint8)
        self.y = np.empty(batches * most, np.int64)
        self.most = most
        self.sizes = [0] * batches

    def add(self, slot: int, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], where: str) -> None:
        if not 0 < len(labels) <= self.most:
            raise InputError(f"{where}: {len(labels):,} images; a published batch has {self.most:,}")
        at = slot * self.most
        for start in range(0, len(labels), 1000):
            some = pixels[start : start + 1000].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            self.X[at + start : at + start + len(some)] = some.reshape(-1, _PIXELS)
        self.y[at : at + len(labels)] = labels
        self.sizes[slot] = len(labels)

    def finish(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        to = 0
        for slot, size in enumerate(self.sizes):
            at = slot * self.most
            if at != to:
                self.X[to : to + size] = self.X[at : at + size]
                self.y[to : to + size] = self.y[at : at + size]
            to += size
        return self.X[:to], self.y[:to]


def is_cifar(path: Path) -> bool:
    """Whether a folder or an archive is CIFAR-10 or CIFAR-100 as published; only names are looked at."""
    try:
        if path.is_dir():
            return _is_set(
                child.name for child in _inside(path).iterdir() if _is_wanted(child.name) and child.is_file()
            )
        if not is_regular(path) or archives.archive_kind(path) is None:
            return False
        return _is_set(_base(member.name) for member in archives.list_members(path, _SNIFFED))
    except (InputError, OSError):
        return False


def read_cifar(path: Path, options: ReadOptions) -> Dataset:
    """Read CIFAR-10 or CIFAR-100.

    Parameters
    ----------
    path : Path
        The folder or the archive; a folder that holds nothing but that folder will do.
    options : ReadOptions
        `progress` counts.

    Returns
    -------
    Dataset
        X uint8 (N, 3072), feature_shape (32, 32, 3), the training batches in order; the test batch is `.test`.

    Raises
    ------
    InputError
        A batch is missing, truncated, or holds anything else than the published dictionary.
    """
    title = printable(path)
    hundred, names = False, tuple[str, ...]()
    train, test = _Part(5, 10_000), _Part(1, 10_000)
    for name, blob in _files(path, title):
        where = f"{title}: {printable(name)}"
        if name in _NAMES:
            names = _class_names(name, blob, where)
            continue
        if _HUNDRED.fullmatch(name) and not hundred:
            hundred, train = True, _Part(1, 50_000)
        slot = 0 if hundred or name.startswith("test") else int(name[11]) - 1
        rows = _binary(blob, hundred, where) if name.endswith(".bin") else _pickled(blob, where)
        (test if name.startswith("test") else train).add(slot, *rows, where)
        del rows, blob  # before the next file is read
        if options.progress is not None:
            options.progress(f"reading {title}", sum(map(bool, train.sizes + test.sizes)), 0)
    X, y = train.finish()
    X_test, y_test = test.finish()
    if not len(X):
        raise InputError(f"{title}: no training batch in it (data_batch_1 and so on, or train)")
    names = names or (tuple(str(k) for k in range(100)) if hundred else _TEN_CLASSES)
    top = max(int(y.max()), int(y_test.max(initial=0)))
    if top >= len(names):
        raise InputError(f"{title}: there is a label {top}, but only {len(names)} class names")
    missing = [f"data_batch_{k + 1}" for k, size in enumerate(train.sizes) if not size] + ["test"] * (not len(X_test))
    notes = (f"{', '.join(missing)} missing; the rest was read",) if missing else ()
    for note in notes:
        warnings.warn(f"{title}: {note}", DataWarning, stacklevel=2)
    shape = (32, 32, 3)
    part = Dataset(X_test, y_test, names, shape, f"{title} (test)") if len(X_test) else None
    return Dataset(X, y, names, shape, title, test=part, notes=notes)


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _is_set(names: Iterable[str]) -> bool:
    found = set(names)
    ten = any(_TEN.fullmatch(name) for name in found)
    return ten or {"train", "meta"} <= found or {"train.bin", "fine_label_names.txt"} <= found


def _is_wanted(name: str) -> bool:
    return name in _NAMES or bool(_TEN.fullmatch(name) or _HUNDRED.fullmatch(name))


def _inside(path: Path) -> Path:
    """Look through folders that hold one folder and nothing else."""
    for _ in range(3):
        children = [child for child in path.iterdir() if not child.name.startswith(".")]
        if len(children) != 1 or not children[0].is_dir():
            break
        path = children[0]
    return path


def _files(path: Path, title: str) -> Iterator[tuple[str, bytes]]:
    """Go through the files of a source by name, one at a time."""
    if not path.is_dir():
        if not path.exists():
            raise InputError(f"{title}: no such file or folder")
        for name, blob in archives.iter_contents(path, lambda name: _is_wanted(_base(name)), _MOST_BYTES):
            yield _base(name), blob
        return
    try:
        for child in sorted(_inside(path).iterdir()):
            if _is_wanted(child.name) and is_regular(child):
                if child.stat().st_size > _MOST_BYTES:
                    raise InputError(f"{title}: {printable(child.name)} is larger than any file of CIFAR")
                yield child.name, child.read_bytes()
    except OSError as error:
        raise InputError(f"{title}: cannot be read: {error.strerror or error}") from error


def _binary(blob: bytes, hundred: bool, where: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    width = _PIXELS + 1 + hundred
    if len(blob) % width or not blob:
        raise InputError(f"{where}: truncated: {len(blob):,} bytes are not a multiple of {width:,}; download it again")
    rows = np.frombuffer(blob, np.uint8).reshape(-1, width)
    return rows[:, 1 + hundred :], rows[:, int(hundred)].astype(np.int64)


def _read_pickle(blob: bytes, where: str) -> dict[str, Any]:
    try:
        return read_pickle(blob)
    except PickleRefusedError as error:
        raise InputError(
            f"{where}: not read, a pickle may run anything and only CIFAR's own is let in: {error}"
        ) from error


def _pickled(blob: bytes, where: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    batch = _read_pickle(blob, where)
    data, labels = batch.get("data"), batch.get("fine_labels", batch.get("labels"))
    if not isinstance(data, ByteArray) or not isinstance(labels, list):
        raise InputError(f"{where}: has no data and labels as CIFAR's batches have")
    if data.shape != (len(labels), _PIXELS) or data.data.nbytes != len(labels) * _PIXELS:
        raise InputError(f"{where}: {len(labels):,} labels for an array of shape {data.shape}; the batch is damaged")
    if not all(type(label) is int and 0 <= label < 100 for label in labels):
        raise InputError(f"{where}: a label is not a number from 0 to 99")
    return np.frombuffer(data.data, np.uint8).reshape(-1, _PIXELS), np.array(labels, np.int64)


def _class_names(name: str, blob: bytes, where: str) -> tuple[str, ...]:
    if name.endswith(".txt"):
        names: Any = [line.strip() for line in blob.decode("utf-8", "replace").splitlines() if line.strip()]
    else:
        meta = _read_pickle(blob, where)
        names = meta.get("fine_label_names", meta.get("label_names"))
    if not isinstance(names, list) or not 1 < len(names) <= 100 or not all(isinstance(word, str) for word in names):
        raise InputError(f"{where}: has no list of class names")
    return tuple(map(printable, names))
