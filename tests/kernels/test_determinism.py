"""The same bits whatever the number of threads, the place of the rows in memory, and where an epoch is cut."""

import itertools

import numpy as np
import pytest

from steepest.kernels import dispatch

# Work enough for several threads, features in several chunks, borders that are no multiple of anything.
SHAPES = [(300, 784, 10), (257, 3072, 10), (600, 513, 33), (511, 1000, 5), (256, 257, 100)]
THREADS = (2, 3, 8)


def assert_same_bits(a, b):
    for x, y in zip(a, b, strict=True):
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes(), f"{np.sum(x != y)} of {np.size(x)} differ"


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize(("rows", "features", "classes"), SHAPES)
def test_threads_change_no_bit(make, level, dtype, rows, features, classes):
    problem = make(1, dtype, rows, features, classes, order="repeats", weighted=True, strided=True)
    lr = np.full(-(-len(problem.rows) // 128), 0.01, np.float32)
    how = {"batch_size": 128, "momentum": 0.9, "nesterov": True, "l2": 1e-3, "l1": 1e-3, "radius": 0.7}
    scores, gradient, steps = problem.scores(), problem.gradient(), problem.descend(lr, **how)
    for threads in THREADS:
        assert_same_bits([problem.scores(threads=threads)], [scores])
        assert_same_bits(problem.gradient(threads=threads), gradient)
        assert_same_bits(problem.descend(lr, threads=threads, **how), steps)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("features", [64, 65, 200, 1000])
def test_threads_change_no_bit_of_the_moments(level, dtype, features):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (3000, features)).astype(dtype)
    order = rng.integers(0, 3000, 4000)
    results = []
    for threads in (1, *THREADS):
        mean, variance = np.empty(features), np.empty(features)
        dispatch.moments(X, order, mean, variance, threads=threads)
        results.append((mean, variance))
    for result in results[1:]:
        assert_same_bits(result, results[0])


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 33, 64, 300])
@pytest.mark.parametrize(("threads", "radius"), [(1, 0.0), (2, 0.8)])
def test_an_epoch_in_pieces_is_the_epoch(make, level, dtype, batch_size, threads, radius):
    rows = 40 if batch_size == 1 else 650
    problem = make(2, dtype, rows, 513, 10, order="all", weighted=True)
    how = {"batch_size": batch_size, "momentum": 0.9, "l2": 1e-3, "l1": 1e-4, "radius": radius, "threads": threads}
    steps = -(-rows // batch_size)
    lr = np.linspace(0.02, 0.01, steps, dtype=np.float32)
    whole = problem.descend(lr, **how)
    for cuts in ([1], [steps // 2], range(1, steps)):
        state, total, correct = None, 0.0, 0
        for first, last in itertools.pairwise([0, *sorted({c for c in cuts if 0 < c < steps}), steps]):
            piece = problem.with_(order=problem.order[first * batch_size : last * batch_size])
            loss, right, *state = piece.descend(lr[first:last], state, **how)
            total, correct = total + loss, correct + right
        assert_same_bits(state, whole[2:])
        assert correct == whole[1]
        assert total == pytest.approx(whole[0], rel=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_the_place_of_the_rows_in_memory_changes_no_bit(make, level, dtype):
    plain = make(3, dtype, 90, 70, 4, strided=True)
    reversed_rows = plain.with_(X=plain.X[::-1].copy()[::-1])
    read_only = plain.with_(X=plain.X.copy())
    read_only.X.flags.writeable = False
    ordered = plain.with_(order=np.arange(90))
    shuffle = np.random.default_rng(0).permutation(90)
    sorted_back = plain.with_(X=plain.X[shuffle], y=plain.y[shuffle], order=np.argsort(shuffle))
    for other in (reversed_rows, read_only, ordered, sorted_back):
        assert_same_bits([other.scores()], [plain.scores()])
        assert_same_bits(other.gradient(), plain.gradient())


def test_one_row_after_another_in_any_company_has_the_same_scores(make, level):
    problem = make(4, "float32", 130, 257, 7)
    together = problem.scores()
    for i in range(0, 130, 7):
        np.testing.assert_array_equal(problem.with_(order=np.array([i])).scores()[0], together[i])
