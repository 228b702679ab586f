"""NumPy's files, whole and damaged."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from steepest.data import load
from steepest.data.npy import map_npy, read_npz
from steepest.data.options import ReadOptions
from steepest.errors import InputError

X = np.arange(24, dtype=np.float32).reshape(6, 4)
Y = np.array(["b", "a", "b", "a", "b", "a"])


def npz_bytes(compressed: bool, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def test_npy_with_labels_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    ds = load(tmp_path / "X.npy")
    assert isinstance(ds.X, np.memmap)
    assert (ds.X == X).all()
    assert ds.classes == ("a", "b")
    assert "y.npy" in ds.notes[0]
    assert load(str(tmp_path / "X.npy"), tmp_path / "y.npy").y.tolist() == [1, 0] * 3
    assert load(tmp_path / "X.npy", Y).y.tolist() == [1, 0] * 3
    assert load(tmp_path).y.tolist() == [1, 0] * 3  # the folder as a whole
    assert isinstance(load(tmp_path).X, np.memmap)


@pytest.mark.parametrize(
    ("features", "labels"), [("train_images", "train_labels"), ("X_train", "y_train"), ("my-data", "my-labels")]
)
def test_names_of_label_files(tmp_path: Path, features: str, labels: str) -> None:
    np.save(tmp_path / f"{features}.npy", X)
    with pytest.raises(InputError, match=r"has no labels: put them beside it"):
        load(tmp_path / f"{features}.npy")
    np.save(tmp_path / f"{labels}.npy", Y)
    assert load(tmp_path / f"{features}.npy").n_classes == 2


def test_npy_without_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    assert load(tmp_path / "a.npy", labels="optional").y is None
    with pytest.raises(InputError, match="no such file for the labels"):
        load(tmp_path / "a.npy", "nothing.npy")


def test_npy_of_other_layouts(tmp_path: Path) -> None:
    for array in (np.asfortranarray(X), X.astype(">f4"), X.astype(np.int64), X.reshape(6, 2, 2)):
        np.save(tmp_path / "a.npy", array)
        ds = load(tmp_path / "a.npy", Y)
        assert (ds.X == X).all()
        assert ds.X.dtype == np.float32
    np.save(tmp_path / "a.npy", np.zeros((0, 4)))
    with pytest.raises(InputError, match="no rows"):
        load(tmp_path / "a.npy", [])


def test_pickles_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(tmp_path / "X.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Trap()))
    np.savez(tmp_path / "a.npz", X=np.array([Trap()], dtype=object), y=Y)
    for name in ("X.npy", "a.npz"):
        with pytest.raises(InputError, match="holds Python objects, which only a pickle"):
            load(tmp_path / name, None if name == "a.npz" else Y)
    with pytest.raises(InputError, match="a pickle can run code"):
        load(tmp_path / "a.pkl")
    assert not (tmp_path / "sprung").exists()


def test_npz_as_keras_writes_mnist(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    x = np.arange(5 * 28 * 28, dtype=np.uint8).reshape(5, 28, 28)
    labels = np.array([3, 1, 3, 1, 1], dtype=np.uint8)
    np.savez(path, x_train=x, y_train=labels, x_test=x[:2], y_test=labels[:2])
    ds = load(path)
    assert ds.X.dtype == np.uint8
    assert ds.feature_shape == (28, 28)
    assert ds.classes == ("1", "3")
    train, test = ds.split()
    assert (len(train), len(test)) == (5, 2)
    assert test.y.tolist() == [1, 0]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    array=hnp.arrays(
        st.sampled_from(["u1", "f2", "f4", "f8", ">f4", "?"]),
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=5),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    compressed=st.booleans(),
    fortran=st.booleans(),
)
def test_npz_round_trip(tmp_path: Path, array: np.ndarray, compressed: bool, fortran: bool) -> None:
    path = tmp_path / "a.npz"
    stored = np.asfortranarray(array) if fortran else array
    path.write_bytes(npz_bytes(compressed, data=stored, labels=np.arange(len(array))))
    ds = load(path)
    assert (array.reshape(len(array), -1) == ds.X).all()
    assert ds.feature_shape == array.shape[1:]


NPZ = npz_bytes(False, X=X, y=Y)
NPZ_COMPRESSED = npz_bytes(True, X=X, y=Y)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(whole=st.sampled_from([NPZ, NPZ_COMPRESSED]), share=st.floats(0, 1, exclude_max=True))
def test_truncated_npz(tmp_path: Path, whole: bytes, share: float) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError) as info:
        load(path)
    assert "\n" not in str(info.value)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(whole=st.sampled_from([NPZ, NPZ_COMPRESSED]), data=st.data())
def test_damaged_npz(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.npz"
    path.write_bytes(bytes(broken))
    message = ""
    try:
        ds = read_npz(path, ReadOptions())
        # Only bytes that nobody reads (dates, attributes) were hit: the checksum vouches for the numbers.
        assert (ds.X == X).all()
    except InputError as error:
        message = str(error)
    assert "\n" not in message


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_npy(tmp_path: Path, data: st.DataObject) -> None:
    file = io.BytesIO()
    np.save(file, X)
    broken = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(6, 127))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.npy"
    path.write_bytes(bytes(broken[: data.draw(st.integers(6, len(broken)))]))
    message = ""
    try:
        map_npy(path)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_truncated_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    whole = (tmp_path / "a.npy").read_bytes()
    for length in (*range(6, 129, 7), len(whole) - 1):
        (tmp_path / "a.npy").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"truncated|not a complete"):
            load(tmp_path / "a.npy", Y)


def test_header_that_lies_about_its_size(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 10)})
    (tmp_path / "a.npy").write_bytes(header.getvalue() + b"123")
    with pytest.raises(InputError, match="truncated: 10,000,000,000,000 bytes"):
        load(tmp_path / "a.npy", Y)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("X.npy", header.getvalue() + b"123")
        archive.writestr("y.npy", b"")
    with pytest.raises(InputError, match="the header announces"):
        load(tmp_path / "a.npz")


def test_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.npz").write_bytes(npz_bytes(True, X=np.zeros((2000, 1000), np.uint8), y=np.arange(2000) % 2))
    assert load(tmp_path / "a.npz").X.shape == (2000, 1000)
    monkeypatch.setattr("steepest.data.limits._SUSPICIOUS_FROM", 1 << 20)
    with pytest.raises(InputError, match="decompression bomb"):
        load(tmp_path / "a.npz")
    monkeypatch.setattr("steepest.data.limits._SUSPICIOUS_FROM", 1 << 40)
    monkeypatch.setattr("steepest.data.limits.memory_size", lambda: 1_000_000)
    with pytest.raises(InputError, match=r"would take 2\.0 MB, but there are 1\.0 MB of memory"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": X, "b": Y}, "has 'a', 'b', but no entry called 'X'"),
        ({"X": X}, "no entry called 'y'"),
        ({"X": X, "y": Y[:2]}, "6 rows and y has 2"),
        ({"X": X, "y": Y, "x_test": X}, "test part without labels"),
        ({"X": X, "y": Y, "x_test": X[:, :2], "y_test": Y}, "2 features"),
        ({"X": X, "y": Y, "x_test": X[:1], "y_test": np.array(["c"])}, "'c' that training never saw"),
        ({"data": X, "indices": Y, "indptr": Y, "shape": Y}, "sparse"),
        ({"X": np.array(5), "y": Y}, "single value"),
    ],
)
def test_npz_that_does_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=words) as info:
        load(tmp_path / "a.npz")
    assert "a.npz" in str(info.value)


def test_npz_target(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=np.zeros(6), sex=Y)
    assert load(tmp_path / "a.npz", target="sex").classes == ("a", "b")
    with pytest.raises(InputError, match="no entry 'six'"):
        load(tmp_path / "a.npz", target="six")
