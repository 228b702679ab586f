"""Files that are there whole or not at all: written beside their place, flushed to the disk, then moved into it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from steepest.errors import InputError

__all__ = ["replacing", "to_json", "write_bytes", "write_json", "write_json_lines"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when the block ends well, and vanishes when it does not.

    Parameters
    ----------
    path : str or path
        A file that exists is replaced, all at once; its folder must exist.

    Yields
    ------
    binary file

    Raises
    ------
    InputError
        The file cannot be written: no such folder, no permission, the disk is full.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/note.txt") as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "note.txt").read_text()
    'whole'
    """
    # Through a link to the file itself, so that the link stays.
    final = Path(os.path.realpath(path))
    # The name cannot be guessed and must be new: in a folder that others may write, nobody can lay a link there first.
    part = final.with_name(f".{final.name}.{os.urandom(6).hex()}.part")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, final)
        _flush_folder(final.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}): {_remedy(error)}") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _flush_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut, where the system has a way to ask for that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remedy(error: OSError) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "make its folder first"
        case PermissionError():
            return "change the permissions of its folder or choose another"
        case IsADirectoryError():
            return "it is a folder, name a file"
    return "free some space or choose another place"


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all; see `replacing` for what it raises."""
    with replacing(path) as file:
        file.write(content)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write one JSON value, indented for readers; see `replacing` for what it raises."""
    write_bytes(path, (to_json(value, indent=2) + "\n").encode())


def write_json_lines(path: str | os.PathLike[str], records: Iterable[Any]) -> None:
    """Write one JSON value a line; see `replacing` for what it raises."""
    write_bytes(path, "".join(to_json(record) + "\n" for record in records).encode())


def to_json(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON that every reader takes: NaN and infinity, which JSON does not have, become null.

    The text is ASCII: names of files can hold bytes that are no UTF-8, and a terminal may take nothing else.
    """
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if abs(value) < float("inf") else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value
