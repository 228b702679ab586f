"""The worked numbers of S2: each test bears the section it holds."""

import math

import numpy as np
import pytest

from steepest import losses
from steepest.losses import hinge, hinge_max, logistic, nll, ova_hinge, perceptron, softmax, squared, squared_hinge

CAT_CAR_FROG = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])


def test_s2_1_hinge_of_cat_car_and_frog():
    each = hinge(CAT_CAR_FROG, [0, 1, 2])
    np.testing.assert_allclose(each, [2.9, 0, 12.9], atol=1e-12)
    assert each.mean() == pytest.approx(5.27, abs=0.005)


def test_s2_1_the_printed_10_9_drops_the_margin():
    scores = CAT_CAR_FROG[2]
    without_margin = sum(max(0, scores[j] - scores[2]) for j in (0, 1))
    assert without_margin == pytest.approx(10.9)
    assert hinge(scores, 2) == pytest.approx(10.9 + 2)
    assert hinge(scores, 2) == pytest.approx(6.3 + 6.6)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_s2_1_hinge_at_zero_weights_is_classes_less_one(classes):
    assert hinge(np.zeros((4, classes)), [0, 1, 0, 1]).tolist() == [classes - 1] * 4


def test_s2_1_sum_over_all_classes_adds_exactly_one():
    own = CAT_CAR_FROG[np.arange(3), [0, 1, 2]][:, None]
    over_all = np.maximum(0, CAT_CAR_FROG - own + 1).sum(axis=1)
    np.testing.assert_allclose(over_all - hinge(CAT_CAR_FROG, [0, 1, 2]), 1, rtol=1e-14)


def test_s2_1_mean_instead_of_sum_only_rescales():
    wrong = [[5.1 - 3.2 + 1, 0], [0, 0], [2.2 + 3.1 + 1, 2.5 + 3.1 + 1]]
    np.testing.assert_allclose(hinge(CAT_CAR_FROG, [0, 1, 2]), 2 * np.mean(wrong, axis=1), atol=1e-12)


def test_s2_1_squared_hinge_is_another_loss():
    np.testing.assert_allclose(squared_hinge(CAT_CAR_FROG, [0, 1, 2]), [2.9**2, 0, 6.3**2 + 6.6**2], atol=1e-12)


def test_s2_1_moving_scores_by_a_tenth_with_margins_kept_changes_nothing():
    car = CAT_CAR_FROG[1]
    for move in (0.1, -0.1):
        for j in range(3):
            moved = car.copy()
            moved[j] += move
            assert hinge(moved, 1) == 0
            assert not hinge.gradient(moved, 1).any()


def test_s2_1_twice_the_weights_have_no_loss_either():
    x, W = np.array([[1.0, 2.0]]), np.array([[2.0, -1.0, 0.0], [1.0, 0.0, 1.0]])
    assert hinge(x @ W, [0])[0] == 0
    assert hinge(x @ (2 * W), [0])[0] == 0


def test_s2_2_softmax_of_the_cat():
    scores = CAT_CAR_FROG[0]
    np.testing.assert_allclose(np.exp(scores), [24.5, 164.0, 0.18], rtol=0.02)
    np.testing.assert_allclose(softmax.probabilities(scores), [0.13, 0.87, 0.00], atol=0.005)
    assert softmax(scores, 0) == pytest.approx(2.04, abs=0.005)
    assert softmax(scores, 0) / math.log(10) == pytest.approx(0.89, abs=0.005)  # the printed 0.89 is log base 10


def test_s2_2_softmax_with_the_third_class_true():
    scores = np.array([-2.85, 0.86, 0.28])
    np.testing.assert_allclose(np.exp(scores), [0.058, 2.36, 1.32], rtol=0.01)
    # The printed 0.016 is 0.0154, from numerators rounded before the division.
    np.testing.assert_allclose(softmax.probabilities(scores), [0.016, 0.631, 0.353], atol=0.001)
    assert softmax(scores, 2) == pytest.approx(1.04, abs=0.005)


def test_s2_2_softmax_of_four_scores():
    p = softmax.probabilities([5.1, 3.2, -1.7, -2.0])
    np.testing.assert_allclose(p, [0.87, 0.13, 0.00, 0.00], atol=0.005)


def test_s2_2_softmax_at_zero_weights_is_log_classes():
    assert softmax([0.0, 0.0, 0.0], 1) == pytest.approx(1.10, abs=0.002)
    assert softmax([0.0, 0.0, 0.0], 1) == pytest.approx(math.log(3), rel=1e-15)


def test_s2_2_softmax_is_the_cross_entropy_and_the_kl_to_a_one_hot_target():
    p, target = softmax.probabilities(CAT_CAR_FROG), np.eye(3)
    cross_entropy = -(target * np.log(p)).sum(axis=1)
    kl = (target * (np.log(np.where(target > 0, target, 1)) - np.log(p))).sum(axis=1)
    np.testing.assert_allclose(softmax(CAT_CAR_FROG, [0, 1, 2]), cross_entropy, rtol=1e-12)
    np.testing.assert_allclose(cross_entropy, kl, rtol=1e-12)


def test_s2_2_two_entry_points_agree():
    y = [0, 1, 2]
    np.testing.assert_allclose(nll(softmax.log_probabilities(CAT_CAR_FROG), y), softmax(CAT_CAR_FROG, y), rtol=1e-14)


@pytest.mark.parametrize("scores", [(10.0, -2.0, 3.0), (10.0, 9.0, 9.0), (10.0, -100.0, -100.0)])
def test_s2_3_hinge_is_content_and_softmax_never_is(scores):
    assert hinge(scores, 0) == 0
    assert softmax(scores, 0) > 0
    assert softmax.gradient(scores, 0)[1] > 0  # it still wants the others lower


def test_s2_3_the_second_stands_exactly_at_the_margin():
    assert hinge((10.0, 9.0, 9.0), 0) == 0
    assert hinge((9.9, 9.0, 9.0), 0) == pytest.approx(0.2)
    assert hinge((9.9, -2.0, 3.0), 0) == 0
    assert hinge((9.9, -100.0, -100.0), 0) == 0


def test_s2_5_the_other_losses_of_the_cat():
    scores = CAT_CAR_FROG[0]  # 3.2 (true), 5.1, -1.7
    assert squared(scores, 0) == pytest.approx(2.2**2 + 5.1**2 + 1.7**2)
    assert perceptron(scores, 0) == pytest.approx(5.1 - 3.2)
    assert ova_hinge(scores, 0) == pytest.approx(0 + 6.1 + 0)
    assert losses.ova_squared_hinge(scores, 0) == pytest.approx(6.1**2)
    assert hinge_max(scores, 0) == pytest.approx(1 + 5.1 - 3.2)
    expected = math.log(1 + math.exp(-3.2)) + math.log(1 + math.exp(5.1)) + math.log(1 + math.exp(-1.7))
    assert logistic(scores, 0) == pytest.approx(expected)


def test_s2_5_squared_over_all_examples_is_the_least_squares_of_s1_6():
    rng = np.random.default_rng(1)
    X, W, y = rng.normal(size=(6, 4)), rng.normal(size=(4, 3)), rng.integers(3, size=6)
    T = np.eye(3)[y]
    assert squared(X @ W, y).sum() == pytest.approx(np.linalg.norm(X @ W - T) ** 2)


def test_s2_5_hinge_max_is_the_largest_term_of_the_hinge():
    np.testing.assert_allclose(hinge_max(CAT_CAR_FROG, [0, 1, 2]), [2.9, 0, 6.6], atol=1e-12)
