"""Reading tar files, from a file or from a decompressing stream, one header after the other, never writing anything.

POSIX ustar and pax and the GNU extensions for long names and large sizes, as their published formats describe them.
Only files and folders may be inside: a link, a device, a pipe, an absolute path or a step upwards refuses the whole
archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from steepest.data.names import printable
from steepest.errors import InputError

__all__ = ["TarMember", "cut_off", "looks_like_tar", "safe_name", "tar_members"]

_BLOCK = 512
_NOTHING = bytes(_BLOCK)
_HEADERS = (b"x", b"g", b"L", b"K", b"X")
_MOST_EXTRA = 1 << 20
_REFUSED = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"M": "a part of a multi-volume archive",
}


class TarMember(NamedTuple):
    """A file in a tar: its name, where its bytes begin, how many there are."""

    name: str
    offset: int
    size: int


class Stream(Protocol):
    """What is read: bytes in order, a way past some of them, and how many were passed so far."""

    position: int

    def read(self, size: int) -> bytes:
        """Return `size` bytes; fewer only at the end."""

    def skip(self, size: int) -> None:
        """Go forward; raise InputError when the end comes first."""


def looks_like_tar(head: bytes) -> bool:
    """Whether 512 bytes are a tar header."""
    return len(head) >= _BLOCK and head[:_BLOCK].strip(b"\0") != b"" and _checksum_holds(head[:_BLOCK])


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

    After each one the caller may read up to `size` bytes of it from the stream.

    Raises
    ------
    InputError
        The tar is damaged or cut off, or holds what is refused.
    """
    extra: dict[str, bytes] = {}
    common: dict[str, bytes] = {}
    while True:
        head = stream.read(_BLOCK)
        if head == _NOTHING:
            return
        if len(head) < _BLOCK:
            # A tar that was cut between two members looks whole but for the empty block at its end.
            raise cut_off(title)
        if not _checksum_holds(head):
            raise InputError(
                f"{title}: damaged: there should be a member's header at byte {stream.position - _BLOCK:,}"
            )
        kind = head[156:157]
        size = _number(head[124:136], title)
        if kind in _HEADERS:
            if size > _MOST_EXTRA:
                raise InputError(f"{title}: damaged: the name of a member takes {size:,} bytes")
            body = stream.read(size)
            stream.skip(-size % _BLOCK)
            if len(body) < size:
                raise cut_off(title)
            if kind == b"L":
                extra["path"] = body.rstrip(b"\0")
            elif kind != b"K":
                (common if kind == b"g" else extra).update(_pax(body, title))
            continue
        name = head[:100].partition(b"\0")[0].decode("utf-8", "surrogateescape")
        if head[257:263] == b"ustar\0" and head[345]:
            name = head[345:500].partition(b"\0")[0].decode("utf-8", "surrogateescape") + "/" + name
        sparse = kind == b"S"
        if extra or common:
            known, extra = common | extra, {}
            sparse = sparse or any(word.startswith("GNU.sparse") for word in known)
            name = known.get("path", name.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
            if "size" in known:
                size = int(known["size"]) if known["size"].isdigit() and len(known["size"]) < 20 else -1
        if sparse or kind in _REFUSED:
            what = _REFUSED.get(kind, "a sparse file")
            raise InputError(
                f"{title}: the member {printable(name)} is {what}; such an archive is refused, "
                "pack files and folders only"
            )
        if size < 0:
            raise InputError(f"{title}: damaged: the member {printable(name)} has no valid size")
        is_folder = kind == b"5" or name.endswith("/")
        name = safe_name(name, title)
        begin = stream.position
        if not is_folder:
            yield TarMember(name, begin, size)
        stream.skip(begin + size + -size % _BLOCK - stream.position)


def cut_off(title: str) -> InputError:
    """Return the error for an archive that ends too early."""
    return InputError(f"{title}: truncated: the archive ends too early; download or pack it again")


def _checksum_holds(head: bytes) -> bool:
    field = head[148:156].strip(b" \0")
    if not field or not field.isdigit() or len(field) > 7:
        return False
    # The sum of all bytes, the checksum's own eight counted as spaces.
    return sum(head) - sum(head[148:156]) + 256 == int(field, 8) if not field.strip(b"01234567") else False


def _number(field: bytes, title: str) -> int:
    """Return a number field: octal digits, or (GNU) binary with its first bit set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise InputError(f"{title}: damaged: a member's size is not a number")
    return int(digits or b"0", 8)


def _pax(body: bytes, title: str) -> dict[str, bytes]:
    """Return the records of an extended header: length, space, key=value, newline; the length counts itself."""
    records = {}
    at = 0
    while at < len(body) and body[at]:
        digits, _, _ = body[at : at + 12].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = body[at : at + length]
        key, equals, value = record[len(digits) + 1 :].partition(b"=")
        if length <= len(digits) + 1 or len(record) < length or not equals or not value.endswith(b"\n"):
            raise InputError(f"{title}: damaged: an extended header cannot be read")
        records[key.decode("utf-8", "replace")] = value[:-1]
        at += length
    return records
