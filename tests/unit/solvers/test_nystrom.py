"""Preconditioners without a Gram matrix: they are the inverse of what they say, and solve what has many features."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from steepest import losses, penalties
from steepest.errors import InputError
from steepest.kernels.sparse import SparseRows
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import choose, minimize, nystrom, problem
from steepest.solvers.nystrom import Diagonal, Nystrom, worthwhile
from steepest.solvers.problem import Problem

SMOOTH = ["softmax", "squared_hinge", "ova_squared_hinge", "logistic"]


def rng_of(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def objective(X, y, loss="softmax", alpha=1e-3, weight=None, scaling=None):
    rows = SparseRows.of(X) if sp.issparse(X) else X
    return CompiledLinear(
        rows, y, int(y.max()) + 1, losses.get(loss), penalties.l2, alpha, fit_scaling(rows, scaling), weight, 2
    )


def low_rank(N=90, D=70, C=3, rank=12, seed=0):
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(C), rng.integers(0, C, N - C))
    X = (rng.normal(size=(C, rank))[y] + rng.normal(size=(N, rank))) @ rng.normal(size=(rank, D))
    return X.astype(np.float32), y


def few_words(N, D, C, seed, density=0.15):
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(C), rng.integers(0, C, N - C))
    tilt = density * rng.uniform(0, 2, (C, D))
    return sp.csr_array(np.where(rng.random((N, D)) < tilt[y], rng.uniform(0.2, 2, (N, D)), 0.0)), y


@pytest.mark.parametrize("weighted", [False, True])
def test_of_all_rows_the_sketch_is_the_hessian_of_equal_bends(weighted):
    """(h_c X'X/N + 2 alpha I)^-1, for there are fewer directions than are kept."""
    X, y = low_rank()
    weight = np.linspace(0.5, 1.5, len(y), dtype=np.float32) if weighted else None
    P = Problem(objective(X, y, alpha=1e-2, weight=weight))
    R = np.random.default_rng(1).normal(size=P.shape)
    h = nystrom.bends(P, P.start(), rng_of())
    Z = (X - P.centred.scaling.shift) * P.centred.scaling.scale
    G = Z.T @ (Z * P.weight[:, None]) / len(y)
    inverse = Nystrom.of(P, rng_of())
    expected = np.linalg.solve(h[0] * G + 2e-2 * np.eye(70), R[:-1])
    assert_allclose(h, 2 / 9, rtol=1e-6)  # 1/C (1 - 1/C)
    assert_allclose(inverse(R)[:-1], expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    assert_allclose(inverse(R)[-1], R[-1] / h)
    assert_allclose(inverse(np.hstack([R, 2 * R])), np.hstack([inverse(R), 2 * inverse(R)]), rtol=1e-5, atol=1e-5)


def test_the_sketch_is_positive_definite_whatever_is_left_out(monkeypatch):
    monkeypatch.setattr(nystrom, "RANK", 4)
    P = Problem(objective(*low_rank(), alpha=1e-6))
    inverse = Nystrom.of(P, rng_of())
    for seed in range(5):
        R = np.random.default_rng(seed).normal(size=P.shape)
        assert np.vdot(R, inverse(R)) > 0


def test_the_diagonal_is_that_of_the_hessian_where_features_and_classes_are_apart():
    X, y = few_words(200, 40, 3, 0)
    P = Problem(objective(X, y, alpha=1e-2))
    Z = X.toarray() - X.toarray().mean(axis=0)
    expected = 1 / (np.outer((Z**2).mean(axis=0), np.full(3, 2 / 9)) + 2e-2)
    R = np.random.default_rng(0).normal(size=P.shape)
    assert_allclose(Diagonal(P, P.start(), rng_of())(R)[:-1], R[:-1] * expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("left", "price", "rank"), [([9.0, 9, 0.0], 1e-9, 3), ([1e-9, 1e-9], 0.5, 1), ([4.0, 1.0], 0.5, 2)]
)
def test_directions_are_taken_out_while_they_pay(left, price, rank):
    assert worthwhile(np.array(left), 1e-3, price) == rank


@pytest.mark.parametrize("loss", SMOOTH)
def test_the_products_with_the_hessian_are_differences_of_gradients(loss):
    X, y = few_words(60, 9, 3, 1)
    for rows in (X, X.toarray()):
        P = Problem(objective(rows, y, loss, scaling="standard"))
        rng = np.random.default_rng(2)
        Z, V = rng.normal(size=P.shape), rng.normal(size=P.shape)
        away = (P.evaluate(Z + 1e-6 * V).gradient - P.evaluate(Z - 1e-6 * V).gradient) / 2e-6
        assert_allclose(P.hessian(Z)(V), away, rtol=1e-5, atol=1e-6)


def test_scores_that_are_not_kept_are_computed_anew(monkeypatch):
    P = Problem(objective(*few_words(60, 9, 3, 1)))
    Z, V = np.random.default_rng(0).normal(size=(2, *P.shape))
    kept = P.hessian(Z)(V)
    monkeypatch.setattr(problem, "KEPT", 0)
    monkeypatch.setattr("steepest.objective.sparse.SCORES", 21)
    assert_allclose(P.hessian(Z)(V), kept, rtol=1e-12)
    assert P.evaluate(Z).value == pytest.approx(
        Problem(objective(*few_words(60, 9, 3, 1))).evaluate(Z).value, rel=1e-12
    )


@pytest.mark.parametrize("held", [True, False], ids=["float64", "swept"])
@pytest.mark.parametrize("loss", ["softmax"])
def test_many_dense_features_are_solved_to_a_proof(loss, held, monkeypatch):
    X, y = low_rank(120, 8100)
    monkeypatch.setattr(problem, "SMALL", 2**21 if held else 0)
    L = objective(X, y, loss, 1.0)
    choice = choose(L)
    assert choice.solver == "newton"
    assert minimize(L, 1e-4).certificate.gap <= 1e-4


@pytest.mark.parametrize("grams", [True, False], ids=["gram", "diagonal"])
@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(SMOOTH), st.integers(6, 60), st.integers(1, 40), st.integers(2, 4), st.integers(0, 2**32 - 1),
    st.sampled_from([1.0, 1e-2, 1e-3]), st.booleans(),
)  # fmt: skip
def test_certificates_of_sparse_problems_hold(grams, loss, N, D, C, seed, alpha, weighted):
    """The optimum is that of the same solver on all the zeros, to a far smaller bound."""
    X, y = few_words(N, D, C, seed)
    weight = None
    if weighted:
        weight = np.random.default_rng(seed).uniform(0.2, 1.8, N).astype(np.float32)
        weight /= weight.mean()
    before, problem.CHEAP = problem.CHEAP, 10**9 if grams else 0
    try:
        found = minimize(objective(X, y, loss, alpha, weight, "max_abs"), 1e-3).certificate
    finally:
        problem.CHEAP = before
    exact = minimize(objective(X.toarray(), y, loss, alpha, weight, "max_abs"), 1e-7).certificate
    assert found.gap <= 1e-3
    assert found.objective - found.bound <= exact.objective * (1 + 1e-6)
    assert exact.objective - exact.bound <= found.objective * (1 + 1e-6)


def test_too_many_weights_are_refused_before_they_are_made():
    rows = SparseRows.of(sp.csr_array((40, 10**9)))
    y, D = np.arange(40), np.empty(0)
    L = CompiledLinear(rows, y, 40, losses.softmax, penalties.l2, 1e-3, Scaling(D, D), None, 1)
    with pytest.raises(InputError, match=r"1,000,000,000 x 40 weights needs 3.* use fewer features, or solver='sgd'"):
        minimize(L)


def test_threads_and_repetition_change_no_bit_of_a_sparse_fit():
    X, y = few_words(2000, 3000, 4, 0, density=0.02)
    at = fit_scaling(SparseRows.of(X), "max_abs")
    fits = [
        minimize(CompiledLinear(SparseRows.of(X), y, 4, losses.softmax, penalties.l2, 1e-4, at, None, threads), 1e-3)
        for threads in (1, 2, 2)
    ]
    for other in fits[1:]:
        assert_allclose(other.parameters["W"], fits[0].parameters["W"], rtol=0, atol=0)


def test_centring_changes_no_optimum():
    X, y = few_words(150, 30, 3, 4)
    rows, D = SparseRows.of(X), 30
    found = [
        minimize(
            CompiledLinear(rows, y, 3, losses.softmax, penalties.l2, 1e-2, Scaling(shift, np.ones(D)), None, 1), 1e-7
        )
        for shift in (np.zeros(D), np.linspace(-3, 3, D))
    ]
    assert found[0].certificate.objective == pytest.approx(found[1].certificate.objective, rel=1e-6)
    assert_allclose(found[0].parameters["W"], found[1].parameters["W"], atol=2e-3)
