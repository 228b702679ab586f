"""One-against-all machines: opposite scores of two classes, probabilities that are calibrated."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss

import steepest as st
from steepest.errors import InputError


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


def test_probabilities_are_calibrated(digits):
    train, test = digits
    clf = st.OneVsAllSVM(alpha=1e-3, probability=True).fit(train.X, train.y)
    p = clf.predict_proba(test.X)
    assert_allclose(p.sum(axis=1), 1)
    assert log_loss(test.y, p) < 0.35
    scores = clf.decision_function(test.X)
    taken = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)  # for logarithms of odds, which they are not
    assert log_loss(test.y, p) < 0.9 * log_loss(test.y, taken)


def test_of_two_classes_the_scores_are_opposite():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 3)) + 1.5 * y[:, None]
    for loss in ("squared_hinge", "hinge"):
        clf = st.OneVsAllSVM(loss, alpha=0.05, tol=1e-3, probability=True).fit(X, np.array(["no", "yes"])[y])
        assert clf.coef_.shape == (1, 3)
        assert_allclose(clf.decision_function(X), X @ clf.coef_[0] + clf.intercept_[0], atol=1e-4)
        assert np.array_equal(clf.predict(X) == "yes", clf.decision_function(X) > 0)
        assert clf.predict_proba(X).shape == (200, 2)
        assert clf.certificate_.gap <= 1e-3


def test_what_is_wrong_is_named(digits):
    train, _ = digits
    with pytest.raises(InputError, match="did you mean squared_hinge"):
        st.OneVsAllSVM("squared-hinge").fit(train.X, train.y)
    with pytest.raises(AttributeError, match="has no attribute 'predict_proba'"):
        st.OneVsAllSVM().fit(train.X, train.y).predict_proba  # noqa: B018
