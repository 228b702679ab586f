"""Gram matrices and sums by class, against NumPy in float64 and against whole numbers."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.kernels import dispatch, gram_reference

DTYPES = ["uint8", "float16", "float32", "float64"]
SOME = settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "30")))
SINGLE, DOUBLE = 1e-6, 1e-13
"""Of sqrt(G_ff G_gg): what the docstring of the kernel says, and the rounding of float64."""


def gram(X, order=None, weight=None, shift=None, scale=None, kernels=dispatch, threads=1, precision="float32"):
    D = X.shape[1]
    out = np.full((D, D), np.nan)
    shift, scale = np.zeros(D) if shift is None else shift, np.ones(D) if scale is None else scale
    kernels.gram(X, order, weight, shift, scale, out, precision=precision, threads=threads)
    return out


def cross(X, y, classes, order=None, weight=None, shift=None, scale=None, kernels=dispatch, threads=1):
    D = X.shape[1]
    out = np.full((classes, D), np.nan)
    shift, scale = np.zeros(D) if shift is None else shift, np.ones(D) if scale is None else scale
    kernels.cross(X, y, order, weight, shift, scale, out, threads=threads)
    return out


cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "dtype": st.sampled_from(DTYPES),
        "rows": st.integers(1, 60) | st.sampled_from([255, 256, 257, 1023, 1025, 2050, 4099]),
        "features": st.integers(1, 60) | st.sampled_from([95, 96, 97, 193]),
        "classes": st.sampled_from([2, 3, 7]),
        "order": st.sampled_from(["none", "all", "some", "repeats"]),
        "weighted": st.booleans(),
        "strided": st.booleans(),
    }
)


def sizes(problem):
    """What rounding is relative to: sqrt(G_ff G_gg), or of x before the shift is taken off where that is larger."""
    Z, w = problem.standardized(), problem.w[:, np.newaxis]
    each = np.sqrt(np.sum(w * Z**2, axis=0))
    return np.outer(each, each) + 1e-300


@given(case=cases, precision=st.sampled_from(["float32", "float64"]), threads=st.sampled_from([1, 2, 3, 8]))
@SOME
def test_a_gram_matrix_is_that_of_numpy_and_of_the_twin(make, level, case, precision, threads):
    problem = make(**case)
    Z, w = problem.standardized(), problem.w[:, np.newaxis]
    given = (problem.X, problem.order, problem.weight, problem.shift, problem.scale)
    found = gram(*given, threads=threads, precision=precision)
    exact = precision == "float64" or (problem.X.dtype == np.uint8 and problem.weight is None)
    error = np.abs(found - (w * Z).T @ Z) / sizes(problem)
    assert error.max() <= (DOUBLE if exact else SINGLE)
    np.testing.assert_array_equal(found, found.T)
    twin = gram(*given, kernels=gram_reference)
    assert (np.abs(twin - (w * Z).T @ Z) / sizes(problem)).max() <= DOUBLE


@given(case=cases, threads=st.sampled_from([1, 2, 3, 8]))
@SOME
def test_sums_by_class_are_those_of_numpy_and_of_the_twin(make, level, case, threads):
    problem = make(**case)
    given = (problem.order, problem.weight, problem.shift, problem.scale)
    T = (problem.y[problem.rows] == np.arange(case["classes"])[:, np.newaxis]) * problem.w
    size = T @ (problem.sizes() + np.abs(problem.shift * problem.scale)) + 1e-300
    for kernels in (dispatch, gram_reference):
        found = cross(problem.X, problem.y, case["classes"], *given, kernels=kernels, threads=threads)
        assert (np.abs(found - T @ problem.standardized()) / size).max() <= DOUBLE


@pytest.mark.parametrize(("rows", "features"), [(1, 1), (5, 50), (4097, 49), (9001, 97)])
def test_bytes_are_multiplied_exactly(level, rows, features):
    X = np.random.default_rng(rows).integers(0, 256, (rows, features), np.uint8)
    whole = X.astype(np.float64)
    # Two roundings: on the way to the means and back. Sums that missed one would be off by 1e-10.
    np.testing.assert_allclose(gram(X, threads=2), whole.T @ whole, rtol=1e-15)
    y = np.arange(rows) % 3
    np.testing.assert_array_equal(cross(X, y, 3, threads=2), [whole[y == c].sum(axis=0) for c in range(3)])


def test_bytes_are_summed_exactly_beyond_what_32_bits_hold(level):
    X = np.full((70_001, 3), 255, np.uint8)  # 33,025 rows of 255^2 fit in 31 bits
    X[0, 1], X[:35_000, 2] = 254, 0
    whole = X.astype(np.float64)
    np.testing.assert_allclose(gram(X), whole.T @ whole, rtol=1e-15)
    np.testing.assert_array_equal(cross(X, np.zeros(70_001, np.int64), 1), [whole.sum(axis=0)])


def test_about_the_means_of_bytes_nothing_cancels(level):
    X = np.full((50_000, 2), 200, np.uint8)
    X[7, 0], X[11, 1] = 201, 199
    n, s = len(X), X.sum(axis=0, dtype=np.int64)
    products = [[int(n * (X[:, f].astype(int) @ X[:, g]) - s[f] * s[g]) / n for g in (0, 1)] for f in (0, 1)]
    np.testing.assert_allclose(gram(X, shift=s / n), products, rtol=1e-14)
    np.testing.assert_array_equal(gram(np.full((999, 2), 77, np.uint8), shift=np.full(2, 77.0)), np.zeros((2, 2)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "features"), [(1100, 257), (4201, 97)])
def test_threads_change_no_bit(make, level, dtype, precision, rows, features):
    for weighted in (False, True):
        problem = make(1, dtype, rows, features, 5, order="repeats", weighted=weighted, strided=True)
        given = (problem.order, problem.weight, problem.shift, problem.scale)
        alone = gram(problem.X, *given, precision=precision)
        sums = cross(problem.X, problem.y, 5, *given)
        for threads in (2, 3, 8):
            np.testing.assert_array_equal(gram(problem.X, *given, threads=threads, precision=precision), alone)
            np.testing.assert_array_equal(cross(problem.X, problem.y, 5, *given, threads=threads), sums)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_sums_of_one_sign_stay_within_what_is_said(level, dtype):
    X = np.random.default_rng(0).uniform(0.3, 0.4, (20_000, 20)).astype(dtype)
    Z = X.astype(np.float64)
    np.testing.assert_allclose(gram(X), Z.T @ Z, rtol=SINGLE)
    np.testing.assert_allclose(gram(X, precision="float64"), Z.T @ Z, rtol=DOUBLE)


def test_a_huge_offset_costs_no_digits(level):
    X = 1e8 + np.random.default_rng(0).normal(size=(3000, 17))
    shift, away = np.full(17, 1e8), X - 1e8
    np.testing.assert_allclose(gram(X, shift=shift), away.T @ away, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(gram(X, shift=shift, precision="float64"), away.T @ away, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_is_not_finite_stays_visible_and_in_its_feature(level, bad, precision):
    X = np.ones((300, 60), np.float32)
    X[171, 50] = bad
    with np.errstate(invalid="ignore"):
        found = gram(X, precision=precision)
    assert not np.isfinite(found[50]).any()
    others = np.arange(60) != 50
    np.testing.assert_array_equal(found[np.ix_(others, others)], 300)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"out": np.zeros((3, 4))}, "out must be"), ({"out": np.zeros((4, 4), np.float32)}, "incompatible"),
        ({"weight": np.ones(5, np.float32)}, "one entry a row"),
        ({"weight": np.linspace(-1, 1, 6, dtype=np.float32)}, "negative"), ({"order": np.array([6])}, "does not have"),
        ({"order": np.empty(0, np.int64)}, "there must be a row"), ({"precision": "bf16"}, "float32 or float64"),
        ({"threads": 0}, "threads"), ({"shift": np.zeros(3)}, "one number a feature"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused(native, change, word):
    given = {
        "X": np.ones((6, 4)), "order": None, "weight": None, "shift": np.zeros(4), "scale": np.ones(4),
        "out": np.full((4, 4), 7.0), "precision": "float32", "threads": 1,
    }  # fmt: skip
    with pytest.raises((ValueError, TypeError), match=word):
        native.gram(**given | change)
    np.testing.assert_array_equal(given["out"], 7)
    for wrong in ({"y": np.full(6, 2)}, {"y": np.zeros(5, np.int64)}, {"out": np.zeros((2, 3))}):
        rest = {k: v for k, v in given.items() if k != "precision"}
        with pytest.raises(ValueError, match=r"(y|out) (and|holds|must)"):
            native.cross(**rest | {"y": np.zeros(6, np.int64), "out": np.zeros((2, 4))} | wrong)
