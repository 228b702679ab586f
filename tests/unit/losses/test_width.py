"""Hinges rounded over a width, and the other side of every loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime, minimize

from steepest import losses
from steepest.errors import InputError
from steepest.losses import Hinge, OvaHinge
from steepest.losses.duals import dual

SMOOTH = [losses.softmax, losses.squared_hinge, losses.ova_squared_hinge, losses.logistic, Hinge(0.3), OvaHinge(0.3)]
KNOWN = [*SMOOTH, losses.hinge, losses.ova_hinge, losses.hinge_max]
scores_and_labels = st.integers(2, 5).flatmap(
    lambda C: st.tuples(
        hnp.arrays(np.float64, (4, C), elements=st.floats(-4, 4, width=32)),
        hnp.arrays(np.int64, 4, elements=st.integers(0, C - 1)),
    )
)


@pytest.mark.parametrize("kind", [Hinge, OvaHinge])
def test_a_rounded_hinge_lies_half_a_width_below_at_most(kind):
    rng = np.random.default_rng(0)
    S, y = rng.normal(0, 2, (50, 4)), rng.integers(0, 4, 50)
    plain = kind()(S, y)
    for width in (1e-3, 0.1, 2.0):
        apart = plain - kind(width)(S, y)
        assert np.all(apart >= -1e-12)
        assert apart.max() <= 4 * width / 2 + 1e-12
        assert apart.max() > 0


@pytest.mark.parametrize("loss", SMOOTH, ids=repr)
def test_slopes_are_those_of_scipy(loss):
    rng = np.random.default_rng(1)
    for _ in range(20):
        s, y = rng.normal(0, 1.5, 4), int(rng.integers(4))
        numerical = approx_fprime(s, lambda at, y=y: float(loss(at, y)), 1e-7)
        assert_allclose(loss.gradient(s, y), numerical, atol=1e-5 * max(1, np.abs(numerical).max()))


def test_width_is_a_number_and_zero_is_the_hinge_itself():
    assert losses.get("hinge", width=0.0) == losses.hinge
    assert losses.judge(Hinge(0.1)) is losses.hinge
    assert repr(OvaHinge(0.25)) == "<loss ova_hinge, width 0.25>"
    for width in (-1, np.inf, np.nan, True):
        with pytest.raises(InputError, match="width must be a number of at least 0"):
            Hinge(width)


@pytest.mark.parametrize("loss", KNOWN, ids=repr)
@given(rows=scores_and_labels)
@settings(max_examples=40, deadline=None)
def test_a_slope_meets_its_loss_in_the_conjugate(loss, rows):
    """L(s) + L*(p) = <p, s> at p = dL/ds, and at least <p, t> for any other scores t."""
    S, y = rows
    p = loss.gradient(S, y)
    conjugate = dual(loss).conjugate(p, y)
    assert_allclose(loss(S, y) + conjugate, (p * S).sum(axis=1), atol=1e-9)
    other = np.random.default_rng(0).normal(0, 3, S.shape)
    assert np.all(loss(other, y) + conjugate >= (p * other).sum(axis=1) - 1e-9)


@pytest.mark.parametrize("loss", KNOWN, ids=repr)
@given(C=st.integers(2, 6), seed=st.integers(0, 999), apart=st.sampled_from([1e-8, 1e-4, 1e-2]))
@settings(max_examples=40, deadline=None)
def test_slopes_of_a_mean_that_is_not_zero_are_corrected_at_the_price_that_is_said(loss, C, seed, apart):
    rng, other = np.random.default_rng(seed), dual(loss)
    S, y, one = rng.normal(0, 1, (60, C)), rng.integers(0, C, 60), np.ones(60)
    b = balanced(loss, S, y)
    if b is None:
        return
    balanced_scores = S + b
    S = balanced_scores + apart * rng.normal(size=C)
    g = loss.gradient(S, y).mean(axis=0)
    moved, lost = other.correction(other.sums(S, y, one, other.mean_hessian(S, y, one)), g, float(loss(S, y).mean()))
    # Moving the biases to their optimum lowers the mean loss by no more than is lost by the correction:
    # mean L(s) - min_b mean L(s + b) <= lost, for the corrected p bound that minimum from below.
    assert loss(S, y).mean() - loss(balanced_scores, y).mean() <= lost + 1e-12
    assert moved >= 0
    if apart == 1e-8 and isinstance(loss, type(losses.softmax) | type(losses.logistic)):
        assert lost < 1e-12


def balanced(loss, S, y):
    """Biases at which the mean slope is 0, by Newton's method of scipy; None where it did not come there."""
    found = minimize(
        lambda b: (loss(S + b, y).mean(), loss.gradient(S + b, y).mean(axis=0)), np.zeros(S.shape[1]), jac=True,
        method="BFGS", options={"gtol": 1e-12},
    )  # fmt: skip
    return found.x if np.abs(found.jac).max() < 1e-3 else None


