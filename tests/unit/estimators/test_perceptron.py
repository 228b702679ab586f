"""Perceptron: Rosenblatt's rule step by step, the theorem of its convergence, and what is not separable."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as hs
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.linear_model import Perceptron as Theirs
from sklearn.model_selection import GridSearchCV

import steepest as st
from steepest.data.order import EPOCH
from steepest.errors import ConvergenceWarning, InputError
from steepest.estimators.perceptron import Perceptron
from steepest.kernels import dispatch as kernels
from steepest.nn.scaling import Scaling
from steepest.solvers.perceptron import perceptron

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
quietly = pytest.mark.filterwarnings("ignore::steepest.errors.ConvergenceWarning")


# The rule


def order_of(n, epoch, seed=0):
    order = np.empty(n, np.int64)
    kernels.order(seed, EPOCH, epoch, order)
    return order


def plain(d):
    return Scaling(np.zeros(d), np.ones(d))


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.int64, hs.tuples(hs.integers(2, 12), hs.integers(1, 5)), elements=hs.integers(-8, 8)),
    hs.integers(3, 5),
    hs.data(),
    hs.sampled_from([np.float16, np.float32, np.float64, np.uint8]),
)
def test_three_classes_and_more_by_hand(X, classes, data, dtype):
    """Whole numbers, so that nothing is rounded."""
    X = (X - X.min() if dtype == np.uint8 else X).astype(dtype)
    y = data.draw(hnp.arrays(np.int64, len(X), elements=hs.integers(0, classes - 1)))
    learned = perceptron(X, y, classes, plain(X.shape[1]), max_epochs=4)
    W, b, mistakes = np.zeros((X.shape[1], classes)), np.zeros(classes), []
    for epoch in range(4):
        wrong = 0
        for i in order_of(len(X), epoch):
            x = X[i].astype(np.float64)
            p = int(np.argmax(x @ W + b))
            if p != y[i]:
                wrong += 1
                W[:, y[i]] += x
                W[:, p] -= x
                b[y[i]] += 1
                b[p] -= 1
        mistakes.append(wrong)
        if not wrong:
            break
    assert learned.mistakes == mistakes
    np.testing.assert_array_equal(learned.model.W, W)
    np.testing.assert_array_equal(learned.model.b, b)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.int64, hs.tuples(hs.integers(2, 12), hs.integers(1, 5)), elements=hs.integers(-8, 8)),
    hs.data(),
)
def test_two_classes_are_the_classic_rule(X, data):
    """w += t x and w_0 += t where t (w x + w_0) says the other class; 0 is the first class's."""
    y = data.draw(hnp.arrays(np.int64, len(X), elements=hs.integers(0, 1)))
    learned = perceptron(X.astype(np.float32), y, 2, plain(X.shape[1]), max_epochs=3)
    w, w_0, mistakes = np.zeros(X.shape[1]), 0.0, []
    for epoch in range(3):
        wrong = 0
        for i in order_of(len(X), epoch):
            t = 2 * y[i] - 1
            if (X[i] @ w + w_0 > 0) != (y[i] == 1):
                w, w_0, wrong = w + t * X[i], w_0 + t, wrong + 1
        mistakes.append(wrong)
        if not wrong:
            break
    assert learned.mistakes == mistakes
    np.testing.assert_array_equal(learned.model.W[:, 1] - learned.model.W[:, 0], w)
    assert learned.model.b[1] - learned.model.b[0] == w_0


@pytest.mark.parametrize(("y", "name"), [([0, 0, 0, 1], "and"), ([0, 1, 1, 1], "or")])
@pytest.mark.parametrize("scaling", ["auto", None])
def test_s1_7_units_for_and_and_or_are_learned(y, name, scaling):
    clf = Perceptron(scaling=scaling).fit(CORNERS, y)
    assert clf.separable_
    assert clf.mistakes_[-1] == 0 < clf.mistakes_[0]
    assert clf.predict(CORNERS).tolist() == y
    # A unit: heaviside(w x + w_0).
    assert (CORNERS @ clf.coef_[0] + clf.intercept_[0] > 0).astype(int).tolist() == y


def test_s1_7_the_units_of_the_lecture_are_found_from():
    """theta = (-30, 20, 20) and (-10, 20, 20) get all corners right: so the rule makes no mistake with their labels."""
    for theta in ((-30, 20, 20), (-10, 20, 20)):
        y = (CORNERS @ theta[1:] + theta[0] >= 0).astype(int)
        assert Perceptron().fit(CORNERS, y).score(CORNERS, y) == 1


def test_xor_is_not_separable():
    with pytest.warns(
        ConvergenceWarning, match=r"after 30 epochs Perceptron still made \d+ mistakes in 4 rows.*max_epochs=30"
    ):
        clf = Perceptron(max_epochs=30).fit(CORNERS, [0, 1, 1, 0])
    assert not clf.separable_
    assert clf.n_iter_ == len(clf.mistakes_) == 30
    assert min(clf.mistakes_) > 0


# The theorem


