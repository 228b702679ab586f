"""precision="bf16": who may have it, and what it does to a training."""

import numpy as np
import pytest

import steepest as st
from steepest.kernels import dispatch

native = pytest.mark.skipif(not dispatch.runs_native(), reason="there is no native code in use")


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


@native
def test_bf16_learns_as_float32_does_to_other_bits(digits):
    train, test = digits
    runs = [
        st.train(st.nn.MLP([64, 48, 10]), train, epochs=12, precision=precision) for precision in ("float32", "bf16")
    ]
    scores = [run.model.score(test.X, test.y) for run in runs]
    assert min(scores) > 0.95
    assert abs(scores[0] - scores[1]) < 0.02
    W, V = (run.model.function.parameters["linear1.W"] for run in runs)
    assert not np.array_equal(W, V)
    np.testing.assert_allclose(W, V, atol=0.2)
    assert [run.settings["precision"] for run in runs] == ["float32", "bf16"]


@native
def test_bf16_of_the_estimator_gives_the_same_bits_on_any_threads(digits):
    train, _ = digits
    one, two = (
        st.MLPClassifier((64,), epochs=2, precision="bf16", threads=threads).fit(train.X, train.y) for threads in (1, 2)
    )
    for a, b in zip(one.coefs_, two.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_words_that_are_no_precision_are_refused(digits):
    with pytest.raises(st.errors.InputError, match=r"no precision 'bf61'.*bf16"):
        st.train("mlp", digits[0], epochs=1, precision="bf61")


def test_a_linear_classifier_has_no_bf16(digits):
    with pytest.raises(st.errors.InputError, match="for networks"):
        st.train("linear", digits[0], epochs=1, precision="bf16")


@native
def test_what_runs_on_the_graph_has_no_bf16_and_says_why(digits):
    model = st.nn.MLP([64, 8, 10], activation=lambda z: z * z)
    with pytest.raises(st.errors.InputError, match=r"bf16.*native program.*activation1"):
        st.train(model, digits[0], epochs=1, precision="bf16")
