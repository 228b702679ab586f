"""Three steps by hand, every rule on three problems in two dtypes, purity, names."""

import numpy as np
import pytest
from scipy import optimize

from steepest import optim
from steepest.errors import InputError
from steepest.losses import softmax
from steepest.optim import SGD, Momentum, Nesterov

RULES = [SGD(), Momentum(mu=0.9), Nesterov(mu=0.9)]
NO_FRICTION_LOST = {"sgd": 1.0, "momentum": 0.1, "nesterov": 0.1}  # 1 - mu: the same step in the long run


def steps(rule, gradients, lr=0.1, start=1.0):
    """The weight after each step under these gradients."""
    params = {"W": np.array([start])}
    state, path = rule.init(params), []
    for g in gradients:
        update, state = rule.step({"W": np.array([g])}, state, lr)
        params = {"W": params["W"] + update["W"]}
        path.append(float(params["W"][0]))
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


def quadratic(dtype):
    """f = (a^2 + 25 b^2) / 2: 0 at the origin."""
    scale = np.array([1, 25], dtype)
    return {"x": np.array([4, -3], dtype)}, lambda p: {"x": scale * p["x"]}, lambda p: (scale * p["x"] ** 2).sum() / 2


def rosenbrock(dtype):
    """f = (1 - a)^2 + 100 (b - a^2)^2: 0 at (1, 1), at the end of a bent valley."""

    def gradient(p):
        a, b = p["x"]
        return {"x": np.array([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)], dtype)}

    def value(p):
        a, b = p["x"]
        return (1 - a) ** 2 + 100 * (b - a**2) ** 2

    return {"x": np.array([-0.5, 0.5], dtype)}, gradient, value


def tiny_softmax(dtype):
    """Six examples, two features, three classes, a small L2 penalty: W and b. The value is counted from the optimum."""
    X = np.array([[2, 0], [3, 1], [-1, 2], [-2, 3], [-1, -2], [0, -3]], dtype)
    y = np.array([0, 0, 1, 1, 2, 2])

    def gradient(p):
        dscores = softmax.gradient(X @ p["W"] + p["b"], y) / dtype(len(y))
        return {"W": X.T @ dscores + dtype(0.02) * p["W"], "b": dscores.sum(axis=0)}

    def objective(p):
        return softmax(X @ p["W"] + p["b"], y).mean() + 0.01 * (p["W"] ** 2).sum()

    def flat(w):
        return objective({"W": w[:6].reshape(2, 3), "b": w[6:]})

    lowest = optimize.minimize(flat, np.zeros(9)).fun  # by differences: it knows nothing of the gradient above

    def value(p):
        return objective(p) - lowest

    return {"W": np.zeros((2, 3), dtype), "b": np.zeros(3, dtype)}, gradient, value


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("problem", "lr", "count", "goal"),
    [(quadratic, 0.03, 500, 1e-6), (rosenbrock, 0.0015, 6000, 1e-3), (tiny_softmax, 0.5, 1000, 1e-4)],
)
def test_every_rule_on_every_problem(rule, dtype, problem, lr, count, goal):
    params, gradient, value = problem(dtype)
    state = rule.init(params)
    for _ in range(count):
        update, state = rule.step(gradient(params), state, lr * NO_FRICTION_LOST[rule.name])
        params = {name: params[name] + update[name] for name in params}
    assert all(param.dtype == dtype for param in params.values())
    assert all(array.dtype == dtype for slot in state.values() for array in slot.values())
    assert abs(value(params)) < goal


def test_momentum_is_ahead_of_sgd_in_a_long_valley():
    params, gradient, value = quadratic(np.float64)
    ends = {}
    for rule in RULES:
        p, state = params, rule.init(params)
        for _ in range(100):
            update, state = rule.step(gradient(p), state, 0.01)
            p = {"x": p["x"] + update["x"]}
        ends[rule.name] = value(p)
    assert ends["nesterov"] < ends["momentum"] < ends["sgd"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_change_nothing_that_was_handed_in(rule):
    grad = {"W": np.ones((2, 3)), "b": np.ones(3)}
    state = rule.init(grad)
    for slot in state.values():
        for array in slot.values():
            array.flags.writeable = False
    for array in grad.values():
        array.flags.writeable = False
    first, after = rule.step(grad, state, 0.1)
    again, after_again = rule.step(grad, state, 0.1)
    for name in grad:
        np.testing.assert_array_equal(first[name], again[name])
    assert after.keys() == state.keys() == after_again.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_numpy_learning_rate_does_not_widen_float32(rule):
    grad = {"W": np.ones(2, np.float32)}
    update, _ = rule.step(grad, rule.init(grad), np.float64(0.1))
    assert update["W"].dtype == np.float32


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.name)
def test_a_gradient_that_does_not_fit_the_state(rule):
    state = rule.init({"W": np.ones((2, 3))})
    with pytest.raises(InputError, match="the gradient is of W, b, the state of W"):
        rule.step({"W": np.ones((2, 3)), "b": np.ones(3)}, state, 0.1)
    with pytest.raises(InputError, match=r"gradient of W has shape \(3,\), its state \(2, 3\)"):
        rule.step({"W": np.ones(3)}, state, 0.1)


@pytest.mark.parametrize("lr", [0.0, -1.0, float("nan"), float("inf")])
def test_learning_rates_out_of_range(lr):
    for rule in (SGD, Momentum, Nesterov):
        with pytest.raises(InputError, match="lr must be positive"):
            rule(lr=lr)


@pytest.mark.parametrize("mu", [-0.1, 1.0, float("nan")])
def test_mu_out_of_range(mu):
    for rule in (Momentum, Nesterov):
        with pytest.raises(InputError, match="mu must be at least 0 and below 1"):
            rule(mu=mu)


def test_names():
    assert optim.NAMES == ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
    for name in optim.NAMES:
        assert optim.get(name).name == name
    assert optim.get("momentum", lr=0.1, mu=0.5) == Momentum(lr=0.1, mu=0.5)
    assert optim.get(SGD(lr=0.1)) == SGD(lr=0.1)


@pytest.mark.parametrize(
    ("name", "constants", "says"),
    [
        ("momentun", {}, "did you mean momentum"),
        ("Nesterov", {}, "did you mean nesterov"),
        ("?", {}, "choose one of sgd, momentum, nesterov"),
        (None, {}, "choose one of"),
        ("sgd", {"mu": 0.9}, "no constant 'mu': it takes lr"),
        (SGD(), {"lr": 0.1}, "has its constants already"),
    ],
)
def test_unknown_names_and_constants(name, constants, says):
    with pytest.raises(InputError, match=says):
        optim.get(name, **constants)
