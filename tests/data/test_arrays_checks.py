"""Arrays of every make, labels of every type, and the checks before training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from steepest.data import Dataset, load
from steepest.data.arrays import as_features
from steepest.data.checks import align_test, check_finite, validate
from steepest.data.labels import encode_labels
from steepest.errors import InputError


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [
        ("u1", "u1"),
        ("f2", "f2"),
        ("f4", "f4"),
        ("f8", "f8"),
        ("?", "u1"),
        ("i1", "f4"),
        ("u2", "f4"),
        ("i8", "f4"),
        (">f4", "f4"),
        (">i4", "f4"),
    ],
)
def test_types(given_type: str, kept: str) -> None:
    X, shape = as_features(np.array([[0, 1], [1, 1]], dtype=given_type))
    assert X.dtype == np.dtype(kept)
    assert X.dtype.isnative
    assert X.tolist() == [[0, 1], [1, 1]]
    assert shape == (2,)


@pytest.mark.parametrize(("value", "kept"), [(2**24, "f4"), (-(2**24), "f4"), (2**24 + 1, "f8"), (-(2**24) - 1, "f8")])
def test_whole_numbers_stay_exact(value: int, kept: str) -> None:
    X, _ = as_features(np.array([[value]]))
    assert X.dtype == np.dtype(kept)
    assert int(X[0, 0]) == value


def test_kept_arrays_are_not_copied() -> None:
    for dtype in (np.uint8, np.float16, np.float32, np.float64):
        X = np.zeros((6, 4), dtype)
        X.flags.writeable = False
        assert np.shares_memory(as_features(X)[0], X)
        assert np.shares_memory(as_features(X[::2])[0], X)
    flags = np.zeros((6, 4), bool)
    assert np.shares_memory(as_features(flags)[0], flags)


def test_rows_become_contiguous() -> None:
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (base.T, base[:, ::2], base[::-1], np.broadcast_to(base[0], (3, 6)), np.asfortranarray(base)):
        X, _ = as_features(view)
        assert X.strides[1] == 4
        assert X.strides[0] >= X.shape[1] * 4
        assert (view == X).all()
    packed = np.zeros(3, dtype=[("a", "u1"), ("b", "f4", (2,))])["b"]
    assert not packed.flags.aligned
    assert as_features(packed)[0].flags.aligned


def test_shapes() -> None:
    ds = load(np.zeros((5, 4, 3, 2), np.uint8), [0, 1, 0, 1, 0])
    assert ds.X.shape == (5, 24)
    assert ds.feature_shape == (4, 3, 2)


class Foreign:
    """An array that only DLPack can read."""

    def __init__(self, array: np.ndarray, device: int = 1) -> None:
        self.array, self.device = array, device

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


def test_dlpack() -> None:
    array = np.arange(6, dtype=np.float32).reshape(3, 2)
    ds = load(Foreign(array), Foreign(np.array([0, 1, 1])))
    assert np.shares_memory(ds.X, array)
    with pytest.raises(InputError, match=r"\.cpu\(\)"):
        load(Foreign(array, device=2), [0, 1, 1])


def test_dlpack_bfloat16_is_widened() -> None:
    class BFloat16(Foreign):
        dtype = "bfloat16"

        def astype(self, name: str) -> Foreign:
            return Foreign(self.array.astype(name))

    assert load(BFloat16(np.ones((2, 2), np.float16)), [0, 1]).X.dtype == np.float32


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.array([["a", "b"]]), "holds text"),
        (np.array([[1j]]), "complex"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "dates"),
        (np.array([[1, "x"], [2, None]], dtype=object), "'x' in row 0, column 1"),
        (np.array([[1, 2.5], [2, None]], dtype=object), "None in row 1, column 1"),
        (np.zeros(3), "reshape"),
        (np.zeros(()), "single value"),
        (np.zeros((0, 3)), "no rows"),
        (np.zeros((3, 0)), "no features"),
        ([[1, 2], [3]], "same length"),
        (np.zeros(2, dtype=[("a", "f4")]), "structured"),
        (np.ma.masked_array(np.zeros((2, 2)), mask=True), "masked"),
        (3.5, "cannot read data from 'float'"),
        (None, "cannot read data from 'NoneType'"),
    ],
)
def test_refused_features(X: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as info:
        load(X, [0, 1])
    assert "\n" not in str(info.value)


def test_objects_that_are_numbers() -> None:
    assert load(np.array([[1, 2.5], [True, np.float32(3)]], dtype=object), [0, 1]).X.tolist() == [[1, 2.5], [1, 3]]


def test_sparse_is_refused_with_the_way_out() -> None:
    from scipy import sparse

    with pytest.raises(InputError, match="toarray"):
        load(sparse.csr_array(np.eye(3)), [0, 1, 2])


@pytest.mark.parametrize(
    ("y", "indices", "classes"),
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        ([10, -5, 10], [1, 0, 1], ("-5", "10")),
        ([10, 9, 9], [1, 0, 0], ("9", "10")),  # numbers sort as numbers
        ([1.0, 0.0, 1.0], [1, 0, 1], ("0", "1")),
        ([0.5, 1.5, 0.5], [0, 1, 0], ("0.5", "1.5")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        ([b"x", b"y", b"x"], [0, 1, 0], ("x", "y")),
        (np.array(["b", 1, "b"], dtype=object), [1, 0, 1], ("1", "b")),
        (np.array([[1], [0], [1]]), [1, 0, 1], ("0", "1")),
        (np.array([1, 0, 1], dtype=">i2"), [1, 0, 1], ("0", "1")),
        (np.array([2**63, 0, 0], dtype=np.uint64), [1, 0, 0], ("0", str(2**63))),
        (pd.Series(["b", "a", "b"]), [1, 0, 1], ("a", "b")),
        (pd.Series(["b", "a", "b"]).astype("category"), [1, 0, 1], ("a", "b")),
        (pd.Categorical(["b", "a", "b"], categories=["b", "z", "a"]), [1, 0, 1], ("a", "b")),
        (pd.Series([1, 0, 1], dtype="Int64"), [1, 0, 1], ("0", "1")),
        (pl.Series(["b", "a", "b"]), [1, 0, 1], ("a", "b")),
        (np.array(["1", 1, "2"], dtype=object), [0, 0, 1], ("1", "2")),  # one name, one class
    ],
)
def test_labels(y: object, indices: list[int], classes: tuple[str, ...]) -> None:
    ds = load(np.eye(3), y)
    assert ds.y.tolist() == indices
    assert ds.y.dtype == np.int64
    assert ds.classes == classes


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["a", None, "b"], "row 1"),
        (np.array(["a", np.nan, "b"], dtype=object), "row 1"),
        ([0.0, 1.0, np.nan], "row 2"),
        (pd.Series(["a", pd.NA, "b"], dtype="string"), "row 1"),
        (pd.Series([1, None, 2], dtype="Int64"), "row 1"),
        ([0, 1], "3 rows and y has 2"),
        (np.eye(3), "argmax"),
        (5, "one label an example"),
        (np.array([1j, 2, 3]), "labels are whole numbers"),
        (np.array([{}, {}, {}], dtype=object), "cannot be compared"),
    ],
)
def test_refused_labels(y: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(np.eye(3), y)


def test_measurements_are_no_classes() -> None:
    with pytest.raises(InputError, match="measurements"):
        load(np.zeros((100, 1)), np.linspace(0, 1, 100))


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        hnp.arrays(st.sampled_from([np.int8, np.int64, np.uint64, np.bool_, np.int32]), st.integers(1, 40)),
        st.lists(st.text(max_size=3), min_size=1, max_size=40).map(lambda v: np.array(v, dtype=object)),
    )
)
def test_labels_agree_with_numpy(y: np.ndarray) -> None:
    indices, classes = encode_labels(y)
    values, expected = np.unique(y, return_inverse=True)
    assert indices.tolist() == expected.tolist()
    assert classes == tuple(str(v) for v in values.tolist())


def test_pairs_mappings_and_datasets() -> None:
    X, y = np.eye(4), [0, 1, 0, 1]
    assert load((X, y)).y.tolist() == y
    assert load({"X": X, "y": y}).y.tolist() == y
    assert load({"data": X, "target": y, "x_test": X[:1], "y_test": [1]}).test.y.tolist() == [1]
    assert load(((X, y), (X[:2], [1, 1]))).test.y.tolist() == [1, 1]
    ds = load(X, y)
    assert load(ds) is ds
    assert load(X, labels="optional").y is None
    assert load(X, labels="optional").classes == ()
    with pytest.raises(InputError, match="labels"):
        load(X)
    with pytest.raises(InputError, match="no entry called 'X'"):
        load({"a": X})
    with pytest.raises(InputError, match="no entry called 'y'"):
        load({"X": X})
    with pytest.raises(InputError, match="pair"):
        load((X, y, y))
    with pytest.raises(InputError, match="leave y out"):
        load(ds, y)


def test_bunch_of_scikit_learn() -> None:
    from sklearn.datasets import load_iris

    ds = load(load_iris())
    assert ds.classes == ("setosa", "versicolor", "virginica")
    assert ds.feature_names[0] == "sepal length (cm)"
    assert load(load_iris(as_frame=True)).X.shape == (150, 4)


def test_unseen_labels_in_a_mapping_are_named() -> None:
    with pytest.raises(InputError, match="'7' that training never saw"):
        load({"X": np.eye(2), "y": [0, 1], "x_test": np.eye(2), "y_test": [0, 7]})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": "maybe"}, "labels must be"),
        ({"on_bad_image": "ignore"}, "on_bad_image must be"),
        ({"image_size": 0}, "image_size"),
        ({"image_size": (3,)}, "image_size"),
        ({"image_size": "32"}, "image_size"),
    ],
)
def test_bad_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(np.eye(2), [0, 1], **options)  # type: ignore[arg-type]


# checks --------------------------------------------------------------------------------------------------------------


def ds_of(X: np.ndarray, y: list[int] | None = None, classes: tuple[str, ...] = ("a", "b"), **more: object) -> Dataset:
    labels = np.array(y if y is not None else [0, 1] * (len(X) // 2) + [0] * (len(X) % 2), dtype=np.int64)
    return Dataset(X, labels, classes, (X.shape[1],), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("bad", "words"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_not_finite(dtype: type, bad: float, words: str) -> None:
    # Larger than a block, so that the row is counted over blocks.
    X = np.zeros((5000, 200), dtype)
    validate(ds_of(X))
    X[4321, 123] = bad
    with pytest.raises(InputError, match=rf"has {words} in row 4321, column 123"):
        validate(ds_of(X))
    names = tuple(f"f{k}" for k in range(200))
    with pytest.raises(InputError, match="column 'f123'"):
        validate(ds_of(X, feature_names=names))
    with pytest.raises(InputError, match="row 2160"):
        check_finite(ds_of(X[1::2]))


def test_large_but_finite() -> None:
    top = np.finfo(np.float32).max
    check_finite(ds_of(np.full((4, 2), top, np.float32)))
    check_finite(ds_of(np.full((4, 2), float(top))))
    with pytest.raises(InputError, match="beyond what float32 holds"):
        check_finite(ds_of(np.array([[0.0], [-1e39]])))


def test_check_needs_little_memory() -> None:
    import tracemalloc

    X = np.zeros((20_000, 500), np.float32)
    tracemalloc.start()
    check_finite(ds_of(X))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("ds", "words"),
    [
        (Dataset(np.zeros((0, 2)), np.zeros(0, int), ("a", "b"), (2,)), "no examples"),
        (Dataset(np.zeros((2, 0)), np.array([0, 1]), ("a", "b"), (0,)), "no features"),
        (Dataset(np.zeros((2, 1)), None, (), (1,)), "no labels"),
        (ds_of(np.zeros((3, 1)), [1, 1, 1]), "one class only .'b'."),
        (ds_of(np.zeros((2, 1)), [0, 2], ("a", "b", "c")), "2 examples for 3 classes"),
        (ds_of(np.zeros((2, 1)), [0, 5]), "outside 0 .. 1"),
        (ds_of(np.zeros((2, 1)), test=ds_of(np.zeros((2, 2)))), "2 features, the training data of 1 features"),
        (
            ds_of(np.zeros((4, 1)), [0, 0, 1, 1], ("a", "b", "c"), test=ds_of(np.zeros((1, 1)), [2], ("a", "b", "c"))),
            "'c'",
        ),
        (ds_of(np.zeros((2, 1)), test=Dataset(np.zeros((2, 1)), None, (), (1,))), "test part"),
        (ds_of(np.zeros((2, 1)), test=ds_of(np.array([[np.nan]]))), "NaN in row 0"),
    ],
)
def test_validate(ds: Dataset, words: str) -> None:
    with pytest.raises(InputError, match=words) as info:
        validate(ds)
    assert "\n" not in str(info.value)


def test_align_by_name() -> None:
    train = ds_of(np.eye(3), [0, 1, 2], ("ant", "bee", "cat"))
    test = ds_of(np.eye(3)[:2], [0, 1], ("bee", "cat"))
    aligned = align_test(train, test)
    assert aligned.y.tolist() == [1, 2]
    assert aligned.classes == train.classes
    assert aligned.X is test.X
    with pytest.raises(InputError, match="'cow' that training never saw"):
        align_test(train, ds_of(np.eye(3)[:2], [0, 1], ("bee", "cow")))
    # A name without examples does no harm.
    assert align_test(train, ds_of(np.eye(3)[:2], [0, 0], ("bee", "cow"))).y.tolist() == [1, 1]


def test_align_columns_by_name() -> None:
    train = ds_of(np.eye(2), feature_names=("w", "h"))
    test = ds_of(np.array([[1.0, 2.0]]), [0], feature_names=("h", "w"))
    assert align_test(train, test).X.tolist() == [[2, 1]]
    with pytest.raises(InputError, match="lacks the columns"):
        align_test(train, ds_of(np.eye(2), feature_names=("w", "d")))
