"""safetensors with one JSON record inside: how models and checkpoints lie on the disk; nothing in them can run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.errors import InputError
from steepest.training.files import to_json, write_bytes

__all__ = ["check", "read_tensors", "write_tensors"]

_KEY = "steepest"
_TYPES = (np.float32, np.float64, np.float16, np.uint8, np.int64)
_PART = 2**22
_LARGEST_HEADER = 100_000_000  # as the safetensors library itself has it


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
    """Write tensors and a record whole or not at all.

    Parameters
    ----------
    path : str or path
        A file that exists is replaced.
    tensors : mapping of arrays
        By name; float16, float32, float64, uint8 or int64.
    record : mapping
        Anything that JSON holds; kept in the file's metadata.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_bytes(path, save(arrays, metadata={_KEY: to_json(record)}))


def read_tensors(
    path: str | os.PathLike[str], kind: str, version: int
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a file of `write_tensors`, trusting nothing in it.

    Parameters
    ----------
    path : str or path
        The file.
    kind : str
        What the record's `format` must be, as in "steepest.model".
    version : int
        The newest `format_version` that can be read.

    Returns
    -------
    tensors : dict of arrays
        Of these types, finite, and copies: the file may change afterwards.
    record : dict

    Raises
    ------
    InputError
        Missing, truncated, of another kind or of a newer version; numbers that are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    name = kind.rpartition(".")[2]
    try:
        content = Path(path).read_bytes()
        metadata = _metadata(content)
        found = load(content)
    except OSError as error:
        raise InputError(f"{path}: the {name} cannot be read ({error.strerror or error})") from None
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError, MemoryError) as error:
        first = (str(error).splitlines() or ["it is damaged"])[0][:120]
        raise InputError(f"{path}: not a whole safetensors file ({first}): copy it again or train again") from None
    record = _record(path, metadata, kind, version)
    for key, tensor in found.items():
        check(tensor.dtype in _TYPES, path, f"tensor {key!r} has the type {tensor.dtype}, which none here has")
        check(_is_finite(tensor), path, f"tensor {key!r} has numbers that are not finite")
    # The library's own may be read-only.
    return {key: tensor if tensor.flags.writeable else tensor.copy() for key, tensor in found.items()}, record


def _is_finite(tensor: NDArray[Any]) -> bool:
    """Say whether all numbers are, a part at a time: the tensor may be as large as the memory allows."""
    flat = tensor.reshape(-1)
    return tensor.dtype.kind != "f" or all(
        bool(np.isfinite(flat[begin : begin + _PART]).all()) for begin in range(0, len(flat), _PART)
    )


def _metadata(content: bytes) -> Any:
    """Take `__metadata__` out of the header: the library hands it out for files alone, not for bytes."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content) - 8, _LARGEST_HEADER):
        raise ValueError("it is truncated")
    header = json.loads(content[8 : 8 + length])
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header.get("__metadata__")


def _record(path: str | os.PathLike[str], metadata: Any, kind: str, version: int) -> dict[str, Any]:
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    name = kind.rpartition(".")[2]
    if not isinstance(text, str):
        text = ""
    check(text != "", path, f"not a steepest {name}: it is a safetensors file of something else")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    check(isinstance(record, dict), path, "its record is no JSON object")
    check(record.get("format") == kind, path, f"not a steepest {name}: it is {record.get('format')!r}")
    found = record.get("format_version")
    check(type(found) is int and found >= 1, path, f"its format version is {found!r}")
    if found > version:
        raise InputError(f"{path}: written in format {found}, this steepest reads up to {version}: update steepest")
    return dict(record)


def check(holds: bool, path: str | os.PathLike[str], fault: str) -> None:
    """Raise an InputError that names the file unless something holds that every whole file has."""
    if not holds:
        raise InputError(f"{path}: {fault}: copy the file again or train again")
