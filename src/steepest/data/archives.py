"""What is inside .tar, .tar.gz, .tar.bz2, .tar.xz and .zip files, told by content and never unpacked to the disk.

Archives come from strangers, so: an absolute path, a step upwards or a link refuses the whole archive; a compressed
tar may grow to 256 MB and a hundred times its own size, no further; so may a zip, whose members must also keep to the
sizes they declare.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from steepest.data.fetching import fetch_zipped
from steepest.data.folders import is_regular
from steepest.data.names import printable
from steepest.data.tarfiles import cut_off, looks_like_tar, safe_name, tar_members
from steepest.errors import InputError

__all__ = ["Member", "archive_kind", "iter_contents", "iter_members", "list_members"]

MAX_MEMBER = 1 << 30
_FREE_GROWTH = 256 << 20
_GROWTH = 100
_PIECE = 1 << 18
_XZ_MEMORY = 256 << 20


class Member(NamedTuple):
    """A file in an archive: path, unpacked size, and where it is (None in a compressed tar: it is read in order)."""

    name: str
    size: int
    where: tuple[Any, ...] | None


def archive_kind(path: Path) -> str | None:
    """Return "tar", "tar.gz", "tar.bz2", "tar.xz" or "zip" by a file's content; None when it is none of them.

    Raises
    ------
    InputError
        The file cannot be opened.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(f"{printable(path)}: cannot be opened: {error.strerror or error}") from error
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if looks_like_tar(head):
        return "tar"
    packing = _packing(head)
    if packing is None:
        return None
    try:
        inside = _first_bytes(path, packing)
    except (InputError, OSError):
        return None
    return f"tar.{packing}" if looks_like_tar(inside) else None


def _first_bytes(path: Path, packing: str) -> bytes:
    with open(path, "rb") as file:
        return _Unpacked(file, packing, printable(path)).read(512)


def _certain_kind(path: Path, title: str) -> str:
    kind = archive_kind(path)
    if kind is None:
        with _open(path, title) as file:
            packing = _packing(file.read(16)) if is_regular(path) else None
        if packing is not None:
            _first_bytes(path, packing)  # damaged from the start: say so
        raise InputError(f"{title}: not an archive that is read here (.tar, .tar.gz, .tar.bz2, .tar.xz, .zip)")
    return kind


def list_members(path: Path, limit: int | None = None) -> list[Member]:
    """Return the files of an archive, in the order they are stored; the first `limit` of them only, if given.

    A tar that was added to may hold a name twice; the later one counts, as in tar itself, and takes the place of the
    earlier one.

    Raises
    ------
    InputError
        Not an archive, damaged, cut off, or refused (see the module's text).
    """
    found: dict[str, Member] = {}
    for member in iter_members(path):
        found[member.name] = member
        if limit is not None and len(found) >= limit:
            break
    return list(found.values())


def iter_members(path: Path) -> Iterator[Member]:
    """Go through the files of an archive without reading what is in them."""
    title = printable(path)
    kind = _certain_kind(path, title)
    if kind == "zip":
        yield from _zip_members(path, title)
        return
    with _open(path, title) as file:
        if kind == "tar":
            for name, offset, size in tar_members(file, title):
                yield Member(name, size, (offset, size))
        else:
            stream = _Unpacked(file, kind[4:], title)
            for name, _, size in tar_members(stream, title):
                yield Member(name, size, None)
            stream.finish()


def iter_contents(path: Path, wanted: Callable[[str], bool], most: int = MAX_MEMBER) -> Iterator[tuple[str, bytes]]:
    """Go through the files whose names are wanted, with their content, in the order they are stored.

    Raises
    ------
    InputError
        As `list_members`; or a wanted file is larger than `most` bytes.
    """
    title = printable(path)
    kind = _certain_kind(path, title)
    with _open(path, title) as file:
        if kind == "zip":
            for member in _zip_members(path, title):
                if wanted(member.name):
                    _check_member(member.name, member.size, most, title)
                    assert member.where is not None
                    try:
                        yield member.name, fetch_zipped(file.fileno(), *member.where)
                    except (ValueError, OSError, zlib.error) as error:
                        raise InputError(
                            f"{title}: the member {printable(member.name)} cannot be read: {error}"
                        ) from error
            return
        stream = file if kind == "tar" else _Unpacked(file, kind[4:], title)
        for name, _, size in tar_members(stream, title):
            if wanted(name):
                _check_member(name, size, most, title)
                content = stream.read(size)
                if len(content) < size:
                    raise cut_off(title)
                yield name, content
        if kind != "tar":
            stream.finish()


