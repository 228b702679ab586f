"""The learning-rate range test: on a quadratic of known curvature, on a noisy network, on objectives that misbehave."""

import math

import numpy as np
import pytest

import steepest
from steepest.errors import InputError
from steepest.objective import GraphObjective
from steepest.optim import SGD, Adam, AdamW, Momentum, RMSProp, find_lr


class Quadratic:
    """f = (a^2 + 4 b^2) / 2 on every batch: plain steps are stable below 2 / 4."""

    scale = np.array([1.0, 4.0])

    def __init__(self):
        self.seen = []

    def __len__(self):
        return 20

    def value_and_gradient(self, at, rows=None):
        self.seen.append(rows.copy())
        return float((self.scale * at["x"] ** 2).sum() / 2), {"x": self.scale * at["x"]}


START = {"x": np.array([1.0, 1.0])}


@pytest.mark.parametrize("steps", [50, 100, 200, 400])
def test_the_choice_is_below_where_plain_steps_become_unstable(steps):
    found = find_lr(Quadratic(), START, SGD(), steps=steps)
    assert 0.05 < found.choice < 0.5
    assert found.choice == pytest.approx(found.rates[found.losses.argmin()] / 3)
    np.testing.assert_allclose(found.rates[1:] / found.rates[:-1], 1e8 ** (1 / (steps - 1)))


class Listed(Quadratic):
    """An objective that has these losses one after the other, whatever the parameters are."""

    def __init__(self, losses):
        super().__init__()
        self.losses = losses

    def value_and_gradient(self, at, rows=None):
        super().value_and_gradient(at, rows)
        return self.losses[len(self.seen) - 1], {"x": np.zeros(2)}


def test_losses_are_smoothed_from_both_sides():
    listed = [4.0, 2.0, 3.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    found = find_lr(Listed(listed), START, SGD(), steps=10)
    for i, loss in enumerate(found.losses):
        weights = [0.8 ** abs(i - j) for j in range(10)]
        assert loss == pytest.approx(np.average(listed, weights=weights))


def test_it_stops_when_the_running_mean_is_four_times_its_least():
    # Least when (0.9 + 0.5) / 1.9 = 0.737; then (0.81 + 0.45 + x) / 2.71 > 2.947 when x > 6.73
    assert len(find_lr(Listed([1, 0.5, 6.7, *[0.0] * 7]), START, SGD(), steps=10).losses) == 10
    assert len(find_lr(Listed([1, 0.5, 6.8, *[0.0] * 7]), START, SGD(), steps=10).losses) == 2
    assert len(find_lr(Listed([1, 0.5, math.inf]), START, SGD(), steps=10).losses) == 2
    assert len(find_lr(Quadratic(), START, Momentum(), steps=400).losses) < 400


def test_batches_are_full_and_go_through_all_rows_before_any_comes_again():
    objective = Quadratic()
    find_lr(objective, START, SGD(), batch_size=7, steps=10)
    assert {len(rows) for rows in objective.seen} == {7}
    for first, second in zip(objective.seen[0::2], objective.seen[1::2], strict=False):
        assert len({*first.tolist(), *second.tolist()}) == 14
    assert set(objective.seen[0]) != set(objective.seen[2])
    find_lr(objective := Quadratic(), START, SGD(), batch_size=64, steps=10)
    assert {len(rows) for rows in objective.seen} == {20}


def test_parameters_are_not_changed_and_a_seed_gives_the_same_bits():
    x = START["x"].copy()
    x.flags.writeable = False
    runs = [find_lr(Quadratic(), {"x": x}, Adam(), seed=3) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].losses, runs[1].losses)
    assert runs[0].choice == runs[1].choice


@pytest.mark.parametrize("rule", [SGD(), Momentum(), RMSProp(), AdamW()], ids=lambda rule: rule.name)
def test_a_network_learns_by_the_rate_that_was_chosen(rule):
    spiral = steepest.load("spiral")
    X, y = spiral.X.astype(float), spiral.y
    rng = np.random.default_rng(0)
    params = {
        "W1": rng.standard_normal((2, 16)),
        "b1": np.zeros(16),
        "W2": rng.standard_normal((16, 3)) * (2 / 16) ** 0.5,
        "b2": np.zeros(3),
    }
    L = GraphObjective(lambda p, X: steepest.relu(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], X, y)
    lr = find_lr(L, params, rule, steps=120).choice
    state, count = rule.init(params), 150
    for step in range(count):
        _, grad = L.value_and_gradient(params)
        update, state = rule.step(grad, state, lr * (1 - step / count), params)
        params = {name: params[name] + update[name] for name in params}
    assert L.value(params) < 0.8 * math.log(3)


def test_it_prints_a_chart():
    text = str(find_lr(Quadratic(), START, SGD(), steps=50)).splitlines()
    assert text[0].startswith("learning rate ")
    assert "a third of" in text[0]
    assert sum("<- least" in line for line in text) == 1
    assert max(map(len, text)) <= 80


def test_objectives_that_misbehave():
    class Broken(Quadratic):
        def value_and_gradient(self, at, rows=None):
            return math.nan, at

    with pytest.raises(InputError, match="not finite at the start"):
        find_lr(Broken(), START, SGD())
    with pytest.raises(InputError, match="falls at no rate from 10 to 100"):
        find_lr(Quadratic(), START, SGD(), low=10.0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"low": 0.0}, "the rates must rise from low to high"),
        ({"low": 1.0, "high": 0.1}, "the rates must rise"),
        ({"high": math.inf}, "the rates must rise"),
        ({"steps": 9}, "steps must be at least 10"),
        ({"batch_size": 0}, "batch_size at least 1"),
        ({"seed": -1}, "seed must lie between 0"),
    ],
)
def test_arguments_out_of_range(arguments, says):
    with pytest.raises(InputError, match=says):
        find_lr(Quadratic(), START, SGD(), **arguments)
