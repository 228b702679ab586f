"""scores, gradient and descend against their twins: every dtype, odd shapes, orders, weights, every level.

What may differ is bounded from the roundings of float32 (conftest.py), element by element. Losses whose gradient jumps
are compared on rows that rounding cannot carry over a jump; on the jumps themselves, test_sweep_exact.py leaves no
rounding at all.
"""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest import losses

SOME = settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "50")))

FEATURES = [255, 256, 257, 511, 512, 513, 784, 1000, 3072]
CLASSES = [21, 33, 100]
DTYPES = ["uint8", "float16", "float32", "float64"]

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "dtype": st.sampled_from(DTYPES),
        "rows": st.integers(1, 70) | st.integers(1, 600),
        "features": st.integers(1, 70) | st.sampled_from(FEATURES),
        "classes": st.integers(1, 12) | st.sampled_from(CLASSES),
        "loss": st.sampled_from(losses.NAMES),
        "strided": st.booleans(),
        "order": st.sampled_from(["none", "all", "some", "repeats"]),
        "weighted": st.booleans(),
        "scaled": st.booleans(),
    }
)
threads = st.sampled_from([1, 2, 3, 8])


def assert_within(actual, expected, bound):
    off = np.abs(np.asarray(actual, np.float64) - expected)
    over = np.max(off - bound)
    assert over <= 0, f"off by {np.max(off):.3g}, {over:.3g} more than rounding allows"
    assert np.all(np.isfinite(actual))


def safe_problem(make, case):
    problem = make(**case)
    rows = (
        problem.rows[problem.safe()]
        if case["loss"] in ("hinge", "hinge_max", "ova_hinge", "perceptron")
        else problem.rows
    )
    if len(rows) == len(problem.rows):
        return problem  # with no order where it has none
    return problem.with_(order=rows if len(rows) else problem.rows[:0])


def check_scores(problem, twin, threads):
    out = problem.scores(threads=threads)
    assert_within(out, problem.exact_scores(), problem.score_error())
    assert_within(out, problem.scores(twin), 2 * problem.score_error())


def check_gradient(problem, twin, threads):
    total, correct, dW, db = problem.gradient(threads=threads)
    total_error, dW_error, db_error = problem.gradient_error()
    twin_total, twin_correct, twin_dW, twin_db = problem.gradient(twin)
    assert_within(dW, twin_dW, 2 * dW_error)
    assert_within(db, twin_db, 2 * db_error)
    assert_within(total, twin_total, 2 * total_error)
    assert abs(correct - twin_correct) <= np.sum(~problem.safe())


def check_steps(problem, twin, threads, batch_size, **how):
    """Each step from where the native one stood, so that errors do not add up."""
    lr = min(
        0.05, 1 / (4 * len(problem.W) * np.max(1 + np.sum(problem.standardized() ** 2, axis=1)))
    )  # no loss diverges
    state = problem.W, problem.b, np.zeros_like(problem.W), np.zeros_like(problem.b)
    mu, l2, l1, radius = how["momentum"], how["l2"], how["l1"], how["radius"]
    for begin in range(0, len(problem.rows), batch_size):
        step = problem.with_(order=problem.rows[begin : begin + batch_size], W=state[0], b=state[1])
        rate, B = np.array([lr], np.float32), len(step.rows)
        after = step.descend(rate, state, threads=threads, batch_size=batch_size, **how)
        expected = step.descend(rate, state, twin, batch_size=batch_size, **how)
        if step.formula.native not in ("hinge", "hinge_max", "ova_hinge", "perceptron") or step.safe().all():
            total_error, *errors = step.gradient_error()
            assert_within(after[0], expected[0], 2 * total_error)
            for i, error, l2s, l1s in ((0, errors[0], l2, l1), (1, errors[1], 0, 0)):
                w, v = np.abs(state[i]), np.abs(expected[4 + i])
                v_error = error / B + 2.0**-24 * (6 * v + 6 * np.abs(state[2 + i]) + 8 * l2s * w + 4 * l1s)
                assert_within(after[4 + i], expected[4 + i], 2 * v_error)
                w_error = (1 + mu) * lr * v_error + 2.0**-24 * (4 * w + 8 * lr * v)
                if radius and i == 0:  # a projection keeps distances, and adds the rounding of a norm
                    w_error = w_error + (np.linalg.norm(w_error) + 2.0**-24 * (6 * np.sqrt(w.shape[1]) + 6) * radius)
                assert_within(after[2 + i], expected[2 + i], 2 * w_error)
        state = after[2:]


