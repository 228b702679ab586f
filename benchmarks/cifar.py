"""CIFAR-10 as arrays in a folder: X.npy (50,000 x 3072 uint8) and y.npy; or random bytes of that shape.

The images are `cifar10-images.tar` (train/<class>/*.jpg) in the folder that STEEPEST_DATA names, or in ../shared/data
beside the repository.

    python -m benchmarks.cifar FOLDER      writes them
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from benchmarks.harness import ROOT

N, D, C = 50_000, 3072, 10


def archive() -> Path | None:
    """The tar of the images, when there is one."""
    folder = Path(os.environ["STEEPEST_DATA"]) if "STEEPEST_DATA" in os.environ else ROOT.parent / "shared" / "data"
    tar = folder / "cifar10-images.tar"
    return tar if tar.is_file() else None


def write(folder: Path) -> str:
    """Write X.npy and y.npy in a process of its own, unless they are there; says what they are."""
    if not (folder / "y.npy").exists():
        subprocess.run([sys.executable, "-m", "benchmarks.cifar", str(folder)], cwd=ROOT, check=True)
    return "CIFAR-10, the training images" if archive() else "random bytes in the shape of CIFAR-10 (no images here)"


def _write(folder: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    tar = archive()
    if tar:
        images, names = _decode(tar)
        y = np.unique(names, return_inverse=True)[1].astype(np.int64)
        shuffled = rng.permutation(len(images))
        X, y = np.stack(images).reshape(len(images), -1)[shuffled], y[shuffled]
    else:
        X, y = rng.integers(0, 256, (N, D), np.uint8), rng.integers(0, C, N)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)


def _decode(tar: Path):
    import numpy as np
    from PIL import Image

    images, names = [], []
    with tarfile.open(tar) as members:
        for member in members:
            parts = Path(member.name).parts
            if member.isfile() and "train" in parts:
                images.append(np.asarray(Image.open(io.BytesIO(members.extractfile(member).read())).convert("RGB")))
                names.append(parts[-2])
    return images, names


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
