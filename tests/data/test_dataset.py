"""Data sets: splits worked by hand, batches, rows, words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.data import Dataset
from steepest.errors import InputError


def make(counts: list[int], seed: int = 0) -> Dataset:
    y = np.repeat(np.arange(len(counts)), counts)
    y = np.random.default_rng(seed).permutation(y)
    X = np.arange(2 * len(y), dtype=np.float32).reshape(-1, 2)
    return Dataset(X, y, tuple(f"c{k}" for k in range(len(counts))), (2,), ids=[f"id{i}" for i in range(len(y))])


@pytest.mark.parametrize(
    ("counts", "test_size", "expected"),
    [
        ([50, 30, 20], 0.2, [10, 6, 4]),  # shares are whole
        ([50, 30, 20], 10, [5, 3, 2]),
        ([7, 7, 6], 0.2, [2, 1, 1]),  # shares 1.4 1.4 1.2: the remainder goes to the first of the two largest
        ([97, 2, 1], 0.1, [9, 1, 0]),  # shares 9.7 0.2 0.1: the pair gives one, the single example trains
        ([5, 5], 0.25, [1, 1]),  # 2.5 rounds to the even 2
        ([90, 9, 1], 50, [45, 5, 0]),  # shares 45 4.5 0.5, and the single example may not be tested
    ],
)
def test_stratified_counts_by_hand(counts: list[int], test_size: float, expected: list[int]) -> None:
    ds = make(counts)
    train, test = ds.split(test_size=test_size)
    assert test.y is not None
    assert train.y is not None
    assert np.bincount(test.y, minlength=len(counts)).tolist() == expected
    assert (np.bincount(train.y, minlength=len(counts)) + expected).tolist() == counts


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(2, 40), min_size=2, max_size=6),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**64 - 1),
)
def test_split_is_a_partition(counts: list[int], share: float, seed: int) -> None:
    ds = make(counts)
    try:
        train, test = ds.split(test_size=share, seed=seed)
    except InputError:
        train = test = None
    if test is None:
        wanted = max(1, round(share * len(ds)))
        assert not len(counts) <= wanted <= len(ds) - len(counts)
        return
    assert len(test) == round(share * len(ds))
    assert sorted([*train.ids, *test.ids]) == sorted(ds.ids)
    rows = [int(name[2:]) for name in test.ids]
    assert rows == sorted(rows)
    assert (ds.X[rows] == test.X).all()
    assert (test.y == ds.y[rows]).all()
    per_class = np.bincount(test.y, minlength=len(counts))
    assert (per_class >= 1).all()
    assert (per_class < counts).all()
    # Largest remainder keeps within one of the exact share where the bounds do not bind.
    exact = np.array(counts) * len(test) / len(ds)
    free = (exact >= 1) & (exact <= np.array(counts) - 1)
    if free.all():
        assert (np.abs(per_class - exact) < 1).all()


def test_split_is_pinned_for_ever() -> None:
    # Computed once: the same seed must give the same rows in every later version.
    _, test = make([6, 6], seed=3).split(test_size=4, seed=42)
    assert list(test.ids) == PINNED


PINNED = ["id5", "id7", "id10", "id11"]


def test_seed_changes_the_rows_and_repeats() -> None:
    ds = make([50, 50])
    first, again, other = (ds.split(0.3, seed=s)[1].ids for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_own_parts_are_views() -> None:
    whole = make([5, 5])
    ds = Dataset(whole.X, whole.y, whole.classes, (2,), test=make([2, 2]))
    train, test = ds.split()
    assert train.X is ds.X
    assert test is ds.test
    assert train.test is None
    train, test = ds.split(test_size=0.5)
    assert len(test) == 5


def test_default_is_a_fifth_and_bends_for_small_data() -> None:
    assert len(make([50, 50]).split()[1]) == 20
    # A fifth of 8 is 2, too few for 4 classes to be in both parts.
    assert len(make([2, 2, 2, 2]).split()[1]) == 4


def test_split_without_labels() -> None:
    ds = Dataset(np.zeros((10, 1)), None, (), (1,))
    train, test = ds.split(0.3)
    assert (len(train), len(test), test.y) == (7, 3, None)


@pytest.mark.parametrize(
    ("counts", "size", "words"),
    [
        ([5, 5], 0.0, "strictly between 0 and 1"),
        ([5, 5], 1.0, "strictly between 0 and 1"),
        ([5, 5], float("nan"), "strictly between 0 and 1"),
        ([5, 5], 10, "give 1 to 9"),
        ([5, 5], 0, "give 1 to 9"),
        ([5, 5], True, "share between 0 and 1"),
        ([5, 5], "0.2", "share between 0 and 1"),
        ([10, 0], 0.2, "one class"),
        ([1, 1, 0], 0.5, "2 examples for 3 classes"),
        ([1, 1, 1], 1, "single example"),
        ([4, 4, 4], 2, "must be 3 to 9"),
        ([4, 4, 4], 0.9, "must be 3 to 9"),
    ],
)
def test_impossible_splits(counts: list[int], size: float, words: str) -> None:
    with pytest.raises(InputError, match=words) as info:
        make(counts).split(test_size=size)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "a", None])
def test_seeds_that_are_none(seed: object) -> None:
    with pytest.raises(InputError, match="seed"):
        make([5, 5]).split(0.2, seed=seed)  # type: ignore[arg-type]


def test_unstratified() -> None:
    _, test = make([99, 1]).split(test_size=1, stratify=False)
    assert len(test) == 1


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 50), size=st.integers(1, 60), epochs=st.integers(0, 3), shuffle=st.booleans())
def test_batches_cover_each_epoch(n: int, size: int, epochs: int, shuffle: bool) -> None:
    ds = Dataset(np.arange(n, dtype=np.float64)[:, None], np.arange(n), tuple(map(str, range(n))), (1,))
    batches = list(ds.batches(size, epochs, seed=5, shuffle=shuffle))
    per_epoch = -(-n // size)
    assert len(batches) == epochs * per_epoch
    for e in range(epochs):
        part = batches[e * per_epoch : (e + 1) * per_epoch]
        rows = np.concatenate([y for _, y in part])
        assert (np.concatenate([X for X, _ in part])[:, 0] == rows).all()
        assert sorted(rows.tolist()) == list(range(n))
        assert [len(X) for X, _ in part[:-1]] == [size] * (per_epoch - 1)
        if not shuffle:
            assert rows.tolist() == list(range(n))


def test_epochs_have_their_own_order_and_repeat() -> None:
    ds = make([50, 50])
    one, two = ([y for _, y in ds.batches(100, epochs=2, seed=s)] for s in (0, 0))
    assert (one[0] == two[0]).all()
    assert (one[1] == two[1]).all()
    assert (one[0] != one[1]).any()


def test_batches_check_before_the_first_is_asked_for() -> None:
    with pytest.raises(InputError, match="batch_size must be at least 1"):
        make([5, 5]).batches(0)
    with pytest.raises(InputError, match="epochs"):
        make([5, 5]).batches(2, epochs=-1)
    with pytest.raises(InputError, match="whole number"):
        make([5, 5]).batches(2.5)  # type: ignore[arg-type]


def test_batches_in_order_are_views() -> None:
    ds = make([5, 5])
    X, y = next(ds.batches(4, shuffle=False))
    assert np.shares_memory(X, ds.X)
    assert y is not None


def test_rows_of_a_mapped_file_are_copied_and_the_file_is_not_held_beside_them(tmp_path: Path) -> None:
    X = np.arange(3000 * 1000, dtype=np.float64).reshape(3000, 1000)
    np.save(tmp_path / "X.npy", X)
    rows = np.random.default_rng(0).permutation(3000)
    for mode in ("r", "c", "r+"):
        mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
        if mode == "c":
            mapped[5] = 7  # in no file: giving its page back would lose it
        expected = np.array(mapped)
        ds = Dataset(mapped[10:2500:2], None, (), (1000,))
        taken = ds.take(rows[rows < 1245]).X
        np.testing.assert_array_equal(taken, expected[10:2500:2][rows[rows < 1245]])
        np.testing.assert_array_equal(mapped, expected)
        assert type(taken) is np.ndarray
        assert taken.flags.owndata


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_split_of_a_mapped_file_holds_its_rows_once(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.zeros((40_000, 2000), np.uint8))
    script = """
