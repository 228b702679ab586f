"""Numbers so round that float32 makes no error: the native results equal the twin's, ties and kinks included."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

EXACT = ["hinge", "hinge_max", "ova_hinge", "perceptron", "squared", "squared_hinge", "ova_squared_hinge"]
SOME = settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "40")))

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "dtype": st.sampled_from(["uint8", "float16", "float32", "float64"]),
        "rows": st.integers(1, 300),
        "features": st.integers(1, 70) | st.sampled_from([255, 256, 257, 511, 512, 513, 784, 1000, 3072]),
        "classes": st.integers(1, 12) | st.sampled_from([21, 33, 100]),
        "loss": st.sampled_from(EXACT),
        "order": st.sampled_from(["none", "all", "repeats"]),
        "weighted": st.booleans(),
    }
)


def assert_same(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, e)


@given(case=cases, threads=st.sampled_from([1, 2, 3, 8]))
@SOME
def test_scores_and_gradients_are_equal_when_nothing_rounds(exact, twin, level, case, threads):
    squares = case["loss"] in ("squared", "squared_hinge", "ova_squared_hinge")
    problem = exact(
        **case
        | {
            "features": min(case["features"], 40 if squares else 3072),
            "rows": min(case["rows"], 40 if squares else 300),
        }
    )
    np.testing.assert_array_equal(problem.scores(threads=threads), problem.scores(twin))
    assert_same(problem.gradient(threads=threads), problem.gradient(twin))


@given(
    seed=st.integers(0, 1000),
    dtype=st.sampled_from(["uint8", "float16", "float32", "float64"]),
    features=st.integers(1, 40),
    classes=st.integers(1, 12) | st.just(33),
    loss=st.sampled_from(EXACT[:4]),
    batch_size=st.sampled_from([1, 2, 16, 64]),
    momentum=st.sampled_from([0.0, 0.5, 1.0]),
    nesterov=st.booleans(),
    l2=st.sampled_from([0.0, 0.25]),
    l1=st.sampled_from([0.0, 0.25]),
)
@SOME
def test_three_steps_are_equal_when_nothing_rounds(
    exact, twin, level, seed, dtype, features, classes, loss, batch_size, momentum, nesterov, l2, l1
):
    problem = exact(seed, dtype, 3 * batch_size, features, classes, loss, largest=1, order="all")
    problem = problem.with_(shift=np.zeros(features), scale=np.ones(features))
    how = {"batch_size": batch_size, "momentum": momentum, "nesterov": nesterov, "l2": l2, "l1": l1}
    lr = np.array([0.125, 0.125, 0.0625], np.float32)
    assert_same(problem.descend(lr, **how), problem.descend(lr, kernels=twin, **how))


@pytest.mark.parametrize("loss", EXACT)
@pytest.mark.parametrize("classes", [1, 2, 3, 10, 33])
def test_at_zero_weights_all_classes_tie_and_the_twin_is_still_equal(exact, twin, level, loss, classes):
    problem = exact(0, "uint8", 96, 33, classes, loss)
    problem = problem.with_(W=np.zeros_like(problem.W), b=np.zeros_like(problem.b))
    assert_same(problem.gradient(), problem.gradient(twin))


def test_one_row_one_feature_by_hand(exact, level):
    problem = exact(0, "float32", 1, 1, 2, "hinge").with_(
        X=np.array([[3.0]], np.float32), y=np.array([1]), shift=np.array([1.0]), scale=np.array([0.5]),
        W=np.array([[2.0], [0.5]], np.float32), b=np.array([0.25, -0.25], np.float32),
    )  # fmt: skip
    # x' = (3 - 1) / 2 = 1; scores 2.25, 0.25; the hinge 2.25 - 0.25 + 1 = 3; slopes 1, -1
    np.testing.assert_array_equal(problem.scores(), [[2.25, 0.25]])
    total, correct, dW, db = problem.gradient()
    assert (total, correct) == (3.0, 0)
    np.testing.assert_array_equal(dW, [[1.0], [-1.0]])
    np.testing.assert_array_equal(db, [1.0, -1.0])
    # v = g + 2 l2 W = (1, -1) + (2, 0.5); W - 0.5 v = (2, 0.5) - (1.5, -0.25)
    _, _, W, b, vW, _ = problem.descend(np.array([0.5], np.float32), batch_size=8, l2=0.5)
    np.testing.assert_array_equal(vW, [[3.0], [-0.5]])
    np.testing.assert_array_equal(W, [[0.5], [0.75]])
    np.testing.assert_array_equal(b, [-0.25, 0.25])
