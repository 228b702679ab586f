"""The numbers of S3.1, every gradient against differences, projections, names."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from steepest import penalties
from steepest.errors import InputError
from steepest.penalties import L1, L2, ElasticNet, MaxNorm, NoPenalty, elastic_net, l1, l2, max_norm, none

ALL = [l2, l1, elastic_net, ElasticNet(beta=0.3), ElasticNet(beta=0.0), max_norm, MaxNorm(radius=2.5), none]
PRICES = [penalty for penalty in ALL if not isinstance(penalty, MaxNorm)]

weights = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 4)),
    elements=st.floats(-100, 100, allow_subnormal=False),
)


def check_gradient(penalty, W, gradient=None, h=1e-6):
    """Fail unless the gradient is that of central differences, one weight at a time."""
    slopes = np.empty_like(W)
    for at in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[at] = h
        slopes[at] = (penalty(W + step) - penalty(W - step)) / (2 * h)
    np.testing.assert_allclose((gradient or penalty.gradient)(W), slopes, rtol=1e-6, atol=1e-7)


def test_s3_1_l2_prefers_the_spread_weights_among_equal_scores():
    x, w1, w2 = np.ones(4), np.array([1.0, 0, 0, 0]), np.full(4, 0.25)
    assert x @ w1 == x @ w2 == 1
    assert l2(w1) == 1
    assert l2(w2) == 0.25


def test_s3_1_l1_is_indifferent_to_them_and_l2_has_no_one_half():
    w1, w2 = np.array([1.0, 0, 0, 0]), np.full(4, 0.25)
    assert l1(w1) == l1(w2) == 1
    assert l2([[3.0, 4.0]]) == 25
    assert l2.gradient([[3.0, 4.0]]).tolist() == [[6, 8]]


def test_s3_1_elastic_net_is_beta_squares_plus_sizes():
    w1, w2 = np.array([1.0, 0, 0, 0]), np.full(4, 0.25)
    assert elastic_net(w1) == 2
    assert elastic_net(w2) == 1.25
    assert ElasticNet(beta=4)(w2) == 4 * 0.25 + 1
    assert ElasticNet(beta=0)(w2) == l1(w2)


def test_s3_1_max_norm_is_a_projection():
    W = np.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    assert max_norm(W) == math.inf
    np.testing.assert_allclose(max_norm.project(W), [[0.6, 0.3, 0], [0.8, 0.4, 0]], rtol=1e-15)
    assert max_norm(max_norm.project(W)) == 0
    assert MaxNorm(radius=5)(W) == 0
    np.testing.assert_allclose(MaxNorm(radius=2.5).project([3.0, 4.0]), [1.5, 2.0])


@pytest.mark.parametrize("penalty", PRICES, ids=repr)
def test_gradient_is_the_slope(penalty):
    W = np.random.default_rng(0).normal(size=(6, 3))
    check_gradient(penalty, W)


@pytest.mark.parametrize("penalty", [l2, l1, elastic_net], ids=repr)
@pytest.mark.parametrize("factor", [1.001, 0.999, 0.5, -1.0])
def test_the_check_notices_a_wrong_gradient(penalty, factor):
    W = np.random.default_rng(0).normal(size=(6, 3))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_gradient(penalty, W, gradient=lambda W: factor * penalty.gradient(W))


def test_kink_l1_and_elastic_net_at_zero():
    assert l1.gradient([0.0, -0.0, 1.0, -1.0]).tolist() == [0, 0, 1, -1]
    assert elastic_net.gradient([0.0, -0.0, 1.0, -1.0]).tolist() == [0, 0, 3, -3]


def test_max_norm_has_no_gradient_of_its_own():
    assert not max_norm.gradient(np.full((2, 2), 10.0)).any()


@pytest.mark.parametrize("penalty", ALL, ids=repr)
@given(W=weights)
@settings(max_examples=20, deadline=None)
def test_never_negative_zero_at_zero_and_blind_to_signs(penalty, W):
    assert penalty(W) >= 0
    assert penalty(np.zeros_like(W)) == 0
    assert penalty(-W) == penalty(W)
    np.testing.assert_array_equal(penalty.gradient(-W), -penalty.gradient(W))


@pytest.mark.parametrize("penalty", PRICES, ids=repr)
@given(W=weights, V=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_convex(penalty, W, V):
    step = np.random.default_rng(V).normal(size=W.shape)
    assert penalty(W) + (penalty.gradient(W) * step).sum() <= penalty(W + step) * (1 + 1e-12) + 1e-9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(W=weights, radius=st.floats(0.01, 1000))
@settings(max_examples=40, deadline=None)
def test_max_norm_projects_once_and_to_the_nearest(dtype, W, radius):
    penalty, W = MaxNorm(radius=radius), W.astype(dtype)
    inside = penalty.project(W)
    assert inside.dtype == dtype
    assert penalty(inside) == 0
    np.testing.assert_array_equal(penalty.project(inside), inside)
    before, after = np.linalg.norm(W.astype(float), axis=0), np.linalg.norm(inside.astype(float), axis=0)
    np.testing.assert_allclose(after, np.minimum(before, radius), rtol=1e-5, atol=1e-30)
    untouched = before <= radius
    np.testing.assert_array_equal(inside[:, untouched], W[:, untouched])


@pytest.mark.parametrize("penalty", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_weights_are_left_alone(penalty, dtype):
    W = np.random.default_rng(0).normal(size=(6, 3)).astype(dtype)
    before = W.copy()
    assert type(penalty(W)) is float
    for result in (penalty.gradient(W), penalty.project(W)):
        assert result.dtype == dtype
        assert result.shape == W.shape
    assert not np.shares_memory(penalty.gradient(W), W)
    np.testing.assert_array_equal(W, before)
    if not isinstance(penalty, MaxNorm):
        assert penalty.project(W) is W


def test_numpy_parameters_do_not_widen_float32():
    W = np.ones((2, 2), np.float32)
    assert ElasticNet(beta=np.float64(0.5)).gradient(W).dtype == np.float32
    assert MaxNorm(radius=np.float64(0.5)).project(W).dtype == np.float32


@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_integers_lists_half_floats_and_nothing(penalty):
    assert penalty.gradient([[1, 2]]).dtype == np.float64
    assert penalty.gradient(np.ones((2, 2), np.float16)).dtype == np.float32
    assert penalty(np.zeros((0, 3))) == 0
    with pytest.raises(InputError, match="W must be real numbers"):
        penalty([["a"]])


def test_large_float32_weights_do_not_overflow_the_sum():
    W = np.full((2, 2), 1e25, np.float32)
    assert l2(W) == pytest.approx(4e50, rel=1e-6)
    assert max_norm.project(W)[0, 0] == pytest.approx(math.sqrt(0.5), rel=1e-6)


def test_max_norm_needs_columns():
    with pytest.raises(InputError, match=r"shape \(D, C\).*\(1, 2, 3\)"):
        max_norm(np.zeros((1, 2, 3)))


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_parameters_out_of_range(value):
    with pytest.raises(InputError, match="beta"):
        ElasticNet(beta=value)
    with pytest.raises(InputError, match="radius"):
        MaxNorm(radius=value)


def test_radius_of_zero_is_refused():
    with pytest.raises(InputError, match="above 0"):
        MaxNorm(radius=0.0)


def test_names():
    assert penalties.NAMES == ("l2", "l1", "elastic_net", "max_norm", "none")
    for name in penalties.NAMES:
        assert penalties.get(name) == getattr(penalties, name)
        assert penalties.get(name).name == name
    assert penalties.get(None) == NoPenalty()
    assert penalties.get(L2()) == l2
    assert L1() == l1
    assert penalties.get("elastic_net", beta=0.5) == ElasticNet(beta=0.5)
    assert penalties.get("max_norm", radius=3) == MaxNorm(radius=3.0)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("l3", {}, "there is no penalty 'l3': choose one of l2, l1"),
        ("elasticnet", {}, "did you mean elastic_net"),
        ("Max-Norm", {}, "did you mean max_norm"),
        ("weights!", {}, "choose one of l2, l1"),
        (2, {}, "did you mean l2"),
        ("l2", {"beta": 1.0}, "no parameter 'beta': it takes none"),
        ("elastic_net", {"radius": 1.0}, "no parameter 'radius': its parameter is beta"),
        (elastic_net, {"beta": 1.0}, "has its parameters already"),
    ],
)
def test_unknown_names_and_parameters(name, parameters, says):
    with pytest.raises(InputError, match=says):
        penalties.get(name, **parameters)
