"""Many classes: one diagonal for all of them."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from steepest import losses, penalties
from steepest.nn.scaling import Scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import kronecker, minimize, problem
from steepest.solvers.kronecker import Kronecker, many_classes
from steepest.solvers.problem import Problem


def probe(N=3000, D=12, C=40, alpha=1e-3, dtype=np.float16, seed=0):
    """Features of a falling spectrum, as embeddings have."""
    rng = np.random.default_rng(seed)
    falling = 1 / np.sqrt(1 + np.arange(D))
    y = np.concatenate([np.arange(C), rng.integers(0, C, N - C)])
    X = ((rng.normal(size=(C, D))[y] + rng.normal(size=(N, D))) * falling).astype(dtype)
    return CompiledLinear(X, y, C, losses.softmax, penalties.l2, alpha, Scaling(np.zeros(D), np.ones(D)), threads=2)


@pytest.fixture(autouse=True)
def swept(monkeypatch):
    monkeypatch.setattr(problem, "SMALL", 0)


def test_the_optimum_is_that_of_scikit_learn():
    L = probe()
    assert many_classes(Problem(L))
    found = minimize(L, 1e-5)
    X = L.X.astype(np.float64)
    theirs = LogisticRegression(C=1 / (2 * L.alpha * len(X)), tol=1e-10, max_iter=10_000).fit(X, L.y)
    least = losses.softmax(X @ theirs.coef_.T + theirs.intercept_, L.y).mean() + L.alpha * (theirs.coef_**2).sum()
    W, b = (found.parameters[name].astype(np.float64) for name in "Wb")
    value = losses.softmax(X @ W + b, L.y).mean() + L.alpha * (W**2).sum()
    assert found.certificate.gap <= 1e-5
    assert -1e-9 * least <= value - least <= (1e-5 + 2e-6) * least


@pytest.mark.parametrize("loss", ["logistic", "ova_squared_hinge"])
def test_other_losses_have_it_too(monkeypatch, loss):
    L = replace(probe(), loss=losses.get(loss))
    found = minimize(L, 1e-5)
    monkeypatch.setattr(problem, "SMALL", 2**30)  # Newton's method in float64
    least = minimize(L, 1e-9).certificate.objective
    assert found.certificate.gap <= 1e-5
    assert found.certificate.objective - least <= (1e-5 + 2e-6) * least


def test_it_is_the_inverse_hessian_where_all_examples_bend_alike():
    """At W = 0 every H_i is (I - 11' / C) / C, and the Hessian is its product with the features' covariance."""
    L = probe()
    at = Problem(L)
    M = Kronecker(at, at.start(), np.random.default_rng(0))
    X = L.X.astype(np.float64) - L.X.astype(np.float64).mean(axis=0)
    (N, D), C = X.shape, L.n_classes
    A = (np.eye(C) - 1 / C) / C
    V = np.random.default_rng(1).normal(size=(D + 1, C))
    V -= V.mean(axis=1, keepdims=True)
    HV = np.vstack([X.T @ X / N @ V[:-1] @ A + 2 * L.alpha * V[:-1], V[-1:] @ A])
    np.testing.assert_allclose(M(HV), V, rtol=0.02, atol=0.02 * np.abs(V).max())


def test_several_gradients_side_by_side_are_as_one_by_one():
    at = Problem(probe())
    M = Kronecker(at, at.start(), np.random.default_rng(0))
    R, S = np.random.default_rng(1).normal(size=(2, *at.shape))
    np.testing.assert_array_equal(M(np.hstack([R, S])), np.hstack([M(R), M(S)]))


def test_it_takes_fewer_passes_than_one_factor_for_all(monkeypatch):
    L = probe(N=8000, D=48, alpha=1e-4)
    few = minimize(L, 1e-3).certificate.passes
    monkeypatch.setattr(kronecker, "CLASSES", 1000)
    assert few < minimize(L, 1e-3).certificate.passes


def test_threads_change_nothing():
    one, two = (minimize(replace(probe(), threads=threads), 1e-4) for threads in (1, 2))
    np.testing.assert_array_equal(one.parameters["W"], two.parameters["W"])
