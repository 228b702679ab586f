"""What a path holds, told from its first bytes and its entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steepest.data.dataset import Dataset
from steepest.data.options import ReadOptions
from steepest.errors import InputError

__all__ = ["read_path"]


def read_path(path: Path, y: Any, options: ReadOptions) -> Dataset:
    """Read the data set at a path (placeholder: the readers of files follow)."""
    from steepest.data.images import read_image_archive, read_image_folder

    if y is not None:
        raise InputError(f"{path} has labels of its own: leave y out")
    return read_image_folder(path, options) if path.is_dir() else read_image_archive(path, options)
