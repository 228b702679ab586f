"""NumPy's files: .npy read in place, .npz read once into memory; never a pickle."""

from __future__ import annotations

import os
import re
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from steepest.data.arrays import from_arrays, from_mapping
from steepest.data.dataset import Dataset
from steepest.data.limits import require_memory, require_plausible_ratio
from steepest.data.options import ReadOptions
from steepest.errors import InputError

__all__ = ["NPY_MAGIC", "map_npy", "read_npy", "read_npy_folder", "read_npz"]

NPY_MAGIC = b"\x93NUMPY"
_CHUNK = 1 << 20
# A label file lies beside its features under the same name, with one word changed.
_PAIRS = (("x", "y"), ("images", "labels"), ("data", "labels"), ("features", "labels"), ("embeddings", "labels"))


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    length: int

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


def _header(file: IO[bytes], name: str) -> _Header:
    """Read an .npy header; everything in it may be hostile."""
    try:
        # A header written by Python 2 earns a warning that is of no use to the reader of a data set.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                length, fields = 10, np.lib.format.read_array_header_1_0(file)
            elif version == (2, 0):
                length, fields = 12, np.lib.format.read_array_header_2_0(file)
            else:
                raise InputError(
                    f"{name}: .npy version {version[0]}.{version[1]} is for structured arrays: not supported"
                )
    except InputError:
        raise
    except (ValueError, TypeError, SyntaxError, EOFError, OverflowError, RecursionError, MemoryError) as error:
        raise InputError(f"{name}: not a complete .npy file ({_first_line(error)})") from None
    except (tokenize.TokenError, KeyError, struct.error, AttributeError, IndexError) as error:
        raise InputError(f"{name}: the .npy header is broken ({_first_line(error)})") from None
    shape, fortran, dtype = fields
    if dtype.hasobject:
        raise InputError(
            f"{name}: holds Python objects, which only a pickle could read, and a pickle can run code: "
            "save it as an array of numbers or text, e.g. np.save(file, array.astype(str))"
        )
    if any(k < 0 for k in shape):
        raise InputError(f"{name}: the header has a negative size {shape}")
    return _Header(tuple(int(k) for k in shape), bool(fortran), dtype, length)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def map_npy(path: Path) -> npt.NDArray[Any]:
    """Open an .npy file as a read-only memory map: no byte is read before it is used.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    array
        np.memmap with mode "r" (an ordinary array if it has no elements).

    Raises
    ------
    InputError
        A truncated or broken file, or one with Python objects.
    """
    with open(path, "rb") as file:
        header = _header(file, str(path))
        offset, size = file.tell(), os.fstat(file.fileno()).st_size
        if size - offset < header.nbytes:
            raise InputError(
                f"{path}: truncated: {header.nbytes:,} bytes of numbers are announced, {size - offset:,} are there"
            )
        order: Any = "F" if header.fortran else "C"
        if header.nbytes == 0:
            return np.empty(header.shape, header.dtype, order)
        return np.memmap(file, header.dtype, "r", offset, header.shape, order)


class _Npz(Mapping[str, Any]):
    """The arrays of an .npz file, each read when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, key: str) -> npt.NDArray[Any]:
        info = self._members[key]
        name = f"{self._path}, array {key!r}"
        try:
            with self._archive.open(info) as file:
                return self._read(file, info, name)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error, ValueError, OSError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{name}: damaged or truncated ({_first_line(error)}): fetch or save the file again"
            ) from None

    def _read(self, file: IO[bytes], info: zipfile.ZipInfo, name: str) -> npt.NDArray[Any]:
        header = _header(file, name)
        if file.tell() + header.nbytes != info.file_size:
            raise InputError(
                f"{name}: the header announces {header.nbytes:,} bytes of numbers, the archive "
                f"{info.file_size - file.tell():,}: the file is damaged"
            )
        require_plausible_ratio(info.compress_size, header.nbytes, name)
        require_memory(header.nbytes, name)
        array = np.empty(prod(header.shape), header.dtype)
        if header.nbytes:
            into, done = array.view(np.uint8), 0
            while done < header.nbytes:
                piece = file.read(min(_CHUNK, header.nbytes - done))
                if not piece:
                    raise InputError(f"{name}: truncated after {done:,} of {header.nbytes:,} bytes")
                into[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
                done += len(piece)
        # The checksum is compared when the end is reached.
        file.read(1)
        return array.reshape(header.shape, order="F" if header.fortran else "C")


def read_npz(path: Path, options: ReadOptions) -> Dataset:
    """Read a data set from an .npz file: X and y under their usual names, see `arrays.from_mapping`.

    Parameters
    ----------
    path : Path
        The file; `x_test` and `y_test` in it become the test part, as in Keras' mnist.npz.
    options : ReadOptions
        `target` names the entry with the labels.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        A damaged or truncated file, Python objects, no entry for X or y, a decompression bomb.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, struct.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{path}: damaged or truncated ({_first_line(error)}): fetch or save the file again") from None
    with archive:
        arrays = _Npz(archive, path)
        if {"indptr", "indices", "data"} <= set(arrays):
            raise InputError(f"{path}: holds a sparse matrix: load it with scipy.sparse.load_npz and pass X.toarray()")
        return from_mapping(arrays, options, source=str(path))


def read_npy(path: Path, y: Any, options: ReadOptions) -> Dataset:
    """Read features from an .npy file; the labels from `y`, or from the file beside it (X.npy and y.npy).

    Parameters
    ----------
    path : Path
        The features, read in place.
    y : array (N,), path, or None
        Labels, or the .npy file that has them.
    options : ReadOptions
        `labels` says whether they may be missing.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        See `map_npy` and `arrays.from_arrays`.
    """
    X = map_npy(path)
    notes: tuple[str, ...] = ()
    if y is None:
        beside = _label_file(path)
        if beside is not None:
            y, notes = map_npy(beside), (f"the labels are {beside.name}, beside it",)
        elif options.labels == "required":
            raise InputError(
                f"{path}: has no labels: put them beside it (X.npy and y.npy), give y=, or save both in one .npz with "
                "np.savez(file, X=X, y=y)"
            )
    elif isinstance(y, str | os.PathLike):
        labels = Path(y).expanduser()
        if not labels.exists():
            raise InputError(f"{labels}: no such file for the labels")
        y = map_npy(labels)
    ds = from_arrays(X, y, options, source=str(path))
    return Dataset(ds.X, ds.y, ds.classes, ds.feature_shape, source=ds.source, notes=notes)


def _label_file(path: Path) -> Path | None:
    for features, labels in _PAIRS:
        stem, count = re.subn(rf"(?<![a-z0-9]){features}(?![a-z0-9])", labels, path.stem, count=1, flags=re.IGNORECASE)
        # "X_train" goes with "y_train", and with "Y_train" where somebody wrote that.
        for name in (stem, stem.replace("y", "Y", 1)):
            candidate = path.with_name(name + path.suffix)
            if count and candidate != path and candidate.is_file():
                return candidate
    return None


def read_npy_folder(path: Path, options: ReadOptions) -> Dataset | None:
    """Read a folder with X.npy, y.npy and perhaps X_test.npy, y_test.npy; None when it is not such a folder."""
    files = {entry.stem: entry for entry in sorted(path.iterdir()) if entry.suffix == ".npy" and entry.is_file()}
    if not files:
        return None

    class Folder(Mapping[str, Any]):
        def __iter__(self) -> Iterator[str]:
            return iter(files)

        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, key: str) -> npt.NDArray[Any]:
            return map_npy(files[key])

    return from_mapping(Folder(), options, source=str(path))
