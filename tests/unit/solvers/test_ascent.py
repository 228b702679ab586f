"""Hinges to their true optimum: that of a quadratic program by scipy, and what a certificate claims is true."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import linprog, minimize
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.svm import SVC, LinearSVC

from steepest import losses, penalties
from steepest.errors import ConvergenceWarning, InputError
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import ascent as solver
from steepest.solvers import choose, problem, solve

HINGES = ["hinge", "hinge_max", "ova_hinge"]
ROUNDING = 2e-6
"""Parameters, and beyond small data sums, are float32."""


def objective(X, y, loss="hinge", alpha=1e-2, weight=None, scaling="standard", C=None, threads=1):
    scale = fit_scaling(X, scaling) if isinstance(scaling, str) else scaling
    return CompiledLinear(X, y, C or int(y.max()) + 1, losses.get(loss), penalties.l2, alpha, scale, weight, threads)


def value(L, at):
    """L(W) in float64, by formula."""
    X = (L.X.astype(np.float64) - L.scaling.shift) * L.scaling.scale
    W, b = at["W"].astype(np.float64), at["b"].astype(np.float64)
    w = np.ones(len(X)) if L.weight is None else L.weight.astype(np.float64)
    return float(w @ L.loss(X @ W + b, L.y)) / len(X) + L.alpha * float((W**2).sum())


def terms(L):
    """A, c and k of the margins A (W, b) + c; those of an example belong to the k-th upper bound xi_k >= 0."""
    X = (L.X.astype(np.float64) - L.scaling.shift) * L.scaling.scale
    (N, D), C = X.shape, L.n_classes
    A, k = [], []
    for i in range(N):
        x = np.append(X[i], 1)
        for j in range(C):
            row = np.zeros((D + 1, C))
            if L.loss == losses.ova_hinge:
                row[:, j] = -x if j == L.y[i] else x
            elif j == L.y[i]:
                continue
            else:
                row[:, j], row[:, L.y[i]] = x, -x
            A.append(row.ravel())
            k.append(i if L.loss == losses.hinge_max else len(k))
    return np.array(A), np.ones(len(A)), np.array(k)


def optimum(L):
    """Return min L as a quadratic program: 1/N sum w xi + alpha |W|^2 over xi >= 0, xi >= A (W, b) + c, by scipy."""
    A, c, k = terms(L)
    (N, D), C, n = L.X.shape, L.n_classes, int(k.max()) + 1
    w = np.ones(N) if L.weight is None else L.weight.astype(np.float64)
    each = C if L.loss == losses.ova_hinge else 1 if L.loss == losses.hinge_max else C - 1
    cost = np.concatenate([np.zeros(A.shape[1]), np.repeat(w, each) / N])
    square = np.concatenate([np.repeat([1.0] * D + [0.0], C), np.zeros(n)]) * L.alpha
    pick = np.zeros((len(k), n))
    pick[np.arange(len(k)), k] = 1
    rows = np.hstack([-A, pick])
    start = np.concatenate([np.zeros(A.shape[1]), np.ones(n)])
    found = minimize(
        lambda z: cost @ z + square @ z**2, start, jac=lambda z: cost + 2 * square * z, method="SLSQP",
        constraints={"type": "ineq", "fun": lambda z: rows @ z - c, "jac": lambda z: rows},
        bounds=[(None, None)] * A.shape[1] + [(0, None)] * n, options={"ftol": 1e-15, "maxiter": 500},
    )  # fmt: skip
    assert found.success
    return float(found.fun)


def blobs(N, D, C, seed=0, apart=1.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(C), rng.integers(0, C, N - C)])
    return rng.normal(size=(C, D))[y] * apart + rng.normal(size=(N, D)), y


@pytest.fixture(params=["interior", "blocks", "splitting"])
def way(request, monkeypatch):
    """The three ways: small data in float64, blocks of large data, and splitting from the second pass on."""
    take(request.param, monkeypatch.setattr)
    return request.param


def take(way, change):
    if way != "interior":
        change(problem, "SMALL", 0)
        change(solver, "MOST_FEATURES", 0 if way == "blocks" else 8000)
    if way == "splitting":
        change(solver, "HARD", 0.0)
        change(solver, "SOON", 1.0)


@pytest.mark.parametrize("loss", HINGES)
def test_the_optimum_is_that_of_a_quadratic_program(way, loss):
    X, y = blobs(14, 2, 3, apart=0.7)
    weight = np.random.default_rng(0).uniform(0.2, 2, 14).astype(np.float32)
    L = objective(X, y, loss, 0.05, weight / weight.mean())
    least = optimum(L)
    tol = 1e-6 if way == "interior" else 1e-4
    found = solver.ascend(L, tol)
    assert found.certificate.gap <= tol
    assert abs(value(L, found.parameters) - least) <= (tol + ROUNDING) * least
    assert found.certificate.objective == pytest.approx(value(L, found.parameters), rel=ROUNDING)


@pytest.mark.parametrize("loss", HINGES)
def test_two_classes_are_libsvms(way, loss):
    """Of two classes s and -s, the multiclass hinges are the binary one of 2 s; libsvm leaves the bias free too."""
    X, y = blobs(80, 4, 2, seed=3)
    alpha, N = 0.02, len(X)
    both = 1 if loss == "ova_hinge" else 2  # |W|^2 is |w|^2 / 2 with w the difference; one-vs-all solves it twice
    L = objective(X, y, loss, alpha, scaling=Scaling(np.zeros(4), np.ones(4)))
    tol = 1e-6 if way == "interior" else 1e-4
    found = solver.ascend(L, tol)
    svm = SVC(kernel="linear", C=1 / (2 * (alpha / both) * N), tol=1e-9).fit(X, y)
    w, b = svm.coef_[0], svm.intercept_[0]
    half = w / 2 if both == 2 else w
    W = {"W": np.stack([-half, half], axis=1), "b": np.array([-b, b]) / both}
    assert value(L, found.parameters) <= value(L, W) * (1 + tol + ROUNDING)
    assert value(L, W) <= found.certificate.objective * (1 + 1e-5)  # libsvm's own tolerance


@pytest.mark.parametrize("dataset", [load_iris, load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize("loss", HINGES)
def test_small_data_are_solved_and_nobody_is_warned(dataset, loss):
    X, y = dataset(return_X_y=True)
    L = objective(X, y.astype(np.int64), loss, 1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = solve(L, choose(L), tol=1e-4, max_passes=1000, seed=0)
    assert found.certificate.solver == "an interior point method"
    assert found.certificate.gap <= 1e-4
    assert len(found.history) < 60


def test_a_smaller_bound_can_be_had_of_small_data():
    X, y = load_wine(return_X_y=True)
    for loss in HINGES:
        certificate = solver.ascend(objective(X, y.astype(np.int64), loss, 1e-3), 1e-6).certificate
        assert certificate.gap <= 1e-6


@pytest.mark.parametrize("loss", ["hinge_max", "ova_hinge"])
def test_liblinear_finds_nothing_better(way, loss):
    """Its bias has a penalty, which is next to nothing for a feature of 100; without noise it is near ours."""
    X, y = blobs(150, 5, 3, seed=1)
    alpha = 0.02
    L = objective(X, y, loss, alpha, scaling=Scaling(np.zeros(5), np.ones(5)))
    found = solver.ascend(L, 1e-4)
    how = {"multi_class": "crammer_singer"} if loss == "hinge_max" else {"loss": "hinge"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rival = LinearSVC(C=1 / (2 * alpha * 150), tol=1e-6, max_iter=20_000, intercept_scaling=10.0, **how).fit(X, y)
    theirs = value(L, {"W": rival.coef_.T, "b": rival.intercept_})
    assert found.certificate.objective - found.certificate.bound <= theirs
    assert theirs <= found.certificate.objective * 1.01


@pytest.mark.parametrize("which", ["interior", "blocks", "splitting"])
@given(
    loss=st.sampled_from(HINGES), N=st.integers(12, 80), D=st.integers(1, 6), C=st.integers(2, 4),
    seed=st.integers(0, 999), alpha=st.sampled_from([1.0, 1e-2, 1e-4]), weighted=st.booleans(),
)  # fmt: skip
@settings(max_examples=8, deadline=None)
def test_what_a_certificate_claims_is_true(which, hardened, loss, N, D, C, seed, alpha, weighted):
    X, y, weight = hardened(*blobs(N, D, C, seed), seed, weighted)
    L = objective(X, y, loss, alpha, weight, C=C)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        best = value(L, solver.ascend(L, 1e-9).parameters)  # no less than the optimum, and near it
        take(which, patch.setattr)
        found = solver.ascend(L, 1e-4, max_passes=200)
    certificate = found.certificate
    small = 1e-3 if which == "interior" else 0.1  # scores of the order of 1 are float32, however small their losses are
    assert value(L, found.parameters) - best <= certificate.bound + ROUNDING * max(best, small)
    assert certificate.objective == pytest.approx(value(L, found.parameters), rel=2 * ROUNDING, abs=1e-6)
    if which == "interior":
        assert certificate.gap <= 1e-4


@pytest.mark.parametrize("loss", HINGES)
def test_what_is_proven_is_below_the_optimum_of_a_linear_program(loss):
    """Without noise of a penalty: at a tiny alpha the optimum is nearly that of the mean loss alone, linear."""
    X, y = blobs(40, 2, 3, apart=0.5)
    L = objective(X, y, loss, 1e-7)
    A, c, k = terms(L)
    n = int(k.max()) + 1
    pick = np.zeros((len(k), n))
    pick[np.arange(len(k)), k] = 1
    cost = np.concatenate([np.zeros(A.shape[1]), np.full(n, 1 / 40)])
    free = [(None, None)] * A.shape[1] + [(0, None)] * n
    least = linprog(cost, A_ub=np.hstack([A, -pick]), b_ub=-c, bounds=free).fun
    certificate = solver.ascend(L, 1e-5).certificate
    assert certificate.gap <= 1e-5
    assert certificate.objective == pytest.approx(least, rel=1e-3)
    assert certificate.objective >= least * (1 - 1e-9)


@pytest.mark.parametrize("loss", HINGES)
def test_bytes_are_solved_in_place(monkeypatch, loss):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 1500)
    X = (rng.integers(0, 120, (5, 70))[y] + rng.integers(0, 130, (1500, 70))).astype(np.uint8)
    as_they_are = Scaling(np.zeros(70), np.ones(70))
    exact = solver.ascend(objective(X.astype(np.float64) / 255, y, loss, 1e-2, scaling=as_they_are), 1e-6)
    monkeypatch.setattr(problem, "SMALL", 0)
    found = solver.ascend(objective(X, y, loss, 1e-2, scaling="unit"), 1e-4)
    assert found.certificate.gap <= 1e-4
    low = exact.certificate.objective * (1 - 1e-6)
    assert low <= found.certificate.objective * (1 + ROUNDING) <= exact.certificate.objective * (1 + 1.1e-4)


def test_threads_and_repetition_change_nothing(way):
    X, y = blobs(500, 8, 3)
    one, two, again = (solver.ascend(objective(X, y, threads=t), 1e-3) for t in (1, 2, 2))
    for other in (two, again):
        assert_allclose(other.parameters["W"], one.parameters["W"], rtol=0, atol=0)
        assert other.certificate.passes == one.certificate.passes


def test_what_it_found_on_the_way_is_told_and_it_stops_when_it_is_asked_to(way):
    told = []
    X, y = blobs(200, 5, 3)
    with pytest.warns(ConvergenceWarning, match="it was asked to stop"):
        solver.ascend(
            objective(X, y), 1e-9, watch=lambda point, left: told.append((point.value, left)) or len(told) == 2
        )
    assert len(told) == 2
    assert all(left >= 0 for _, left in told)


@pytest.mark.parametrize("which", ["blocks", "splitting"])
def test_it_listens_after_every_pass_and_not_only_when_something_is_proven(monkeypatch, which):
    take(which, monkeypatch.setattr)
    X, y = blobs(400, 6, 3, apart=0.3)
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = solver.ascend(objective(X, y, alpha=1e-4), 1e-9, 60, watch=lambda point, _: told.append(point.passes))
        assert len(found.history) < len(told) / 2
        assert max(np.diff(told)) <= 3  # a pass, and what it takes to prove it
        told.clear()
        stopped = solver.ascend(
            objective(X, y, alpha=1e-4), 1e-9, 60, watch=lambda point, _: told.append(point.passes) or len(told) == 20
        )
    assert len(told) == 20
    assert stopped.certificate.passes <= told[-1] + 2


def test_where_passes_are_too_few_it_says_so(monkeypatch):
    take("blocks", monkeypatch.setattr)
    X, y = blobs(300, 5, 3)
    with pytest.warns(ConvergenceWarning, match=r"proven to be within .* only, not 1e-07: max_passes=5 were spent"):
        found = solver.ascend(objective(X, y, alpha=1e-4), 1e-7, max_passes=5)
    assert found.certificate.passes < 9
    assert found.certificate.bound > 0


def test_what_cannot_be_solved_is_named(monkeypatch):
    X, y = blobs(40, 3, 2)
    with pytest.raises(InputError, match="has no kink that it knows"):
        solver.ascend(objective(X, y, "softmax"))
    with pytest.raises(InputError, match="alpha is 0"):
        choose(objective(X, y, alpha=0.0), "ascent")
    with pytest.raises(InputError, match="hinge_max cannot be rounded"):
        choose(objective(X, y, "hinge_max"), "newton")
    assert choose(objective(X, y, alpha=0.0)).solver == "sgd"
    monkeypatch.setattr(solver, "memory_size", lambda: 1000)
    with pytest.raises(InputError, match="dual variables and what goes with them need"):
        choose(objective(X, y), "ascent")
    assert choose(objective(X, y))[0] == "newton"
    assert choose(objective(X, y, "hinge_max"))[0] == "sgd"


def test_why_is_said():
    X, y = blobs(60, 3, 3)
    L = objective(X, y, "hinge_max")
    choice = choose(L)
    assert choice.solver == "ascent"
    assert "loss hinge_max has a kink" in choice.because
    assert "the data are small" in solve(L, choice, tol=1e-4, max_passes=100, seed=0).certificate.because


@pytest.mark.parametrize("loss", ["hinge", "hinge_max", "ova_hinge"])
def test_rows_of_weight_zero_have_no_say_and_do_no_harm(loss):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    X = rng.normal(size=(3, 8))[y] + rng.normal(size=(150, 8))
    weight = (np.arange(150) % 5 > 0) * np.float32(1.25)
    scaling, few = Scaling(np.zeros(8), np.ones(8)), weight > 0
    whole = CompiledLinear(X, y, 3, losses.get(loss), penalties.l2, 1e-4, scaling, weight)
    left = CompiledLinear(X[few], y[few], 3, losses.get(loss), penalties.l2, 1e-4, scaling)
    one, two = solver.ascend(whole), solver.ascend(left)
    assert one.certificate.gap <= 1e-4
    assert one.certificate.objective == pytest.approx(two.certificate.objective, rel=1e-4)
