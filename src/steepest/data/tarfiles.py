"""The files inside a tar, in the order they are stored: `tarfile` reads the headers, nothing is ever written.

Only files and folders may be inside: a link, a device, a pipe, an absolute path or a step upwards refuses the whole
archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from steepest.data.names import printable
from steepest.errors import InputError

if TYPE_CHECKING:
    import tarfile

__all__ = ["Stream", "TarMember", "cut_off", "looks_like_tar", "safe_name", "tar_members"]

_BLOCK = 512
_MOST_EXTRA = 1 << 15
_MOST_RECORDS = 256
_REFUSED = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a pipe",
    b"M": "a part of a multi-volume archive",
}


class TarMember(NamedTuple):
    """A file in a tar: its name, where its bytes begin, how many there are."""

    name: str
    offset: int
    size: int


class Stream(Protocol):
    """What is read: an open file, or one that is unpacked on the way and goes forward only."""

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes; fewer only at the end."""

    def seek(self, to: int, /) -> int:
        """Go forward to byte `to`."""

    def tell(self) -> int:
        """Return how many bytes were passed."""


class _Headers:
    """The stream as `tarfile` sees it, which takes what a header says of a name's length at its word."""

    def __init__(self, stream: Stream, title: str) -> None:
        self.stream, self.title = stream, title
        self.seek, self.tell = stream.seek, stream.tell
        self.left, self.last, self.short = _MOST_EXTRA, b"", False

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise InputError(f"{self.title}: damaged: the name of a member takes {size:,} bytes")
        self.last = self.stream.read(size)
        self.left -= size
        self.short = len(self.last) < size
        return self.last


def looks_like_tar(head: bytes) -> bool:
    """Whether 512 bytes are a tar header."""
    if not head[148:156].strip(b" \0").isdigit():  # where the checksum would be; most files need no closer look
        return False
    import tarfile

    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def safe_name(name: str, title: str) -> str:
    """Return a member's name without empty and `.` steps.

    Raises
    ------
    InputError
        The name is absolute or steps upwards: the archive is refused.
    """
    plain = "//" not in name and "./" not in name and "\0" not in name and ":" not in name
    if plain and not name.startswith("/") and not name.endswith(("/.", "/..", "/")) and name not in (".", ".."):
        return name
    steps = [step for step in name.split("/") if step not in ("", ".")]
    drive = len(name) > 1 and name[1] == ":" and name[0].isalpha()
    if name.startswith("/") or drive or ".." in steps or "\0" in name:
        what = "a step upwards (..)" if ".." in steps else "an absolute path" if "\0" not in name else "a zero byte"
        raise InputError(
            f"{title}: the member {printable(name)} has {what}; such an archive is refused, pack the folder again"
        )
    return "/".join(steps)


def tar_members(stream: Stream, title: str) -> Iterator[TarMember]:
    """Go through the files of a tar.

    After each one the stream stands at the file's first byte, and the caller may read up to `size` bytes.

    Raises
    ------
    InputError
        The tar is damaged or cut off, or holds what is refused.
    """
    import tarfile

    tar: Any
    headers: Any = _Headers(stream, title)
    try:
        with tarfile.TarFile(fileobj=headers, encoding="utf-8", errors="surrogateescape") as tar:
            while (info := tar.next()) is not None:
                if max(len(tar.pax_headers), len(info.pax_headers)) > _MOST_RECORDS:
                    raise InputError(f"{title}: damaged: a header has more than {_MOST_RECORDS} records")
                if (member := _member(info, title)) is not None:
                    yield member
                tar.members.clear()  # or it keeps them all
                headers.left = _MOST_EXTRA
    except InputError:
        raise
    except Exception as error:
        # On damaged headers the module raises a dozen kinds of errors.
        raise cut_off(title) if headers.short else InputError(f"{title}: damaged: {printable(str(error))}") from error
    # It stops quietly at anything that is no header. A tar cut between two members lacks the empty block at its end.
    if headers.short:
        raise cut_off(title)
    if headers.last.strip(b"\0"):
        raise InputError(f"{title}: damaged: there should be a member's header at byte {stream.tell() - _BLOCK:,}")


def _member(info: tarfile.TarInfo, title: str) -> TarMember | None:
    what = "a sparse file" if info.issparse() else _REFUSED.get(info.type)
    if what is not None:
        raise InputError(
            f"{title}: the member {printable(info.name)} is {what}; such an archive is refused, "
            "pack files and folders only"
        )
    if info.size < 0:
        raise InputError(f"{title}: damaged: the member {printable(info.name)} has no valid size")
    name = safe_name(info.name, title)
    return None if info.isdir() or info.name.endswith("/") else TarMember(name, info.offset_data, info.size)


def cut_off(title: str) -> InputError:
    """Return the error for an archive that ends too early."""
    return InputError(f"{title}: truncated: the archive ends too early; download or pack it again")
