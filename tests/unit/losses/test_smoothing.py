"""Label smoothing: its equation, its limits, and what it is not used for."""

import copy
import pickle

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import entropy

import steepest as st
from steepest import losses
from steepest.autodiff import tensor
from steepest.errors import InputError
from steepest.losses import Softmax, judge, softmax

RATES = [0.0, 0.1, 0.3, 0.9]


@pytest.mark.parametrize("e", RATES)
def test_it_is_the_cross_entropy_to_a_smoothed_target(e, example_data):
    scores, y = example_data
    target = (1 - e) * np.eye(5)[y] + e / 5
    expected = -(target * log_softmax(scores, axis=1)).sum(axis=1)
    np.testing.assert_allclose(Softmax(smoothing=e)(scores, y), expected, rtol=1e-12)


def test_three_scores_by_hand():
    # exp: 1, e, e^2; log sum = 2.4076; log p = -2.4076, -1.4076, -0.4076; e = 0.3, y = 1
    expected = 0.7 * 1.40760596 + 0.1 * (2.40760596 + 1.40760596 + 0.40760596)
    assert Softmax(smoothing=0.3)([0.0, 1.0, 2.0], 1) == pytest.approx(expected, abs=1e-8)
    p = np.exp([-2.40760596, -1.40760596, -0.40760596])
    gradient = Softmax(smoothing=0.3).gradient([0.0, 1.0, 2.0], 1)
    np.testing.assert_allclose(gradient, p - [0.1, 0.8, 0.1], atol=1e-8)


@pytest.mark.parametrize("e", RATES)
@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0])
def test_its_gradient_is_the_slope_and_that_of_the_graph(e, scale, check_gradient, example_data):
    scores, y = example_data
    loss = Softmax(smoothing=e)
    check_gradient(loss, scale * scores, y)
    s = tensor(scale * scores)
    loss(s, y).sum().backward()
    np.testing.assert_allclose(s.grad, loss.gradient(scale * scores, y), rtol=1e-9, atol=1e-12)


def test_the_least_loss_is_the_entropy_of_the_target_where_the_docstring_says():
    e, C = 0.2, 4
    best = np.log(1 + C * (1 - e) / e)
    loss = Softmax(smoothing=e)
    target = np.full(C, e / C) + (1 - e) * np.eye(C)[0]
    assert loss([best, 0, 0, 0], 0) == pytest.approx(entropy(target))
    for other in (best - 0.5, best + 0.5):
        assert loss([other, 0, 0, 0], 0) > loss([best, 0, 0, 0], 0)
    np.testing.assert_allclose(loss.gradient([best, 0, 0, 0], 0), 0, atol=1e-15)


def test_extremes_stay_finite():
    loss = Softmax(smoothing=0.1)
    assert loss(np.array([[1e4, -1e4]], np.float32), [0])[0] == pytest.approx(0.05 * 2e4)
    assert loss.at_zero(7) == pytest.approx(loss(np.zeros((1, 7)), [3])[0]) == pytest.approx(np.log(7))
    assert loss(np.zeros((1, 3), np.float32), [0]).dtype == np.float32
    assert loss.gradient(np.zeros((1, 3), np.float32), [0]).dtype == np.float32


@pytest.mark.parametrize("e", [-0.1, 1.0, float("nan"), True])
def test_what_is_no_share_is_refused(e):
    with pytest.raises(InputError, match="smoothing must be at least 0 and below 1"):
        Softmax(smoothing=e)


def test_names_and_copies():
    assert losses.get("softmax", smoothing=0.1) == Softmax(smoothing=0.1) != softmax
    assert losses.get("softmax", smoothing=0.0) == softmax
    assert repr(Softmax(smoothing=0.1)) == "<loss softmax, smoothing 0.1>"
    assert judge(Softmax(smoothing=0.5)) is softmax
    assert judge(losses.hinge) is losses.hinge
    with pytest.raises(InputError, match="hinge_max has no parameter 'smoothing': it takes none"):
        losses.get("hinge_max", smoothing=0.1)
    with pytest.raises(InputError, match="has its parameters already"):
        losses.get(softmax, smoothing=0.1)
    for loss in (softmax, Softmax(smoothing=0.1), losses.hinge):
        for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
            assert twin == loss
            assert hash(twin) == hash(loss)
    assert losses.hinge != losses.squared_hinge


def test_training_with_it_is_judged_without_it():
    train, test = st.load("digits").split(seed=0)
    run = st.train("mlp", train, smoothing=0.2, epochs=15, validation=test)
    assert run.model.score(test.X, test.y) > 0.95
    p = run.model.predict_proba(test.X)
    said = -np.log(p[np.arange(len(test)), test.y]).mean()
    assert run.history[run.best_epoch - 1]["val_loss"] == pytest.approx(said, rel=1e-4)
    # Log p_y exceeds the others by log(1 + C (1 - e) / e) = 3.7 at best: never as sure as without it.
    assert (
        np.median(p.max(axis=1)) < 0.9 < np.median(st.train("mlp", train, epochs=15).model.predict_proba(test.X).max(1))
    )
    assert run.history[-1]["loss"] > entropy([0.82] + 9 * [0.02])
    clf = st.MLPClassifier(smoothing=0.2, epochs=15).fit(train.X, train.y)
    np.testing.assert_allclose(clf.predict_proba(test.X).sum(axis=1), 1, rtol=1e-5)
