"""L1 and elastic net: the optimum is that of scikit-learn and scipy, zeros are exact, and bounds are true."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.optimize import minimize as scipy_minimize

from steepest import LinearClassifier, losses, penalties
from steepest.errors import ConvergenceWarning, InputError
from steepest.kernels.sparse import SparseRows
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import alpha_max, choose, coordinate_descent, problem, solve

SMOOTH = ["softmax", "squared_hinge", "ova_squared_hinge", "logistic"]
ROUNDING = 2e-6
"""Sweeps are in float32."""


def objective(X, y, loss="softmax", alpha=1e-2, beta=0.0, weight=None, scaling="standard", C=None, threads=2):
    penalty = penalties.ElasticNet(beta) if beta else penalties.l1
    scale = fit_scaling(X, scaling) if isinstance(scaling, str) else scaling
    return CompiledLinear(X, y, C or int(y.max()) + 1, losses.get(loss), penalty, alpha, scale, weight, threads)


def blobs(N, D, C, seed=0, apart=1.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(C), rng.integers(0, C, N - C)])
    return rng.normal(size=(C, D))[y] * apart + rng.normal(size=(N, D)), y


class Formula:
    """L in float64 and in one line each: its value, and the slopes of the mean loss."""

    def __init__(self, L):
        self.L, self.beta = L, getattr(L.penalty, "beta", 0.0)
        self.X = (L.X.astype(np.float64) - L.scaling.shift) * L.scaling.scale
        self.w = (np.ones(len(self.X)) if L.weight is None else L.weight.astype(np.float64)) / len(self.X)

    def data(self, W, b):
        S = self.X @ W + b
        P = self.L.loss.gradient(S, self.L.y) * self.w[:, None]
        return self.w @ self.L.loss(S, self.L.y), self.X.T @ P, P.sum(axis=0)

    def value(self, found):
        W, b = found["W"].astype(np.float64), found["b"].astype(np.float64)
        return self.data(W, b)[0] + self.L.alpha * (np.abs(W).sum() + self.beta * (W**2).sum())

    def kkt(self, found):
        """The largest of the least subgradients, in units of alpha."""
        W, b = found["W"].astype(np.float64), found["b"].astype(np.float64)
        alpha, (_, Z, g) = self.L.alpha, self.data(W, b)
        used = np.abs(Z + alpha * (np.sign(W) + 2 * self.beta * W))[W != 0].max(initial=0)
        idle = (np.abs(Z) - alpha)[W == 0].max(initial=0)
        return max(used, idle, np.abs(g).max()) / alpha

    def least(self):
        """min L by scipy, W as a difference of two that are not negative."""
        (_, D), C = self.X.shape, self.L.n_classes
        n = D * C

        def split(z):
            up, down, b = z[:n].reshape(D, C), z[n : 2 * n].reshape(D, C), z[2 * n :]
            value, Z, g = self.data(up - down, b)
            square = 2 * self.beta * (up - down)
            value += self.L.alpha * (up.sum() + down.sum() + self.beta * ((up - down) ** 2).sum())
            slopes = [(Z + self.L.alpha * (1 + square)).ravel(), (-Z + self.L.alpha * (1 - square)).ravel(), g]
            return value, np.concatenate(slopes)

        found = scipy_minimize(
            split, np.zeros(2 * n + C), jac=True, method="L-BFGS-B", bounds=[(0, None)] * 2 * n + [(None, None)] * C,
            options={"maxiter": 1500, "maxfun": 2000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 30},
        )  # fmt: skip
        return found.fun


@pytest.fixture(params=["float64", "swept"])
def held(request, monkeypatch):
    """Small data in float64, and the same through the sweeps of large data."""
    if request.param == "swept":
        monkeypatch.setattr(problem, "SMALL", 0)
    return request.param


def fit(L, tol=1e-8, **how):
    return coordinate_descent(L, tol, **how)


# The optimum


@pytest.mark.parametrize(("C", "beta"), [(2, 0.0), (4, 0.0), (4, 0.5)])
def test_softmax_is_that_of_saga(C, beta):
    from sklearn.linear_model import LogisticRegression

    X, y = blobs(150, 8, C)
    L = objective(X, y, "softmax", 0.02, beta)
    # Theirs: C sum_i L_i + r |W| + (1 - r) / 2 |W|^2; two classes have one column, the difference of ours.
    ratio = 1 / (1 + 2 * beta)
    theirs = LogisticRegression(
        C=1 / (len(X) * L.alpha * (1 + 2 * beta)), l1_ratio=ratio, solver="saga", tol=1e-12, max_iter=20_000
    ).fit((X - L.scaling.shift) * L.scaling.scale, y)
    W, b = theirs.coef_.T, theirs.intercept_
    if C == 2:
        W, b = np.hstack([-W, W]) / 2, np.array([-b[0], b[0]]) / 2
    least = Formula(L).value({"W": W, "b": b})
    found = fit(L)
    assert found.certificate.gap <= 1e-8
    assert Formula(L).value(found.parameters) == pytest.approx(least, rel=1e-6)
    assert_array_equal(found.parameters["W"] != 0, W != 0) if C > 2 else None


@pytest.mark.parametrize("beta", [0.0, 0.5])
@pytest.mark.parametrize("shape", [(200, 10), (30, 60)])
def test_squares_are_a_lasso_for_each_class(beta, shape):
    from sklearn.linear_model import ElasticNet

    X, y = blobs(*shape, 3)
    L = objective(X, y, "squared", 0.05, beta)
    Z = (X - L.scaling.shift) * L.scaling.scale
    # Theirs: 1/2N |r|^2 + a r |w| + a (1 - r) / 2 |w|^2, half of ours.
    a = L.alpha * (0.5 + beta)
    W, b = np.empty((shape[1], 3)), np.empty(3)
    for j in range(3):
        theirs = ElasticNet(a, l1_ratio=0.5 * L.alpha / a, tol=1e-14, max_iter=100_000).fit(Z, y == j)
        W[:, j], b[j] = theirs.coef_, theirs.intercept_
    found = fit(L, 1e-10)
    assert found.certificate.gap <= 1e-10
    assert found.certificate.passes == 2
    assert Formula(L).value(found.parameters) == pytest.approx(Formula(L).value({"W": W, "b": b}), rel=1e-9)
    assert_array_equal(found.parameters["W"] != 0, W != 0)


def test_squared_hinges_are_those_of_liblinear():
    from sklearn.svm import LinearSVC

    X, y = blobs(60, 6, 2)
    X, y = np.vstack([X, -X]), np.concatenate([y, 1 - y])  # so that the best bias is 0: theirs is penalized
    L = objective(X, y, "ova_squared_hinge", 0.05, scaling=Scaling(np.zeros(6), np.ones(6)))
    theirs = LinearSVC(
        penalty="l1", dual=False, C=1 / (len(X) * L.alpha), fit_intercept=False, tol=1e-8, max_iter=100_000
    ).fit(X, y)
    w, found = theirs.coef_.T, fit(L)
    least = Formula(L).value({"W": np.hstack([-w, w]), "b": np.zeros(2)})
    assert Formula(L).value(found.parameters) == pytest.approx(least, rel=1e-6)
    assert_array_equal(found.parameters["W"][:, 1:] != 0, w != 0)


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_the_optimum_is_that_of_scipy(held, loss, beta):
    X, y = blobs(120, 5, 3)
    L = objective(X, y, loss, 0.03, beta)
    tol = 1e-8  # for sweeps as well: where float32 has no more to show, they are followed by float64
    found, formula = fit(L, tol), Formula(L)
    value = formula.value(found.parameters)
    assert found.certificate.gap <= tol
    assert value == pytest.approx(formula.least(), rel=1e-6)
    assert found.certificate.objective == pytest.approx(value, rel=ROUNDING)
    # Squares prove more than sizes: what is left is the square of a slope, or a slope.
    assert formula.kkt(found.parameters) <= (2 * np.sqrt(beta * value * tol / L.alpha) if beta else max(30 * tol, 1e-5))


@given(
    loss=st.sampled_from([*SMOOTH, "squared"]), N=st.integers(12, 60), D=st.integers(1, 5), C=st.integers(2, 4),
    seed=st.integers(0, 999), share=st.sampled_from([1.1, 0.5, 0.1, 0.01]), beta=st.sampled_from([0.0, 0.5]),
    weighted=st.booleans(), small=st.booleans(),
)  # fmt: skip
@settings(max_examples=4, deadline=None, derandomize=True)
def test_what_a_certificate_claims_is_true(hardened, loss, N, D, C, seed, share, beta, weighted, small):
    X, y, weight = hardened(*blobs(N, D, C, seed), seed, weighted)
    alpha = share * alpha_max(objective(X, y, loss, weight=weight, C=C))
    L = objective(X, y, loss, alpha, beta, weight, C=C)
    before = problem.SMALL
    problem.SMALL = before if small else 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = fit(L, 1e-5, max_passes=300)
    finally:
        problem.SMALL = before
    formula = Formula(L)
    value, least = formula.value(found.parameters), formula.least()
    assert value - least <= found.certificate.bound + ROUNDING * max(least, 1e-3)
    if small or loss == "squared":
        assert found.certificate.gap <= 1e-5
        assert formula.kkt(found.parameters) <= (2 * np.sqrt(beta * value * 1e-5 / alpha) if beta else 1e-3)
    if share > 1:
        assert not found.parameters["W"].any()


@given(seed=st.integers(0, 99), far=st.sampled_from([1e-6, 1e-3, 0.1]), loss=st.sampled_from(SMOOTH))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_bound_holds_anywhere_near(seed, far, loss):
    """Not only where a search ended: at the optimum moved by a little, weights and biases."""
    from steepest.solvers.l1_problem import Penalized

    X, y = blobs(60, 3, 3, seed)
    P = Penalized(objective(X, y, loss, 0.02, 0.3 * (seed % 2)))
    rng, Z = np.random.default_rng(seed), P.start(fit(P.given, 1e-6).parameters)
    least = P.evaluate(Z).value
    at = P.evaluate(Z + far * rng.normal(size=Z.shape))
    assert at.value - least <= P.gap(at) + 1e-9


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize(("share", "moved"), [(0.5, 0.0), (0.9, 0.0), (2.0, 0.03), (2.0, 0.1)])
@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_bound_sees_slopes_beyond_alpha_and_biases_alone(loss, share, moved, beta):
    """W = 0 is not enough where a slope is beyond alpha, and is where none is; then only biases can be off."""
    from steepest.solvers.l1_problem import Penalized

    X, y = blobs(60, 3, 3)
    P = Penalized(objective(X, y, loss, share * alpha_max(objective(X, y, loss)), beta))
    least = P.evaluate(P.start(fit(P.given, 1e-8).parameters)).value
    at = P.evaluate(P.start() + np.append(np.zeros((3, 1)), [[moved]], axis=0) * [1.0, -1.0, 0.0])
    assert 1e-6 < at.value - least <= P.gap(at) <= at.value


# Zeros, and the largest alpha


@pytest.mark.parametrize("loss", [*SMOOTH, "squared"])
@pytest.mark.parametrize("weighted", [False, True])
def test_from_alpha_max_on_all_weights_are_0(held, loss, weighted):
    X, y = blobs(90, 6, 3)
    X, y = np.vstack([X, X[:20]]), np.concatenate([y, np.zeros(20, np.int64)])
    weight = np.random.default_rng(0).uniform(0.2, 2, len(X)).astype(np.float32) if weighted else None
    if weight is not None:
        weight /= weight.mean()
    most = alpha_max(objective(X, y, loss, weight=weight))
    for alpha, empty in ((most, True), (1.5 * most, True), (0.99 * most, False)):
        found = fit(objective(X, y, loss, alpha, weight=weight), 1e-5)
        assert (not found.parameters["W"].any()) is empty
        assert found.certificate.gap <= 1e-5
    # By hand: no more than biases, these by scipy.
    formula = Formula(objective(X, y, loss, weight=weight))
    b = scipy_minimize(
        lambda b: (lambda f: (f[0], f[2]))(formula.data(np.zeros((6, 3)), b)), np.zeros(3), jac=True,
        method="BFGS", options={"gtol": 1e-10},
    ).x  # fmt: skip
    assert np.abs(formula.data(np.zeros((6, 3)), b)[1]).max() == pytest.approx(most, rel=1e-5)


def test_without_features_that_tell_it_is_0():
    X, y = np.ones((30, 3)), np.arange(30) % 3
    assert alpha_max(objective(X, y)) <= 1e-12
    assert not fit(objective(X, y)).parameters["W"].any()


@pytest.mark.parametrize("C", [2, 3])
@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_zeros_stay_exact_in_coef(C, loss):
    rng = np.random.default_rng(0)
    X, y = blobs(300, 4, C)
    X = np.hstack([X, rng.normal(3, 7, (300, 20))])
    clf = LinearClassifier(loss, "l1", alpha=0.05).fit(X, y)
    assert clf.solver_ == "coordinate"
    assert clf.certificate_.gap <= 1e-4
    W = clf.model_.W
    assert 0 < np.count_nonzero(W) < 0.6 * W.size
    idle = (W == 0) if C > 2 else np.all(W == 0, axis=1, keepdims=True)
    assert_array_equal(clf.coef_.T[np.broadcast_to(idle, clf.coef_.T.shape)], 0.0)
    assert np.count_nonzero(clf.coef_) == np.sum(~idle)


# The way


def test_a_weight_of_two_is_a_row_twice():
    X, y = blobs(60, 5, 3)
    twice = np.concatenate([np.arange(60), np.arange(20)])
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    scaling = Scaling(np.zeros(5), np.ones(5))
    for loss in ("softmax", "squared"):
        one = fit(objective(X, y, loss, weight=(weight / weight.mean()).astype(np.float32), scaling=scaling))
        two = fit(objective(X[twice], y[twice], loss, scaling=scaling))
        assert one.certificate.objective == pytest.approx(two.certificate.objective, rel=1e-6)
        np.testing.assert_allclose(one.parameters["W"], two.parameters["W"], atol=1e-4)


@pytest.mark.parametrize("loss", ["softmax", "logistic", "squared"])
def test_threads_and_repetition_change_nothing(held, loss):
    X, y = blobs(300, 8, 3)
    one, two, again = (fit(objective(X, y, loss, threads=t), 1e-4) for t in (1, 2, 2))
    for other in (two, again):
        assert_array_equal(other.parameters["W"], one.parameters["W"])
        assert_array_equal(other.parameters["b"], one.parameters["b"])
        assert other.certificate.passes == one.certificate.passes


def test_only_a_working_set_moves_and_none_is_forgotten():
    rng = np.random.default_rng(0)
    X, y = blobs(80, 10, 2)
    X = np.hstack([rng.normal(size=(80, 2990)), X])
    L = objective(X, y, alpha=0.1)
    found = fit(L, 1e-6)
    assert found.certificate.gap <= 1e-6
    assert 0 < found.history[-1]["features"] < found.history[-1]["working_set"] < 1500
    assert Formula(L).kkt(found.parameters) <= 1e-3


def test_many_classes_share_a_model():
    X, y = blobs(400, 6, 40, apart=3.0)
    L = objective(X, y, alpha=3e-3)
    found = fit(L, 1e-5)
    assert found.certificate.gap <= 1e-5
    assert Formula(L).kkt(found.parameters) <= 1e-2


def test_bytes_are_solved_in_place(monkeypatch):
    monkeypatch.setattr(problem, "SMALL", 0)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 2000)
    X = (rng.integers(0, 120, (3, 20))[y] + rng.integers(0, 130, (2000, 20))).astype(np.uint8)
    for loss in ("softmax", "squared"):
        L = objective(X, y, loss, 1e-3, scaling="unit")
        found, formula = fit(L, 1e-4), Formula(L)
        assert found.certificate.gap <= 1e-4
        assert formula.value(found.parameters) == pytest.approx(formula.least(), rel=1e-5)


@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_sparse_rows_have_the_optimum_of_dense_ones(loss):
    from scipy.sparse import random

    rng = np.random.default_rng(0)
    rows = random(200, 1500, 0.02, "csr", rng=rng)
    y = (np.asarray(rows[:, :50].sum(axis=1)).ravel() > 0.5).astype(np.int64)
    scaling = Scaling(np.zeros(1500), np.full(1500, 3.0))
    dense, sparse = (objective(X, y, loss, 0.02, scaling=scaling) for X in (rows.toarray(), SparseRows.of(rows)))
    assert choose(sparse).solver == "coordinate"
    assert alpha_max(sparse) == pytest.approx(alpha_max(dense), rel=1e-9)
    one, other = fit(dense, 1e-7), fit(sparse, 1e-7)
    assert other.certificate.gap <= 1e-7
    assert other.certificate.objective == pytest.approx(one.certificate.objective, rel=1e-7)
    assert_array_equal(other.parameters["W"] != 0, one.parameters["W"] != 0)


@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_a_path_goes_from_solution_to_solution(loss):
    X, y = blobs(200, 10, 3)
    most, start, counts, objectives = alpha_max(objective(X, y, loss)), None, [], []
    for alpha in most * np.geomspace(1, 0.01, 6):
        found = fit(objective(X, y, loss, alpha), 1e-7, start=start)
        start = found.parameters
        cold = fit(objective(X, y, loss, alpha), 1e-7)
        assert found.certificate.objective == pytest.approx(cold.certificate.objective, rel=1e-6)
        counts.append(np.count_nonzero(start["W"]))
        objectives.append(found.certificate.objective)
    assert counts[0] == 0 < counts[2] < counts[-1]
    assert objectives == sorted(objectives, reverse=True)
    again = fit(objective(X, y, loss, alpha), 1e-4, start=start)
    assert len(again.history) == 1


def test_watching_and_ending_early():
    X, y = blobs(100, 5, 3)
    seen = []
    with pytest.warns(ConvergenceWarning, match="asked to stop"):
        found = fit(objective(X, y), watch=lambda point, left: seen.append((point.value, left)) or len(seen) == 3)
    assert len(seen) == 3
    assert seen[0][0] > seen[2][0]
    assert found.certificate.gap > 1e-8
    with pytest.warns(ConvergenceWarning, match=r"not 1e-08: max_passes=1 were spent; give it more passes"):
        fit(objective(X, y), max_passes=1)


def test_what_cannot_be_solved_is_named():
    X, y = blobs(40, 3, 2)
    with pytest.raises(InputError, match="does not know the loss"):
        fit(objective(X, y, "hinge"))
    with pytest.raises(InputError, match="needs the penalty 'l1' or 'elastic_net'"):
        fit(CompiledLinear(X, y, 2, losses.softmax, penalties.l2, 0.1, Scaling(np.zeros(3), np.ones(3))))
    with pytest.raises(InputError, match="give alpha > 0"):
        fit(objective(X, y, alpha=0.0))
    with pytest.raises(InputError, match=r"solver='coordinate' needs .* penalty is l2"):
        choose(
            CompiledLinear(X, y, 2, losses.softmax, penalties.l2, 0.1, Scaling(np.zeros(3), np.ones(3))), "coordinate"
        )


def test_products_that_do_not_fit_are_refused(monkeypatch):
    from steepest.solvers import l1_squares

    monkeypatch.setattr(l1_squares, "free_memory", lambda: 100)
    X, y = blobs(40, 3, 2)
    with pytest.raises(InputError, match=r"products of 3 features needs .* solver='sgd'"):
        fit(objective(X, y, "squared"))


@pytest.mark.parametrize(
    ("loss", "alpha", "given", "solver", "because"),
    [
        ("softmax", 1e-2, [], "coordinate", "exact zeros"),
        ("squared", 1e-2, [], "coordinate", "exact zeros"),
        ("softmax", 1e-2, ["epochs"], "sgd", "epochs was given"),
        ("softmax", 0.0, [], "sgd", "without a penalty"),
        ("hinge", 1e-2, [], "sgd", "kink"),
        ("perceptron", 1e-2, [], "sgd", "knows no bound"),
    ],
)
def test_auto_says_what_it_picked_and_why(loss, alpha, given, solver, because):
    L = objective(*blobs(40, 3, 2), loss, alpha)
    choice = choose(L, given=given)
    assert choice.solver == solver
    assert because in choice.because
    if solver == "coordinate":
        found = solve(L, choice, tol=1e-4, max_passes=100, seed=0)
        assert found.certificate.gap <= 1e-4
        assert found.certificate.because == choice.because