import sys
import numpy as np
from steepest.data.dataset import Dataset

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

X = np.load(sys.argv[1], mmap_mode="r")
ds = Dataset(X, np.zeros(40_000, np.int64), ("a",), (2000,))
before = peak()
train, test = ds.split(0.2, stratify=False)
print((peak() - before) / X.nbytes)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "X.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.3


def test_take() -> None:
    ds = make([5, 5])
    assert np.shares_memory(ds.take(slice(2, 5)).X, ds.X)
    assert ds.take(slice(2, 5)).ids == ["id2", "id3", "id4"]
    assert ds.take([3, -1]).ids == ("id3", "id9")
    assert len(ds.take(np.arange(10) < 4)) == 4
    assert len(ds.take([])) == 0
    assert ds.take(slice(None, None, -1)).X[0, 0] == 18
    with pytest.raises(InputError, match="row 10"):
        ds.take([10])
    with pytest.raises(InputError, match="bool"):
        ds.take([True, False])
    with pytest.raises(InputError, match="list of row numbers"):
        ds.take([1.5])


@pytest.mark.parametrize(
    "broken",
    [
        {"X": np.zeros(4)},
        {"feature_shape": (3,)},
        {"y": np.zeros(3, int)},
        {"feature_names": ("a",)},
        {"ids": ["a"]},
    ],
)
def test_fields_must_fit(broken: dict[str, object]) -> None:
    fields: dict[str, object] = {
        "X": np.zeros((4, 2)),
        "y": np.zeros(4, int),
        "classes": ("a",),
        "feature_shape": (2,),
    }
    with pytest.raises(InputError):
        Dataset(**{**fields, **broken})  # type: ignore[arg-type]


def test_words() -> None:
    ds = make([5, 5])
    assert repr(ds) == "Dataset(10 x 2 float32, 2 classes, from arrays)"
    text = ds.describe()
    assert "c0 (5), c1 (5)" in text
    assert "0 to 19, mean 9.5" in text
    assert "80 bytes" in text
    assert (len(ds), ds.n_features, ds.n_classes) == (10, 2, 2)
    holed = Dataset(np.array([[np.nan], [1.0]]), None, (), (1,))
    assert "not all finite" in holed.describe()
    assert "no labels" in holed.describe()
    many = Dataset(np.zeros((100, 1), np.uint8), np.arange(100), tuple(map(str, range(100))), (1,), notes=("x",))
    assert "and 88 more with 1 to 1 each" in many.describe()


def test_memory_map_stays_and_a_split_leaves_it(tmp_path: object) -> None:
    path = f"{tmp_path}/X.npy"
    np.save(path, np.arange(40, dtype=np.uint8).reshape(20, 2))
    X = np.load(path, mmap_mode="r")
    ds = Dataset(X, np.arange(20) % 2, ("a", "b"), (2,))
    assert isinstance(ds.X, np.memmap)
    train, _ = ds.split(0.5)
    assert not isinstance(train.X, np.memmap)
    assert train.X.flags.c_contiguous
