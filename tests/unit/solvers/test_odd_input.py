"""Solvers on what is at the edge: numbers of any size, classes without examples, no penalty.

What they must find is known from the same problem in another form: in other units, or without what has no say.
"""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from steepest import losses, penalties
from steepest.errors import ConvergenceWarning
from steepest.nn.scaling import Scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import ascent, ascent_interior, choose, coordinate_descent, minimize, problem

HINGES = ["hinge", "hinge_max", "ova_hinge"]


def objective(X, y, loss, alpha=1e-2, C=None, penalty=penalties.l2):
    D = X.shape[1]
    plain = Scaling(np.zeros(D), np.ones(D))
    return CompiledLinear(X, y, C or int(y.max()) + 1, losses.get(loss), penalty, alpha, plain)


def blobs(N=90, D=4, C=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(N) % C
    return rng.normal(size=(C, D))[y] + rng.normal(size=(N, D)), y


@pytest.mark.parametrize("size", [1e6, 1e8, 1e10])
@pytest.mark.parametrize("loss", HINGES)
def test_interior_points_do_not_mind_the_unit_of_the_features(loss, size):
    """L(W; size X) at alpha is L(size W; X) at alpha / size^2, which is next to no penalty."""
    X, y = blobs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        large, small = (
            ascent.ascend(L).certificate for L in (objective(X * size, y, loss), objective(X, y, loss, 1e-9))
        )
    assert large.objective == pytest.approx(small.objective, rel=2e-4)


@pytest.mark.parametrize("alpha", [1e-16, 1e-20])
@pytest.mark.parametrize("loss", HINGES)
def test_a_penalty_below_rounding_is_solved_too(loss, alpha):
    """Every column twice: without a penalty the equations have no factor. The mean loss hardly notices."""
    X, y = blobs(60)
    X = np.hstack([X, X])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny, small = (ascent.ascend(objective(X, y, loss, a)).certificate for a in (alpha, 1e-9))
    assert tiny.objective == pytest.approx(small.objective, rel=2e-4)


def test_where_there_is_no_first_step_nothing_is_proven_and_said(monkeypatch):
    monkeypatch.setattr(ascent_interior.Interior, "_step", lambda self, at: None)
    X, y = blobs()
    with pytest.warns(UserWarning, match="rounding in float64"):
        found = ascent.ascend(objective(X, y, "hinge")).certificate
    assert (found.objective, found.gap) == pytest.approx((2.0, 1.0))


@pytest.mark.parametrize("loss", HINGES)
def test_newtons_matrix_is_the_sum_over_all_examples(loss):
    """By H_i = d2L_i / ds2 of each, from products with all unit vectors: what the moves of p do along ds."""
    rng = np.random.default_rng(0)
    (X, y), weight = blobs(30, 3, 4), rng.uniform(0.1, 2, 30)
    terms = ascent_interior._terms(losses.get(loss), y, 4)
    at = ascent_interior.State(X, X, tuple(part + rng.uniform(0, 0.1, part.shape) for part in terms.start()))
    still = terms.targets(at, 0.0, None)[1]
    nothing = terms.moves(at, np.zeros((30, 4)), still)
    expected = np.zeros((4, 3, 4, 3))
    for k in range(4):
        moved = terms.moves(at, np.tile(np.eye(4)[k], (30, 1)), still)
        change = moved[0] - nothing[0]
        H = change if loss == "hinge_max" else terms.pull(change)
        expected[:, :, k] = np.einsum("i,ij,ia,ib->jab", weight, H, X, X)
    found = terms.hessian(at, X, weight)
    if found.ndim == 3:
        found = np.einsum("jab,jk->jakb", found, np.eye(4))
    assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("loss", [*HINGES, "squared_hinge", "ova_squared_hinge", "softmax"])
def test_a_class_without_examples_is_proven_away(monkeypatch, loss, large):
    """Its bias falls until nobody meets it: the optimum is that of the other classes."""
    if large:
        monkeypatch.setattr(problem, "SMALL", 0)
        monkeypatch.setattr(ascent, "MOST_FEATURES", 0)
    X, y = blobs(150)
    solve = ascent.ascend if loss in HINGES else minimize
    without, found = (solve(objective(X, y, loss, C=C)).certificate for C in (3, 4))
    assert found.gap <= 1e-4
    assert found.objective == pytest.approx(without.objective, rel=2.5e-4)


@pytest.mark.parametrize("penalty", [penalties.l1, penalties.get("elastic_net", beta=0.5)])
def test_nor_does_it_stop_coordinate_descent(penalty):
    X, y = blobs(150)
    without, found = (
        coordinate_descent(objective(X, y, "squared_hinge", C=C, penalty=penalty)).certificate for C in (3, 4)
    )
    assert found.gap <= 1e-4
    assert found.objective == pytest.approx(without.objective, rel=2.5e-4)


def test_dual_ascent_is_refused_where_there_is_no_penalty():
    X, y = blobs()
    L = objective(X, y, "hinge", penalty=penalties.none)
    assert ascent.refusal(L) == "there is no penalty"
    assert choose(L).solver == "sgd"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alpha", [0.0, 1e-2])
@pytest.mark.parametrize("held", ["float64", "swept"])
def test_many_features_that_never_change_leave_the_biases(monkeypatch, held, alpha):
    """The best scores are the logarithms of the frequencies: the entropy is left."""
    monkeypatch.setattr(problem, "MOST_FEATURES", 2)
    if held == "swept":
        monkeypatch.setattr(problem, "SMALL", 0)
    y = np.repeat([0, 1, 2], [5, 3, 2])
    L = replace(objective(np.full((10, 4), 7.0), y, "softmax"), alpha=alpha)
    L = replace(L, scaling=Scaling(np.full(4, 7.0), np.ones(4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nothing is proven at alpha = 0
        found = minimize(L, 1e-6)
    frequencies = np.array([0.5, 0.3, 0.2])
    assert found.certificate.objective == pytest.approx(-frequencies @ np.log(frequencies), rel=1e-5)
    assert not found.parameters["W"].any()
