"""Platt scaling: against scikit-learn and scipy, at the edges, and on scores of rows that nobody was trained on."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as hs
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV, _SigmoidCalibration
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC

import steepest as st
from steepest.errors import InputError
from steepest.solvers.platt import _look, calibrate, each_class, fold_of, platt, probabilities


def targets(y):
    """Those of Platt, 1999."""
    many, few = (y > 0).sum(), (y <= 0).sum()
    return np.where(y > 0, (many + 1) / (many + 2), 1 / (few + 2))


def criterion(a, b, f, y):
    t, z = targets(y), a * f + b
    return (t * np.logaddexp(0, z) + (1 - t) * np.logaddexp(0, -z)).sum()


def noisy(n=300, seed=0, shift=0.4):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    return rng.normal(shift + 2 * y, 1.5), y


# The fit


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_sigmoid_of_scikit_learn(seed):
    f, y = noisy(seed=seed)
    a, b = platt(f, y)
    theirs = _SigmoidCalibration().fit(f, y)
    assert a < 0
    assert (a, b) == pytest.approx((theirs.a_, theirs.b_), rel=1e-4)
    assert criterion(a, b, f, y) <= criterion(theirs.a_, theirs.b_, f, y) * (1 + 1e-14)
    np.testing.assert_allclose(probabilities(f, each_class(f, y))[:, 1], theirs.predict(f), atol=1e-5)


def test_targets_are_short_of_one_and_zero():
    """One example on each side: it fits the targets (1 + 1) / (1 + 2) and 1 / (1 + 2), so p(1) = 2/3, p(-1) = 1/3."""
    a, b = platt([1.0, -1.0], [1, 0])
    assert (a, b) == pytest.approx((-math.log(2), 0.0), abs=1e-9)
    a, b = platt([1.0, 1.0, 3.0, 3.0, 3.0], [0, 0, 1, 1, 1])
    assert expit(-(a * np.array([1.0, 3.0]) + b)) == pytest.approx([1 / 4, 4 / 5])


labelled = hs.integers(1, 30).flatmap(
    lambda n: hs.tuples(
        hnp.arrays(np.float64, n, elements=hs.floats(-1e3, 1e3, allow_subnormal=False)),
        hnp.arrays(np.int64, n, elements=hs.integers(0, 1)),
    )
)


@settings(max_examples=60, deadline=None)
@given(labelled)
@example((np.array([0.1, 0.1, 0.1]), np.array([0, 1, 1])))  # their mean is not 0.1
@example((np.append(np.linspace(-1, 1, 30), 100.0), np.arange(31) // 30))  # full Newton steps do not get there
@example((np.append(np.linspace(-1, 1, 300), 1e4), np.arange(301) // 300))
def test_no_other_sigmoid_has_a_smaller_criterion(problem):
    f, y = problem
    a, b = platt(f, y)
    ours = criterion(a, b, f, y)
    for start in ([0.0, 0.0], [a, b]):
        theirs = minimize(lambda at: criterion(*at, f, y), start, method="BFGS").fun
        assert ours <= theirs * (1 + 1e-9)


@settings(max_examples=100, deadline=None)
@given(
    hs.integers(1, 12).flatmap(
        lambda n: hs.tuples(
            hnp.arrays(np.float64, n, elements=hs.floats(allow_nan=False, allow_infinity=False)),
            hnp.arrays(np.int64, n, elements=hs.integers(0, 1)),
        )
    )
)
@example((np.array([5e-324, 0.0]), np.array([0, 1])))
@example((np.array([1.7e308, -1.7e308]), np.array([1, 0])))
def test_any_scores_give_finite_probabilities(problem):
    f, y = problem
    found = each_class(f, y)
    p = probabilities(f, found)
    assert np.isfinite(found).all()
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("at", [(-0.5, 0.2), (3.0, -40.0), (-800.0, 10.0)])
def test_value_slope_and_curvature_belong_together(at):
    f, y = noisy(50)
    value, slope, curvature = _look(f, targets(y), np.array(at))
    assert value == pytest.approx(criterion(*at, f, y), rel=1e-12)
    np.testing.assert_allclose(
        slope, st.numerical_gradient(lambda w: criterion(*w, f, y), at), rtol=1e-6, atol=1e-6 * abs(slope).max()
    )
    for i in range(2):
        by_differences = st.numerical_gradient(lambda w, i=i: _look(f, targets(y), w)[1][i], at)
        np.testing.assert_allclose(curvature[i], by_differences, rtol=1e-6, atol=1e-5)


def test_units_of_the_scores_do_not_matter():
    f, y = noisy()
    a, b = platt(f, y)
    for unit, shift in ((1e-200, 0.0), (1e150, 0.0), (1e6, 7e5)):
        there = platt(f * unit + shift, y)
        assert there.a * unit == pytest.approx(a, rel=1e-8)
        assert there.a * shift + there.b == pytest.approx(b, rel=1e-6)


def test_separable_scores_end_at_a_finite_slope():
    f = np.r_[np.linspace(-3, -1, 50), np.linspace(1, 3, 50)]
    a, b = platt(f, f > 0)
    assert -100 < a < -1
    assert abs(b) < 1e-8  # symmetric
    reversed_ = platt(-f, f > 0)
    assert (reversed_.a, reversed_.b) == pytest.approx((-a, b), abs=1e-8)


def test_scores_that_say_nothing_give_the_share_of_the_class():
    y = np.r_[np.ones(7), np.zeros(3)]
    a, b = platt(np.full(10, 0.1), y)
    assert a == 0
    assert expit(-b) == pytest.approx((7 * 8 / 9 + 3 * 1 / 5) / 10)


def test_one_example_of_a_class_or_none():
    f = np.arange(50.0)
    p = expit(-np.array(platt(f, f == 49)) @ [f, np.ones(50)])
    assert 0 < p[0] < p[49] < 1
    a, b = platt(f, np.zeros(50))
    assert (a, b) == pytest.approx((0, math.log(51)), abs=1e-9)


# Many classes


def test_probabilities_are_those_of_the_sigmoids_over_their_sum():
    rng = np.random.default_rng(0)
    S, sigmoids = rng.normal(size=(20, 4)), np.array([[-1.0, 0.5], [-2.0, 0.0], [-0.3, 1.0], [0.0, 2.0]])
    alone = expit(-(S * sigmoids[:, 0] + sigmoids[:, 1]))
    np.testing.assert_allclose(probabilities(S, sigmoids), alone / alone.sum(axis=1, keepdims=True), rtol=1e-12)
    far = probabilities([[-1e4, -1e4 - 1]], np.array([[-1.0, 0.0], [-1.0, 0.0]]))  # both are 0 in float64
    assert far[0] == pytest.approx(expit([1.0, -1.0]))
    beyond = probabilities([[1e300, -1e300]], np.array([[-1e10, 0.0], [-1e10, 0.0]]))
    assert beyond.tolist() == [[1, 0]]
    assert probabilities([[-1e300, -1e300]], np.array([[-1e10, 0.0], [-1e10, 0.0]])).tolist() == [[0.5, 0.5]]


def test_two_classes_with_one_score_are_one_sigmoid():
    f, y = noisy()
    a, b = platt(f, y)
    found = each_class(f, y)
    assert found.tolist() == [[a, -b], [a, b]]
    np.testing.assert_allclose(probabilities(f, found)[:, 1], expit(-(a * f + b)), rtol=1e-12)
    np.testing.assert_allclose(each_class(np.column_stack([-f, f]), y), found, rtol=1e-6)


# Scores of rows that nobody was trained on


@settings(max_examples=50, deadline=None)
@given(
    y=hnp.arrays(np.int64, hs.integers(2, 60), elements=hs.integers(0, 4)),
    folds=hs.integers(2, 7),
    seed=hs.integers(0, 2**32),
)
def test_folds_are_even_and_every_training_has_every_class(y, folds, seed):
    fold = fold_of(y, folds, seed)
    counts = np.bincount(y)
    np.testing.assert_array_equal(fold == -1, counts[y] == 1)
    sizes = np.bincount(fold[fold >= 0], minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    for j in np.flatnonzero(counts > 1):
        of_class = np.bincount(fold[y == j], minlength=folds)
        assert of_class.max() - of_class.min() <= 1
    for k in range(folds):
        assert set(y[fold != k]) == set(y)


def test_a_classifier_that_learns_by_heart_gains_nothing():
    """Seen rows are all right and unseen ones are not told apart: calibrated, it must know nothing."""
    rng = np.random.default_rng(0)
    X, y = np.arange(90)[:, np.newaxis], rng.integers(0, 3, 90)
    seen = []

    def by_heart(rows):
        seen.append(rows)
        known = dict(zip(rows.tolist(), y[rows], strict=True))
        return lambda held: [np.eye(3)[known[i]] if i in known else np.zeros(3) for i in held[:, 0].tolist()]

    found = calibrate(by_heart, X, y, folds=5)
    assert found.shape == (3, 2)
    assert found[:, 0].tolist() == [0, 0, 0]
    assert [len(rows) for rows in seen] == [72] * 5
    by_all = each_class(by_heart(np.arange(90))(X), y)
    assert (by_all[:, 0] < -1).all()  # what would come of scores of the training rows


@pytest.mark.parametrize("classes", [2, 4])
def test_it_agrees_with_scikit_learn_on_the_same_folds(classes):
    digits = st.load("digits")
    X, y = (digits.X[digits.y < classes] / 16).astype(np.float64), digits.y[digits.y < classes]
    X = X + np.random.default_rng(0).normal(0, 1.0, X.shape)  # so that there is something to be unsure of
    train, test = np.arange(300), np.arange(300, len(y))
    fold = fold_of(y[train], 3, seed=0)
    svm = LinearSVC(C=0.01, tol=1e-6, random_state=0)
    cv = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(3)]
    theirs = CalibratedClassifierCV(svm, method="sigmoid", cv=cv, ensemble=False).fit(X[train], y[train])

    def fit(rows):
        return LinearSVC(C=0.01, tol=1e-6, random_state=0).fit(X[train][rows], y[train][rows]).decision_function

    sigmoids = calibrate(fit, X[train], y[train], folds=3, seed=0)
    scores = svm.fit(X[train], y[train]).decision_function(X[test])
    p = probabilities(scores, sigmoids)
    np.testing.assert_allclose(p, theirs.predict_proba(X[test]), atol=1e-4)


def test_calibration_helps_on_the_digits():
    """Against the hinge's scores taken for log-odds; the training rows' own scores are too sure of themselves."""
    train, test = st.load("digits").split(seed=0)
    train = train.take(np.arange(600))

    def fit(rows):
        svm = st.LinearClassifier(loss="ova_squared_hinge", alpha=1e-4)
        return svm.fit(train.X[rows], train.y[rows]).decision_function

    sigmoids = calibrate(fit, train.X, train.y, folds=3)
    score = fit(np.arange(len(train)))
    as_they_are = probabilities(score(test.X), np.tile([-1.0, 0.0], (10, 1)))
    on_seen = probabilities(score(test.X), each_class(score(train.X), train.y))
    calibrated = probabilities(score(test.X), sigmoids)
    losses = [log_loss(test.y, p) for p in (calibrated, on_seen, as_they_are)]
    assert losses[0] < 0.5 * losses[2]
    assert losses[0] < 0.98 * losses[1]
    accuracy = (calibrated.argmax(axis=1) == test.y).mean()
    assert accuracy == pytest.approx((score(test.X).argmax(axis=1) == test.y).mean(), abs=0.02)


# What goes wrong


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: platt([], []), "shape"),
        (lambda: platt([[1.0]], [1]), "shape"),
        (lambda: platt([1.0, np.nan], [0, 1]), r"scores\[1\] is nan"),
        (lambda: platt([1.0, 2.0], [0, 1, 1]), "one entry for each of the 2 scores"),
        (lambda: each_class([[1.0, 2.0], [0.0, np.inf]], np.array([0, 1])), r"scores\[1, 1\] is inf"),
        (lambda: each_class([1.0, 2.0], np.array([0, 2])), "index below 2"),
        (lambda: probabilities([[1.0, 2.0]], np.zeros((3, 2))), "2 scores a row and sigmoids of 3"),
        (lambda: calibrate(None, np.zeros((3, 1)), np.arange(3)), "at least two examples"),
        (lambda: calibrate(None, np.zeros((3, 1)), np.zeros(3, int), folds=1), "folds must be at least 2"),
        (
            lambda: calibrate(lambda rows: lambda X: [0.0], np.zeros((9, 1)), np.zeros(9, int), folds=3),
            "1 scores for 3 examples",
        ),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(InputError, match=words):
        call()
