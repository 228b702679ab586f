"""W10: 60,000 JPEG files, as a folder and as one tar, decoded into arrays: the first time, and from the cache.

CIFAR-10 as images, 32 x 32 in colour. The rival is the loop that people write:
`np.asarray(Image.open(f).convert("RGB"))` for every file, appended to a list; over `tarfile` for the tar. Ours is
`steepest.load`, on all cores; the first time includes writing the cache, to the disk. Every measurement is a fresh
process, timed after its imports; files are in the page cache for everyone. Targets: 1.8 times the loop; from the
cache within 0.2 s.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cifar
from benchmarks.harness import ROOT, Row, absent, alternate, at_most, environment, rows

N = 60_000


def folder_loop(path: Path) -> int:
    import numpy as np
    from PIL import Image

    return len([np.asarray(Image.open(file).convert("RGB")) for file in sorted(path.rglob("*.jpg"))])


def tar_loop(path: Path) -> int:
    import numpy as np
    from PIL import Image

    with tarfile.open(path) as tar:
        return len([np.asarray(Image.open(tar.extractfile(m)).convert("RGB")) for m in tar if m.isfile()])


def ours(path: Path) -> int:
    from steepest.data.load import load

    ds = load(path)
    return len(ds.X) + (len(ds.test.X) if ds.test is not None else 0)


WORK = {"folder-loop": folder_loop, "tar-loop": tar_loop, "ours": ours}


def _imports(work: str) -> None:
    """What a program has imported before it reads anything; decoders are imported late by everyone."""
    import numpy  # noqa: F401

    if work == "ours":
        import steepest.data.images
        import steepest.data.load  # noqa: F401
    else:
        import PIL.Image  # noqa: F401


def _seconds(work: str, path: Path, cache: Path, keep: bool) -> float:
    """Seconds of one reading in a fresh process."""
    if not keep:
        shutil.rmtree(cache, ignore_errors=True)
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.w10", work, str(path)],
        cwd=ROOT,
        env=environment() | {"STEEPEST_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    number, seconds = child.stdout.split()
    if int(number) != N:
        raise RuntimeError(f"{work} read {number} images of {N}")
    return float(seconds)


def run(rounds: int = 3) -> list[Row]:
    """Measure; `rounds` rounds are counted for the first reading, at least five for the cached one."""
    tar = cifar.archive()
    if tar is None:
        return [absent("W10", "images", "no cifar10-images.tar: STEEPEST_DATA names its folder")]
    with TemporaryDirectory() as name:
        folder, cache = Path(name) / "images", Path(name) / "cache"
        folder.mkdir()
        with tarfile.open(tar) as packed:
            packed.extractall(folder, filter="data")
        return _measure(folder, tar, cache, rounds)


def _measure(folder: Path, tar: Path, cache: Path, rounds: int) -> list[Row]:
    table: list[Row] = []
    for what, source in (("folder", folder), ("tar", tar)):
        mine, rival = f"{what}: steepest, first time", f"{what}: pillow loop"
        loop = f"{what}-loop"
        measured, note = alternate(
            {
                mine: lambda source=source: _seconds("ours", source, cache, keep=False),
                rival: lambda source=source, loop=loop: _seconds(loop, source, cache, keep=True),
            },
            rounds,
            patience=90,
        )
        table += rows("W10", measured.figures, mine, {rival: 1.8})
        table.append({"id": "W10", "note": f"{what}, first time: {note}"})
        cached = f"{what}: steepest, cached"
        again, note = alternate(
            {cached: lambda source=source: _seconds("ours", source, cache, keep=True)}, max(5, rounds), patience=30
        )
        table += [at_most(row, 0.2) for row in rows("W10", again.figures, cached, {})]
        table.append({"id": "W10", "note": f"{what}, cached: {note}"})
    return table


if __name__ == "__main__":
    _imports(sys.argv[1])
    begin = time.perf_counter()
    count = WORK[sys.argv[1]](Path(sys.argv[2]))
    elapsed = time.perf_counter() - begin
    print(count, elapsed, flush=True)
    os._exit(0)  # taking 60,000 arrays apart again is nobody's concern
