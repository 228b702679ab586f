"""Three steps of every rule by hand, and the equalities between rules."""

import numpy as np
import pytest

from steepest.optim import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSProp


def steps(rule, gradients, lr=0.1, shape=(1,)):
    """The weight after each step from 1 under these gradients."""
    params = {"W": np.ones(shape)}
    state, path = rule.init(params), []
    for g in gradients:
        update, state = rule.step({"W": np.full(shape, g)}, state, lr, params)
        params = {"W": params["W"] + update["W"]}
        path.append(params["W"].item())
    return path, state


def test_three_steps_of_sgd_by_hand():
    path, state = steps(SGD(), [1.0, 2.0, -1.0])
    assert path == pytest.approx([0.9, 0.7, 0.8])  # -0.1, -0.2, +0.1
    assert state == {}


def test_three_steps_of_momentum_by_hand():
    # v: 1;  0.5 + 2 = 2.5;  1.25 - 1 = 0.25.  W: 1 - 0.1;  - 0.25;  - 0.025
    path, state = steps(Momentum(mu=0.5), [1.0, 2.0, -1.0])
    assert path == pytest.approx([0.9, 0.65, 0.625])
    assert state["velocity"]["W"] == pytest.approx([0.25])


def test_three_steps_of_nesterov_by_hand():
    # v as above.  g + mu v: 1 + 0.5 = 1.5;  2 + 1.25 = 3.25;  -1 + 0.125 = -0.875
    path, state = steps(Nesterov(mu=0.5), [1.0, 2.0, -1.0])
    assert path == pytest.approx([0.85, 0.525, 0.6125])
    assert state["velocity"]["W"] == pytest.approx([0.25])


def test_three_steps_of_adagrad_by_hand():
    # s: 9;  9 + 16 = 25;  25 + 144 = 169.  Steps in lr: -3/3;  -4/5;  +12/13
    path, state = steps(Adagrad(), [3.0, 4.0, -12.0])
    assert path == pytest.approx([0.9, 0.82, 0.82 + 0.1 * 12 / 13])
    assert state["squares"]["W"] == pytest.approx([169])


def test_three_steps_of_rmsprop_by_hand():
    # s = 0.36 s + 0.64 g^2, so its root is the long side of a right triangle with sides 0.6 sqrt(s) and 0.8 g:
    # (0, 4): 4;  (2.4, 1.8): 3;  (1.8, 2.4): 3.  Steps in lr: -5/4;  -2.25/3;  +3/3
    path, state = steps(RMSProp(rho=0.36), [5.0, 2.25, -3.0])
    assert path == pytest.approx([0.875, 0.8, 0.9])
    assert state["squares"]["W"] == pytest.approx([9])


def test_three_steps_of_adam_by_hand():
    # m: 1/2;  1/4 + 1 = 5/4;  5/8 - 1/2 = 1/8.        Over 1/2, 3/4, 7/8: 1;  5/3;  1/7
    # v: 1/2;  1/4 + 2 = 9/4;  9/8 + 1/2 = 13/8.       Over 1/2, 3/4, 7/8: 1;  3;  13/7
    # Steps in lr: -1;  -(5/3) / sqrt(3) = -0.9622504;  -(1/7) / sqrt(13/7) = -0.1048285
    path, state = steps(Adam(beta1=0.5, beta2=0.5), [1.0, 2.0, -1.0])
    assert path == pytest.approx([0.9, 0.80377496, 0.79329211], abs=2e-8)
    assert state["m"]["W"] == pytest.approx([1 / 8])
    assert state["v"]["W"] == pytest.approx([13 / 8])
    assert state["count"]["t"] == 3


def test_three_steps_of_adamw_by_hand():
    # Adam's steps as above, and before each the weight loses 0.1 * 0.1 of itself:
    # 0.99 - 0.1 = 0.89;  0.8811 - 0.09622504 = 0.78487496;  0.77702621 - 0.01048285 = 0.76654336
    rule = AdamW(beta1=0.5, beta2=0.5, decay=0.1)
    path, _ = steps(rule, [1.0, 2.0, -1.0], shape=(1, 1))
    assert path == pytest.approx([0.89, 0.78487496, 0.76654336], abs=2e-8)
    bias, _ = steps(rule, [1.0, 2.0, -1.0], shape=(1,))  # one axis: it does not decay
    assert bias == pytest.approx([0.9, 0.80377496, 0.79329211], abs=2e-8)


