"""The nearest rows, against an exhaustive search in whole numbers and in float64, at every level."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.kernels import dispatch, neighbors_reference


def find(X, Z, k=1, metric="l2", kernels=dispatch, threads=1):
    distance, index = np.full((len(Z), k), np.nan), np.full((len(Z), k), -1)
    kernels.neighbors(X, Z, distance, index, metric=metric, threads=threads)
    return distance, index


def table(X, Z, metric):
    """All distances (of l2 the squares), queries by row: exact in Python's own numbers where X and Z are whole."""
    whole = X.dtype == np.uint8 and np.array_equal(Z, Z.astype(np.int64))
    X, Z = (a.astype(np.int64 if whole else np.float64) for a in (X, Z))
    away = [np.abs(X - z) for z in Z]
    return np.array([(a if metric == "l1" else a * a).sum(axis=1) for a in away])


def check(X, Z, k, metric, threads=1):
    distance, index = find(X, Z, k, metric, threads=threads)
    far = table(X, Z, metric)
    if far.dtype == np.int64:
        expected = np.argsort(far, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(index, expected)
        far = far.astype(np.float64)
    else:
        assert all(len(set(row)) == k for row in index.tolist())
    true = np.take_along_axis(far, index, axis=1)
    np.testing.assert_allclose(true, np.sort(far, axis=1)[:, :k], rtol=1e-12)
    np.testing.assert_allclose(distance, (np.sqrt(true) if metric == "l2" else true).astype(np.float64), rtol=1e-13)
    assert np.all(np.diff(distance, axis=1) >= 0)


SIZES = st.integers(1, 70) | st.sampled_from([127, 128, 255, 256, 257, 511, 513, 1023, 1024, 1025, 2049])


@given(
    seed=st.integers(0, 1000),
    dtype=st.sampled_from(["uint8", "float16", "float32", "float64"]),
    doubles=st.booleans(),
    metric=st.sampled_from(["l1", "l2"]),
    rows=st.integers(1, 20) | st.sampled_from([55, 56, 57, 112, 113, 300, 1200]),
    queries=st.integers(1, 40) | st.sampled_from([63, 64, 65, 520]),
    features=SIZES,
    k=st.integers(1, 9),
    kind=st.sampled_from(["spread", "ties", "twins", "far"]),
    strided=st.booleans(),
    threads=st.sampled_from([1, 2, 3, 8]),
)
@settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "100")))
def test_the_nearest_are_found_exactly(
    level, seed, dtype, doubles, metric, rows, queries, features, k, kind, strided, threads
):
    rng = np.random.default_rng(seed)
    queries = min(queries, 1 + 2_000_000 // (rows * features))  # or the exhaustive search takes long
    most = 2 if kind == "ties" else 256
    draw = rng.integers if dtype == "uint8" or kind == "ties" else lambda low, high, size: rng.normal(0, 1, size)
    X, Z = (draw(0, most, (n, features + 5)).astype(dtype) for n in (rows, queries))
    if kind == "twins":  # each row twice, so that there are ties wherever the rows are cut
        X[rows // 2 :] = X[: rows - rows // 2]
    if kind == "far" and dtype != "uint8":  # what matters is small beside the numbers themselves
        X, Z = (a + np.array(1000, dtype) for a in (X, Z))
    X, Z = (a[:, 2:-3] if strided else a[:, 5:].copy() for a in (X, Z))
    bytes_meet = dtype == "uint8" and not doubles
    check(X, Z if bytes_meet else Z.astype(np.float64), min(k, rows), metric, threads)


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_the_twin_finds_the_same(level, metric, dtype):
    rng = np.random.default_rng(0)
    X, Z = (rng.integers(0, 9, (n, 37)).astype(dtype) for n in (600, 45))
    Z = Z if dtype == "uint8" else Z.astype(np.float64)
    for a, b in zip(find(X, Z, 7, metric), find(X, Z, 7, metric, neighbors_reference), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("doubles", [False, True])
@pytest.mark.parametrize("features", [33_026, 65_536, 65_537, 66_052, 131_073, 200_000])
def test_squares_are_summed_beyond_what_32_bits_hold(level, features, doubles):
    """255^2 of 33,026 features is above 2^31, of 66,052 above 2^32."""
    X = np.zeros((5, features), np.uint8)
    X[1], X[2, 0], X[3, -1], X[4] = 255, 1, 255, 254
    Z = np.stack([np.full(features, 255, np.uint8), np.zeros(features, np.uint8)])
    distance, index = find(X, Z.astype(np.float64) if doubles else Z, 5)
    assert index.tolist() == [[1, 4, 3, 2, 0], [0, 2, 3, 4, 1]]
    n, all_ = features, 255**2
    squares = [[0, n, (n - 1) * all_, (n - 1) * all_ + 254**2, n * all_], [0, 1, all_, n * 254**2, n * all_]]
    np.testing.assert_array_equal(distance, np.sqrt(np.array(squares, np.float64)))


def test_differences_of_many_bytes(level):
    X = np.zeros((3, 131_073), np.uint8)
    X[1] = 255
    distance, index = find(X, X[1:2], 3, "l1")
    assert index.tolist() == [[1, 0, 2]]
    assert distance.tolist() == [[0, 255 * 131_073, 255 * 131_073]]


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("k", [1, 3, 40])
def test_threads_never_change_a_bit(level, metric, k):
    rng = np.random.default_rng(1)
    X, Z = rng.normal(size=(3000, 20)).astype(np.float32), rng.normal(size=(50, 20))
    X[1500:] = X[:1500]
    expected = find(X, Z, k, metric)
    for threads in (2, 3, 7, 64):
        for a, b in zip(find(X, Z, k, metric, threads=threads), expected, strict=True):
            np.testing.assert_array_equal(a.view(np.uint64), b.view(np.uint64))


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_a_huge_offset_costs_no_digits(level, metric):
    rng = np.random.default_rng(2)
    X, Z = 1e9 + rng.normal(size=(200, 30)), 1e9 + rng.normal(size=(40, 30))
    check(X, Z, 5, metric)


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_numbers_near_one_another_are_told_apart_beyond_float32(level, metric):
    X = (1 + np.arange(100)[:, np.newaxis] * 1e-12) * np.ones(50)
    _, index = find(X, X[::-1].copy(), 1, metric)
    np.testing.assert_array_equal(index[:, 0], np.arange(100)[::-1])


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e-3, 1e30, 1e300])
@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_numbers_of_any_size(level, metric, size):
    rng = np.random.default_rng(3)
    X, Z = rng.normal(size=(90, 12)), rng.normal(size=(20, 12))
    distance, index = find(X, Z, 4, metric)
    scaled, same = find(X * size, Z * size, 4, metric)
    np.testing.assert_array_equal(same, index)
    np.testing.assert_allclose(scaled, distance * size, rtol=1e-12)


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_row_beyond_all_measure_leaves_the_others_as_they_are(level, metric, dtype):
    rng = np.random.default_rng(4)
    X, Z = rng.normal(size=(700, 12)).astype(dtype), rng.normal(size=(20, 12))
    X[333] = 3e38
    check(X, Z, 3, metric)
    Z[7] = -3e38
    check(X, Z, 3, metric)
    X[333], Z[7] = np.nan, 0
    distance, index = find(X, Z, 700, metric)
    assert np.all(index[:, -1] == 333)
    assert np.all(distance[:, -1] == np.inf)
    np.testing.assert_array_equal(np.sort(index, axis=1), np.tile(np.arange(700), (20, 1)))


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_rows_whose_differences_are_beyond_their_own_type(level, metric, dtype):
    rng, most = np.random.default_rng(5), float(np.finfo(dtype).max)
    X, Z = ((rng.uniform(0.8, 1, (n, 8)) * most).astype(dtype) for n in (300, 20))
    X[280:] *= -1  # far from the mean, and near to the queries
    check(X, -Z.astype(np.float64), 4, metric)


def test_rows_at_a_point_are_all_ties(level):
    for dtype in ("uint8", "float32"):
        X = np.full((500, 40), 3, dtype)
        for Z in (X[:2], X[:2] + np.array(2, dtype)):
            distance, index = find(X, Z if dtype == "uint8" else Z.astype(np.float64), 6)
            assert index.tolist() == [list(range(6))] * 2
            np.testing.assert_array_equal(distance, np.sqrt(40) * abs(float(Z[0, 0]) - 3))


def test_rows_ordered_from_far_to_near(level):
    X = np.arange(3000, 0, -1, dtype=np.float32)[:, np.newaxis] * np.ones(9, np.float32)
    _, index = find(X, np.zeros((3, 9)), 50)
    np.testing.assert_array_equal(index, np.tile(np.arange(2999, 2949, -1), (3, 1)))


def test_no_queries_at_all(level):
    find(np.ones((3, 2)), np.ones((0, 2)), 2)


ROWS = np.arange(30, dtype=np.float64).reshape(6, 5)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"X": ROWS[:, ::2]}, "contiguous"), ({"X": ROWS.astype(int)}, "uint8, float16, float32 or float64"),
        ({"Z": ROWS.astype(np.float32)}, "Z must be float64"), ({"Z": ROWS.astype(np.uint8)}, "Z must be float64"),
        ({"Z": ROWS[:, :4].copy()}, "same features"), ({"X": ROWS[:, :0], "Z": ROWS[:, :0]}, "no features"),
        ({"X": ROWS[:1]}, "as many as X has rows"), ({"metric": "l3"}, "metric"), ({"threads": 0}, "threads"),
        ({"distance": np.zeros((6, 0)), "index": np.zeros((6, 0), int)}, "from one neighbour"),
        ({"distance": np.zeros((5, 2))}, "rows of Z"), ({"index": np.zeros((6, 3), int)}, "rows of Z"),
        ({"distance": np.zeros((6, 2), np.float32)}, "incompatible"), ({"index": np.zeros((6, 2))}, "incompatible"),
        ({"Z": np.ndarray((6, 5), np.float64, b"\0" * 241, offset=1)}, "aligned"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused(native, changes, word):
    given = {"X": ROWS, "Z": ROWS, "distance": np.zeros((6, 2)), "index": np.zeros((6, 2), int)}
    given |= {"metric": "l2", "threads": 1}
    with pytest.raises((ValueError, TypeError), match=word):
        native.neighbors(**given | changes)
