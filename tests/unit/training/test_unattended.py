"""Training works unattended: every loss with every step rule, on features of which some are rare and large."""

import numpy as np
import pytest

import steepest as st
from steepest import losses, optim


@pytest.mark.parametrize("optimizer", optim.NAMES)
@pytest.mark.parametrize("loss", losses.NAMES)
def test_every_loss_learns_the_digits_by_itself(loss, optimizer):
    train, test = st.load("digits").split(seed=0)
    clf = st.LinearClassifier(loss=loss, optimizer=optimizer).fit(train.X, train.y)
    assert clf.objective_ < max(1.0, losses.get(loss).at_zero(10))
    assert clf.score(test.X, test.y) > 0.92


def test_one_huge_row_does_not_end_in_infinity():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 20)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    X[777] *= 1e4
    for loss in losses.NAMES:
        clf = st.LinearClassifier(loss=loss).fit(X, y)
        assert np.isfinite(clf.objective_)


def test_a_rate_that_is_too_high_is_named():
    train, _ = st.load("digits").split(seed=0)
    with pytest.raises(st.DivergenceError, match=r"epoch 1 .* lr=100"):
        st.LinearClassifier(loss="squared", lr=100.0, schedule="constant").fit(train.X, train.y)


def test_partial_fit_after_fit_goes_on_learning():
    train, _ = st.load("digits").split(seed=0)
    half = train.y < 5
    clf = st.LinearClassifier().fit(train.X[half | (train.y == 9)], train.y[half | (train.y == 9)])
    before = clf.score(train.X[half], train.y[half])
    for _ in range(5):
        clf.partial_fit(train.X[half], train.y[half])
    assert clf.score(train.X[half], train.y[half]) >= before
    assert clf.history_[-1]["lr"] > 1e-2 * clf.history_[0]["lr"]


def test_a_stream_is_learned_portion_by_portion():
    train, test = st.load("digits").split(seed=0)
    clf = st.LinearClassifier()
    for _ in range(10):
        for begin in range(0, len(train), 300):
            clf.partial_fit(train.X[begin : begin + 300], train.y[begin : begin + 300], classes=range(10))
    assert clf.score(test.X, test.y) > 0.9