@given(case=cases, threads=threads)
@SOME
def test_scores_are_those_of_the_twin(make, twin, level, case, threads):
    check_scores(make(**case), twin, threads)


@given(case=cases, threads=threads)
@SOME
def test_gradient_is_that_of_the_twin(make, twin, level, case, threads):
    problem = safe_problem(make, case)
    if len(problem.rows):
        check_gradient(problem, twin, threads)


@given(
    case=cases,
    threads=threads,
    batch_size=st.sampled_from([1, 7, 32, 64, 100, 256, 300, 1000]),
    momentum=st.sampled_from([0.0, 0.9]),
    nesterov=st.booleans(),
    penalty=st.sampled_from([(0, 0), (1e-2, 0), (0, 1e-2), (3e-3, 1e-2)]),
    radius=st.sampled_from([0.0, 0.5]),
)
@SOME
def test_a_step_is_that_of_the_twin(make, twin, level, case, threads, batch_size, momentum, nesterov, penalty, radius):
    case = case | {"rows": min(case["rows"], 4 * batch_size)}
    how = {"momentum": momentum, "nesterov": nesterov, "l2": penalty[0], "l1": penalty[1], "radius": radius}
    check_steps(make(**case), twin, threads, batch_size, **how)


@pytest.mark.parametrize("features", [63, 64, 65, 127, 130, 192, 784])
@pytest.mark.parametrize("classes", [2, 3, 5, 6, 10, 11])
def test_all_tails_of_bytes(make, twin, level, features, classes):
    """Strips of 64 features, rows in fours and eights, classes that fill the lanes or do not: where levels part."""
    how = {"momentum": 0.9, "nesterov": False, "l2": 1e-3, "l1": 0.0, "radius": 0.0}
    for rows in (1, 3, 4, 5, 8, 9, 33, 257):
        problem = make(1, "uint8", rows, features, classes, strided=rows % 2 == 1, order="all", weighted=True)
        check_scores(problem, twin, 1 + rows % 3)
        check_gradient(problem, twin, 1 + rows % 3)
        check_steps(problem, twin, 2, 32, **how)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("features", [1, 7, 16, 31, 33, 64, 65, *FEATURES])
def test_all_classes_and_rows(make, twin, level, dtype, features):
    for classes in (*range(1, 13), *CLASSES):
        for rows in (1, 2, 15, 17, 64, 65, 255, 257, 600):
            problem = make(
                features + classes, dtype, rows, features, classes, strided=rows % 2 == 1, order="all", weighted=True
            )
            check_gradient(problem, twin, 1 + rows % 3)
            check_scores(problem, twin, 1 + rows % 3)


@pytest.mark.slow
@pytest.mark.parametrize("loss", losses.NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_all_losses_penalties_and_momenta(make, twin, level, dtype, loss):
    for features, classes in ((1, 2), (65, 3), (513, 10), (784, 21)):
        for batch_size in (1, 64, 300):
            problem = make(1, dtype, min(600, 3 * batch_size), features, classes, loss, order="repeats", weighted=True)
            for momentum, nesterov in ((0.0, False), (0.9, False), (0.9, True)):
                for l2, l1, radius in ((0, 0, 0), (1e-2, 0, 0), (0, 1e-2, 0), (3e-3, 1e-2, 0), (0, 0, 0.5)):
                    how = {"momentum": momentum, "nesterov": nesterov, "l2": l2, "l1": l1, "radius": radius}
                    check_steps(problem, twin, 2, batch_size, **how)
