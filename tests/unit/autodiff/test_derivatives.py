"""Gradients and Jacobians of functions."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as s
from hypothesis.extra import numpy as hnp

import steepest as st
from steepest import InputError


def test_plain_arrays_in_plain_arrays_out():
    g = st.grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    assert type(g) is np.ndarray
    assert g.tolist() == [2, 4]
    assert isinstance(st.grad(lambda x: x * x)(3.0), float)


def test_tensors_in_tensors_out():
    x = st.tensor(3.0)
    g = st.grad(lambda x: x**3)(x)
    assert type(g) is st.Tensor
    g.backward()
    assert (float(g), x.grad) == (27, 18)


def test_an_outer_tensor_stays_on_the_graph():
    a = st.tensor(5.0)
    g = st.grad(lambda x: a * x * x)(3.0)
    g.backward()
    assert (float(g), a.grad) == (30, 6)


def test_argnums():
    f = lambda x, y, k=1.0: k * x * y**2  # noqa: E731
    assert st.grad(f, argnums=1)(2.0, 3.0) == 12
    assert st.grad(f, argnums=-1)(2.0, 3.0) == 12
    assert st.grad(f, argnums=(0, 1))(2.0, 3.0, k=2.0) == (18, 24)
    assert st.grad(f, argnums=(1, 0))(2.0, 3.0) == (12, 9)
    with pytest.raises(InputError, match="no argument 2"):
        st.grad(f, argnums=2)(2.0, 3.0)
    with pytest.raises(InputError, match=r"no argument 0 .* given 0"):
        st.grad(f)(x=2.0, y=3.0)


def test_value_and_grad():
    value, slope = st.value_and_grad(lambda x: x * x)(3.0)
    assert (value, slope) == (9, 6)
    assert st.value_and_grad(lambda x: 5.0)(3.0) == (5, 0)
    assert st.grad(lambda x: st.stop_gradient(x) * 2.0)(3.0) == 0
    assert st.grad(lambda x, y: y * 2.0)(np.ones(2), 3.0).tolist() == [0, 0]


class Layer(NamedTuple):
    W: object
    b: object


def test_parameters_in_trees():
    layers = [Layer(np.full((2, 2), 2.0), np.ones(2)), Layer(np.full((2, 2), 3.0), np.zeros(2))]
    g = st.grad(lambda p: sum((layer.W * layer.W).sum() + layer.b.sum() for layer in p["layers"]))({"layers": layers})
    assert type(g["layers"][0]) is Layer
    assert g["layers"][1].W.tolist() == [[6, 6], [6, 6]]
    assert g["layers"][0].b.tolist() == [1, 1]
    pairs = [(np.ones(2), np.ones(2)), (np.ones(2), np.ones(2))]  # all of one shape, and yet no array of (2, 2, 2)
    assert [tuple(map(list, pair)) for pair in st.grad(lambda p: sum((a * b).sum() for a, b in p))(pairs)] == [
        ([1, 1], [1, 1]), ([1, 1], [1, 1]),
    ]  # fmt: skip
    assert st.grad(lambda p: p.W * p.b)(Layer(2.0, 3.0)) == Layer(3.0, 2.0)
    assert st.grad(lambda w: w[0] * w[1])([2.0, 3.0]).tolist() == [3, 2]
    assert st.grad(lambda w: (w @ w).sum())([[1.0, 0.0], [0.0, 1.0]]).shape == (2, 2)
    with pytest.raises(InputError, match="one length"):
        st.grad(lambda w: w.sum())([[1.0], [1.0, 2.0]])


def test_a_gradient_needs_one_number():
    def doubled(x):
        return 2 * x

    with pytest.raises(InputError, match=r"doubled returned shape \(2,\): take its mean or sum, or use jacobian"):
        st.grad(doubled)(np.ones(2))
    for result in ([1.0], None, {}, ()):
        with pytest.raises(InputError, match="must return a number or an array, not a"):
            st.grad(lambda x, result=result: result)(1.0)


def test_derivatives_of_derivatives():
    f = lambda x: st.exp(2 * x) * x  # noqa: E731
    for order in range(5):
        x = 0.5
        expected = np.exp(2 * x) * (2**order * x + order * 2.0 ** (order - 1))
        assert float(f(x)) == pytest.approx(expected, rel=1e-12)
        f = st.grad(f)


def test_hessian_vector_products():
    A = np.random.default_rng(0).normal(size=(5, 5))
    f = lambda x: 0.5 * (x @ (A @ x)) + (x**4).sum()  # noqa: E731
    x, v = np.linspace(-1, 1, 5), np.arange(5.0)
    product = st.grad(lambda x: (st.grad(f)(x) * v).sum())(x)
    H = (A + A.T) / 2 + np.diag(12 * x**2)
    np.testing.assert_allclose(product, H @ v, rtol=1e-12)
    np.testing.assert_allclose(st.jacobian(st.grad(f))(x), H, rtol=1e-12, atol=1e-12)


def test_a_penalty_on_the_gradient():
    """The gradient of a norm of a gradient, through a network."""
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))

    def steepness(W):
        slope = st.grad(lambda X: st.softmax(st.tanh(X @ W))[:, 0].sum())(st.tensor(X))
        return (slope * slope).sum()

    assert st.check_gradient(steepness, W)


# Jacobians.


@pytest.mark.parametrize(
    ("value", "argument", "expected"),
    [
        ((), (), ()), ((4,), (), (4, 1)), ((), (3,), (1, 3)), ((4,), (3,), (4, 3)), ((), (2, 3), (2, 3)),
        ((2, 2), (), (4, 1)), ((2, 2), (3,), (4, 3)), ((4,), (2, 3), (4, 6)), ((2, 2), (2, 3), (4, 6)),
        ((), (2, 3, 4), (1, 24)), ((0,), (3,), (0, 3)), ((4,), (0,), (4, 0)), ((1,), (1,), (1, 1)),
    ],
)  # fmt: skip
def test_shapes_and_values_of_jacobians(value, argument, expected):
    m, n = int(np.prod(value)), int(np.prod(argument))
    A = np.random.default_rng(0).normal(size=(m, n))

    def f(x):
        return (A @ st.reshape(x, (n,))).reshape(value)

    J = st.jacobian(f)(np.zeros(argument))
    assert np.shape(J) == expected
    np.testing.assert_array_equal(np.reshape(J, (m, n)), A)


@pytest.mark.parametrize(
    ("value", "argument", "expected"),
    [
        ((), (3,), (5, 1, 3)), ((2,), (3,), (5, 2, 3)), ((2,), (), (5, 2, 1)), ((), (), (5,)),
        ((), (2, 3), (5, 2, 3)), ((4,), (2, 3), (5, 4, 6)), ((2,), (2, 3, 4), (5, 2, 24)), ((2, 2), (3,), (5, 4, 3)),
    ],
)  # fmt: skip
def test_jacobians_of_batches(value, argument, expected):
    m, n = int(np.prod(value)), int(np.prod(argument))
    rng = np.random.default_rng(0)
    A, X = rng.normal(size=(m, n)), rng.normal(size=(5, *argument))

    def f(X):
        flat = X.reshape(X.shape[0], n)
        return (flat * flat @ A.T).reshape((X.shape[0], *value))

    J = st.jacobian(f, batched=True)(X)
    assert J.shape == expected
    each = [st.jacobian(lambda x: f(x.reshape((1, *argument)))[0])(x) for x in X]
    np.testing.assert_allclose(J, each, rtol=1e-12)
    assert st.jacobian(f, batched=True)(X[:0]).shape == (0, *expected[1:])


def test_jacobians_that_cannot_be():
    with pytest.raises(InputError, match="B examples"):
        st.jacobian(lambda x: x.sum(), batched=True)(np.ones((2, 3)))
    with pytest.raises(InputError, match="B examples"):
        st.jacobian(lambda x: x.T, batched=True)(np.ones((2, 3)))
    with pytest.raises(InputError, match="one array, and argument 0 is a dict"):
        st.jacobian(lambda p: p["W"])({"W": np.ones(2)})
    with pytest.raises(InputError, match=r"not a list: see st\.stack"):
        st.jacobian(lambda x: [x[0], x[1]])(np.ones(2))


def test_a_jacobian_on_the_graph():
    a = st.tensor(2.0)
    J = st.jacobian(lambda x: a * x * x)(np.array([1.0, 3.0]))
    J.sum().backward()
    assert (J.value.tolist(), a.grad) == ([[4, 0], [0, 12]], 8)


def test_stop_gradient():
    x = st.tensor(3.0)
    y = st.stop_gradient(x * x)
    (x * y).backward()
    assert (x.grad, y.grad) == (9, None)
    assert st.stop_gradient(np.ones(2)).tolist() == [1, 1]


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(np.float64, s.integers(0, 5), elements=s.floats(-2, 2)),
    hnp.arrays(np.float64, (4, 3), elements=s.floats(-2, 2)),
)
def test_the_chain_rule_of_jacobians(x, A):
    inner = lambda x: st.stack([x.sum(), (x * x).sum(), st.sin(x).sum()])  # noqa: E731
    outer = lambda q: st.exp(-st.abs(A @ q))  # noqa: E731
    composed = st.jacobian(lambda x: outer(inner(x)))(x)
    parts = st.jacobian(outer)(inner(st.tensor(x)).value) @ st.jacobian(inner)(x)
    np.testing.assert_allclose(composed, parts, rtol=1e-10, atol=1e-10)