def test_momentum_takes_the_steps_of_the_lectures_form():
    rng, lr, mu = np.random.default_rng(0), 0.03, 0.9
    gradients = rng.normal(size=20)
    path, _ = steps(Momentum(mu=mu), gradients, lr=lr)
    W, v, lecture = 1.0, 0.0, []
    for g in gradients:
        v = mu * v - lr * g
        W = W + v
        lecture.append(W)
    np.testing.assert_allclose(path, lecture, rtol=1e-12)


def test_nesterov_visits_the_points_ahead_of_the_textbooks_form():
    """On f = W^2 / 2: the textbook's g is taken at W + mu v; those points are where this form stands."""
    lr, mu = 0.1, 0.9
    W, v, ahead = 1.0, 0.0, []
    for _ in range(20):
        ahead.append(W + mu * v)
        v = mu * v - lr * (W + mu * v)
        W = W + v
    rule, params = Nesterov(mu=mu), {"W": np.array([1.0])}
    state, stands = rule.init(params), []
    for _ in range(20):
        stands.append(float(params["W"][0]))
        update, state = rule.step({"W": params["W"]}, state, lr)
        params = {"W": params["W"] + update["W"]}
    np.testing.assert_allclose(stands, ahead, rtol=1e-12)


def test_without_friction_left_momentum_and_nesterov_are_sgd():
    gradients = [1.0, -2.0, 3.0]
    expected, _ = steps(SGD(), gradients)
    assert steps(Momentum(mu=0), gradients)[0] == pytest.approx(expected)
    assert steps(Nesterov(mu=0), gradients)[0] == pytest.approx(expected)


def test_momentum_grows_to_the_full_step_under_a_constant_gradient():
    _, state = steps(Momentum(mu=0.9), [1.0] * 300)
    assert state["velocity"]["W"] == pytest.approx([10.0])


def test_under_a_constant_gradient_adagrad_slows_down_like_one_over_the_root_of_t():
    path, _ = steps(Adagrad(), [7.0] * 50)
    np.testing.assert_allclose(-np.diff([1.0, *path]), 0.1 / np.sqrt(np.arange(1, 51)), rtol=1e-6)


def test_under_a_constant_gradient_rmsprop_begins_with_long_steps_and_comes_down_to_lr():
    path, _ = steps(RMSProp(rho=0.9), [7.0] * 300)
    lengths = -np.diff([1.0, *path])
    assert lengths[0] == pytest.approx(0.1 / 0.1**0.5)
    assert (np.diff(lengths) < 1e-12).all()
    assert lengths[-1] == pytest.approx(0.1)


def test_under_a_constant_gradient_every_step_of_adam_is_lr_long():
    path, _ = steps(Adam(), [7.0] * 50)
    np.testing.assert_allclose(-np.diff([1.0, *path]), 0.1, rtol=1e-6)


def test_without_memory_rmsprop_and_adam_step_against_the_sign():
    gradients = [1.0, -200.0, 3.0, 1e-4]
    for rule in (RMSProp(rho=0, epsilon=1e-30), Adam(beta1=0, beta2=0, epsilon=1e-30)):
        assert steps(rule, gradients)[0] == pytest.approx([0.9, 1.0, 0.9, 0.8])


def test_adam_without_momentum_is_rmsprop_with_bias_correction():
    gradients = np.random.default_rng(0).normal(size=400)
    adam, _ = steps(Adam(beta1=0, beta2=0.9, epsilon=1e-30), gradients)
    rmsprop, _ = steps(RMSProp(rho=0.9, epsilon=1e-30), gradients)
    of_adam, of_rmsprop = np.diff([1.0, *adam]), np.diff([1.0, *rmsprop])
    np.testing.assert_allclose(of_adam, of_rmsprop * np.sqrt(1 - 0.9 ** np.arange(1, 401)), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(of_adam[300:], of_rmsprop[300:], rtol=1e-7, atol=1e-12)  # in the limit the same


def test_adamw_without_decay_is_adam():
    gradients = np.random.default_rng(0).normal(size=20)
    assert steps(AdamW(decay=0), gradients, shape=(1, 1))[0] == steps(Adam(), gradients)[0]
