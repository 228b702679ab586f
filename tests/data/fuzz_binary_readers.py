"""Fuzz the readers of binary files: IDX, CIFAR's pickles and records, tar, zip, single images, entries of the cache.

Whatever the bytes, a reader gives a Dataset or an InputError, in bounded time and memory; nothing else. Inputs are
mutations of sound files, which reach far deeper than random bytes do. Run it for as long as you like:

    python tests/data/fuzz_binary_readers.py --seconds 60 --seed 1

An input that breaks a reader is written beside the message, so that it can become a test. `test_fuzz.py` runs a short
form.
"""

from __future__ import annotations

import argparse
import gzip
import io
import pickle
import random
import resource
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from steepest.data import archives, cifar, idx, images
from steepest.data.dataset import Dataset
from steepest.data.options import ReadOptions
from steepest.errors import InputError

OPTIONS = ReadOptions(cache=False, threads=1, labels="optional")
SLOWEST = 20.0
MOST_MEMORY = 3 << 30
INTERESTING = (0, 1, 2, 3, 4, 7, 8, 9, 28, 32, 64, 127, 128, 200, 254, 255)


def _png(seed: int = 0, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file, form)
    return file.getvalue()


def _idx(shape: tuple[int, ...]) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(int(np.prod(shape)))


def _batch(protocol: int) -> bytes:
    return pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1, 2], "batch_label": "x"}, protocol)


