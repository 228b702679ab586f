"""A penalty of a tensor is part of its graph; the graph's derivative and the one written by hand check each other."""

import numpy as np
import pytest

import steepest as st
from steepest.penalties import NAMES, ElasticNet, get

W = np.array([[0.5, 0.0], [-0.25, 0.125], [0.0, -0.5]])


@pytest.mark.parametrize("penalty", [*map(get, NAMES), ElasticNet(beta=0.25)], ids=repr)
def test_the_graph_and_the_hand_agree_at_kinks_too(penalty):
    x = st.tensor(W)
    price = penalty(x)
    assert price.shape == ()
    assert price.value == penalty(W)
    price.backward()
    np.testing.assert_array_equal(x.grad, penalty.gradient(W))
    assert st.check_gradient(penalty, W)


def test_outside_of_the_bound_it_is_infinite_and_pulls_nowhere():
    x = st.tensor(10 * W)
    price = st.penalties.max_norm(x)
    price.backward()
    assert price.value == np.inf
    assert not x.grad.any()


def test_the_lecture_prefers_the_even_weights():
    w1, w2 = st.tensor([1.0, 0.0, 0.0, 0.0]), st.tensor([0.25, 0.25, 0.25, 0.25])
    x = np.ones(4)
    assert (w1 @ x).value == (w2 @ x).value
    assert (st.penalties.l2(w1).value, st.penalties.l2(w2).value) == (1, 0.25)
