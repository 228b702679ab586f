"""Every rule on three problems in two dtypes, under a rate that falls to 0."""

import numpy as np
import pytest
from scipy import optimize

from steepest.losses import softmax
from steepest.optim import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSProp

RULES = [SGD(), Momentum(), Nesterov(), Adagrad(), RMSProp(), Adam(), AdamW(decay=1e-4)]


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


PROBLEMS = {quadratic: (300, 1e-6), rosenbrock: (3000, 1e-2), tiny_softmax: (500, 1e-6)}  # steps, and how near they end
RATES = {  # at the start, of each rule on the quadratic, Rosenbrock's valley and the tiny softmax
    "sgd": (0.06, 0.003, 3),
    "momentum": (0.02, 0.003, 0.3),
    "nesterov": (0.02, 0.0015, 0.2),
    "adagrad": (3, 0.18, 1),
    "rmsprop": (0.05, 0.01, 0.1),
    "adam": (1, 0.1, 0.1),
    "adamw": (1, 0.1, 0.1),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_rule_on_every_problem(rule, dtype, problem):
    params, gradient, value = problem(dtype)
    count, goal = PROBLEMS[problem]
    lr = RATES[rule.name][list(PROBLEMS).index(problem)]
    state = rule.init(params)
    for i in range(count):
        update, state = rule.step(gradient(params), state, lr * (1 - i / count), params)
        params = {name: params[name] + update[name] for name in params}
    assert all(param.dtype == dtype for param in params.values())
    for slot, arrays in state.items():
        assert all(array.dtype == (np.int64 if slot == "count" else dtype) for array in arrays.values())
    assert abs(value(params)) < goal


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_first_short_step_of_every_rule_goes_down(rule, problem):
    params, gradient, value = problem(np.float64)
    update, _ = rule.step(gradient(params), rule.init(params), 1e-5, params)
    assert value({name: params[name] + update[name] for name in params}) < value(params)


def test_momentum_is_ahead_of_sgd_in_a_long_valley():
    params, gradient, value = quadratic(np.float64)
    ends = {}
    for rule in RULES[:3]:
        p, state = params, rule.init(params)
        for _ in range(100):
            update, state = rule.step(gradient(p), state, 0.01)
            p = {"x": p["x"] + update["x"]}
        ends[rule.name] = value(p)
    assert ends["nesterov"] < ends["momentum"] < ends["sgd"]
