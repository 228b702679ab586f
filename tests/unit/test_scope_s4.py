"""Scope S4: gradients, numerical, analytic, symbolic and automatic, with the numbers of the lecture."""

import numpy as np
import pytest

import steepest as st

W = [0.34, -1.11, 0.78, 0.12, 0.55, 2.81, -3.1, -1.5, 0.33]
SLOPES = np.array([-2.5, 0.6, 0.0, 0.2, 0.7, -0.5, 1.1, 1.3, -2.1])


def lecture_loss(w):
    """1.25347 at W, with slopes -2.5, 0.6, 0, ..."""
    return 1.25347 + SLOPES @ (w - np.array(W))


def test_s4_1_the_lecture_table():
    assert lecture_loss(np.array(W)) == 1.25347
    rows = list(st.numerical_gradient(lecture_loss, W, h=0.0001, centred=False, trace=True))
    first, second, third = rows[:3]
    assert (first.coordinate, first.W, round(first.W_plus_h, 6)) == ((0,), 0.34, 0.3401)
    assert (round(first.loss, 5), round(first.slope, 6)) == (1.25322, -2.5)
    assert (second.W, round(second.W_plus_h, 6)) == (-1.11, -1.1099)
    assert (round(second.loss, 5), round(second.slope, 6)) == (1.25353, 0.6)
    assert (third.loss, third.slope) == (1.25347, 0)
    assert len(rows) == 9


def test_s4_1_from_the_losses_of_the_table():
    """The slopes follow from the printed losses: (1.25322 - 1.25347) / 0.0001 = -2.5, and so on."""
    losses = {(0.34, -1.11): 1.25347, (0.3401, -1.11): 1.25322, (0.34, -1.1099): 1.25353}
    slopes = st.numerical_gradient(lambda w: losses[tuple(w.round(6).tolist())], [0.34, -1.11], 0.0001, centred=False)
    np.testing.assert_allclose(slopes, [-2.5, 0.6], rtol=1e-9)


def test_s4_1_centred():
    np.testing.assert_allclose(st.numerical_gradient(lecture_loss, W), SLOPES, atol=1e-9)
    np.testing.assert_allclose(st.numerical_gradient(lambda w: np.sum(w**3), W), 3 * np.square(W), rtol=1e-8)


def test_s4_2_numerical_by_hand_and_automatic_agree():
    f = lambda w: (w**2 * 3 + st.exp(w)).sum()  # noqa: E731
    by_hand = 6 * np.array(W) + np.exp(W)
    np.testing.assert_allclose(st.grad(f)(W), by_hand, rtol=1e-14)  # exact
    np.testing.assert_allclose(st.numerical_gradient(f, W), by_hand, rtol=1e-8)  # approximate
    assert st.grad(lecture_loss)(W).tolist() == SLOPES.tolist()


def test_s4_2_symbolic_agrees():
    sympy = pytest.importorskip("sympy")
    x = sympy.Symbol("x")
    formula = sympy.diff(-sympy.log(1 / (1 + sympy.exp(-x))), x)
    for at in (-2.0, 0.5, 3.0):
        assert st.grad(lambda x: -st.log(1 / (1 + st.exp(-x))))(at) == pytest.approx(float(formula.subs(x, at)))


def test_s4_3_gradient_check():
    f = lambda w: st.logsumexp(w) - w[3]  # noqa: E731
    softmax = lambda w: np.exp(w) / np.exp(w).sum()  # noqa: E731
    right = lambda w: softmax(w) - np.eye(9)[3]  # noqa: E731
    assert st.check_gradient(f, W)
    assert st.check_gradient(f, W, gradient=right)
    assert not st.check_gradient(f, W, gradient=softmax)


def test_s4_4_chain_rule_on_a_graph():
    x, y, z = st.tensor(-2.0), st.tensor(5.0), st.tensor(-4.0)
    q = x + y
    f = q * z
    assert (float(q), float(f)) == (3, -12)
    f.backward()
    assert (f.grad, z.grad, q.grad, x.grad, y.grad) == (1, 3, -4, -4, -4)


