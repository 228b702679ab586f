"""The losses against other people's, and against the definition written out as a loop."""

import math

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from steepest import losses


def by_loop(name, s, y):
    """The definition for one example, one class at a time, in Python's floats."""
    s = [float(value) for value in s]
    wrong = [j for j in range(len(s)) if j != y]
    t = [1 if j == y else -1 for j in range(len(s))]
    match name:
        case "softmax":
            return -math.log(math.exp(s[y]) / sum(math.exp(value) for value in s))
        case "hinge":
            return sum(max(0, s[j] - s[y] + 1) for j in wrong)
        case "squared_hinge":
            return sum(max(0, s[j] - s[y] + 1) ** 2 for j in wrong)
        case "hinge_max":
            return max(0, 1 + max(s[j] for j in wrong) - s[y])
        case "ova_hinge":
            return sum(max(0, 1 - tj * sj) for tj, sj in zip(t, s, strict=True))
        case "ova_squared_hinge":
            return sum(max(0, 1 - tj * sj) ** 2 for tj, sj in zip(t, s, strict=True))
        case "logistic":
            return sum(math.log(1 + math.exp(-tj * sj)) for tj, sj in zip(t, s, strict=True))
        case "squared":
            return sum((sj - (tj + 1) / 2) ** 2 for tj, sj in zip(t, s, strict=True))
        case "perceptron":
            return max(0, max(s) - s[y])


@pytest.mark.parametrize("name", losses.NAMES)
def test_the_definition_as_a_loop(name, example_data):
    scores, y = example_data
    expected = [by_loop(name, row, label) for row, label in zip(scores, y, strict=True)]
    np.testing.assert_allclose(losses.get(name)(scores, y), expected, rtol=1e-12, atol=1e-12)


def test_softmax_is_scikit_learns_log_loss(example_data):
    scores, y = example_data
    p = losses.softmax.probabilities(scores)
    assert losses.softmax(scores, y).mean() == pytest.approx(metrics.log_loss(y, p, labels=range(5)), rel=1e-12)


def test_log_probabilities_are_scipys(example_data):
    for scale in (0.1, 1, 100):
        scores = scale * example_data[0]
        expected = special.log_softmax(scores, axis=1)
        np.testing.assert_allclose(losses.softmax.log_probabilities(scores), expected, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(losses.softmax.probabilities(scores), special.softmax(scores, axis=1), rtol=1e-12)


def test_hinge_max_is_scikit_learns_hinge_loss(example_data):
    scores, y = example_data
    expected = metrics.hinge_loss(y, scores, labels=range(5))
    assert losses.hinge_max(scores, y).mean() == pytest.approx(expected, rel=1e-12)


def test_ova_hinge_is_a_sum_of_scikit_learns_binary_ones(example_data):
    scores, y = example_data
    expected = sum(metrics.hinge_loss(y == j, scores[:, j]) for j in range(5))
    assert losses.ova_hinge(scores, y).mean() == pytest.approx(expected, rel=1e-12)


def test_logistic_is_a_sum_of_scikit_learns_binary_log_losses(example_data):
    scores, y = example_data
    expected = sum(metrics.log_loss(y == j, special.expit(scores[:, j])) for j in range(5))
    assert losses.logistic(scores, y).mean() == pytest.approx(expected, rel=1e-10)
    log_p = np.where(y[:, None] == np.arange(5), special.log_expit(scores), special.log_expit(-scores))
    np.testing.assert_allclose(losses.logistic(scores, y), -log_p.sum(axis=1), rtol=1e-12)


def test_squared_is_scikit_learns_mean_squared_error_times_classes(example_data):
    scores, y = example_data
    expected = 5 * metrics.mean_squared_error(np.eye(5)[y], scores)
    assert losses.squared(scores, y).mean() == pytest.approx(expected, rel=1e-12)


def test_perceptron_is_zero_exactly_where_the_prediction_is_right(example_data):
    scores, y = example_data
    assert (losses.perceptron(scores, y) > 0).mean() == pytest.approx(metrics.zero_one_loss(y, scores.argmax(axis=1)))
