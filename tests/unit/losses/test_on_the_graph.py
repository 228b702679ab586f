"""A loss of a tensor is part of its graph; the graph's derivative and the one written by hand check each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as s
from hypothesis.extra import numpy as hnp

import steepest as st
from steepest import losses

EVERY = (*losses.NAMES, "nll")


def loss_named(name):
    return losses.nll if name == "nll" else losses.get(name)


@s.composite
def tied(draw):
    """Scores on a grid of halves: ties and exact margins, where the kinks are, come up all the time."""
    n, classes = draw(s.integers(0, 4)), draw(s.integers(1, 5))
    halves = draw(hnp.arrays(np.int64, (n, classes), elements=s.integers(-4, 4)))
    return halves / 2, draw(hnp.arrays(np.int64, n, elements=s.integers(0, classes - 1)))


@pytest.mark.parametrize("name", EVERY)
@given(data=tied(), of_floats=s.booleans())
@settings(max_examples=60, deadline=None)
def test_the_graph_and_the_hand_agree_at_kinks_too(name, data, of_floats):
    loss, (scores, y) = loss_named(name), data
    scores = scores + 0.1234 * np.arange(scores.shape[1]) if of_floats else scores
    scores = -np.abs(scores) if name == "nll" else scores
    x = st.tensor(scores)
    each = loss(x, y)
    np.testing.assert_array_equal(each.value, loss(scores, y))
    each.backward(np.arange(1.0, len(y) + 1))
    np.testing.assert_allclose(x.grad, np.arange(1.0, len(y) + 1)[:, np.newaxis] * loss.gradient(scores, y), atol=1e-15)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("size", [1e4, 1e8])
def test_extreme_scores(name, size):
    scores = -size * np.abs(np.array([[1.0, -1.0, 0.5], [-1.0, 0.25, 1.0]]) - (name == "nll"))
    scores = scores if name == "nll" else scores + size
    x = st.tensor(scores)
    loss_named(name)(x, [0, 2]).sum().backward()
    np.testing.assert_allclose(x.grad, loss_named(name).gradient(scores, [0, 2]), rtol=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_one_example_and_float32(name):
    loss = loss_named(name)
    scores = -np.array([0.5, 1.5, 0.25], np.float32)
    x = st.tensor(scores)
    one = loss(x, 2)
    assert one.shape == ()
    assert one.dtype == np.float32
    one.backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad, loss.gradient(scores, 2), rtol=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_the_gradient_check_passes(name):
    scores = -np.abs(np.random.default_rng(0).normal(0, 2, (5, 4)))
    y = [0, 3, 2, 1, 1]
    loss = loss_named(name)
    assert st.check_gradient(lambda x: loss(x, y).mean(), scores)
    assert st.check_gradient(lambda x: loss(x, y).mean(), scores, gradient=lambda x: loss.gradient(x, y) / 5)
    assert not st.check_gradient(lambda x: loss(x, y).mean(), scores, gradient=lambda x: loss.gradient(x, y) / 5.005)


def test_second_derivative_of_softmax_is_that_of_theory():
    scores = np.array([0.5, -1.0, 2.0])
    p = st.losses.softmax.probabilities(scores)
    hessian = st.jacobian(st.grad(lambda x: st.losses.softmax(x, 1)))(scores)
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), atol=1e-15)


def test_probabilities_are_on_the_graph_too():
    x = st.tensor([[1.0, 2.0, 4.0]])
    p = st.losses.softmax.probabilities(x)
    np.testing.assert_allclose(st.losses.nll(st.losses.softmax.log_probabilities(x), [1]).value, -np.log(p.value[:, 1]))
    p[0, 1].backward()
    np.testing.assert_allclose(x.grad[0], p.value[0, 1] * (np.eye(3)[1] - p.value[0]))


def test_mistakes_are_named_as_for_arrays():
    with pytest.raises(st.InputError, match=r"y\[1\] is 3"):
        st.losses.hinge(st.tensor(np.zeros((2, 3))), [0, 3])
    with pytest.raises(st.InputError, match="shape"):
        st.losses.hinge(st.tensor(1.0), 0)
    with pytest.raises(st.InputError, match="positive"):
        st.losses.nll(st.tensor([0.5, 0.5]), 0)
