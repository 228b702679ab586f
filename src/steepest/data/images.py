"""Image folders, archives of image folders, and images inside tables: decoded into one uint8 array, a row an image.

Where classes and parts are looked for is written in `layout`, how pixels are made in `pixels`, what is kept
for the next time in `cache` and `folders`. Rows are channels-last: `X[i].reshape(feature_shape)` is a picture.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.data import archives, folders, layout
from steepest.data.cache import Cache, Draft, Entry, Memory
from steepest.data.dataset import Dataset
from steepest.data.decode import bad_images_note, decode_all, refuse_bad_images, warn
from steepest.data.layout import Layout
from steepest.data.limits import memory_size
from steepest.data.names import printable
from steepest.data.options import ReadOptions
from steepest.data.pool import ImageSource
from steepest.errors import InputError

__all__ = ["decode_images", "read_image_archive", "read_image_folder"]

_WHOLE = 128 << 20


def read_image_folder(path: Path, options: ReadOptions) -> Dataset:
    """Read a folder with a sub-folder of images per class, with or without train/ and test/ above.

    Parameters
    ----------
    path : Path
    options : ReadOptions
        `image_size`, `on_bad_image`, `labels`, `threads`, `cache` and `progress` count.

    Returns
    -------
    Dataset
        X uint8 (N, D) with feature_shape (H, W, 3), or (H, W) when every image is grey; a read-only memory map. The
        test part, if there is one, is `.test`. Without class folders (allowed when `labels` is "optional") y is None.

    Raises
    ------
    InputError
        The folder cannot be read, has no images or no classes, or its images do not fit together.
    """
    title = printable(path)
    if not path.is_dir():
        raise InputError(f"{title}: no such folder")
    tree, times = folders.scan(path)
    if not any(tree.values()):
        raise InputError(
            f"{title}: no images in it ({', '.join(layout.EXTENSIONS)}); give a folder with one sub-folder per class"
        )

    def open_source(stack: ExitStack) -> tuple[Layout, ImageSource]:
        order = layout.arrange(tree, title, options)
        prefix = os.path.join(path, "")
        return order, ImageSource(title, order.names, "files", [prefix + name for name in order.names])

    return _read(title, lambda: folders.digest(path, tree, times), open_source, options)


def read_image_archive(path: Path, options: ReadOptions) -> Dataset:
    """Read an image folder out of a .tar, .tar.gz, .tar.bz2, .tar.xz or .zip file, without unpacking it to the disk.

    All else is as in `read_image_folder`.

    The key of the cache is a digest of the whole file up to 128 MB; beyond that, of its size, its time of last
    change, both ends and 1,024 places between, and a change that keeps size and time and falls between those places
    would be missed.
    """
    title = printable(path)

    def open_source(stack: ExitStack) -> tuple[Layout, ImageSource]:
        members = {member.name: member for member in archives.list_members(path)}
        order = layout.arrange(layout.tree_of(members), title, options)
        where = [members[name].where for name in order.names]
        if any(place is None for place in where):
            return order, ImageSource(title, order.names, "blobs", None, lambda: _stream(path, order.names))
        file = stack.enter_context(path.open("rb"))
        zipped = len(where[0] or ()) > 2
        return order, ImageSource(title, order.names, "zipped" if zipped else "spans", where, fd=file.fileno())

    return _read(title, lambda: _archive_digest(path), open_source, options)


def decode_images(
    blobs: Iterable[Any], names: Sequence[str], options: ReadOptions, title: str = "images"
) -> tuple[npt.NDArray[np.uint8], tuple[int, ...], npt.NDArray[np.bool_], tuple[str, ...]]:
    """Decode image files that are in memory already, for example a column of a table.

    Parameters
    ----------
    blobs : iterable of bytes or of pyarrow scalars
        One image file each; None counts as an unreadable image. It is gone through more than once.
    names : sequence of str
        A name for each, for messages.
    options : ReadOptions
    title : str
        The source, for messages.

    Returns
    -------
    X : uint8 (n_kept, D), read-only
    feature_shape : (H, W, 3) or (H, W)
    kept : bool (n,)
        Which images could be read.
    notes : tuple of str
        What was left out; each note was given as a DataWarning too.

    Raises
    ------
    InputError
        As `read_image_folder`.
    """
    if not names:
        raise InputError(f"{title}: no images in it")
    again = blobs if iter(blobs) is not blobs else list(blobs)

    def stream() -> Iterator[tuple[int, bytes]]:
        for row, blob in enumerate(again):
            value = blob.as_py() if hasattr(blob, "as_py") else blob
            yield row, bytes(value) if value is not None else b""

    source = ImageSource(title, list(names), "blobs", None, stream)
    decoded, place = decode_all(source, options, _memory(title))
    assert isinstance(place, Memory)
    X = place.finish(int(decoded.kept.sum()), int(np.prod(decoded.feature_shape)))
    notes = (bad_images_note(decoded.bad, len(names)),) if decoded.bad else ()
    for note in notes:
        warn(title, note)
    return X, decoded.feature_shape, decoded.kept, notes


def _read(
    title: str,
    digest: Callable[[], str],
    open_source: Callable[[ExitStack], tuple[Layout, ImageSource]],
    options: ReadOptions,
) -> Dataset:
    cache = Cache.from_environment() if options.cache else None
    key = _key(digest(), options) if cache is not None else ""
    entry = cache.get(key) if cache is not None else None
    if entry is None:
        with ExitStack() as stack:
            order, source = open_source(stack)
            entry = _decode(order, source, options, cache, key)
    return _dataset(title, entry, options)


def _key(content: str, options: ReadOptions) -> str:
    import PIL

    # What else decides the rows: the rules (the number goes up when they change), the decoder, and what was asked for.
    words = ("images 1", content, PIL.__version__, options.image_size, options.labels)
    return hashlib.sha256(repr(words).encode()).hexdigest()


def _decode(order: Layout, source: ImageSource, options: ReadOptions, cache: Cache | None, key: str) -> Entry:
    in_memory = _memory(source.title)

    def open_place(size: int) -> Draft | Memory:
        return (cache.reserve(key, size) if cache is not None else None) or in_memory(size)

    decoded, place = decode_all(source, options, open_place)
    kept = decoded.kept
    labels = np.asarray(order.labels, dtype=np.int64)[kept]
    names = [name if name.isprintable() else printable(name) for name in order.names]
    facts = {
        "classes": list(order.classes),
        "feature_shape": list(decoded.feature_shape),
        "n_train": int(kept[: order.n_train].sum()),
        "has_test": order.n_train < len(kept),
        "n_images": len(kept),
        "names": [name for name, keep in zip(names, kept.tolist(), strict=True) if keep],
        "bad": [[printable(name), why] for name, why in decoded.bad],
        "notes": list(order.notes),
    }
    width = int(np.prod(decoded.feature_shape))
    if isinstance(place, Draft):
        return place.publish(labels, facts, width)
    assert isinstance(place, Memory)
    return Entry(place.finish(len(labels), width), labels, facts)


def _dataset(title: str, entry: Entry, options: ReadOptions) -> Dataset:
    facts, X, y = entry.facts, entry.rows, entry.labels
    bad = [(name, why) for name, why in facts["bad"]]
    if bad and options.on_bad_image == "fail":
        refuse_bad_images(title, bad)
    n = facts["n_train"]
    for part, number in (("training", n), *((("test", len(X) - n),) if facts["has_test"] else ())):
        if number == 0:
            raise InputError(f"{title}: no image of its {part} part can be read: {bad[0][0]} ({bad[0][1]})")
    notes = tuple(facts["notes"]) + ((bad_images_note(bad, facts["n_images"]),) if bad else ())
    for note in notes:
        warn(title, note)
    classes, shape, names = tuple(facts["classes"]), tuple(facts["feature_shape"]), facts["names"]
    test = None
    if facts["has_test"]:
        test = Dataset(X[n:], y[n:] if classes else None, classes, shape, f"{title} (test)", ids=names[n:])
    return Dataset(X[:n], y[:n] if classes else None, classes, shape, title, test=test, ids=names[:n], notes=notes)


def _stream(path: Path, names: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    rows = {name: row for row, name in enumerate(names)}
    yield from ((rows[name], blob) for name, blob in archives.iter_contents(path, rows.__contains__))


def _archive_digest(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _WHOLE:
                return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
            key = hashlib.sha256(f"{size} {os.fstat(file.fileno()).st_mtime_ns}".encode())
            for start in np.linspace(0, size - (1 << 16), 1026).astype(int).tolist():
                key.update(os.pread(file.fileno(), 1 << 16, start))
            return key.hexdigest()
    except OSError as error:
        raise InputError(f"{printable(path)}: cannot be read: {error.strerror or error}") from error


def _memory(title: str) -> Callable[[int], Memory]:
    def open_memory(size: int) -> Memory:
        there = memory_size()
        if size > there:
            raise InputError(
                f"{title}: its decoded images take {size:,} bytes, more than the memory ({there:,}); "
                "give a smaller --image-size, or allow the cache more with STEEPEST_CACHE_SIZE"
            )
        return Memory(size)

    return open_memory
