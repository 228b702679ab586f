"""What a certificate claims is true of the model that a user is given: against optima in float64 by other means."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from steepest import LinearClassifier, OneVsAllSVM, load
from steepest.errors import ConvergenceWarning
from steepest.solvers import problem

LOSSES = ["softmax", "logistic", "squared_hinge", "ova_squared_hinge"]
EPS = float(np.finfo(np.float32).eps)


def by_formula(loss, S, y):
    """L_i (N,), dL_i/ds (N, C) and d2L_i/ds2 (N, C, C)."""
    N, C = S.shape
    own, diagonal = np.eye(C)[y], np.eye(C)
    t = 2 * own - 1
    if loss == "softmax":
        q = softmax(S, axis=1)
        H = q[:, :, None] * diagonal - q[:, :, None] * q[:, None, :]
        return -log_softmax(S, axis=1)[np.arange(N), y], q - own, H
    if loss == "logistic":
        q = expit(-t * S)
        return -log_expit(t * S).sum(axis=1), -t * q, (q * (1 - q))[:, :, None] * diagonal
    if loss == "ova_squared_hinge":
        m = np.maximum(0, 1 - t * S)
        return (m**2).sum(axis=1), -2 * t * m, 2.0 * (m > 0)[:, :, None] * diagonal
    m = np.maximum(0, S - S[np.arange(N), y][:, None] + 1) * (1 - own)
    apart = diagonal[None] - own[:, None, :]  # e_j - e_y
    H = 2 * np.einsum("nj,nja,njb->nab", (m > 0).astype(float), apart, apart)
    return (m**2).sum(axis=1), 2 * (m - m.sum(axis=1, keepdims=True) * own), H


class Formula:
    """L(W) = mean w_i L_i + alpha |W|^2 over rows that are scaled as the model scales them, in float64."""

    def __init__(self, X, y, loss, alpha, scaling, weight=None):
        self.X = np.column_stack([(X.astype(np.float64) - scaling.shift) * scaling.scale, np.ones(len(X))])
        self.y, self.loss, self.alpha = y, loss, alpha
        w = np.ones(len(X)) if weight is None else np.asarray(weight, np.float64)
        self.w = w / w.sum()
        self.shape = self.X.shape[1], int(y.max()) + 1

    def value_and_gradient(self, z):
        Z = z.reshape(self.shape)
        L, P, _ = by_formula(self.loss, self.X @ Z, self.y)
        dZ = self.X.T @ (self.w[:, None] * P)
        dZ[:-1] += 2 * self.alpha * Z[:-1]
        return float(self.w @ L) + self.alpha * float(np.sum(Z[:-1] ** 2)), dZ.ravel()

    def hessian(self, z):
        M, C = self.shape
        H = by_formula(self.loss, self.X @ z.reshape(self.shape), self.y)[2] * self.w[:, None, None]
        whole = np.einsum("nd,nab,ne->daeb", self.X, H, self.X, optimize=True).reshape(M * C, M * C)
        whole[np.diag_indices((M - 1) * C)] += 2 * self.alpha
        return whole

    def least(self):
        """Return the minimum by scipy, and how far above the true one it may be, for its gradient is not quite 0.

        It is sought in units in which all bends are alike: badly scaled features stop it early otherwise.
        """
        start = np.zeros(self.shape[0] * self.shape[1])
        unit = 1 / np.sqrt(np.maximum(np.diag(self.hessian(start)), 1e-12))

        def scaled(z):
            value, gradient = self.value_and_gradient(unit * z)
            return value, unit * gradient

        found = minimize(
            scaled, start, jac=True, hess=lambda z: unit[:, None] * self.hessian(unit * z) * unit,
            method="trust-exact", options={"gtol": 1e-12, "maxiter": 500},
        )  # fmt: skip
        dW = (found.jac / unit).reshape(self.shape)[:-1]
        return found.fun, float(np.sum(dW**2)) / (4 * self.alpha)

    def at(self, model):
        return self.value_and_gradient(np.vstack([model.W, model.b]).astype(np.float64).ravel())[0]

    def rounding(self, model):
        """Float32's share in L: a score is a sum of D products and b, of numbers that are rounded before they meet (x
        less the shift, W, W times the scale), so it may be off by gamma = (D + 4) EPS / 2 of the sizes it is made of; a
        loss by EPS. Higham, Accuracy and Stability of Numerical Algorithms, 2002, equation 3.4.
        """
        Z = np.vstack([model.W, model.b]).astype(np.float64)
        L, P, _ = by_formula(self.loss, self.X @ Z, self.y)
        gamma = (self.shape[0] + 3) * EPS / 2
        return gamma * float(self.w @ (np.abs(P) * (np.abs(self.X) @ np.abs(Z))).sum(axis=1)) + EPS * float(
            self.w @ L + 1
        )


KINDS = [
    "plain", "separable", "rank-deficient", "duplicated columns", "badly scaled", "one row of a class",
    "fewer rows than features", "constant features", "all alike", "far from zero",
]  # fmt: skip


def make(kind, seed, N, D, C, dtype):
    rng = np.random.default_rng([seed, N, D])
    y = np.concatenate([np.arange(C), rng.integers(0, C, N - C)])
    if kind == "one row of a class":
        y = np.concatenate([np.arange(C), rng.integers(1, C, N - C)])
    if kind == "fewer rows than features":
        D = N + D
    X = rng.normal(size=(C, D))[y] * (20 if kind == "separable" else 1) + rng.normal(size=(N, D))
    if kind == "rank-deficient":
        X = X[:, :1] @ rng.normal(size=(1, D)) + X[:, -1:] @ rng.normal(size=(1, D))
    if kind == "duplicated columns":
        X = np.hstack([X, X, X[:, :1]])
    if kind == "badly scaled":
        X *= 10.0 ** rng.uniform(-4, 4, D)
    if kind == "constant features":
        X = np.hstack([X, np.full((N, 2), 7.0)])
    if kind == "all alike":
        X = np.broadcast_to(X[:1], X.shape).copy()
    if kind == "far from zero":
        X += 1e4
    if dtype == "uint8":
        X = (X - X.min(axis=0)) / max(1e-300, np.ptp(X)) * 255
    if dtype == "float16":
        X = np.clip(X, -6e4, 6e4)
    return X.astype(dtype), y


cases = st.fixed_dictionaries(
    {
        "loss": st.sampled_from(LOSSES),
        "N": st.integers(6, 60),
        "D": st.integers(1, 6),
        "C": st.integers(2, 4),
        "seed": st.integers(0, 9999),
        "alpha": st.sampled_from([1.0, 1e-2, 1e-4, 1e-6]),
        "unweighted": st.sampled_from([None, None, 0.0, 0.4]),
        "dtype": st.sampled_from(["float64", "float32", "float16", "uint8"]),
        "scaling": st.sampled_from(["auto", "auto", None]),
        "tol": st.sampled_from([1e-2, 1e-4, 1e-6]),
    }
)


def verify(kind, held, loss, N, D, C, seed, alpha, unweighted, dtype, scaling, tol):
    X, y = make(kind, seed, N, D, C, dtype)
    weight = None
    if unweighted is not None:
        rng = np.random.default_rng(seed)
        weight = np.where(rng.random(N) < unweighted, 0, rng.uniform(0.1, 3, N))
        weight[:C] = 1.0
    clf = LinearClassifier(loss, alpha=alpha, solver="newton", tol=tol, scaling=scaling, max_passes=300)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        if held == "swept":
            patch.setattr(problem, "SMALL", 0)
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, y, weight)
    formula = Formula(X, y, loss, alpha, clf.model_.scaling, weight)
    least, off = formula.least()
    ours, proof, rounding = formula.at(clf.model_), clf.certificate_, formula.rounding(clf.model_)
    assert off <= rounding, "the reference itself is no optimum"
    assert ours - least <= proof.bound + rounding
    assert proof.objective == pytest.approx(ours, abs=rounding)
    if held == "float64" and alpha > 1e-6 and scaling == "auto":
        assert proof.gap <= tol


@pytest.mark.parametrize("held", ["float64", "swept"])
@pytest.mark.parametrize("kind", KINDS)
@given(case=cases)
@settings(max_examples=5, deadline=None, derandomize=True)
def test_the_true_gap_is_never_above_the_claimed_one(held, kind, case):
    """Small data are held in float64; the sweeps of large data see the same."""
    verify(kind, held, **case)


@pytest.mark.slow
@pytest.mark.parametrize("held", ["float64", "swept"])
@pytest.mark.parametrize("kind", KINDS)
@given(case=cases)
@settings(max_examples=100, deadline=None)
def test_nor_in_many_more_cases(held, kind, case):
    verify(kind, held, **case)


def test_a_loss_that_rounds_to_nothing_is_proven():
    """|W|^2 is all that is left of L, and a little more than all of it in float32."""
    verify(
        "one row of a class", "swept", loss="ova_squared_hinge", N=6, D=4, C=2, seed=2, alpha=1e-6, unweighted=0.4,
        dtype="float32", scaling=None, tol=0.01,
    )  # fmt: skip


def test_the_reference_knows_its_derivatives():
    """Slopes and curvatures by formula are those of differences: a wrong oracle would confirm anything."""
    rng = np.random.default_rng(0)
    S, y, step = rng.normal(size=(6, 3)), np.arange(6) % 3, 1e-6
    for loss in LOSSES:
        _, P, H = by_formula(loss, S, y)
        for j in range(3):
            up, down = (by_formula(loss, S + sign * step * np.eye(3)[j], y) for sign in (1, -1))
            np.testing.assert_allclose((up[0] - down[0]) / (2 * step), P[:, j], atol=1e-7)
            np.testing.assert_allclose((up[1] - down[1]) / (2 * step), H[:, :, j], atol=1e-5)


@pytest.fixture(scope="module")
def digits():
    train, _ = load("digits").split(seed=0)
    few = train.y < 4
    return train.X[few].astype(np.float64), train.y[few]


def test_the_softmax_optimum_is_that_of_scikit_learn(digits):
    X, y = digits
    clf = LinearClassifier(alpha=1e-3, tol=1e-7).fit(X, y)
    formula = Formula(X, y, "softmax", 1e-3, clf.model_.scaling)
    theirs = LogisticRegression(C=1 / (2e-3 * len(X)), solver="newton-cholesky", tol=1e-12).fit(formula.X[:, :-1], y)
    best, _ = formula.value_and_gradient(np.vstack([theirs.coef_.T, theirs.intercept_]).ravel())
    assert formula.at(clf.model_) == pytest.approx(best, rel=1e-6)
    assert clf.certificate_.objective == pytest.approx(best, rel=1e-6)
    assert clf.certificate_.objective - clf.certificate_.bound <= best + formula.rounding(clf.model_)


def test_the_optimum_of_one_against_all_is_that_of_scikit_learn(digits):
    """LinearSVC penalizes its bias, so it is given one that costs nothing: a feature a thousand times as large."""
    X, y = digits
    clf = OneVsAllSVM(alpha=1e-2, tol=1e-7).fit(X, y)
    formula = Formula(X, y, "ova_squared_hinge", 1e-2, clf.model_.scaling)
    theirs = LinearSVC(C=1 / (2e-2 * len(X)), intercept_scaling=1e3, dual=False, tol=1e-10, max_iter=20_000)
    theirs.fit(formula.X[:, :-1], y)
    best, _ = formula.value_and_gradient(np.vstack([theirs.coef_.T, theirs.intercept_]).ravel())
    assert formula.at(clf.model_) == pytest.approx(best, rel=1e-6)
    assert clf.certificate_.objective - clf.certificate_.bound <= best + formula.rounding(clf.model_)
