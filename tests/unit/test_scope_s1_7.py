"""Scope S1.7: the linear threshold unit and the logistic unit."""

import numpy as np
import pytest

import steepest as st

INPUTS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_s1_7_heaviside_of_zero_is_one():
    assert st.step(0.0) == 1
    assert st.step(-1e-300) == 0
    assert st.step(st.tensor(0.0)).value == 1


def test_s1_7_sign_of_zero_is_zero():
    assert st.sign(0.0) == 0
    assert (st.sign(-2.0), st.sign(3.0)) == (-1, 1)


def test_s1_7_logistic_unit():
    for z in (-3.0, 0.0, 0.5):
        assert st.sigmoid(z) == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-15)


@pytest.mark.parametrize(
    ("theta", "gate"),
    [((-30.0, 20.0, 20.0), lambda a, b: a and b), ((-10.0, 20.0, 20.0), lambda a, b: a or b)],
    ids=["and", "or"],
)
@pytest.mark.parametrize("inputs", INPUTS)
def test_s1_7_logistic_gates(theta, gate, inputs):
    x = np.array([1.0, *inputs])
    g = st.sigmoid(st.tensor(np.array(theta)) @ x)
    assert float(g) == pytest.approx(float(gate(*inputs)), abs=5e-5)
    assert st.step(np.dot(theta, x)) == gate(*inputs)  # a threshold unit decides alike


def test_s1_7_logistic_at_thirty_and_ten():
    assert st.sigmoid(-30.0) == pytest.approx(9.4e-14, rel=0.01)
    assert st.sigmoid(-10.0) == pytest.approx(4.5e-5, rel=0.01)
    assert st.sigmoid(10.0) == pytest.approx(1 - 4.5e-5, rel=1e-6)
    assert st.sigmoid(30.0) == pytest.approx(1)
