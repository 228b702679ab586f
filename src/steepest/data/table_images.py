"""A column of encoded images, as Hugging Face's `datasets` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest.data.columns import Column
from steepest.data.dataset import Dataset
from steepest.data.options import ReadOptions
from steepest.errors import InputError

if TYPE_CHECKING:
    from steepest.data.tables import Origin

__all__ = ["read_image_column"]


def read_image_column(
    column: Column,
    labels: npt.NDArray[np.int64] | None,
    classes: tuple[str, ...],
    options: ReadOptions,
    origin: Origin,
    notes: tuple[str, ...],
) -> Dataset:
    """Decode a column of image bytes, or of structs {bytes, path}.

    Parameters
    ----------
    column : Column
        Of kind "image".
    labels, classes
        The table's labels, one a row.
    options : ReadOptions
        What `images.decode_images` uses.
    origin : Origin
        For messages.
    notes : tuple of str
        Handed on.

    Returns
    -------
    Dataset
        X uint8; rows with images that cannot be read are left out and named in `notes`.

    Raises
    ------
    InputError
        A row without bytes, or what `decode_images` finds wrong.
    """
    from steepest.data.images import decode_images

    blobs: list[bytes] = []
    names: list[str] = []
    for chunk in column.data.chunks:
        for value in chunk.to_pylist():
            row = len(blobs)
            blob: Any = value.get("bytes") if isinstance(value, dict) else value
            path: Any = value.get("path") if isinstance(value, dict) else None
            if not isinstance(blob, bytes) and isinstance(path, str):
                raise InputError(
                    f"{origin.source}: {origin.row(row)}, column {column.name!r} names the file {path!r} instead "
                    "of holding its bytes: load the folder with the images"
                )
            # Without bytes it is an image that cannot be read, and on_bad_image says what becomes of it.
            blobs.append(blob if isinstance(blob, bytes) else b"")
            names.append(path if isinstance(path, str) and path else f"row {row}")
    X, shape, kept, more = decode_images(blobs, names, options)
    return Dataset(
        X,
        None if labels is None else labels[kept],
        classes,
        shape,
        source=origin.source,
        ids=tuple(name for name, keep in zip(names, kept, strict=True) if keep),
        notes=(*notes, *more),
    )
