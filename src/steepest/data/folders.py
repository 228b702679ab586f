"""Finding the image files of a folder, and a key for what the folder holds.

The key of a folder is a digest of
- the name of every image file, and the time each folder last changed (a file added, removed, renamed or replaced
  changes it),
- size and time of last change of every file; of 8,192 files spread evenly over the folder when there are more,
- the content of 64 files spread evenly over it.

What it would miss: in a folder of more than 8,192 files, a few files overwritten in place (not replaced); in any
folder, a file overwritten in place whose size and time were put back. To look at every file would cost a folder of
60,000 files more than the whole cached reading may take. Remove the cache, or read with `cache=False`, when files
were changed in such a way.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from steepest.data.fetching import fetch_file
from steepest.data.layout import EXTENSIONS, is_hidden, is_image_name
from steepest.data.names import printable
from steepest.errors import InputError

__all__ = ["digest", "scan"]

_DEEPEST = 32
_ASKED = 1 << 13
_READ = 64

FolderTree = dict[tuple[str, ...], list[str]]


def scan(root: Path) -> tuple[FolderTree, dict[tuple[str, ...], int]]:
    """Return the image files of each folder, sorted, and the time each folder last changed (nanoseconds).

    Links are followed; a folder that was met before is not entered again.

    Raises
    ------
    InputError
        A folder cannot be opened, or folders are nested too deeply.
    """
    tree: FolderTree = {}
    times: dict[tuple[str, ...], int] = {}
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[tuple[str, ...], str]] = [((), os.fspath(root))]
    while waiting:
        steps, path = waiting.pop()
        try:
            about = os.stat(path)
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            names: list[str] = []
            inner: list[str] = []
            with os.scandir(path) as entries:
                for entry in entries:
                    (inner if entry.is_dir() else names).append(entry.name)
        except OSError as error:
            raise InputError(f"{printable(path)}: the folder cannot be read: {error.strerror or error}") from error
        if len(steps) > _DEEPEST:
            raise InputError(f"{printable(path)}: folders are nested more than {_DEEPEST} deep")
        # Sixty thousand names pass here before anything can come from the cache: `is_image_name` and `is_hidden`,
        # written out, and most names end like the first one.
        usual = os.path.splitext(names[0])[1] if names else ""
        usual = usual if is_image_name(usual) else "\0"
        files = [
            name
            for name in names
            if (name.endswith(usual) or name[-5:].lower().endswith(EXTENSIONS)) and name[0] != "."
        ]
        files.sort()
        waiting += [((*steps, name), os.path.join(path, name)) for name in inner if not is_hidden(name)]
        tree[steps], times[steps] = files, about.st_mtime_ns
    return tree, times


def digest(root: Path, tree: FolderTree, times: dict[tuple[str, ...], int]) -> str:
    """Return the key of what a folder holds (see the module's text)."""
    key = hashlib.sha256()
    for steps in sorted(tree):
        files = tree[steps]
        key.update(f"\0{len(files)} {times[steps]} {'/'.join(steps)}\0".encode("utf-8", "surrogateescape"))
        key.update("\0".join(files).encode("utf-8", "surrogateescape"))
    for path in _spread(root, tree, _ASKED):
        try:
            about = os.stat(path)
            key.update(b"%d %d\0" % (about.st_size, about.st_mtime_ns))
        except OSError:
            key.update(b"gone\0")
    for path in _spread(root, tree, _READ):
        try:
            key.update(hashlib.sha256(fetch_file(path)).digest())
        except (OSError, ValueError):
            key.update(b"unreadable\0")
    return key.hexdigest()


def _spread(root: Path, tree: FolderTree, most: int) -> Iterator[str]:
    """Give the paths of at most `most` files, evenly over all of them in order."""
    total = sum(map(len, tree.values()))
    wanted = iter(np.linspace(0, total - 1, min(total, most)).astype(int).tolist())
    at, passed = next(wanted, total), 0
    for steps in sorted(tree):
        files = tree[steps]
        prefix = os.path.join(root, *steps, "")
        while at < passed + len(files):
            yield prefix + files[at - passed]
            at = next(wanted, total)
        passed += len(files)


def is_regular(path: Path) -> bool:
    """Whether a path is an ordinary file (or a link to one)."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