def _tar(how: str, files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=how, format=form) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _zip(files: dict[str, bytes], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return file.getvalue()


PICTURES = {"train/a/1.png": _png(1), "train/b/" + "n" * 120 + ".png": _png(2), "test/b/\N{SNOWMAN}.png": _png(3)}
MNIST = {"train-images-idx3-ubyte": _idx((4, 2, 3)), "train-labels-idx1-ubyte.gz": gzip.compress(_idx((4,)))}
BATCHES = {
    "c/data_batch_1": _batch(2),
    "c/test_batch": _batch(4),
    "c/batches.meta": pickle.dumps({"label_names": ["a", "b", "c"]}, 2),
}


def _read_archive(path: Path) -> Dataset:
    if cifar.is_cifar(path):
        return cifar.read_cifar(path, OPTIONS)
    if idx.is_idx(path):
        return idx.read_idx(path, OPTIONS)
    return images.read_image_archive(path, OPTIONS)


def _read_cifar_folder(path: Path) -> Dataset:
    return cifar.read_cifar(path.parent, OPTIONS)


def _read_idx(path: Path) -> Dataset:
    idx.is_idx(path)
    return idx.read_idx(path, OPTIONS)


def _read_image(path: Path) -> Dataset:
    X, shape, _, _ = images.decode_images([path.read_bytes()], ["x"], OPTIONS)
    return Dataset(X, None, (), shape)


def _read_member_list(path: Path) -> Dataset:
    archives.list_members(path)
    return _read_archive(path)


TARGETS: dict[str, tuple[str, Callable[[Path], Dataset], list[bytes]]] = {
    "idx": (
        "train-images-idx3-ubyte",
        _read_idx,
        [_idx((4, 2, 3)), gzip.compress(_idx((4, 2, 3))), _idx((1, 1, 1, 1, 1, 1))],
    ),
    "cifar pickle": ("data_batch_1", _read_cifar_folder, [_batch(protocol) for protocol in (0, 1, 2, 3, 4, 5)]),
    "cifar records": ("data_batch_1.bin", _read_cifar_folder, [bytes(3073 * 2)]),
    "tar": (
        "x.tar",
        _read_member_list,
        [_tar("w", PICTURES, form) for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
        + [
            _tar("w:gz", PICTURES),
            _tar("w:bz2", PICTURES),
            _tar("w:xz", PICTURES),
            _tar("w", MNIST),
            _tar("w:gz", BATCHES),
        ],
    ),
    "zip": (
        "x.zip",
        _read_member_list,
        [_zip(PICTURES, zipfile.ZIP_STORED), _zip(PICTURES, zipfile.ZIP_DEFLATED), _zip(MNIST, 8), _zip(BATCHES, 8)],
    ),
    "image": ("x.png", _read_image, [_png(0, form) for form in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")]),
}


def mutate(data: bytes, luck: random.Random) -> bytes:
    """Change a few things in a sound file: bytes, numbers, pieces; sometimes nothing, sometimes nearly everything."""
    changed = bytearray(data)
    for _ in range(luck.choice((0, 1, 1, 1, 2, 3, 8))):
        at = luck.randrange(len(changed) + 1)
        # The beginning and the end hold the structure, the middle mostly pixels.
        if luck.random() < 0.5:
            at = min(at, luck.randrange(600)) if luck.random() < 0.7 else max(0, len(changed) - luck.randrange(1, 300))
        match luck.randrange(8):
            case 0:
                changed[at : at + 1] = bytes([luck.randrange(256)])
            case 1:
                changed[at : at + 1] = bytes([luck.choice(INTERESTING)])
            case 2:
                if at < len(changed):
                    changed[at] ^= 1 << luck.randrange(8)
            case 3:
                size = luck.choice((2, 4, 8))
                value = luck.choice((0, 1, 255, 256, 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1))
                changed[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, luck.choice(("big", "little")))
            case 4:
                del changed[at : at + luck.choice((1, 2, 16, 512, 1 << 30))]
            case 5:
                changed[at:at] = changed[at : at + luck.choice((1, 4, 64, 512, 4096))]
            case 6:
                changed[at:at] = luck.randbytes(luck.choice((1, 4, 64)))
            case _:
                other = luck.randrange(len(changed) + 1)
                changed[at : at + 32] = changed[other : other + 32]
    return bytes(changed)


def mend_tar(data: bytes, luck: random.Random) -> bytes:
    """Make the header checksums right again after a mutation, so that what is behind them is reached."""
    changed = bytearray(data)
    if luck.random() < 0.7:
        for at in range(0, len(changed) - 511, 512):
            if changed[at + 257 : at + 262] == b"ustar":
                total = sum(changed[at : at + 512]) - sum(changed[at + 148 : at + 156]) + 256
                changed[at + 148 : at + 156] = b"%06o\0 " % total
    return bytes(changed)


def try_one(name: str, data: bytes, folder: Path) -> str | None:
    """Read one input; return what is wrong with the reader's behaviour, or None."""
    file_name, read, _ = TARGETS[name]
    path = folder / file_name
    path.write_bytes(data)
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = read(path)
        if ds.X.ndim != 2 or ds.X.shape[1] != int(np.prod(ds.feature_shape)) or not len(ds.X):
            return f"a Dataset that is none: {ds.X.shape} {ds.feature_shape}"
        if ds.y is not None and (len(ds.y) != len(ds.X) or ds.y.min() < 0 or ds.y.max() >= len(ds.classes)):
            return "labels that do not fit"
    except InputError as error:
        if "\n" in str(error) or not str(error).isprintable() or len(str(error)) > 3000:
            return f"a message that is not one printable line: {str(error)!r}"
    except Exception:
        return traceback.format_exc()
    spent = time.perf_counter() - start
    return f"took {spent:.1f} s" if spent > SLOWEST else None


def run(seconds: float, seed: int, each: int | None = None) -> tuple[int, list[str]]:
    """Try inputs until the time is over (or `each` for every reader); return how many, and what was wrong."""
    luck = random.Random(seed)
    wrong: list[str] = []
    tried = 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name_of_folder:
        folders = {name: Path(name_of_folder) / name.replace(" ", "-") for name in TARGETS}
        for folder in folders.values():
            folder.mkdir()
        while time.monotonic() < end and len(wrong) < 5 and (each is None or tried < each * len(TARGETS)):
            name = list(TARGETS)[tried % len(TARGETS)]
            data = mutate(luck.choice(TARGETS[name][2]), luck)
            if name == "tar":
                data = mend_tar(data, luck)
            tried += 1
            if problem := try_one(name, data, folders[name]):
                wrong.append(f"{name} (input {tried} of seed {seed}): {problem}\nthe input: {data[:300]!r}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak > MOST_MEMORY:
        wrong.append(f"{peak:,} bytes of memory were used")
    return tried, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the readers of binary files.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tried, wrong = run(arguments.seconds, arguments.seed)
    print(f"{tried:,} inputs, {len(wrong)} problems")
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
