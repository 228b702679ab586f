"""Rows of bytes: where the processor multiplies bytes by digits, sums are exact; only weights and slopes are rounded.

The properties hold at every level. That results are the twin's is in test_sweep_twins.py.
"""

import numpy as np
import pytest


def test_a_row_has_the_same_scores_in_any_company(make, level):
    problem = make(2, "uint8", 130, 257, 7)
    together = problem.scores()
    for i in range(0, 130, 7):
        np.testing.assert_array_equal(problem.with_(order=np.array([i])).scores()[0], together[i])


@pytest.mark.parametrize("place", [0, 1, 15, 63])
def test_rows_may_begin_anywhere(make, level, place):
    problem = make(3, "uint8", 70, 200, 10)
    room = np.full(problem.X.size + 64, 255, np.uint8)
    moved = room[place : place + problem.X.size].reshape(problem.X.shape)
    moved[:] = problem.X
    np.testing.assert_array_equal(problem.with_(X=moved).scores(), problem.scores())
    for a, e in zip(problem.with_(X=moved).gradient(), problem.gradient(), strict=True):
        np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize("largest", [1.0, 1 - 2**-24, 1 / 1.004, 0.99607, 0.996093, 127 / 128, 2.0**-100, 2.0**90])
@pytest.mark.parametrize("sign", [1, -1])
def test_weights_at_the_ends_of_the_digits(make, level, largest, sign):
    problem = make(4, "uint8", 20, 768, 10)
    for w in np.nextafter(np.float32(largest), [np.float32(0), np.float32(largest), np.float32(np.inf)]):
        heavy = problem.with_(
            X=np.full_like(problem.X, 255), W=np.full_like(problem.W, sign * w), b=np.zeros_like(problem.b),
            shift=np.zeros(768), scale=np.ones(768),
        )  # fmt: skip
        np.testing.assert_allclose(heavy.scores(), sign * 255.0 * 768 * w, rtol=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "perceptron", "squared"])
def test_whole_numbers_are_exact(exact, twin, level, loss):
    for features, classes in ((64, 3), (70, 10), (130, 5)):
        problem = exact(5, "uint8", 100, features, classes, loss, largest=1, order="all")
        for a, e in zip(problem.gradient(), problem.gradient(twin), strict=True):
            np.testing.assert_array_equal(a, e)


def test_slopes_of_zero_give_no_gradient(make, level):
    problem = make(6, "uint8", 100, 128, 4, "perceptron")
    idle = problem.with_(W=np.zeros_like(problem.W), b=np.array([3, 2, 1, 0], np.float32), y=np.zeros(100, np.int64))
    total, correct, dW, db = idle.gradient()
    assert (total, correct) == (0, 100)
    assert not dW.any()
    assert not db.any()
    np.testing.assert_array_equal(idle.scores(), np.tile(idle.b, (100, 1)))


def test_a_feature_scaled_far_more_than_the_others_takes_no_digits_from_them(make, level):
    problem = make(7, "uint8", 50, 128, 5)
    scale, shift, X = problem.scale.copy(), problem.shift.copy(), problem.X.copy()
    scale[9], shift[9], X[:, 9] = 1e4 * scale[9], 0, 0
    problem = problem.with_(X=X, shift=shift, scale=scale)
    assert np.all(np.abs(problem.scores() - problem.exact_scores()) <= problem.score_error())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_weight_that_is_not_finite_shows_in_its_class_alone(make, level, bad, threads):
    problem = make(8, "uint8", 300, 784, 10)
    W = problem.W.copy()
    W[3, 777] = bad
    spoilt = problem.with_(W=W)
    others = np.arange(10) != 3
    assert not np.isfinite(spoilt.scores(threads=threads)[:, 3]).any()
    np.testing.assert_array_equal(spoilt.scores()[:, others], problem.scores()[:, others])
    if np.isnan(bad):
        assert np.isnan(spoilt.gradient(threads=threads)[0])
        total, _, W, *_ = spoilt.descend(np.full(3, 0.01, np.float32), batch_size=100, threads=threads)
        assert np.isnan(total)
        assert np.isnan(W).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_slope_that_is_not_finite_shows_in_the_gradient(make, level, bad):
    problem = make(9, "uint8", 100, 128, 4, "ova_squared_hinge", weighted=True)
    weight = problem.weight.copy()
    weight[57] = bad
    _, _, dW, db = problem.with_(weight=weight, b=np.full(4, 2, np.float32)).gradient()
    bent = ~np.isfinite(db)
    assert bent.any()
    assert not np.isfinite(dW[bent]).any()
    assert np.isfinite(dW[~bent]).all()


def test_a_diverging_run_shows_it(make, level):
    problem = make(10, "uint8", 640, 128, 10, "squared")
    total, _, W, *_ = problem.descend(np.full(10, 1e9, np.float32), batch_size=64)
    assert not np.isfinite(total)
    assert not np.isfinite(W).all()
