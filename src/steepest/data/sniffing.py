"""What a path holds, told from its first bytes and its entries."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from steepest.data.dataset import Dataset
from steepest.data.options import ReadOptions
from steepest.errors import InputError

__all__ = ["read_path"]

_HEAD = 4096
_READABLE = "an image folder, .tar, .zip, CIFAR, IDX, .npy, .npz, CSV, TSV, Parquet, Feather or Arrow"
# What people try that is not read here, with the way out.
_FOREIGN = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "save the arrays with np.savez(file, X=X, y=y)"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV or Parquet"),
    (b"%PDF", "a PDF document", ""),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "save the sheet as CSV"),
    (b"MATLAB 5.0", "a MATLAB file", "load it with scipy.io.loadmat and pass the arrays"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it and give the folder"),
    (b"Rar!", "a RAR archive", "unpack it and give the folder"),
)
_PACKED = ((b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")


def read_path(path: Path, y: Any, options: ReadOptions) -> Dataset:
    """Read the data set at a path, whatever its kind.

    Parameters
    ----------
    path : Path
        An existing file or folder.
    y : array, path or None
        Labels; for .npy alone.
    options : ReadOptions
        Handed to the reader.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        An unknown kind of file, or what the reader found wrong.
    """
    if path.is_dir():
        _no_labels(path, y)
        return _read_folder(path, options)
    if not path.is_file():
        raise InputError(f"{path}: neither a file nor a folder")
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise InputError(f"{path}: the file is empty")
    if head.startswith(b"\x93NUMPY"):
        from steepest.data.npy import read_npy

        return read_npy(path, y, options)
    _no_labels(path, y)
    return _read_file(path, head, options)


def _no_labels(path: Path, y: Any) -> None:
    if y is not None:
        raise InputError(f"{path}: y= goes with an .npy file only; for a table name the label column with target=")


def _read_folder(path: Path, options: ReadOptions) -> Dataset:
    from steepest.data.npy import read_npy_folder
    from steepest.data.table_files import read_table_folder

    tables = read_table_folder(path, options)
    if tables is not None:
        return tables
    arrays = read_npy_folder(path, options)
    if arrays is not None:
        return arrays
    from steepest.data.cifar import is_cifar, read_cifar
    from steepest.data.idx import is_idx, read_idx
    from steepest.data.images import read_image_folder

    if is_cifar(path):
        return read_cifar(path, options)
    if is_idx(path):
        return read_idx(path, options)
    return read_image_folder(path, options)


def _read_file(path: Path, head: bytes, options: ReadOptions) -> Dataset:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        kind = _zip_kind(path)
        if kind == "npz":
            from steepest.data.npy import read_npz

            return read_npz(path, options)
        if kind == "xlsx":
            raise InputError(f"{path}: an Excel workbook is not read: save the sheet as CSV")
    for magic, what, way_out in _FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{path}: {what} is not read here{': ' + way_out if way_out else ''}")
    inner = _gunzip_head(path) if head.startswith(b"\x1f\x8b") else head
    if head.startswith((b"PAR1", b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")) or _is_text(inner):
        from steepest.data.table_files import read_table_file

        return read_table_file(path, options)
    from steepest.data.archives import archive_kind
    from steepest.data.cifar import is_cifar, read_cifar
    from steepest.data.idx import is_idx, read_idx

    if is_cifar(path):
        return read_cifar(path, options)
    if is_idx(path):
        return read_idx(path, options)
    if archive_kind(path) is not None:
        from steepest.data.images import read_image_archive

        return read_image_archive(path, options)
    for magic, what in _PACKED:
        if head.startswith(magic):
            raise InputError(f"{path}: a file packed with {what}, and no tar archive: unpack it first")
    if inner.startswith(_IMAGES):
        return _one_image(path, options)
    if _is_pickle(inner):
        raise InputError(
            f"{path}: a pickle can run code and is not read: save the arrays with np.savez(file, X=X, y=y)"
        )
    raise InputError(f"{path}: the content is of no kind that is read here: give {_READABLE}")


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        # A damaged archive: the name is all that is left to tell what it was to be.
        return "npz" if path.suffix == ".npz" else "zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "xlsx" if "[Content_Types].xml" in names else "zip"


def _gunzip_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(_HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged or truncated gzip ({error}): fetch the file again") from None


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    # Control characters other than tab, line feed, form feed and carriage return do not occur in text.
    return not head.translate(None, bytes(range(32, 256)) + b"\t\n\f\r")


def _is_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05"


def _one_image(path: Path, options: ReadOptions) -> Dataset:
    if options.labels == "required":
        raise InputError(f"{path}: one image is no data set: give a folder with a sub-folder of images for each class")
    from steepest.data.images import decode_images

    X, shape, _, notes = decode_images([path.read_bytes()], [path.name], replace(options, on_bad_image="fail"))
    return Dataset(X, None, (), shape, source=str(path), ids=(path.name,), notes=tuple(notes))
