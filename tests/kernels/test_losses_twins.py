"""The native losses alone, against steepest.losses in float64: at any size of score, on ties, beyond the finite."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest import losses

UNIT = 2.0**-24
NAMES = losses.NAMES


def native_losses(native, name, scores, y):
    S = np.ascontiguousarray(scores, np.float32)
    each, dscores = np.full(len(S), -7, np.float32), np.full_like(S, -7)
    native.losses(S, np.asarray(y, np.int64), each, dscores, name=name)
    return each, dscores


def check(native, name, S, y):
    S = np.asarray(S, np.float32)
    each, dscores = native_losses(native, name, S, y)
    loss, C, exact = losses.get(name), S.shape[1], S.astype(np.float64)
    largest = np.abs(exact).max(axis=1, initial=0) + 1
    square = largest if name in ("squared", "squared_hinge", "ova_squared_hinge") else 1
    # C terms, each the sum of a few numbers as large as the scores (or their squares), each rounded some times
    assert np.all(
        np.abs(each - loss(exact, y)) <= UNIT * (2 * C + 16) * largest * square * (C if name != "softmax" else 1)
    )
    slopes = loss.gradient(exact, y)
    allowed = (
        UNIT * (2 * C + 16) * (square + np.abs(slopes).max(axis=1, initial=0))
    )  # exp(x) errs by |x| units, and p |x| is below 1/e
    off = np.abs(dscores - slopes).max(axis=1, initial=0)
    jumps = name in ("hinge", "hinge_max", "ova_hinge", "perceptron")
    if jumps:  # margins within rounding of the jump may fall on either side of it
        margin = exact - np.take_along_axis(exact, np.asarray(y)[:, None], 1)
        at_jump = (np.abs(margin + 1) < 4 * UNIT * largest[:, None]) | (
            np.abs(1 - np.abs(exact)) < 4 * UNIT * largest[:, None]
        )
        off[at_jump.any(axis=1)] = 0
    assert np.all(off <= allowed), (off - allowed).max()


@given(
    seed=st.integers(0, 10_000), rows=st.integers(1, 200), classes=st.integers(1, 12) | st.sampled_from([21, 33, 100]),
    size=st.sampled_from([1e-6, 0.1, 1.0, 10.0, 1e4, 1e8]), name=st.sampled_from(NAMES),
)  # fmt: skip
@settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "150")))
def test_losses_and_slopes_are_those_of_the_twin(level, seed, rows, classes, size, name):
    from steepest.kernels import dispatch

    rng = np.random.default_rng(seed)
    check(dispatch.native, name, size * rng.normal(size=(rows, classes)), rng.integers(0, classes, rows))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("classes", [1, 2, 3, 10])
def test_ties_and_margins_fall_as_the_twin_decides(native, name, classes):
    grid = np.array(np.meshgrid(*[[-1.0, 0.0, 1.0]] * min(classes, 5))).reshape(min(classes, 5), -1).T
    S = np.tile(grid, (1, 2))[:, :classes].astype(np.float32)
    loss = losses.get(name)
    for label in range(classes):
        y = np.full(len(S), label)
        each, dscores = native_losses(native, name, S, y)
        if name in ("softmax", "logistic"):
            np.testing.assert_allclose(each, loss(S, y), rtol=1e-6)
            np.testing.assert_allclose(dscores, loss.gradient(S, y), atol=1e-6)
        else:
            np.testing.assert_array_equal(each, loss(S, y))
            np.testing.assert_array_equal(dscores, loss.gradient(S, y))


@pytest.mark.parametrize("size", [1e4, 1e8])
@pytest.mark.parametrize("name", NAMES)
def test_scores_of_any_size_overflow_nothing(native, name, size):
    S = np.array(
        [[size, 0, -size], [-size, size, 0], [0, -size, size], [size, size, size], [-size, -size, -size]], np.float32
    )
    for label in range(3):
        check(native, name, S, np.full(5, label))


def test_softmax_slopes_sum_to_nothing_and_its_shift_changes_nothing(native):
    S = np.random.default_rng(0).normal(scale=5, size=(333, 10)).astype(np.float32)
    y = np.arange(333) % 10
    _, dscores = native_losses(native, "softmax", S, y)
    np.testing.assert_allclose(dscores.sum(axis=1, dtype=np.float64), 0, atol=10 * UNIT)
    np.testing.assert_array_equal(dscores[np.arange(333), y] <= 0, True)
    whole = np.rint(S)
    np.testing.assert_array_equal(
        native_losses(native, "softmax", whole, y)[0], native_losses(native, "softmax", whole + 64, y)[0]
    )


@pytest.mark.parametrize("name", NAMES)
def test_losses_at_zero_scores_are_the_known_ones(native, name):
    for classes in (2, 3, 10, 100):
        each, _ = native_losses(native, name, np.zeros((5, classes)), np.arange(5) % classes)
        np.testing.assert_allclose(each, losses.get(name).at_zero(classes), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_nan_reaches_the_loss_of_its_row_and_no_other(native, name, classes):
    rng = np.random.default_rng(1)
    rows = 70
    S, y = rng.normal(size=(rows, classes)).astype(np.float32), rng.integers(0, classes, rows)
    clean, clean_slopes = native_losses(native, name, S, y)
    for place in {0, classes // 2, classes - 1}:
        for row in (0, 5, 63, 64, 69):
            for label in range(classes):
                bad, labels = S.copy(), y.copy()
                bad[row, place], labels[row] = np.nan, label
                each, slopes = native_losses(native, name, bad, labels)
                assert np.isnan(each[row]), (place, row, label)
                others = np.arange(rows) != row
                np.testing.assert_array_equal(each[others], clean[others])
                np.testing.assert_array_equal(slopes[others], clean_slopes[others])


@pytest.mark.parametrize("name", NAMES)
def test_infinity_is_as_visible_as_in_the_twin(native, name):
    for place in range(4):
        for label in range(4):
            for sign in (np.inf, -np.inf):
                S = np.array([[0.5, -0.25, 2.0, 1.0]], np.float32)
                S[0, place] = sign
                each, _ = native_losses(native, name, S, [label])
                with np.errstate(all="ignore"):
                    expected = losses.get(name)(S, [label])
                if np.isfinite(expected[0]):
                    np.testing.assert_allclose(each, expected, rtol=1e-6)
                else:
                    assert not np.isfinite(each[0])


def test_no_rows_are_no_error(native):
    each, dscores = native_losses(native, "softmax", np.zeros((0, 3)), np.zeros(0))
    assert each.shape == (0,)
    assert dscores.shape == (0, 3)