def _check_member(name: str, size: int, most: int, title: str) -> None:
    if size > most:
        raise InputError(f"{title}: the member {printable(name)} has {size:,} bytes, more than the {most:,} allowed")


def _open(path: Path, title: str) -> Any:
    try:
        return open(path, "rb")
    except OSError as error:
        raise InputError(f"{title}: cannot be opened: {error.strerror or error}") from error


def _packing(head: bytes) -> str | None:
    for magic, packing in ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz")):
        if head.startswith(magic):
            return packing
    return None


class _Unpacked:
    """A compressed tar, unpacked piece by piece and never beyond its bound."""

    def __init__(self, file: Any, packing: str, title: str) -> None:
        self.file, self.packing, self.title, self.position = file, packing, title, 0
        self.most = _FREE_GROWTH + _GROWTH * os.fstat(file.fileno()).st_size
        self.engine: Any = self._new_engine()
        self.input = b""
        self.buffer = bytearray()

    def _new_engine(self) -> Any:
        if self.packing == "gz":
            return zlib.decompressobj(31)
        if self.packing == "bz2":
            import bz2

            return bz2.BZ2Decompressor()
        import lzma

        return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def _more(self) -> bytes:
        """Return the next bytes; none at the end."""
        while True:
            if self.engine.eof:
                # Several streams in a row are one file; zeros after the last are padding.
                left = self.engine.unused_data or self.input
                self.input = left or self.file.read(_PIECE)
                if not self.input.strip(b"\0"):
                    return b""
                self.engine = self._new_engine()
            needs = not self.input if self.packing == "gz" else self.engine.needs_input
            if needs and not self.input:
                self.input = self.file.read(_PIECE)
                if not self.input:
                    raise cut_off(self.title)
            try:
                data: bytes = self.engine.decompress(self.input, _PIECE)
            except Exception as error:
                raise InputError(f"{self.title}: damaged: its compressed data cannot be read: {error}") from error
            self.input = self.engine.unconsumed_tail if self.packing == "gz" else b""
            if data:
                return data

    def read(self, size: int) -> bytes:
        while len(self.buffer) < size and (data := self._more()):
            self.buffer += data
            if self.position + len(self.buffer) > self.most:
                raise InputError(
                    f"{self.title}: unpacks to more than {self.most:,} bytes, {_GROWTH} times its size; "
                    "unpack it yourself if that is right"
                )
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        self.position += len(data)
        return data

    def tell(self) -> int:
        return self.position

    def seek(self, to: int) -> int:
        while self.position < to:
            if not self.read(min(to - self.position, _PIECE)):
                raise cut_off(self.title)
        return self.position

    def finish(self) -> None:
        """Read what follows the last member, so that the checksum at the end is seen."""
        while self.read(_PIECE):
            pass


def _zip_members(path: Path, title: str) -> Iterator[Member]:
    import zipfile

    try:
        with zipfile.ZipFile(path) as file:
            infos = file.infolist()
        packed = path.stat().st_size
    except Exception as error:
        # The module raises a dozen kinds of errors on damaged files.
        raise InputError(f"{title}: damaged or truncated: {error}; download or pack it again") from error
    if sum(info.compress_size for info in infos) > packed:
        raise InputError(f"{title}: its members overlap; such an archive is refused")
    if sum(info.file_size for info in infos) > _FREE_GROWTH + _GROWTH * packed:
        raise InputError(
            f"{title}: would unpack to more than {_GROWTH} times its size; unpack it yourself if that is right"
        )
    for info in infos:
        raw = info.filename.replace("\\", "/")
        name = safe_name(raw, title)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InputError(f"{title}: the member {printable(name)} is a link or a device; such an archive is refused")
        if raw.endswith("/"):
            continue
        if info.flag_bits & 1:
            raise InputError(f"{title}: the member {printable(name)} is encrypted; pack the folder without a password")
        where = (info.header_offset, info.compress_size, info.file_size, info.compress_type, info.CRC)
        yield Member(name, info.file_size, where)
