"""Every gradient against central differences, its kinks by hand, and the check itself put to the test."""

import numpy as np
import pytest

from steepest import losses
from steepest.losses import hinge, hinge_max, nll, ova_hinge, ova_squared_hinge, perceptron, softmax, squared_hinge


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0])
def test_gradient_is_the_slope(name, scale, check_gradient, example_data):
    scores, y = example_data
    check_gradient(losses.get(name), scale * scores, y)


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("classes", [1, 2])
def test_gradient_is_the_slope_for_few_classes(name, classes, check_gradient, example_data):
    scores, y = example_data
    check_gradient(losses.get(name), scores[:, :classes], y % classes)


def test_gradient_of_nll_is_the_slope(check_gradient, example_data):
    scores, y = example_data
    check_gradient(nll, softmax.log_probabilities(scores) - 0.1, y)


@pytest.mark.parametrize("name", losses.NAMES)
def test_gradient_through_the_scores_to_the_weights(name):
    """dL/dW = X' dscores / N, against differences of the mean loss along random directions."""
    rng = np.random.default_rng(2)
    X, W, y = rng.normal(size=(30, 7)), rng.normal(size=(7, 4)), rng.integers(4, size=30)
    loss = losses.get(name)
    dW = X.T @ loss.gradient(X @ W, y) / len(X)
    for _ in range(5):
        V = rng.normal(size=W.shape)
        slope = (loss(X @ (W + 1e-6 * V), y).mean() - loss(X @ (W - 1e-6 * V), y).mean()) / 2e-6
        assert (dW * V).sum() == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda g: 1.001 * g, id="0.1 % too large"),
        pytest.param(lambda g: 0.5 * g, id="a factor one half"),
        pytest.param(lambda g: g * (np.arange(g.shape[1]) > 0), id="one class forgotten"),
        pytest.param(lambda g: -g, id="the sign"),
    ],
)
def test_the_check_notices_a_wrong_gradient(name, spoil, check_gradient, example_data):
    scores, y = example_data
    loss = losses.get(name)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_gradient(loss, scores, y, gradient=lambda s, y: spoil(loss.gradient(s, y)))


def test_kink_hinge_at_the_margin_is_zero():
    assert hinge.gradient([10.0, 9.0, 9.0], 0).tolist() == [0, 0, 0]
    assert hinge.gradient([10.0, 9.0, 9.5], 0).tolist() == [-1, 0, 1]


def test_kink_squared_hinge_has_slope_zero_at_the_margin():
    assert squared_hinge.gradient([10.0, 9.0, 9.0], 0).tolist() == [0, 0, 0]


def test_kink_hinge_max_at_the_margin_is_zero():
    assert hinge_max.gradient([10.0, 9.0, 9.0], 0).tolist() == [0, 0, 0]


def test_kink_hinge_max_takes_the_first_of_tied_classes():
    assert hinge_max.gradient([1.0, 2.0, 2.0], 0).tolist() == [-1, 1, 0]
    assert hinge_max.gradient([2.0, 2.0, 1.0], 2).tolist() == [1, 0, -1]


def test_kink_ova_hinge_at_the_margin_is_zero():
    assert ova_hinge.gradient([1.0, -1.0, -1.0], 0).tolist() == [0, 0, 0]
    assert ova_hinge.gradient([0.5, -0.5, -1.0], 0).tolist() == [-1, 1, 0]


def test_kink_ova_squared_hinge_has_slope_zero_at_the_margin():
    assert ova_squared_hinge.gradient([1.0, -1.0, -1.0], 0).tolist() == [0, 0, 0]


def test_kink_perceptron_takes_the_first_of_tied_classes_as_prediction_does():
    assert perceptron.gradient([0.0, 0.0, 0.0], 0).tolist() == [0, 0, 0]
    assert perceptron.gradient([0.0, 0.0, 0.0], 2).tolist() == [1, 0, -1]
    assert perceptron.gradient([1.0, 2.0, 2.0], 0).tolist() == [-1, 1, 0]


def test_perceptron_has_a_gradient_wherever_the_prediction_is_wrong(example_data):
    scores, y = np.round(example_data[0]), example_data[1]  # rounded, so that ties occur
    wrong = scores.argmax(axis=1) != y
    assert (perceptron.gradient(scores, y).any(axis=1) == wrong).all()
