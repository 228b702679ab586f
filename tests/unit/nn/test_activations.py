"""The activations' values, and of the new ops the tails too."""

import math

import numpy as np
import pytest

import steepest as st
from steepest.nn import Activation

AT = [-50.0, -5.0, -1.0, -0.1, 0.0, 0.1, 1.0, 5.0, 50.0]
BY_HAND = {
    "identity": lambda x: x,
    "step": lambda x: 1.0 if x >= 0 else 0.0,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "relu": lambda x: max(0.0, x),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "gelu": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    "softplus": lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
}


def test_there_is_one_by_hand_for_each():
    assert tuple(BY_HAND) == st.nn.NAMES


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values(name, dtype):
    x = np.array([AT], dtype)
    y = Activation(name).apply({}, x, st.nn.EVALUATION)
    assert y.dtype == dtype
    expected = [BY_HAND[name](float(v)) for v in x[0]]
    np.testing.assert_allclose(y[0], expected, rtol=1e-12 if dtype == np.float64 else 2e-6, atol=1e-38)


def test_slopes_of_their_own():
    x = np.array([[-1.0, 2.0]])
    assert Activation("leaky_relu", slope=0.3).apply({}, x, st.nn.EVALUATION).tolist() == [[-0.3, 2.0]]
    expected = [[0.5 * math.expm1(-1), 2.0]]
    np.testing.assert_allclose(Activation("elu", slope=0.5).apply({}, x, st.nn.EVALUATION), expected)


@pytest.mark.parametrize(
    ("op", "slope"),
    [
        (st.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x)),
        (st.erfc, lambda x: -2 / math.sqrt(math.pi) * math.exp(-x * x)),
        (
            st.gelu,
            lambda x: (
                math.erfc(-x / math.sqrt(2)) / 2 + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
            ),
        ),
        (st.elu, lambda x: 1.0 if x > 0 else math.exp(x)),
        (lambda x: st.elu(x, a=0.5), lambda x: 1.0 if x > 0 else 0.5 * math.exp(x)),
    ],
    ids=["erf", "erfc", "gelu", "elu", "elu 0.5"],
)  # fmt: skip
def test_slopes_of_the_new_ops(op, slope):
    x = st.tensor(AT)
    op(x).sum().backward()
    np.testing.assert_allclose(x.grad, [slope(v) for v in AT], rtol=1e-12, atol=1e-15)


def test_erf():
    for x in AT:
        assert st.erf(x) == pytest.approx(math.erf(x), abs=1e-15)
        assert st.erfc(x) == pytest.approx(math.erfc(x), rel=1e-12)


def test_a_function_of_ones_own_shows_its_name():
    def bump(x):
        return st.exp(-x * x)

    assert repr(Activation(bump)) == "Activation(bump)"
    assert Activation(bump).apply({}, np.zeros((1, 2)), st.nn.EVALUATION).tolist() == [[1, 1]]
