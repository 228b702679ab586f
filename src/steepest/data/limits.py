"""How much memory a file may ask for: what it claims is checked before it is believed."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from steepest.data.describing import readable_bytes
from steepest.errors import InputError

__all__ = ["memory_size", "require_memory", "require_plausible_ratio"]

# Real data shrink 2 to 50 times. A file beyond both bounds is made to fill memory, or holds next to nothing.
_RATIO, _SUSPICIOUS_FROM = 200, 1 << 30


@cache
def memory_size() -> int:
    """Give the memory that this process may use, in bytes: the machine's, or its control group's if that is less."""
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        size = 1 << 62
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        limit = "max"
    return min(size, int(limit)) if limit.isdigit() else size


def require_memory(count: int, source: str) -> None:
    """Raise InputError when a source would need more bytes than there is memory."""
    if count > memory_size():
        raise InputError(
            f"{source} would take {readable_bytes(count)}, but there are {readable_bytes(memory_size())} of memory: "
            "use a part of it, or an .npy file, which is read in place"
        )


def require_plausible_ratio(packed: int, unpacked: int, source: str) -> None:
    """Raise InputError when compressed data would grow beyond all proportion (a decompression bomb)."""
    if unpacked > _SUSPICIOUS_FROM and unpacked > _RATIO * max(packed, 1):
        raise InputError(
            f"{source} would grow from {readable_bytes(packed)} to {readable_bytes(unpacked)}: refused as a "
            "decompression bomb; unpack it yourself if you trust it"
        )
