"""IDX files, the format of MNIST and its relatives, as they are or compressed with gzip.

Two zero bytes, the type of the numbers, how many dimensions, the dimensions (32 bits each, most significant byte
first), then the numbers. The header says how many bytes follow; not one more is read or unpacked.

Images and labels find each other by name: `train-images-idx3-ubyte` with `train-labels-idx1-ubyte`, `t10k-...` for
the test part, a dot for the last dash, `.gz` at the end or not, upper or lower case.
"""

from __future__ import annotations

import io
import math
import re
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from steepest.data import archives
from steepest.data.dataset import Dataset
from steepest.data.folders import is_regular
from steepest.data.layout import is_hidden
from steepest.data.names import count, few, printable
from steepest.data.options import ReadOptions
from steepest.errors import InputError

__all__ = ["is_idx", "read_idx"]

_TYPES = {0x08: "|u1", 0x09: "|i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IMAGE_TYPES = (0x08, 0x0D, 0x0E)
_LABEL_TYPES = (0x08, 0x09, 0x0B, 0x0C)
_MOST_DIMENSIONS = 6
_MOST_CLASSES = 1 << 16
_SNIFFED = 64
_PIECE = 1 << 18
_NAME = re.compile(r"(?P<part>.*?)(?P<role>images|labels)(?P<rest>[-.]idx\d-ubyte)?(\.gz)?", re.IGNORECASE)
_TEST_WORDS = ("t10k", "test")
GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@dataclass(frozen=True)
class _File:
    """An IDX file: on the disk, or its bytes out of an archive."""

    name: str
    path: Path | None
    data: bytes = b""

    def open(self) -> IO[bytes]:
        return open(self.path, "rb") if self.path is not None else io.BytesIO(self.data)

    @property
    def title(self) -> str:
        return printable(self.path if self.path is not None else self.name)


def is_idx(path: Path) -> bool:
    """Whether a file, a folder or an archive holds IDX images; only names and first bytes are looked at."""
    try:
        if path.is_dir():
            return any(_begins_as_idx(path / name) for name in _image_files(child.name for child in path.iterdir()))
        if not is_regular(path):
            return False
        if _begins_as_idx(path):
            return True
        if archives.archive_kind(path) is None:
            return False
        return bool(_image_files(_base(member.name) for member in archives.list_members(path, _SNIFFED)))
    except (InputError, OSError):
        return False


def _begins_as_idx(path: Path) -> bool:
    if not is_regular(path):
        return False
    with open(path, "rb") as file:
        head = file.read(4096)
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(31).decompress(head, 4)
        except zlib.error:
            # Damaged, but by its name it was to be one: the reader will say what is wrong with it.
            return path.name.lower().endswith("-ubyte.gz")
    if len(head) < 4:
        return path.name.lower().endswith("-ubyte")
    return head[:2] == b"\0\0" and head[2] in _TYPES and 1 <= head[3] <= _MOST_DIMENSIONS


def read_idx(path: Path, options: ReadOptions) -> Dataset:
    """Read IDX images with their labels.

    Parameters
    ----------
    path : Path
        A folder or an archive with a training part and perhaps a test part, or one file of images with its labels
        beside it.
    options : ReadOptions
        `labels` counts: with "optional" the labels may be missing, then y is None.

    Returns
    -------
    Dataset
        X (N, D), uint8 or float as stored; feature_shape is the shape of one image. A class is a value that occurs
        among the training labels, and is named by its number; garments are named when the source calls itself
        Fashion-MNIST.

    Raises
    ------
    InputError
        A file is missing, truncated or not IDX, or images and labels do not agree.
    """
    title = printable(path)
    files = _find(path, title)
    images = sorted(_image_files(files))
    if not images:
        raise InputError(f"{title}: no IDX images in it (names like train-images-idx3-ubyte.gz)")
    tests = [name for name in images if _is_test(name)] if len(images) > 1 else []
    trains = [name for name in images if name not in tests]
    if len(trains) != 1 or len(tests) > 1:
        raise InputError(
            f"{title}: several files of images: {few(images, len(images))}; give one of them, or its own folder"
        )
    parts = [trains[0], *tests]
    # Unpacking is most of the work, and zlib lets other threads run meanwhile.
    with ThreadPoolExecutor(len(parts)) as team:
        read = list(team.map(lambda name: _read_part(name, files, title, options), parts))
    (X, shape, values), more = read[0], read[1:]
    fashion = "fashion" in str(path.absolute()).lower()
    known = np.unique(values) if values is not None else np.empty(0, np.int64)
    if len(known) > _MOST_CLASSES:
        raise InputError(f"{title}: {len(known):,} different labels are too many for classes")
    garments = fashion and known.size > 0 and known[0] >= 0 and known[-1] < len(GARMENTS)
    classes = tuple(GARMENTS[value] if garments else str(value) for value in known.tolist())
    test = None
    for X_test, test_shape, test_values in more:
        if test_shape != shape or X_test.dtype != X.dtype:
            raise InputError(
                f"{title}: {trains[0]} has images of {shape}, {tests[0]} of {test_shape}; they must be alike"
            )
        if (test_values is None) != (values is None):
            raise InputError(
                f"{title}: one part has labels and the other has none; put both label files beside the images"
            )
        y_test = _indices(test_values, known, f"{title}: {tests[0]}")
        test = Dataset(X_test, y_test, classes, shape, f"{title} (test)")
    return Dataset(X, _indices(values, known, title), classes, shape, title, test=test)


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _image_files(names: Iterable[str]) -> list[str]:
    found = ((name, _NAME.fullmatch(_base(name))) for name in names)
    # "images" alone is a common name; the format's own suffix, or the start of MNIST's names, makes it one of these
    # files.
    return [
        name
        for name, match in found
        if match
        and match["role"].lower() == "images"
        and (match["rest"] or match["part"])
        and not is_hidden(_base(name))
    ]


def _is_test(name: str) -> bool:
    return _base(name).lower().startswith(_TEST_WORDS)


def _find(path: Path, title: str) -> dict[str, _File]:
    """Return the IDX files of a source by name; one copy of each, the uncompressed one first."""
    if path.is_dir():
        found = [_File(child.name, child) for child in sorted(path.iterdir()) if child.is_file()]
    elif not path.exists():
        raise InputError(f"{title}: no such file or folder")
    elif archives.archive_kind(path) is not None:
        contents = archives.iter_contents(path, lambda name: _NAME.fullmatch(_base(name)) is not None)
        found = [_File(name, None, data) for name, data in contents if not is_hidden(_base(name))]
    else:
        files = {path.name: _File(path.name, path)}
        for other in _label_names(path.name):
            if is_regular(path.parent / other):
                return files | {other: _File(other, path.parent / other)}
        if not _image_files(files):
            # A file with a name of its own: taken as images without labels.
            return {"train-images": _File(path.name, path)}
        return files
    files = {}
    for file in found:
        if _NAME.fullmatch(_base(file.name)) and file.name.removesuffix(".gz") not in files:
            files[file.name] = file
    return files


def _label_names(images: str) -> list[str]:
    """Return the names under which the labels of a file of images may be found."""
    match = _NAME.fullmatch(_base(images))
    if match is None:
        return []
    part = images[: len(images) - len(_base(images))] + match["part"]
    word = "LABELS" if match["role"].isupper() else "Labels" if match["role"][0].isupper() else "labels"
    rest = (match["rest"] or "").replace("idx3", "idx1").replace("idx4", "idx1").replace("IDX3", "IDX1")
    names = [rest, *(("-" if rest[0] == "." else ".") + rest[1:] for _ in range(bool(rest))), ""]
    return [f"{part}{word}{ending}{packed}" for ending in dict.fromkeys(names) for packed in ("", ".gz")]


def _read_part(
    name: str, files: dict[str, _File], title: str, options: ReadOptions
) -> tuple[npt.NDArray[Any], tuple[int, ...], npt.NDArray[np.int64] | None]:
    """Return X (N, D), the shape of an image, and the label values (N,) of one part."""
    images = files[name]
    array = _read_array(images, _IMAGE_TYPES, "images")
    if array.ndim < 2 or 0 in array.shape:
        raise InputError(
            f"{images.title}: its shape is {array.shape}; images need at least two dimensions and none of size 0"
        )
    shape = array.shape[1:]
    X = array.reshape(len(array), -1)
    found = next((files[other] for other in _label_names(name) if other in files), None)
    if found is None:
        if options.labels == "required":
            expected = _label_names(name)
            wanted = expected[0] if expected else "train-labels-idx1-ubyte"
            raise InputError(f"{images.title}: its labels are missing; put {printable(wanted)} beside it")
        return X, shape, None
    labels = _read_array(found, _LABEL_TYPES, "labels")
    if labels.ndim != 1:
        raise InputError(f"{found.title}: its shape is {labels.shape}; labels have one dimension")
    if len(labels) != len(X):
        raise InputError(f"{found.title}: {count(len(labels), 'label')} for {count(len(X), 'image')} in {images.name}")
    return X, shape, labels.astype(np.int64)


def _indices(
    values: npt.NDArray[np.int64] | None, known: npt.NDArray[np.int64], title: str
) -> npt.NDArray[np.int64] | None:
    if values is None:
        return None
    found = np.minimum(np.searchsorted(known, values), len(known) - 1)
    unknown = np.unique(values[known[found] != values])
    if unknown.size:
        raise InputError(
            f"{title}: labels that the training part does not have: {few(unknown.tolist(), unknown.size)}; "
            "the classifier cannot know what it never saw"
        )
    return found.astype(np.int64)


def _read_array(file: _File, types: tuple[int, ...], what: str) -> npt.NDArray[Any]:
    """Read one IDX file into a new array of native byte order."""
    try:
        with file.open() as raw:
            magic = raw.read(2)
            raw.seek(0)
            source = _Gzip(raw, file.title) if magic == b"\x1f\x8b" else _Raw(raw, file.title)
            kind, shape = _read_header(source, types, what)
            dtype = np.dtype(_TYPES[kind])
            source.expect(math.prod(shape) * dtype.itemsize)
            array = np.empty(shape, dtype)
            source.fill(array.reshape(-1).view(np.uint8).data)
            source.end()
    except OSError as error:
        raise InputError(f"{file.title}: cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise InputError(f"{file.title}: its array does not fit into memory") from error
    return array if dtype.isnative else array.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _read_header(source: _Raw | _Gzip, types: tuple[int, ...], what: str) -> tuple[int, tuple[int, ...]]:
    head = source.take(4)
    zeros, kind, dimensions = head[:2], head[2], head[3]
    if zeros != b"\0\0" or kind not in _TYPES or not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise InputError(f"{source.title}: not an IDX file: it begins with {head.hex(' ')}")
    if kind not in types:
        raise InputError(
            f"{source.title}: numbers of type 0x{kind:02x} are not read as {what}; use unsigned bytes (0x08)"
        )
    sizes = source.take(4 * dimensions)
    shape = tuple(int.from_bytes(sizes[at : at + 4], "big") for at in range(0, len(sizes), 4))
    if math.prod(size or 1 for size in shape) >= 1 << 46:
        raise InputError(f"{source.title}: its header gives the impossible shape {shape}")
    return kind, shape


class _Raw:
    """An IDX file as it is."""

    def __init__(self, raw: IO[bytes], title: str) -> None:
        self.raw, self.title = raw, title
        self.size = raw.seek(0, io.SEEK_END)
        raw.seek(0)

    def take(self, size: int) -> bytes:
        data = bytearray(size)
        self.fill(memoryview(data))
        return bytes(data)

    def expect(self, size: int) -> None:
        """Check the size before room is made for it."""
        there = self.size - self.raw.tell()
        if there < size:
            raise InputError(
                f"{self.title}: truncated: {there:,} bytes of {size:,} after its header; download it again"
            )

    def fill(self, room: memoryview) -> None:
        done = 0
        while done < len(room):
            got = self.raw.readinto(room[done:])  # type: ignore[attr-defined]
            if not got:
                raise InputError(f"{self.title}: truncated: it ends too early; download it again")
            done += got

    def end(self) -> None:
        if self.raw.read(1):
            raise InputError(f"{self.title}: has more bytes than its header says; is it damaged?")


class _Gzip(_Raw):
    """An IDX file in gzip: unpacked piece by piece into the room that is given."""

    def __init__(self, raw: IO[bytes], title: str) -> None:
        super().__init__(raw, title)
        self.engine = zlib.decompressobj(31)
        self.input = b""

    def expect(self, size: int) -> None:
        # Deflate cannot shrink anything by more than 1032; a header that promises more is lying.
        if size > 1032 * self.size:
            raise InputError(f"{self.title}: truncated or damaged: its header promises {size:,} bytes")

    def _more(self, most: int) -> bytes:
        while True:
            if self.engine.eof:
                left = self.engine.unused_data.lstrip(b"\0") or self.raw.read(_PIECE).lstrip(b"\0")
                if not left:
                    return b""
                self.input, self.engine = left, zlib.decompressobj(31)
            if not self.input:
                self.input = self.raw.read(_PIECE)
                if not self.input:
                    raise InputError(f"{self.title}: truncated: its compressed data ends too early; download it again")
            try:
                data = self.engine.decompress(self.input, most)
            except zlib.error as error:
                raise InputError(f"{self.title}: damaged: its compressed data cannot be read: {error}") from error
            self.input = self.engine.unconsumed_tail
            if data:
                return data

    def fill(self, room: memoryview) -> None:
        done = 0
        while done < len(room):
            data = self._more(min(_PIECE, len(room) - done))
            if not data:
                raise InputError(f"{self.title}: truncated: it ends too early; download it again")
            room[done : done + len(data)] = data
            done += len(data)

    def end(self) -> None:
        if self._more(1):
            raise InputError(f"{self.title}: has more bytes than its header says; is it damaged?")
