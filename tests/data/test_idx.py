"""IDX files, built here by their published format."""

from __future__ import annotations

import gzip
import io
import math
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from steepest.data import idx
from steepest.data.options import ReadOptions
from steepest.errors import InputError

PLAIN = ReadOptions()
FASHION = Path("/usr/share/datasets/fashion-mnist")


def idx_bytes(array: np.ndarray, kind: int = 0x08) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


def digits(n: int, seed: int = 0, classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return rng.integers(0, 256, (n, 4, 5), dtype=np.uint8), labels.astype(np.uint8)


def write_set(root: Path, dash: str = "-", packed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    root.mkdir(exist_ok=True)
    for part, n in (("train", 20), ("t10k", 10)):
        images, labels = digits(n, n)
        for word, data in ((f"images{dash}idx3", images), (f"labels{dash}idx1", labels)):
            raw = idx_bytes(data)
            name = f"{part}-{word}-ubyte" + (".gz" if packed else "")
            (root / name).write_bytes(gzip.compress(raw) if packed else raw)
    return digits(20, 20)


@pytest.mark.parametrize("dash", ["-", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_with_both_parts(tmp_path: Path, dash: str, packed: bool) -> None:
    images, labels = write_set(tmp_path, dash, packed)
    assert idx.is_idx(tmp_path)
    ds = idx.read_idx(tmp_path, PLAIN)
    np.testing.assert_array_equal(ds.X.reshape(20, 4, 5), images)
    np.testing.assert_array_equal(ds.y, labels)
    assert ds.feature_shape == (4, 5)
    assert ds.classes == tuple("0123456789")
    assert ds.test is not None
    np.testing.assert_array_equal(ds.test.X.reshape(10, 4, 5), digits(10, 10)[0])


def test_an_archive_and_a_single_file(tmp_path: Path) -> None:
    images, _ = write_set(tmp_path / "set", packed=True)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        tar.add(tmp_path / "set", "mnist")
    (tmp_path / "x.tgz").write_bytes(file.getvalue())
    for path in (tmp_path / "x.tgz", tmp_path / "set" / "train-images-idx3-ubyte.gz"):
        assert idx.is_idx(path)
        ds = idx.read_idx(path, PLAIN)
        np.testing.assert_array_equal(ds.X.reshape(20, 4, 5), images)
        assert ds.y is not None
        assert (ds.test is None) == (path.suffix == ".gz")
    only_test = idx.read_idx(tmp_path / "set" / "t10k-images-idx3-ubyte.gz", PLAIN)
    assert len(only_test.X) == 10


@settings(max_examples=40, deadline=None)
@given(
    some.sampled_from([(0x08, "u1"), (0x0D, ">f4"), (0x0E, ">f8")]),
    some.lists(some.integers(1, 5), min_size=2, max_size=4),
    some.booleans(),
)
def test_every_shape_and_type_comes_back(
    tmp_path_factory: pytest.TempPathFactory, kind: tuple[int, str], shape: list[int], packed: bool
) -> None:
    tmp_path = tmp_path_factory.mktemp("idx")
    array = (np.arange(math.prod(shape)) % 251).reshape(shape).astype(kind[1])
    raw = idx_bytes(array, kind[0])
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(gzip.compress(raw) if packed else raw)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(shape[0], dtype=">i4"), 0x0C))
    ds = idx.read_idx(path, PLAIN)
    assert ds.feature_shape == tuple(shape[1:])
    assert ds.X.dtype == np.dtype(kind[1]).newbyteorder("=")
    np.testing.assert_array_equal(ds.X.reshape(shape), array)


def test_classes_are_the_labels_that_occur(tmp_path: Path) -> None:
    images, _ = digits(6)
    labels = np.array([7, 3, 7, 3, 12, 3], np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    ds = idx.read_idx(tmp_path, PLAIN)
    assert ds.classes == ("3", "7", "12")
    assert ds.y is not None
    assert ds.y.tolist() == [1, 0, 1, 0, 2, 0]
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(labels + 1))
    with pytest.raises(InputError, match="labels that the training part does not have: 4, 8, 13"):
        idx.read_idx(tmp_path, PLAIN)


def test_labels_may_be_missing_when_they_are_optional(tmp_path: Path) -> None:
    path = tmp_path / "some-file"
    path.write_bytes(idx_bytes(digits(3)[0]))
    with pytest.raises(InputError, match="its labels are missing"):
        idx.read_idx(path, PLAIN)
    ds = idx.read_idx(path, ReadOptions(labels="optional"))
    assert ds.y is None
    assert len(ds.X) == 3


GOOD = idx_bytes(digits(20, 20)[0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "truncated"),
        (GOOD[:3], "truncated"),
        (GOOD[:10], "truncated"),
        (GOOD[:-1], "truncated: 399 bytes of 400"),
        (GOOD + b"x", "more bytes than its header says"),
        (b"\1" + GOOD[1:], "not an IDX file: it begins with 01 00 08 03"),
        (b"\0\0\x08\0", "not an IDX file"),
        (b"\0\0\x07\3" + GOOD[4:], "not an IDX file"),
        (b"\0\0\x09\3" + GOOD[4:], "type 0x09"),
        (struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "impossible shape"),
        (struct.pack(">HBBIII", 0, 8, 3, 60000, 28, 28), "truncated: 0 bytes of 47,040,000"),
        (struct.pack(">HBBI", 0, 8, 1, 20) + bytes(20), "at least two dimensions"),
        (struct.pack(">HBBIII", 0, 8, 3, 0, 28, 28), "none of size 0"),
        (gzip.compress(GOOD)[:-9], "truncated"),
        (gzip.compress(GOOD)[:12], "truncated"),
        (gzip.compress(GOOD + bytes(1 << 20)), "more bytes than its header says"),
        (gzip.compress(struct.pack(">HBBIII", 0, 8, 3, 60000, 280, 280)), "header promises 4,704,000,000 bytes"),
        (gzip.compress(GOOD)[:60] + b"garbage" + gzip.compress(GOOD)[67:], "damaged"),
        (idx_bytes(digits(21)[0]), "20 labels for 21 images"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(data: bytes, message: str, tmp_path: Path) -> None:
    write_set(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(data)
    for source in (tmp_path, path):
        with pytest.raises(InputError, match=message) as caught:
            idx.read_idx(source, PLAIN)
        assert "train-" in str(caught.value)


def test_gzip_in_several_pieces_and_with_padding(tmp_path: Path) -> None:
    images, _ = write_set(tmp_path)
    data = gzip.compress(GOOD[:100]) + gzip.compress(GOOD[100:]) + bytes(512)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    np.testing.assert_array_equal(idx.read_idx(tmp_path, PLAIN).X.reshape(images.shape), images)


def test_what_is_not_idx(tmp_path: Path) -> None:
    (tmp_path / "train_images").mkdir()
    (tmp_path / "my-images").write_bytes(b"hello")
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"hello"))
    assert not idx.is_idx(tmp_path)
    assert not idx.is_idx(tmp_path / "my-images")
    assert not idx.is_idx(tmp_path / "x.gz")
    assert not idx.is_idx(tmp_path / "missing")
    with pytest.raises(InputError, match="no IDX images"):
        idx.read_idx(tmp_path / "train_images", PLAIN)
    with pytest.raises(InputError, match="no such file"):
        idx.read_idx(tmp_path / "missing", PLAIN)


@pytest.mark.data
@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_read_within_its_memory() -> None:
    ds = idx.read_idx(FASHION, PLAIN)
    assert ds.X.shape == (60_000, 784)
    assert ds.test is not None
    assert ds.test.X.shape == (10_000, 784)
    assert np.bincount(ds.y).tolist() == [6000] * 10
    assert ds.classes[9] == "Ankle boot"
    assert abs(ds.X.mean() / 255 - 0.2860) < 1e-4  # the mean that is quoted for it everywhere
    code = (
        "import re; from pathlib import Path; from steepest.data.idx import read_idx; "
        "from steepest.data.options import ReadOptions; "
        f"ds = read_idx(Path({str(FASHION)!r}), ReadOptions()); "
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) * 1024)"
    )
    environment = {"PYTHONPATH": str(Path(idx.__file__).parents[2])}
    peak = int(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout)
    assert peak <= 1.3 * 70_000 * 784 + 100e6
