"""Strengths of the penalty, judged on examples that were held out."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_score

import steepest as st
from steepest import losses, penalties
from steepest.errors import InputError
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import alpha_max, choose, path, problem, select


def noisy(N=400, D=30, C=3, seed=0):
    """A few features that say something, and many that do not."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(C).repeat(2), rng.integers(0, C, N - 2 * C)])
    X = rng.normal(size=(N, D))
    X[:, :3] += 1.2 * rng.normal(size=(C, 3))[y]
    return X, y


def objective(X, y, loss="softmax", penalty="l2"):
    C = int(y.max()) + 1
    return CompiledLinear(X, y, C, losses.get(loss), penalties.get(penalty), 1.0, fit_scaling(X, "standard"))


@pytest.mark.parametrize("small", [True, False], ids=["float64", "swept"])
def test_the_best_alpha_is_about_that_of_cross_validation(monkeypatch, small):
    if not small:
        monkeypatch.setattr(problem, "SMALL", 0)
    monkeypatch.setattr(path, "TOL", 1e-4)
    X, y = noisy()
    L = objective(X, y)
    found = select(L, choose(L))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    folds = PredefinedSplit(path._folds(y, 3, 0))
    theirs = {  # four fifths are fitted, and alpha goes with their mean
        alpha: cross_val_score(LogisticRegression(C=1 / (1.6 * alpha * len(X)), max_iter=1000), Z, y, cv=folds).mean()
        for alpha in (tried.alpha for tried in found.tried)
    }
    assert theirs[found.best.alpha] >= max(theirs.values()) - 0.02
    assert [tried.alpha for tried in found.tried] == sorted({tried.alpha for tried in found.tried}, reverse=True)
    for tried in found.tried:
        assert tried.gap <= path.TOL
        assert tried.accuracy == pytest.approx(theirs[tried.alpha], abs=0.011)


def test_examples_held_out_have_no_say():
    """With their labels spoiled, what is fitted on the others stays the same."""
    X, y = noisy(N=6000, D=5)
    L = objective(X, y)
    one = select(L, choose(L))
    fold = path._folds(y, 3, 0)
    spoiled = y.copy()
    held = np.flatnonzero(fold == 0)
    assert one.held_out == len(held)
    judged = path._Round(replace(L, y=spoiled), choose(L), held, 1000, 0, None)
    before = judged.fit(1e-2)
    spoiled[held] = (spoiled[held] + 1) % 3
    after = path._Round(replace(L, y=spoiled), choose(L), held, 1000, 0, None)
    assert after.fit(1e-2).accuracy < before.accuracy - 0.2
    np.testing.assert_allclose(judged.found[1e-2].parameters["W"], after.found[1e-2].parameters["W"], atol=1e-6)


def test_each_class_is_held_out_evenly():
    y = np.repeat([0, 1, 2], [500, 50, 5])
    fold = path._folds(y, 3, 0)
    for c in range(3):
        assert np.ptp(np.bincount(fold[y == c], minlength=5)) <= 1


def test_examples_of_weight_zero_neither_take_part_nor_judge():
    """Only a few count; those that do not have spoiled labels, and would spoil the choice."""
    X, y = noisy()
    few = np.random.default_rng(0).permutation(len(X))[:60]
    weight = np.zeros(len(X), np.float32)
    weight[few] = len(X) / 60
    fold = path._folds(y, 3, 0, weight)
    assert np.ptp(np.bincount(fold[few], minlength=5)) <= 3
    spoiled = np.where(weight > 0, y, (y + 1) % 3)
    alone = replace(objective(X, y), X=X[few], y=y[few])
    among = replace(objective(X, spoiled), weight=weight)
    assert select(among, choose(among)).best.accuracy == pytest.approx(
        select(alone, choose(alone)).best.accuracy, abs=0.1
    )
    st.LinearClassifier(alpha="auto").fit(X, y, sample_weight=np.arange(len(X)) < 12)  # weight in one fold alone


def test_there_must_be_a_penalty():
    X, y = noisy()
    for solver, loss in (("newton", "softmax"), ("auto", "squared")):
        with pytest.raises(InputError, match="there is none: give penalty='l2'"):
            st.LinearClassifier(loss, penalty=None, solver=solver, alpha="auto").fit(X, y)


def test_a_class_of_one_example_is_named():
    X, y = noisy()
    y[y == 2] = np.r_[2, np.zeros((y == 2).sum() - 1, int)]
    with pytest.raises(InputError, match="class 2 has only one: give an alpha"):
        select(objective(X, y), choose(objective(X, y)))


def test_of_l1_it_begins_where_weights_come_in():
    X, y = noisy()
    L = objective(X, y, penalty="l1")
    found = select(L, choose(L))
    assert found.tried[0].alpha == pytest.approx(alpha_max(L) / 2)
    assert found.best.accuracy > found.tried[0].accuracy


def test_it_ends_when_it_is_asked_to():
    X, y = noisy()
    L, seen = objective(X, y), []
    found = select(L, choose(L), watch=lambda point, left: len(seen) >= 3 or seen.append(left))
    assert len(found.tried) == 1
    assert len(seen) == 3


@pytest.mark.parametrize("sparse", [False, True])
def test_the_estimator_takes_it_and_shows_the_curve(sparse):
    X, y = noisy()
    if sparse:
        import scipy.sparse

        X = scipy.sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0))
    clf = st.LinearClassifier(alpha="auto").fit(X, y)
    assert clf.alpha_ in [tried["alpha"] for tried in clf.path_]
    assert sorted(clf.path_[0]) == ["accuracy", "alpha", "gap", "loss", "passes"]
    assert clf.certificate_.gap <= 1e-4
    again = st.LinearClassifier(alpha=clf.alpha_).fit(X, y)
    assert clf.objective_ == pytest.approx(again.objective_, rel=2e-4)
    assert again.path_ is None
    assert again.alpha_ == clf.alpha_


def test_what_has_no_proof_has_no_auto():
    X, y = noisy()
    with pytest.raises(InputError, match="alpha='auto' needs a solver with a proof, not mini-batch descent"):
        st.LinearClassifier(loss="perceptron", alpha="auto").fit(X, y)
    with pytest.raises(InputError, match="alpha='Auto': give a number, or 'auto'"):
        st.LinearClassifier(alpha="Auto").fit(X, y)


def test_a_stream_takes_the_alpha_of_the_last_fit():
    X, y = noisy()
    clf = st.LinearClassifier(alpha="auto")
    with pytest.raises(InputError, match="give partial_fit a number"):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    alpha = clf.fit(X, y).alpha_
    assert clf.partial_fit(X, y).alpha_ == alpha


def test_where_all_are_right_it_does_not_go_on():
    X, y = noisy()
    X[np.arange(len(y)), y] += 30
    found = select(objective(X, y), choose(objective(X, y)))
    assert found.best.accuracy == 1
    assert len(found.tried) <= 5
