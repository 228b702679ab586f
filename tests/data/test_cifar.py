"""CIFAR as published, built here byte by byte: the Python 2 pickles, the binary records, the archives."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from steepest.data import cifar, pickled
from steepest.data.options import ReadOptions
from steepest.errors import DataWarning, InputError

PLAIN = ReadOptions()
TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def images(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def planar(pictures: np.ndarray) -> np.ndarray:
    # By the format's own description: 1,024 red bytes, 1,024 green, 1,024 blue, row by row.
    return np.concatenate([pictures[..., c].reshape(len(pictures), 1024) for c in range(3)], axis=1)


def text(word: str) -> bytes:
    return b"U" + bytes([len(word)]) + word.encode()


def published(fields: dict[str, object]) -> bytes:
    """Return the pickle (protocol 2, of Python 2) of a dictionary with lists, texts and one array, as published."""
    out = b"\x80\x02}q\x01("
    for key, value in fields.items():
        out += text(key) + b"q\x02"
        if isinstance(value, np.ndarray):
            shape = b"M" + struct.pack("<H", value.shape[0]) + b"M" + struct.pack("<H", value.shape[1]) + b"\x86"
            out += (
                b"cnumpy.core.multiarray\n_reconstruct\nq\x08cnumpy\nndarray\nq\x09K\x00\x85U\x01b\x87Rq\x0a(K\x01"
                + shape
            )
            out += b"cnumpy\ndtype\nq\x0bU\x02u1K\x00K\x01\x87Rq\x0c"
            out += b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
            out += b"T" + struct.pack("<i", value.nbytes) + value.tobytes() + b"tb"
        elif isinstance(value, list):
            out += b"]q\x05("
            for v in value:
                out += text(v) if isinstance(v, str) else b"K" + bytes([v]) if v < 256 else b"M" + struct.pack("<H", v)
            out += b"e"
        else:
            out += text(str(value))
    return out + b"u."


def batch(n: int, seed: int, classes: int = 10) -> tuple[np.ndarray, list[int], bytes, bytes]:
    pictures, labels = images(n, seed), [(seed + k) % classes for k in range(n)]
    fields = {"batch_label": "training batch", "labels": labels, "data": planar(pictures), "filenames": ["x.png"] * n}
    records = np.concatenate([np.array(labels, np.uint8)[:, None], planar(pictures)], axis=1).tobytes()
    return pictures, labels, published(fields), records


def write_python(root: Path, n: int = 3) -> np.ndarray:
    root.mkdir(parents=True)
    parts = [batch(n, k) for k in range(6)]
    for k, name in enumerate([*(f"data_batch_{j}" for j in range(1, 6)), "test_batch"]):
        (root / name).write_bytes(parts[k][2])
    # The published one is in protocol 0.
    names = "".join(f"S'{name}'\np{k + 4}\na" for k, name in enumerate(TEN))
    (root / "batches.meta").write_bytes(f"(dp1\nS'num_vis'\np2\nI3072\nsS'label_names'\np3\n(lp9\n{names}s.".encode())
    (root / "readme.html").write_text("hello")
    return np.concatenate([part[0] for part in parts])


def archive(root: Path, path: Path, order: Callable[[list[Path]], list[Path]] = list) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for child in order(sorted(root.iterdir())):
            tar.add(child, f"{root.name}/{child.name}")
    return path


def check_ten(ds: object, pictures: np.ndarray, n: int = 3) -> None:
    assert isinstance(ds, cifar.Dataset)
    assert ds.feature_shape == (32, 32, 3)
    assert ds.classes == TEN
    np.testing.assert_array_equal(ds.X.reshape(-1, 32, 32, 3), pictures[: 5 * n])
    assert ds.y is not None
    assert ds.y.tolist() == [(s + k) % 10 for s in range(5) for k in range(n)]
    assert ds.test is not None
    np.testing.assert_array_equal(ds.test.X.reshape(-1, 32, 32, 3), pictures[5 * n :])


def test_the_python_version_as_a_folder_and_as_an_archive_in_any_order(tmp_path: Path) -> None:
    root = tmp_path / "outer" / "cifar-10-batches-py"
    pictures = write_python(root)
    for path in (
        root,
        root.parent,
        archive(root, tmp_path / "a.tar.gz"),
        archive(root, tmp_path / "b.tar.gz", lambda files: files[::-1]),
    ):
        assert cifar.is_cifar(path)
        check_ten(cifar.read_cifar(path, PLAIN), pictures)


def test_the_binary_version(tmp_path: Path) -> None:
    root = tmp_path / "cifar-10-batches-bin"
    root.mkdir()
    parts = [batch(3, k) for k in range(6)]
    for k, name in enumerate([*(f"data_batch_{j}" for j in range(1, 6)), "test_batch"]):
        (root / f"{name}.bin").write_bytes(parts[k][3])
    (root / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n")
    for path in (root, archive(root, tmp_path / "a.tar.gz")):
        assert cifar.is_cifar(path)
        check_ten(cifar.read_cifar(path, PLAIN), np.concatenate([part[0] for part in parts]))


@pytest.mark.parametrize("binary", [False, True])
def test_cifar_100_has_its_fine_labels(tmp_path: Path, binary: bool) -> None:
    root = tmp_path / "cifar-100"
    root.mkdir()
    names = [f"thing {k}" for k in range(100)]
    for name, n, seed in (("train", 120, 1), ("test", 7, 2)):
        pictures, labels = images(n, seed), [(k * 7) % 100 for k in range(n)]
        coarse = [k // 5 for k in labels]
        if binary:
            rows = [np.array([coarse, labels], np.uint8).T, planar(pictures)]
            (root / f"{name}.bin").write_bytes(np.concatenate(rows, axis=1).tobytes())
        else:
            fields = {"coarse_labels": coarse, "fine_labels": labels, "data": planar(pictures)}
            (root / name).write_bytes(published(fields))
    if binary:
        (root / "fine_label_names.txt").write_text("\n".join(names))
        (root / "coarse_label_names.txt").write_text("a\nb")
    else:
        (root / "meta").write_bytes(published({"coarse_label_names": ["a", "b"], "fine_label_names": names}))
    for path in (root, archive(root, tmp_path / "a.tar.gz")):
        assert cifar.is_cifar(path)
        ds = cifar.read_cifar(path, PLAIN)
        assert ds.classes == tuple(names)
        assert ds.X.shape == (120, 3072)
        assert ds.y is not None
        assert ds.y.tolist() == [(k * 7) % 100 for k in range(120)]
        assert ds.test is not None
        np.testing.assert_array_equal(ds.test.X.reshape(-1, 32, 32, 3), images(7, 2))


@pytest.mark.parametrize("protocol", [3, 4])
def test_batches_saved_again_by_python_3_are_read(tmp_path: Path, protocol: int) -> None:
    write_python(tmp_path / "c")
    pictures = images(4, 9)
    again = pickle.dumps({"data": planar(pictures), "labels": [1, 2, 3, 4]}, protocol)
    (tmp_path / "c" / "data_batch_1").write_bytes(again)
    ds = cifar.read_cifar(tmp_path / "c", PLAIN)
    np.testing.assert_array_equal(ds.X[:4].reshape(-1, 32, 32, 3), pictures)


def test_a_missing_batch_is_said(tmp_path: Path) -> None:
    write_python(tmp_path / "c")
    (tmp_path / "c" / "data_batch_3").unlink()
    (tmp_path / "c" / "test_batch").unlink()
    with pytest.warns(DataWarning, match="data_batch_3, test missing"):
        ds = cifar.read_cifar(tmp_path / "c", PLAIN)
    assert len(ds.X) == 12
    assert ds.test is None


class _Run:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch steepest-was-here",)


def _nested_keys() -> bytes:
    # Tuples of tuples, doubled forty times: to hash or to print one would take for ever.
    return b"\x80\x02}(" + b")" + b"q\x00h\x00\x86" * 1 + b"q\x01h\x01\x86q\x01" * 40 + b"K\x01u."


GOOD = batch(3, 0)
LABELS = [0, 1, 2]
DATA = planar(images(3, 0))


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (pickle.dumps(_Run(), 2), "posix.system, which is not allowed"),
        (pickle.dumps(_Run(), 4), "posix.system, which is not allowed"),
        (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval, which is not allowed"),
        (b"\x80\x02cnumpy\nndarray\n)R.", "calls something"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "instruction 0x81"),
        (b"(S'a'\nios\nsystem\n.", "instruction 0x69"),
        (b"\x82\x01.", "instruction 0x82"),
        (b"Pname\n.", "instruction 0x50"),
        (b"", "truncated"),
        (GOOD[2][:-200], "truncated"),
        (b"\x80\x02}q\xff.", "has no data and labels"),
        (b"\x80\x02}r\xff\xff\xff\xff.", "its part 2 number 4,294,967,295"),
        (b"\x80\x02}p99999999999\n.", "its part 2 number 99,999,999,999"),
        (b"\x80\x02}p-1\n.", "damaged"),
        (b"\x80\x02T\xff\xff\xff\x7f.", "truncated"),
        (b"\x80\x02T\xff\xff\xff\xff.", "truncated"),
        (b"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "truncated"),
        (b"\x80\x02\x8a\xff" + b"\xff" * 255 + b".", "instruction 0x8a"),
        (b"I" + b"9" * 3000 + b"\n.", "too long"),
        (b"\x80\x02K\x01.", "not hold a dictionary"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02(((((((e.", "damaged"),
        (b"\x80\x02]K\x01b.", "damaged|sets up"),
        (_nested_keys(), "uses a part twice that is neither"),
        (b"\x80\x02}(" + b"K\x01K\x02" * 65 + b"u.", "64 fields"),
        (b"\x80\x02(" + b"K\x01K\x02" * 65 + b"d.", "64 fields"),
        (b"\x80\x02}" + b"K\x01K\x02s" * 65 + b".", "64 fields"),
        (b"\x80\x02}K\x01K\x02s.", "not hold a dictionary with names"),
        (b"\x80\x02}()K\x01u.", "not hold a dictionary with names"),
        (b"\x80\x02" + b")q\x00h\x00\x86" + b"q\x01h\x01\x86" * 40 + b"q\x01h\x01\x93.", "a part twice"),
        (b"\x80\x04K\x01K\x02\x93.", "damaged"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system, which is not allowed"),
        (b"\x80\x02]q\x00h\x00a.", "a part twice"),
        (b"\x80\x02cnumpy\ndtype\n)R.", "damaged"),
        (b"S'\\q'\n.", "damaged"),
        (published({"labels": LABELS}), "no data and labels"),
        (published({"labels": [0, 1], "data": DATA}), "2 labels for an array of shape"),
        (published({"labels": [0, 1, 250], "data": DATA}), "not a number from 0 to 99"),
        (published({"labels": [0, 1, "a"], "data": DATA}), "not a number from 0 to 99"),
        (published({"labels": [0, 1, 77], "data": DATA}), "a label 77, but only 10 class names"),
        (published({"labels": LABELS, "data": DATA[:, :-1]}), "shape"),
        (published({"labels": LABELS, "data": DATA}).replace(b"U\x02u1", b"U\x02i8"), "not one of bytes"),
        (published({"labels": LABELS, "data": DATA}).replace(b"tb\x89T", b"tb\x88T"), "not one of bytes"),
        (published({"labels": [0] * 256, "data": np.tile(DATA, (86, 1))[:256]})[:-300], "truncated"),
        (
            pickle.dumps({"data": planar(images(3, 1)).astype(np.float64), "labels": LABELS}, 2),
            "not allowed|not one of bytes",
        ),
    ],
)
def test_a_pickle_that_is_anything_else_is_refused(blob: bytes, message: str, tmp_path: Path) -> None:
    write_python(tmp_path / "c")
    (tmp_path / "c" / "data_batch_2").write_bytes(blob)
    with pytest.raises(InputError, match=f"data_batch_2.*({message})|{message}"):
        cifar.read_cifar(tmp_path / "c", PLAIN)
    assert not Path("steepest-was-here").exists()


@pytest.mark.parametrize("name", [b"numpy.core.multiarray\n_reconstruct\n", b"numpy\nndarray\n", b"numpy\ndtype\n"])
@pytest.mark.parametrize("state", [b"}U\x05shapeK\x07s", b"N}U\x05shapeK\x07s\x86"])
def test_a_pickle_changes_nothing_that_outlives_it(name: bytes, state: bytes) -> None:
    # Plain unpickling would set an attribute of what is named.
    with pytest.raises(pickled.PickleRefusedError, match="damaged"):
        pickled.read_pickle(b"\x80\x02c" + name + state + b"b.")
    assert pickled.ByteArray.shape == ()
    assert not any(hasattr(kind, "shape") for kind in (pickled._Kind, pickled._Type))


def test_what_else_can_be_wrong(tmp_path: Path) -> None:
    root = tmp_path / "c"
    write_python(root)
    good = (root / "batches.meta").read_bytes()
    (root / "batches.meta").write_bytes(published({"label_names": [1, 2, 3]}))
    with pytest.raises(InputError, match="no list of class names"):
        cifar.read_cifar(root, PLAIN)
    (root / "batches.meta").write_bytes(good)
    with pytest.raises(InputError, match="no such file"):
        cifar.read_cifar(tmp_path / "missing", PLAIN)
    binary = tmp_path / "b"
    binary.mkdir()
    (binary / "data_batch_1.bin").write_bytes(bytes(3073 * 2 - 1))
    with pytest.raises(InputError, match="6,145 bytes are not a multiple of 3,073"):
        cifar.read_cifar(binary, PLAIN)
    (binary / "data_batch_1.bin").write_bytes(bytes(3073 * 10_001))
    with pytest.raises(InputError, match="10,001 images; a published batch has 10,000"):
        cifar.read_cifar(binary, PLAIN)
    (binary / "data_batch_1.bin").unlink()
    (binary / "test_batch.bin").write_bytes(bytes(3073))
    with pytest.raises(InputError, match="no training batch"):
        cifar.read_cifar(binary, PLAIN)


def test_an_archive_with_a_large_member_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_python(tmp_path / "c")
    monkeypatch.setattr(cifar, "_MOST_BYTES", 5000)
    for path in (tmp_path / "c", archive(tmp_path / "c", tmp_path / "a.tar.gz")):
        with pytest.raises(InputError, match=r"larger than any|more than the 5,000 allowed"):
            cifar.read_cifar(path, PLAIN)


def test_what_is_not_cifar(tmp_path: Path) -> None:
    assert not cifar.is_cifar(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "meta").mkdir()
    assert not cifar.is_cifar(tmp_path)
    assert not cifar.is_cifar(tmp_path / "missing")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a/1.png"))
    (tmp_path / "x.tar").write_bytes(file.getvalue())
    assert not cifar.is_cifar(tmp_path / "x.tar")


def test_the_reader_of_pickles_gives_plain_data() -> None:
    found = pickled.read_pickle(published({"a": [1, 300, "x"], "b": "c", "data": DATA}))
    assert found["a"] == [1, 300, "x"]
    assert found["b"] == "c"
    assert found["data"].shape == (3, 3072)
    assert bytes(found["data"].data) == DATA.tobytes()
    with pytest.raises(pickled.PickleRefusedError, match="more than"):
        pickled.read_pickle(b"(" * 1_100_000)
