"""Where the bytes of an image file come from: a file, a span of a tar, a member of a zip, or memory."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable
from typing import Any

from steepest.data.pixels import MAX_BYTES

__all__ = ["fetch_file", "fetch_span", "fetch_zipped", "fetcher"]


def fetch_file(path: str) -> bytes:
    """Read a whole file; devices and pipes are refused (opening without blocking, so a pipe cannot hang the reader)."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("not a regular file")
        if found.st_size > MAX_BYTES:
            raise ValueError(f"the file is larger than the {MAX_BYTES:,} bytes allowed")
        blob = os.read(fd, found.st_size)
        while len(blob) < found.st_size and (more := os.read(fd, found.st_size - len(blob))):
            blob += more
        return blob
    finally:
        os.close(fd)


def fetch_span(fd: int, offset: int, size: int) -> bytes:
    """Read `size` bytes at `offset` of an open file."""
    if size > MAX_BYTES:
        raise ValueError(f"the file is larger than the {MAX_BYTES:,} bytes allowed")
    blob = os.pread(fd, size, offset)
    while len(blob) < size and (more := os.pread(fd, size - len(blob), offset + len(blob))):
        blob += more
    if len(blob) < size:
        raise ValueError("the archive ends before this file does")
    return blob


def fetch_zipped(fd: int, offset: int, packed: int, size: int, method: int, crc: int) -> bytes:
    """Read a member of a zip file: stored or deflated, never more than its declared size, checked by its CRC."""
    head = fetch_span(fd, offset, 30)
    if head[:4] != b"PK\x03\x04":
        raise ValueError("the archive's entry is damaged")
    start = offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    blob = fetch_span(fd, start, packed)
    if method == 8:
        if size > MAX_BYTES:
            raise ValueError(f"the file is larger than the {MAX_BYTES:,} bytes allowed")
        blob = zlib.decompressobj(-15).decompress(blob, size + 1)
    elif method != 0:
        raise ValueError(f"zip compression method {method} is not read here; store or deflate it")
    if len(blob) != size or zlib.crc32(blob) != crc:
        raise ValueError("the file does not match the size and checksum that the archive declares")
    return blob


def fetcher(kind: str, fd: int) -> Callable[[Any], bytes]:
    """Return the function that turns an item of this kind into the bytes of an image file."""
    if kind == "files":
        return fetch_file
    if kind == "spans":
        return lambda item: fetch_span(fd, *item)
    if kind == "zipped":
        return lambda item: fetch_zipped(fd, *item)
    return lambda item: item