@pytest.mark.parametrize("loss", [losses.hinge, losses.ova_hinge, losses.hinge_max, Hinge(0.3), losses.squared_hinge])
@given(C=st.integers(2, 6), seed=st.integers(0, 999), weighted=st.booleans())
@settings(max_examples=30, deadline=None)
def test_balanced_slopes_have_no_mean_and_stay_in_the_domain(loss, C, seed, weighted):
    rng, N = np.random.default_rng(seed), 80
    S, y = rng.normal(0, 1, (N, C)), rng.integers(0, C, N)
    w = rng.uniform(0.2, 2, N) if weighted else np.ones(N)
    given_p = loss.gradient(S, y)
    p = dual(loss).balanced(given_p, y, w)
    if p is None:
        return
    assert_allclose(w @ p / N, 0, atol=1e-12)
    ratio = np.where(given_p != 0, p / np.where(given_p != 0, given_p, 1), 0.5)
    wrong = np.arange(C) != y[:, np.newaxis]
    assert np.all((ratio[wrong] >= -1e-12) & (ratio[wrong] <= 1 + 1e-12))  # shares are given up, none are taken
    t = rng.normal(0, 3, S.shape)
    assert np.all(loss(t, y) + dual(loss).conjugate(p, y) >= (p * t).sum(axis=1) - 1e-9)


@pytest.mark.parametrize("loss", SMOOTH, ids=repr)
def test_curvatures_are_those_of_the_slopes(loss):
    rng = np.random.default_rng(3)
    S, y = rng.normal(0, 1.5, (30, 4)), rng.integers(0, 4, 30)
    share, U = rng.uniform(0.5, 2, 30), np.linalg.qr(rng.normal(size=(4, 4)))[0]
    mean = dual(loss).mean_hessian(S, y, share)
    along = dual(loss).curvatures(S, y, U)
    H = np.empty((30, 4, 4))
    for j in range(4):
        e = np.zeros(4)
        e[j] = 1e-6
        H[:, :, j] = (loss.gradient(S + e, y) - loss.gradient(S - e, y)) / 2e-6
    smooth = np.abs(H).max(axis=(1, 2)) < 20  # no kink of the slope in between
    assert smooth.sum() > 20
    assert_allclose(along[smooth], np.einsum("jk,ijl,lk->ik", U, H, U)[smooth], atol=1e-5)
    assert_allclose(mean, (share[:, None, None] * dual_hessians(loss, S, y)).mean(axis=0), atol=1e-9)


def dual_hessians(loss, S, y):
    """Each row's Hessian out of curvatures along e_j, e_k and e_j + e_k."""
    C = S.shape[1]
    pairs = np.stack([np.eye(C)[j] + np.eye(C)[k] for j in range(C) for k in range(C)], axis=1)
    both = dual(loss).curvatures(S, y, pairs).reshape(len(S), C, C)
    own = dual(loss).curvatures(S, y, np.eye(C))
    return (both - own[:, :, None] - own[:, None, :]) / 2
