"""Mean and variance of every feature, against NumPy in float64 and where float32 would fail."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.kernels import dispatch


def moments(X, order=None, kernels=dispatch, threads=1):
    mean, variance = np.full(X.shape[1], np.nan), np.full(X.shape[1], np.nan)
    kernels.moments(X, order, mean, variance, threads=threads)
    return mean, variance


@given(
    seed=st.integers(0, 1000),
    dtype=st.sampled_from(["uint8", "float16", "float32", "float64"]),
    rows=st.integers(1, 200) | st.integers(1, 1000),
    features=st.integers(1, 70) | st.sampled_from([127, 128, 129, 784]),
    ordered=st.booleans(),
    strided=st.booleans(),
    threads=st.sampled_from([1, 2, 3, 8]),
)
@settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "40")))
def test_moments_are_those_of_numpy_and_of_the_twin(
    twin, level, seed, dtype, rows, features, ordered, strided, threads
):
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 256, (rows, features + 5)) if dtype == "uint8" else rng.normal(3, 2, (rows, features + 5))
    X = whole.astype(dtype)[:, 2:-3] if strided else whole.astype(dtype)[:, :features].copy()
    order = rng.integers(0, rows, rows + 3) if ordered else None
    mean, variance = moments(X, order, threads=threads)
    seen = (X if order is None else X[order]).astype(np.float64)
    # n additions in float64: far inside 1e-12 of the largest terms
    size = np.abs(seen).max(axis=0)
    np.testing.assert_array_less(np.abs(mean - seen.mean(axis=0)), 1e-13 * size + 1e-300)
    np.testing.assert_array_less(np.abs(variance - seen.var(axis=0)), 1e-12 * size**2 + 1e-300)
    twin_mean, twin_variance = moments(X, order, twin)
    np.testing.assert_allclose(mean, twin_mean, rtol=1e-12, atol=1e-13 * size.max())
    np.testing.assert_allclose(variance, twin_variance, rtol=1e-11, atol=1e-13 * size.max() ** 2)


@pytest.mark.parametrize("rows", [1000, 5001])
def test_a_huge_offset_costs_the_variance_no_digits(level, rows):
    X = 1e8 + np.random.default_rng(0).normal(size=(rows, 17))
    mean, variance = moments(X)
    away = X - 1e8  # exact: neighbours subtract without rounding
    np.testing.assert_allclose(mean - 1e8, away.mean(axis=0), atol=1e-7)  # one unit in the last place of 1e8 is 1.5e-8
    np.testing.assert_allclose(variance, away.var(axis=0), rtol=1e-6)


def test_half_precision_to_its_extremes(level):
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    mean, variance = moments(finite[:, np.newaxis])
    np.testing.assert_allclose(mean, [0], atol=1e-6)
    np.testing.assert_allclose(variance, [np.mean(finite.astype(np.float64) ** 2)], rtol=1e-12)
    each = moments(
        finite[np.newaxis, :]
    )  # one row: every finite number converts exactly, subnormals, zeros and 65504 included
    np.testing.assert_array_equal(each[0], finite.astype(np.float64))
    np.testing.assert_array_equal(each[1], 0)


def test_every_half_converts_exactly_in_a_sweep_too(make, level):
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    problem = make(0, "float16", 1, 1, 1).with_(
        X=finite[:, np.newaxis], y=np.zeros(len(finite), int), shift=np.zeros(1), scale=np.ones(1),
        W=np.ones((1, 1), np.float32), b=np.zeros(1, np.float32),
    )  # fmt: skip
    np.testing.assert_array_equal(problem.scores()[:, 0], finite.astype(np.float32))


@pytest.mark.parametrize("value", [0, 1, 37, 255])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_a_constant_feature_has_no_variance_at_all(level, dtype, value):
    mean, variance = moments(np.full((1001, 5), value, dtype))
    np.testing.assert_array_equal(mean, value)
    np.testing.assert_array_equal(variance, 0)


def test_bytes_are_summed_exactly_beyond_what_32_bits_hold(level):
    X = np.full((70_000, 3), 255, np.uint8)
    X[0, 1], X[:35_000, 2] = 254, 0
    mean, variance = moments(X)
    np.testing.assert_array_equal(mean, [255, (255 * 70_000 - 1) / 70_000, 127.5])
    n = 70_000
    np.testing.assert_allclose(variance, [0, (n - 1) / n**2, 127.5**2], rtol=1e-15)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_is_not_finite_stays_visible_and_in_its_feature(level, dtype, bad):
    X = np.ones((300, 9), dtype)
    X[171, 4] = bad
    with np.errstate(invalid="ignore"):
        mean, variance = moments(X)
    assert not np.isfinite(mean[4])
    assert not np.isfinite(variance[4])
    others = np.arange(9) != 4
    np.testing.assert_array_equal(mean[others], 1)
    np.testing.assert_array_equal(variance[others], 0)
