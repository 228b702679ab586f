"""Finite differences, and the table that they fill."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as s

import steepest as st
from steepest import InputError


def test_centred_is_exact_for_parabolas_and_one_sided_for_lines():
    f = lambda w: w[0] ** 2 + 3 * w[1]  # noqa: E731
    np.testing.assert_allclose(st.numerical_gradient(f, [2.0, 5.0], h=0.5), [4, 3], rtol=1e-14)
    np.testing.assert_allclose(st.numerical_gradient(f, [2.0, 5.0], h=0.5, centred=False), [4.5, 3], rtol=1e-14)


def test_the_errors_fall_as_h_and_as_h_squared():
    def error(h, centred):
        return abs(st.numerical_gradient(np.exp, 0.0, h=h, centred=centred) - 1)

    assert error(1e-2, False) / error(1e-3, False) == pytest.approx(10, rel=0.01)
    assert error(1e-2, True) / error(1e-3, True) == pytest.approx(100, rel=0.01)
    assert error(1e-13, True) > error(1e-5, True)  # rounding, divided by h


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (1, 1)])
def test_shapes(shape):
    x = np.random.default_rng(0).normal(size=shape)
    g = st.numerical_gradient(lambda x: np.sum(np.sin(x)), x)
    assert np.shape(g) == shape
    np.testing.assert_allclose(g, np.cos(x), rtol=1e-8)


def test_it_takes_integers_float32_and_tensors_and_leaves_them_as_they_are():
    for x in ([1, 2], np.float32([1, 2]), st.tensor([1.0, 2.0])):
        before = np.array(x.value if isinstance(x, st.Tensor) else x)
        np.testing.assert_allclose(st.numerical_gradient(lambda w: (w * w).sum(), x), [2, 4], rtol=1e-8)
        np.testing.assert_array_equal(x.value if isinstance(x, st.Tensor) else x, before)


def test_a_function_of_tensors():
    g = st.numerical_gradient(lambda w: st.exp(st.tensor(w)).sum(), [0.0, 1.0])
    np.testing.assert_allclose(g, np.exp([0, 1]), rtol=1e-8)


def test_the_function_may_spoil_what_it_is_given():
    def greedy(w):
        w *= w
        return w.sum()

    np.testing.assert_allclose(st.numerical_gradient(greedy, [1.0, 2.0]), [2, 4], rtol=1e-8)


def test_the_trace_is_a_table_row_by_row():
    seen = []

    def f(W):
        seen.append(W.copy())
        return W[0, 0] * 2 - W[0, 1]

    rows = st.numerical_gradient(f, [[1.0, 2.0]], h=0.5, centred=False, trace=True)
    first = next(rows)
    assert len(seen) == 2  # nothing is computed before it is looked at
    assert first == ((0, 0), 1.0, 1.5, 1.0, 2.0)
    assert (first.coordinate, first.W, first.W_plus_h, first.loss, first.slope) == ((0, 0), 1.0, 1.5, 1.0, 2.0)
    assert list(rows) == [((0, 1), 2.0, 2.5, -0.5, -1.0)]
    centred = list(st.numerical_gradient(f, [[1.0, 2.0]], h=0.5, trace=True))
    assert [row.slope for row in centred] == [2, -1]


@given(s.floats(-1e8, 1e8), s.sampled_from([1e-3, 1e-5]))
def test_the_step_is_the_one_that_floats_took(x, h):
    """A line has its slope exactly, though x + h is rounded: the difference of the floats is what divides."""
    assert st.numerical_gradient(lambda w: 2 * w, x, h=h) == 2


@pytest.mark.parametrize(
    ("x", "h", "message"),
    [
        ("a", 1e-5, "x must be a number or an array"),
        (None, 1e-5, "x must be a number or an array"),
        ([[1.0], [1.0, 2.0]], 1e-5, "x must be"),
        (1.0, 0.0, "h must be positive"),
        (1.0, -1e-5, "h must be positive"),
        (1.0, np.nan, "h must be positive"),
        (1.0, np.inf, "h must be positive"),
        ([1.0, 1e20], 1e-5, r"h = 1e-05 is too small to move x\[1\] = 1e\+20"),
    ],
)
def test_bad_input(x, h, message):
    with pytest.raises(InputError, match=message):
        st.numerical_gradient(np.sum, x, h=h)


def test_one_number_is_needed():
    with pytest.raises(InputError, match=r"returned shape \(2,\): sum it"):
        st.numerical_gradient(lambda w: w, [1.0, 2.0])
