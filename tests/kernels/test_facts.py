"""What must hold whatever a twin says: slopes of an independent objective, digits far from zero, unseen padding."""

import math

import numpy as np
import pytest

from steepest import losses
from steepest.kernels import dispatch


def one(name, s, y):
    """L_i of one example in plain Python, written from the equations."""
    others = [s_j for j, s_j in enumerate(s) if j != y]
    t = [1.0 if j == y else -1.0 for j in range(len(s))]
    match name:
        case "softmax":
            m = max(s)
            return m + math.log(math.fsum(math.exp(s_j - m) for s_j in s)) - s[y]
        case "hinge":
            return sum(max(0.0, s_j - s[y] + 1) for s_j in others)
        case "squared_hinge":
            return sum(max(0.0, s_j - s[y] + 1) ** 2 for s_j in others)
        case "hinge_max":
            return max(0.0, max(others) - s[y] + 1)
        case "perceptron":
            return max(0.0, max(others) - s[y])
        case "ova_hinge":
            return sum(max(0.0, 1 - t_j * s_j) for t_j, s_j in zip(t, s, strict=True))
        case "ova_squared_hinge":
            return sum(max(0.0, 1 - t_j * s_j) ** 2 for t_j, s_j in zip(t, s, strict=True))
        case "logistic":
            return sum(math.log1p(math.exp(-t_j * s_j)) for t_j, s_j in zip(t, s, strict=True))
        case "squared":
            return sum((s_j - (j == y)) ** 2 for j, s_j in enumerate(s))


def objective(problem, W, b):
    """sum_i w_i L_i in float64."""
    S = problem.standardized() @ W.T + b
    return math.fsum(
        w * one(problem.formula.native, list(s), y)
        for w, s, y in zip(problem.w, S, problem.y[problem.rows], strict=True)
    )


@pytest.mark.parametrize("loss", losses.NAMES)
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_the_gradient_is_the_slope_of_the_objective(make, level, loss, dtype):
    problem = make(11, dtype, 60, 37, 5, loss, order="repeats", weighted=True, strided=True)
    h = 1e-6
    far = np.abs(problem.exact_scores())  # rows near a kink have no slope there
    problem = problem.with_(order=problem.rows[problem.safe() & (far.max(axis=1) > 0)])
    total, _, dW, db = problem.gradient()
    total_error, dW_error, db_error = problem.gradient_error()
    W, b = problem.W.astype(np.float64), problem.b.astype(np.float64)
    assert abs(total - objective(problem, W, b)) <= total_error
    rng = np.random.default_rng(0)
    for _ in range(4):  # along random directions, and each coordinate of a few
        U, u = rng.normal(size=W.shape), rng.normal(size=b.shape)
        slope = (objective(problem, W + h * U, b + h * u) - objective(problem, W - h * U, b - h * u)) / (2 * h)
        room = np.sum(np.abs(U) * dW_error) + np.sum(np.abs(u) * db_error) + 1e-4
        assert abs(np.sum(dW * U) + np.sum(db * u) - slope) <= room
    for c, f in [(0, 0), (4, 36), (2, 17)]:
        U = np.zeros_like(W)
        U[c, f] = h
        slope = (objective(problem, W + U, b) - objective(problem, W - U, b)) / (2 * h)
        assert abs(dW[c, f] - slope) <= dW_error[c, f] + 1e-4


@pytest.mark.parametrize(
    ("dtype", "centre", "spread"),
    [("uint8", 200, 1), ("float16", 1e4, 8), ("float32", 1e4, 0.1), ("float32", 1e6, 10), ("float64", 1e8, 0.1)],
)
def test_a_feature_far_from_zero_keeps_its_digits(make, level, dtype, centre, spread):
    rng = np.random.default_rng(0)
    X = (centre + spread * rng.normal(size=(500, 33))).astype(dtype)
    seen = X.astype(np.float64)
    problem = make(0, "float64", 500, 33, 3).with_(X=X, shift=seen.mean(axis=0), scale=1 / seen.std(axis=0))
    size = np.abs(problem.standardized()) @ np.abs(problem.W.T) + np.abs(problem.b)
    assert np.max(np.abs(problem.scores() - problem.exact_scores()) / size) < 1e-6