def test_s4_4_upstream_times_local():
    """At every node what flows back is the upstream gradient times the local one."""
    x, y, z = st.tensor(-2.0), st.tensor(5.0), st.tensor(-4.0)
    q = x + y
    f = q * z
    f.backward()
    assert (f.op.name, q.op.name) == ("multiply", "add")
    assert q.grad == f.grad * float(z)
    assert z.grad == f.grad * float(q)
    assert x.grad == q.grad * 1
    assert y.grad == q.grad * 1


def test_s4_4_logistic_loss_as_a_chain_of_small_nodes():
    w, x = st.tensor([2.0, -3.0, -3.0]), np.array([-1.0, -2.0, 1.0])
    s = (w * x).sum()
    minus = -s
    e = st.exp(minus)
    d = 1 + e
    p = 1 / d
    loss = -st.log(p)
    assert float(s) == 1
    assert float(p) == pytest.approx(0.73, abs=0.005)
    assert float(loss) == pytest.approx(np.log1p(np.exp(-1)))
    loss.backward()
    assert p.grad == pytest.approx(-1 / float(p))
    assert d.grad == pytest.approx(float(p))
    assert e.grad == pytest.approx(float(p))
    assert minus.grad == pytest.approx(float(p) * np.exp(-1))
    assert s.grad == pytest.approx(float(p) - 1)  # the whole chain: sigmoid(s) - 1
    np.testing.assert_allclose(w.grad, (float(p) - 1) * x, rtol=1e-14)


def test_s4_4_backpropagation_in_a_layered_net():
    """Delta at the output is a - y for cross-entropy; then W' delta times the activation's slope, layer by layer."""
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(5, 4)), np.eye(3)[rng.integers(3, size=5)]
    V, W = st.tensor(rng.normal(size=(4, 6))), st.tensor(rng.normal(size=(6, 3)))
    hidden = st.sigmoid(X @ V)
    scores = hidden @ W
    loss = -(st.log_softmax(scores) * T).sum()
    loss.backward()
    a = st.softmax(scores.value)
    np.testing.assert_allclose(scores.grad, a - T, atol=1e-14)
    np.testing.assert_allclose(W.grad, hidden.value.T @ (a - T), atol=1e-13)
    delta = (a - T) @ W.value.T * hidden.value * (1 - hidden.value)
    np.testing.assert_allclose(V.grad, X.T @ delta, atol=1e-13)


def test_s4_5_vector_by_scalar_is_a_column():
    assert st.jacobian(lambda t: st.stack([t, t * t, 1 + 0 * t]))(3.0).tolist() == [[1], [6], [0]]


def test_s4_5_scalar_by_vector_is_a_row():
    assert st.jacobian(lambda x: (x * x).sum())(np.array([1.0, 2.0])).tolist() == [[2, 4]]


def test_s4_5_vector_by_vector_is_the_jacobian():
    A = np.arange(6.0).reshape(3, 2)
    assert st.jacobian(lambda x: A @ x)(np.ones(2)).tolist() == A.tolist()  # row i, column j: d v1_i / d v2_j


def test_s4_5_scalar_by_matrix_has_its_shape():
    W = np.arange(6.0).reshape(2, 3)
    assert st.jacobian(lambda W: (W * W).sum())(W).tolist() == (2 * W).tolist()


@pytest.mark.parametrize("shape", [(5, 4), (5, 3, 4), (5, 2, 3, 4)])
def test_s4_5_batches(shape):
    """[B x m], [B x H x W], [B x C x H x W]: the Jacobian of each example, of its flattening."""
    X = np.random.default_rng(0).normal(size=shape)
    each = int(np.prod(shape[1:]))
    J = st.jacobian(lambda X: X * X, batched=True)(X)
    assert J.shape == (5, each, each)
    np.testing.assert_allclose(J, [np.diag(2 * x.ravel()) for x in X], rtol=1e-14)


def test_s4_5_a_tensors_jacobian_is_that_of_its_flattening():
    X = np.random.default_rng(0).normal(size=(2, 3))
    J = st.jacobian(lambda X: st.sin(X).T)(X)
    flat = st.jacobian(lambda x: st.sin(x).reshape(2, 3).T.reshape(6))(X.ravel())
    assert J.shape == (6, 6)
    np.testing.assert_array_equal(J, flat)
