"""Convex fits: the optimum is that of scipy in float64, and what a certificate claims is true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize as scipy_minimize

from steepest import losses, penalties
from steepest.errors import ConvergenceWarning, InputError
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import choose, minimize, problem, solve
from steepest.solvers.ascent import ascend
from steepest.solvers.duality import Proof, regained

SMOOTH = ["softmax", "squared_hinge", "ova_squared_hinge", "logistic"]
ROUNDING = 2e-6
"""The objective is evaluated in float32."""


def objective(X, y, loss="softmax", alpha=1e-3, weight=None, scaling="standard", C=None, threads=2):
    scale = fit_scaling(X, scaling) if isinstance(scaling, str) else scaling
    C = C or int(y.max()) + 1
    return CompiledLinear(X, y, C, losses.get(loss), penalties.l2, alpha, scale, weight, threads)


def exact(L):
    """L(W) in float64, by formula, and its least value by scipy."""
    X = (L.X.astype(np.float64) - L.scaling.shift) * L.scaling.scale
    w = np.ones(len(X)) if L.weight is None else L.weight.astype(np.float64)
    (N, D), C = X.shape, L.n_classes

    def value(z):
        Z = z.reshape(D + 1, C)
        S = X @ Z[:-1] + Z[-1]
        P = L.loss.gradient(S, L.y) * w[:, None] / N
        dZ = np.vstack([X.T @ P + 2 * L.alpha * Z[:-1], P.sum(axis=0)])
        return float(w @ L.loss(S, L.y)) / N + L.alpha * (Z[:-1] ** 2).sum(), dZ.ravel()

    found = scipy_minimize(
        value, np.zeros((D + 1) * C), jac=True, method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 50},
    )  # fmt: skip
    return lambda at: value(np.vstack([at["W"], at["b"]]).astype(np.float64).ravel())[0], found.fun


def blobs(N, D, C, seed=0, apart=1.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(C), rng.integers(0, C, N - C)])
    return rng.normal(size=(C, D))[y] * apart + rng.normal(size=(N, D)), y


@pytest.fixture(params=["float64", "swept"])
def held(request, monkeypatch):
    """Small data in float64, and the same through the sweeps of large data."""
    if request.param == "swept":
        monkeypatch.setattr(problem, "SMALL", 0)


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("alpha", [1e-1, 1e-3])
def test_the_optimum_is_that_of_scipy(held, loss, alpha):
    X, y = blobs(400, 12, 4)
    L = objective(X, y, loss, alpha)
    found = minimize(L, 1e-6)
    value, least = exact(L)
    assert found.certificate.gap <= 1e-6
    assert value(found.parameters) - least <= (1e-6 + ROUNDING) * least
    assert found.certificate.objective == pytest.approx(value(found.parameters), rel=ROUNDING)
    assert found.certificate.passes > 0
    assert found.history[-1]["objective"] <= found.history[0]["objective"]


@pytest.mark.parametrize("loss", [*SMOOTH, "hinge", "ova_hinge"])
@given(seed=st.integers(0, 99), far=st.sampled_from([1e-6, 1e-3, 0.1]))
@settings(max_examples=15, deadline=None)
def test_the_bound_holds_anywhere_near(loss, seed, far):
    """Not only where a search ended: at the optimum moved by a little, weights and biases."""
    X, y = blobs(60, 3, 3, seed)
    hinge = losses.get(loss, width=0.2) if "hinge" in loss and "squared" not in loss else losses.get(loss)
    L = objective(X, y, hinge, 1e-2)
    rng = np.random.default_rng(seed)
    P = problem.Problem(L)
    found = minimize(L, 1e-6).parameters
    Z = np.vstack([found["W"], found["b"]]).astype(np.float64)
    least = P.evaluate(Z).value
    at = P.evaluate(Z + far * rng.normal(size=Z.shape))
    assert at.value - least <= Proof(P, at).bound + 1e-9


@pytest.mark.parametrize("loss", ["hinge", "ova_hinge"])
def test_a_hinge_is_solved_through_rounded_ones(loss):
    X, y = blobs(120, 3, 3, apart=0.7)
    L = objective(X, y, loss, 0.05)
    found = minimize(L, 1e-3)
    assert found.certificate.gap <= 1e-3
    value, least = exact(L)  # scipy's line search ends somewhere near: it is no less than the optimum
    assert least >= found.certificate.objective - found.certificate.bound - 1e-6
    assert value(found.parameters) <= least * (1 + 1e-3)


@pytest.mark.parametrize("loss", ["hinge", "ova_hinge"])
@given(seed=st.integers(0, 99), width=st.sampled_from([0.01, 0.3, 2.0]), far=st.sampled_from([0, 1e-4, 1e-2, 0.3]))
@settings(max_examples=15, deadline=None)
def test_the_dual_of_the_sharp_hinge_is_regained(loss, seed, width, far):
    """By as much as the slopes say, and what is then claimed is nowhere above the optimum of the sharp hinge."""
    X, y = blobs(60, 3, 3, seed)
    sharp = problem.Problem(objective(X, y, loss, 1e-2))
    rounded = problem.Problem(objective(X, y, losses.get(loss, width=width), 1e-2))
    found = minimize(rounded, 1e-6).parameters
    Z = np.vstack([found["W"], found["b"]]).astype(np.float64)
    at = rounded.evaluate(Z + far * np.random.default_rng(seed).normal(size=Z.shape))
    p = rounded.given.loss.gradient(rounded.dense @ at.Z[:-1] + at.Z[-1], y)
    if loss == "hinge":
        p[np.arange(len(y)), y] = 0
    assert regained(rounded, sharp.dual, at, 0.0) == pytest.approx(width / 2 * (p**2).sum(axis=1).mean())
    assert regained(rounded, sharp.dual, at, np.inf) == 0
    proof, least = Proof(rounded, at), ascend(sharp.given, 1e-7).certificate
    claimed = at.value - proof.below + regained(rounded, sharp.dual, at, proof.moved)
    assert claimed <= least.objective + 1e-9
    if far == 0:  # the band is a small part of all margins, and costs the square of its width
        assert least.objective - claimed <= width**2 + 1e-3


def test_what_is_regained_is_not_added_to_a_bound_that_is_none():
    """Far from the optimum the dual point is below 0, and 0 and what is regained would be above the optimum."""
    X, y = blobs(60, 3, 3, apart=4.0)
    sharp = problem.Problem(objective(X, y, "hinge", 1e-2))
    rounded = problem.Problem(objective(X, y, losses.get("hinge", width=2.0), 1e-2))
    Z = rounded.start()
    at = rounded.evaluate(Z)
    proof, gained = Proof(rounded, at), regained(rounded, sharp.dual, at, 0.0)
    least = ascend(sharp.given, 1e-7).certificate.objective
    assert proof.bound == at.value < proof.below
    assert at.value - proof.bound + gained > least > at.value - proof.below + gained
    found = minimize(sharp, 0.5).certificate
    assert found.objective - found.bound <= least


def test_bytes_are_solved_in_place(monkeypatch):
    monkeypatch.setattr(problem, "SMALL", 0)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 3000)
    X = (rng.integers(0, 120, (5, 40))[y] + rng.integers(0, 130, (3000, 40))).astype(np.uint8)
    L = objective(X, y, "softmax", 1e-4, scaling="unit")
    found = minimize(L, 1e-5)
    value, least = exact(L)
    assert found.certificate.gap <= 1e-5
    assert value(found.parameters) - least <= 2e-5 * least


def test_threads_and_repetition_change_nothing(held):
    X, y = blobs(500, 8, 3)
    one, two, again = (minimize(objective(X, y, threads=t), 1e-5) for t in (1, 2, 2))
    for other in (two, again):
        assert_allclose(other.parameters["W"], one.parameters["W"], rtol=0, atol=0)
        assert other.certificate.passes == one.certificate.passes


@pytest.mark.parametrize("weighted", [False, True])
def test_squares_are_solved_by_ridge(weighted):
    X, y = blobs(200, 6, 3)
    weight = np.random.default_rng(0).uniform(0.2, 2, 200).astype(np.float32) if weighted else None
    if weight is not None:
        weight /= weight.mean()
    L = objective(X, y, "squared", 1e-3, weight)
    found = solve(L, choose(L), tol=1e-4, max_passes=1, seed=0)
    value, least = exact(L)
    assert found.certificate.solver == "ridge"
    assert value(found.parameters) == pytest.approx(least, rel=1e-6)
    assert found.certificate.gap < 1e-9


def test_without_a_penalty_it_says_that_nothing_is_proven():
    X, y = blobs(60, 3, 2, apart=9.0)
    with pytest.warns(ConvergenceWarning, match="give alpha > 0"):
        found = minimize(objective(X, y, alpha=0.0), 1e-4, max_passes=20)
    assert found.certificate.bound == found.certificate.objective


def test_what_cannot_be_solved_is_named():
    X, y = blobs(40, 3, 2)
    for loss, said in (("perceptron", "does not know the loss"), ("squared", "does not know the loss")):
        with pytest.raises(InputError, match=said):
            minimize(objective(X, y, loss))
    lasso = CompiledLinear(X, y, 2, losses.softmax, penalties.get("l1"), 0.1, Scaling(np.zeros(3), np.ones(3)))
    with pytest.raises(InputError, match="needs the penalty 'l2'"):
        minimize(lasso)
    with pytest.raises(InputError, match=r"solver='newton' needs .* penalty is l1"):
        choose(lasso, "newton")
    with pytest.raises(InputError, match="did you mean newton"):
        choose(lasso, "newtons")


@pytest.mark.parametrize(
    ("loss", "alpha", "given", "solver", "because"),
    [
        ("softmax", 1e-4, [], "newton", "is convex and the penalty is L2"),
        ("softmax", 1e-4, ["epochs"], "sgd", "epochs was given"),
        ("softmax", 1e-4, ["lr", "epochs"], "sgd", "lr, epochs were given"),
        ("softmax", 0.0, [], "sgd", "without a penalty"),
        ("hinge", 1e-4, [], "ascent", "has a kink"),
        ("perceptron", 1e-4, [], "sgd", "knows no bound"),
        ("squared", 1e-4, [], "ridge", "one decomposition is exact"),
    ],
)
def test_auto_says_what_it_picked_and_why(loss, alpha, given, solver, because):
    choice = choose(objective(*blobs(40, 3, 2), loss, alpha), given=given)
    assert choice.solver == solver
    assert because in choice.because