@pytest.mark.parametrize("size", [1e-60, 1e-42, 1e-20, 1e20, 1e60])
def test_float64_features_of_any_size_can_be_standardized(make, level, size):
    problem = make(0, "float64", 200, 40, 3)
    X = problem.X * size
    small = problem.with_(X=X, shift=X.mean(axis=0), scale=1 / X.std(axis=0), W=np.zeros_like(problem.W))
    _, _, dW, _ = small.gradient()
    _, dW_error, _ = small.gradient_error()
    twin = small.with_(X=problem.X, shift=problem.X.mean(axis=0), scale=1 / problem.X.std(axis=0)).gradient()[2]
    assert np.all(np.isfinite(dW))
    assert np.all(np.abs(dW - twin) <= 2 * dW_error + 1e-4 * np.abs(twin))


@pytest.mark.parametrize("rows", [1, 3, 5, 17, 65, 257])
@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge", "hinge_max", "perceptron"])
def test_a_class_ruled_out_by_its_bias_poisons_nothing(make, twin, level, rows, loss):
    """Lanes beyond the last row hold no example: with an infinite score even 0 times theirs would be seen."""
    problem = make(0, "float32", rows, 12, 4, loss)
    problem = problem.with_(y=1 + problem.y % 3, b=np.array([-np.inf, 0, 0, 0], np.float32))
    total, correct, dW, db = problem.gradient()
    expected = problem.gradient(twin)
    np.testing.assert_allclose(total, expected[0], rtol=1e-4, atol=1e-5)
    assert correct == expected[1]
    np.testing.assert_allclose(dW, expected[2], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(db, expected[3], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("loss", losses.NAMES)
def test_a_number_that_is_not_finite_reaches_the_loss_and_no_other_row(make, level, dtype, bad, loss):
    problem = make(5, dtype, 131, 70, 4, loss)
    clean = problem.scores()
    X = problem.X.copy()
    X[67, 41] = bad
    spoilt = problem.with_(X=X)
    scores = spoilt.scores()
    assert not np.isfinite(scores[67]).any()
    others = np.arange(131) != 67
    np.testing.assert_array_equal(scores[others], clean[others])
    if np.isnan(bad):
        assert np.isnan(spoilt.gradient()[0])
        total, _, W, *_ = spoilt.descend(np.full(3, 0.01, np.float32), batch_size=50)
        assert np.isnan(total)
        assert np.isnan(W).any()


@pytest.mark.parametrize("loss", losses.NAMES)
def test_a_diverging_run_shows_it(make, level, loss):
    problem = make(6, "float32", 64, 10, 3, loss)
    if loss in (
        "squared",
        "squared_hinge",
        "ova_squared_hinge",
    ):  # the others' slopes are bounded, and so are a few steps
        total, *_ = problem.descend(np.full(64, 1e3, np.float32), batch_size=1)
        assert not np.isfinite(total)


def test_a_step_larger_than_float32_holds_shows_in_the_loss(make, level):
    problem = make(6, "float32", 64, 10, 3)
    total, *_ = problem.descend(np.full(4, 3e38, np.float32), batch_size=16)
    assert not np.isfinite(total)


def test_a_batch_larger_than_all_rows_is_all_rows(make, level):
    problem = make(7, "float32", 10, 5, 3)
    lr = np.array([0.1], np.float32)
    expected = problem.descend(lr, batch_size=10)
    for batch_size in (11, 2**31, 2**62, 2**63 - 1):
        for a, e in zip(problem.descend(lr, batch_size=batch_size), expected, strict=True):
            np.testing.assert_array_equal(a, e)


def test_no_rows_mean_no_steps_and_no_scores(make, level):
    problem = make(8, "float32", 10, 5, 3)
    nothing = problem.with_(order=np.empty(0, np.int64))
    total, correct, W, b, *_ = nothing.descend(np.empty(0, np.float32), batch_size=4)
    assert (total, correct) == (0, 0)
    np.testing.assert_array_equal(W, problem.W)
    np.testing.assert_array_equal(b, problem.b)
    assert nothing.scores().shape == (0, 3)
    for X in (problem.X[:0], np.zeros((0, 5), np.float32), np.zeros((0, 5), np.uint8)):
        assert problem.with_(X=X, y=problem.y[:0]).scores().shape == (0, 3)


def test_a_radius_holds_every_class_to_that_norm(make, level):
    problem = make(9, "uint8", 300, 1000, 10)
    *_, W, _, _, _ = problem.descend(np.full(10, 0.5, np.float32), batch_size=32, radius=0.25)
    assert np.all(np.linalg.norm(W.astype(np.float64), axis=1) <= 0.25 * (1 + 1e-6))
    assert np.any(np.linalg.norm(W.astype(np.float64), axis=1) >= 0.25 * (1 - 1e-6))


def test_every_level_is_named_and_can_be_taken(level):
    assert dispatch.level() == level
    assert dispatch.native.level() == level