def separable(n, d, seed, classes, gap):
    """Points that known W and b tell apart by a margin, and these, with the bias as the last row."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(d + 1, classes))
    X = rng.uniform(-3, 3, (n, d))
    S = np.column_stack([X, np.ones(n)]) @ W
    first, second = np.sort(S, axis=1)[:, :-3:-1].T
    clear = first - second > gap
    return X[clear].astype(np.float32), S.argmax(axis=1)[clear], W


@settings(max_examples=60, deadline=None)
@given(
    n=hs.integers(2, 80), d=hs.integers(1, 6), seed=hs.integers(0, 2**32), classes=hs.integers(2, 5),
    gap=hs.floats(0.05, 2.0), scaling=hs.sampled_from([None, "standard"]),
)  # fmt: skip
def test_the_convergence_theorem(n, d, seed, classes, gap, scaling):
    """Novikoff, 1962: at most R^2 / m^2 mistakes; for many classes 2 R^2 / m^2."""
    X, y, W = separable(n, d, seed, classes, gap)
    assume(len(set(y.tolist())) == classes)
    clf = Perceptron(max_epochs=100_000, scaling=scaling, random_state=seed).fit(X, y)
    shift, scale = clf.model_.scaling
    Z = np.column_stack([(X - shift) * scale, np.ones(len(X))])
    # The same scores from z: x = z / scale + shift.
    V = np.vstack([W[:-1] / scale[:, np.newaxis], W[-1] + shift @ W[:-1]])
    V = V - V.mean(axis=1, keepdims=True)  # tells as much and is shorter
    S = Z @ V / np.linalg.norm(V)
    rivals = np.where(np.arange(classes) == y[:, np.newaxis], -np.inf, S).max(axis=1)
    margin = (S[np.arange(len(y)), y] - rivals).min()
    bound = 2 * (Z**2).sum(axis=1).max() / margin**2
    assert sum(clf.mistakes_) <= bound * 1.0001
    assert clf.separable_
    assert clf.score(X, y) == 1
    assert clf.mistakes_[-1] == 0
    assert 0 not in clf.mistakes_[:-1]


# As a classifier


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


@quietly
def test_digits_as_well_as_scikit_learn(digits):
    train, test = digits
    clf = Perceptron().fit(train.X, train.y)
    theirs = Theirs(random_state=0).fit(train.X / 16, train.y)
    assert clf.score(test.X, test.y) > theirs.score(test.X / 16, test.y) - 0.02
    assert clf.coef_.shape == (10, 64)
    np.testing.assert_allclose(
        test.X @ clf.coef_.T + clf.intercept_, clf.decision_function(test.X), rtol=1e-3, atol=1e-3
    )


@quietly
def test_the_average_is_better_where_nothing_separates(digits):
    train, test = digits
    noise = np.random.default_rng(0)
    y = np.where(noise.random(len(train)) < 0.2, noise.integers(0, 10, len(train)), train.y)
    scores = [Perceptron(10, averaged=how).fit(train.X, y).score(test.X, test.y) for how in (False, True)]
    assert scores[1] > scores[0] + 0.05


def test_the_average_is_that_of_every_step_where_rows_are_few():
    X, y = np.arange(12.0).reshape(6, 2) % 5, np.array([0, 1, 2, 0, 1, 2])
    both = [perceptron(X, y, 3, plain(2), max_epochs=2, averaged=how) for how in (True, False)]
    assert both[0].mistakes == both[1].mistakes
    W, total = np.zeros((2, 3)), np.zeros((2, 3))
    b = np.zeros(3)
    for epoch in range(2):
        for i in order_of(6, epoch):
            p = int(np.argmax(X[i] @ W + b))
            W[:, y[i]] += X[i]
            W[:, p] -= X[i]
            b[y[i]] += 1
            b[p] -= 1
            total += W
    np.testing.assert_allclose(both[0].model.W, total / 12, rtol=1e-6)


@quietly
def test_threads_never_change_a_bit_and_seeds_do(digits):
    train, _ = digits
    one, two, other = (
        Perceptron(3, random_state=s, threads=k).fit(train.X, train.y) for s, k in ((0, 1), (0, 2), (1, 1))
    )
    np.testing.assert_array_equal(one.coef_, two.coef_)
    assert (one.coef_ != other.coef_).any()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).coef_, one.coef_)


@quietly
def test_clones_and_searches(digits):
    train, _ = digits
    assert clone(Perceptron(7, averaged=True)).get_params()["max_epochs"] == 7
    search = GridSearchCV(Perceptron(5), {"averaged": [False, True]}, cv=3).fit(train.X, train.y)
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_rows_of_every_type_are_learned(digits, dtype):
    train, _ = digits
    rows = train.y < 2
    clf = Perceptron().fit(train.X[rows].astype(dtype), np.array(["zero", "one"])[train.y[rows]])
    assert clf.separable_
    assert clf.score(train.X[rows].astype(dtype), np.array(["zero", "one"])[train.y[rows]]) == 1


@pytest.mark.parametrize(
    ("how", "X", "y", "words"),
    [
        ({"max_epochs": 0}, CORNERS, [0, 1, 1, 1], "max_epochs must be at least 1"),
        ({"threads": 0}, CORNERS, [0, 1, 1, 1], "threads=0 must be a whole number"),
        ({"scaling": "units"}, CORNERS, [0, 1, 1, 1], "scaling='units'"),
        ({}, CORNERS, [1, 1, 1, 1], "one class only"),
        ({}, np.where(CORNERS == 1, np.nan, 0), [0, 1, 1, 1], "NaN"),
        ({"scaling": None}, CORNERS * 1e300, [0, 1, 1, 1], "beyond what float32 holds"),
    ],
)
def test_what_cannot_be_is_said(how, X, y, words):
    with pytest.raises(ValueError, match=words) as raised, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        Perceptron(**how).fit(X, y)
    assert "NaN" in words or isinstance(raised.value, InputError)


def test_features_must_be_as_many_as_in_training():
    clf = Perceptron().fit(CORNERS, [0, 1, 1, 1])
    with pytest.raises(ValueError, match="3 features"):
        clf.predict(np.ones((1, 3)))
