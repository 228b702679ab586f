"""Linear classifiers on sparse rows: the fit of the same numbers with all their zeros; scikit-learn's optimum."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

import steepest as st
from steepest.errors import InputError
from steepest.solvers import ascent


def words(N=300, D=800, C=3, per=30, seed=0):
    """Few words in each row, some of them said more often in a class; rows of length 1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, C, N)
    common = 1 / np.arange(5, D + 5)
    share = common * np.exp(rng.normal(size=(C, D)))
    X = sp.lil_array((N, D))
    for i in range(N):
        said = rng.choice(D, per, p=share[y[i]] / share[y[i]].sum())
        for word in said:
            X[i, word] += 1.0
    X = sp.csr_array(X)
    return sp.csr_array(sp.diags_array(1 / np.sqrt(X.multiply(X).sum(axis=1))) @ X), y


MODELS = [
    st.LinearClassifier(tol=1e-6),
    st.LinearClassifier("ova_squared_hinge", tol=1e-6, alpha=1e-3),
    st.LinearClassifier("hinge", alpha=1e-2, tol=1e-3, solver="newton"),
    st.LinearClassifier("squared"),
    st.LinearClassifier(epochs=3),
    st.LinearClassifier(epochs=3, optimizer="sgd"),
    st.OneVsAllSVM(alpha=1e-3, tol=1e-6),
    st.RidgeClassifier(),
    st.RidgeClassifier("auto"),
    st.Perceptron(30),
    st.NearestMean(),
    st.NearestMean(priors="empirical"),
]


@pytest.mark.filterwarnings("ignore::steepest.errors.ConvergenceWarning")
@pytest.mark.parametrize("clf", MODELS, ids=str)
@pytest.mark.parametrize("scaling", [None, "standard", "max_abs"])
def test_the_fit_is_that_of_all_the_zeros(clf, scaling):
    X, y = words(120, 60, per=8)
    if isinstance(clf, st.NearestMean):
        if scaling is not None:
            return
    else:
        clf.set_params(scaling=scaling)
    found = clf.fit(X, y).decision_function(X)
    label, coef = clf.predict(sp.coo_array(X)), clf.coef_
    dense = clf.fit(X.toarray(), y)
    rounding = 2e-2 if getattr(clf, "loss", "") == "hinge" else 5e-3
    assert_allclose(found, dense.decision_function(X.toarray()), atol=rounding * np.abs(found).max())
    assert_allclose(coef, dense.coef_, atol=rounding * np.abs(coef).max())
    assert np.mean(label == dense.predict(X.toarray())) > 0.98


@pytest.mark.parametrize("C", [1.0, 10.0])
def test_softmax_is_that_of_scikit_learn(C):
    X, y = words()
    N = len(y)
    theirs = LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(X, y)
    ours = st.LinearClassifier(alpha=1 / (2 * C * N), scaling=None, tol=1e-7).fit(X, y)

    def objective(coef, intercept):
        S = X @ coef.T + intercept
        return np.mean(st.losses.softmax(S, y)) + np.sum(coef**2) / (2 * C * N)

    least = objective(theirs.coef_, theirs.intercept_)
    assert objective(ours.coef_, ours.intercept_) == pytest.approx(least, rel=1e-6)
    assert ours.certificate_.objective - ours.certificate_.bound <= least * (1 + 1e-7)
    assert ours.certificate_.gap <= 1e-7
    assert ours.solver_ == "newton"
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)


def test_one_against_all_is_that_of_linear_svc():
    """LinearSVC penalizes the bias: with a large intercept_scaling hardly."""
    X, y = words(C=2)
    N, C = len(y), 1.0
    theirs = LinearSVC(C=C, tol=1e-9, intercept_scaling=1e3, max_iter=200_000, dual=False).fit(X, y)
    ours = st.OneVsAllSVM(alpha=1 / (2 * C * N), scaling=None, tol=1e-7).fit(X, y)

    def objective(coef, intercept):
        t = np.where(y == 1, 1, -1)
        return float(C * np.sum(np.maximum(0, 1 - t * (X @ coef[0] + intercept[0])) ** 2) + np.sum(coef**2) / 2)

    assert objective(ours.coef_, ours.intercept_) == pytest.approx(objective(theirs.coef_, theirs.intercept_), rel=1e-6)


def test_a_fit_takes_no_memory_for_zeros():
    X, y = words(400, 40_000, per=20)
    tracemalloc.start()
    for clf in (st.LinearClassifier(tol=1e-2), st.NearestMean(), st.OneVsAllSVM(tol=1e-2)):
        clf.fit(X, y).predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.2 * 400 * 40_000 * 8


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value):
    X, y = words(60, 50, per=5)
    X.data[7] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        st.LinearClassifier().fit(X, y)


def test_what_cannot_read_sparse_rows_says_so():
    X, y = words(60, 50, per=5)
    with pytest.raises(InputError, match="metric='l1' needs dense rows"):
        st.NearestMean("l1").fit(X, y)
    for clf in (st.MLPClassifier(), st.KNNClassifier()):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            clf.fit(X, y)
    with pytest.raises(InputError, match="'unit' divides uint8"):
        st.LinearClassifier(scaling="unit").fit(X, y)


def test_a_row_and_a_column_of_zeros_are_rows_and_columns():
    X, y = words(60, 50, per=5)
    X = sp.csr_array(sp.vstack([X, sp.csr_array((1, 50))]))
    clf = st.LinearClassifier(tol=1e-5).fit(sp.hstack([X, sp.csr_array((61, 2))], format="csr"), np.append(y, 0))
    assert_allclose(clf.coef_[:, -2:], 0, atol=1e-6)
    assert np.isfinite(clf.decision_function(sp.csr_array((3, 52)))).all()


def test_a_stream_may_be_sparse():
    X, y = words(200, 60, per=8)
    clf = st.LinearClassifier(scaling="standard")
    for rows in (slice(0, 100), slice(100, 200)):
        clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert clf.score(X, y) > 0.6


@pytest.mark.parametrize("loss", ["hinge", "hinge_max", "ova_hinge"])
def test_hinges_of_small_sparse_rows_are_proven(loss):
    X, y = words(120, 60, per=8)
    sparse, dense = (st.LinearClassifier(loss, alpha=1e-3, scaling="max_abs").fit(Z, y) for Z in (X, X.toarray()))
    assert sparse.solver_ == "ascent"
    assert sparse.certificate_.gap <= 1e-4
    assert sparse.certificate_.objective == pytest.approx(dense.certificate_.objective, rel=1e-6)


def test_hinges_of_many_sparse_rows_are_rounded_and_it_is_said_why(monkeypatch):
    monkeypatch.setattr(ascent, "SMALL", 1000)
    X, y = words(120, 60, per=8)
    clf = st.LinearClassifier("hinge", alpha=1e-2, tol=1e-2).fit(X, y)
    assert clf.solver_ == "newton"
    assert "the rows are sparse, and too many" in clf.certificate_.because
    with pytest.raises(InputError, match="the rows are sparse, and too many"):
        clf.set_params(solver="ascent").fit(X, y)
