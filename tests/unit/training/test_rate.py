"""lr="auto": where it comes from, that it is found anew alike, that nothing moves while it is looked for."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st
from steepest.training import rate
from steepest.training.recipe import Recipe, prepare
from steepest.training.stream import prepare_stream


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


def prepared(digits, **how):
    train, _ = digits
    return prepare(train.X, train.y, 10, Recipe(**({"model": "mlp", "hidden": (32,)} | how)))


@pytest.mark.parametrize(
    "how",
    [
        {}, {"optimizer": "sgd"}, {"dropout": 0.3}, {"norm": "batch", "optimizer": "momentum"}, {"clip_norm": 1.0},
        {"model": "linear", "optimizer": "rmsprop"}, {"penalty": "max_norm"}, {"smoothing": 0.1},
    ],
)  # fmt: skip
def test_a_network_is_given_that_of_a_range_test(digits, how):
    found = [prepared(digits, **({"threads": k} | how))[1] for k in (1, 2)]
    assert found[0].lr_from == "range test"
    assert found[0].lr == found[1].lr
    usual = rate.RATES[found[0].rule.name]
    assert rate.LOWEST * usual <= found[0].lr <= rate.HIGHEST * usual


def test_the_start_is_left_as_it_was(digits):
    objective, plan, state = prepared(digits, norm="batch", dropout=0.1)
    _, _, given = prepared(digits, norm="batch", dropout=0.1, lr=1.0)
    assert rate.test_rates(plan, objective, state, 0.002) is not None
    for name, part in given.model.parameters.items():
        np.testing.assert_array_equal(state.model.parameters[name], part)
    for what, parts in given.memory.items():
        for name, part in parts.items():
            np.testing.assert_array_equal(state.memory[what][name], part)
    assert (state.epoch, state.step, state.history) == (0, 0, [])


def test_the_choice_is_half_the_rate_of_the_least_loss(digits):
    objective, plan, state = prepared(digits, optimizer="sgd")
    test = rate.test_rates(plan, objective, state, rate.RATES["sgd"])
    assert plan.lr == pytest.approx(np.clip(test.rates[test.losses.argmin()] / 2, 0.7 * 0.2, 4 * 0.2))
    assert len(test.rates) <= plan.epochs * plan.steps(len(objective)) / rate.SHARE


def test_steps_are_counted_and_few(digits, monkeypatch):
    taken = []
    real = rate.NetworkObjective.descend
    monkeypatch.setattr(rate.NetworkObjective, "descend", lambda *a, **k: taken.append(1) or real(*a, **k))
    objective, plan, _ = prepared(digits)
    assert 0 < len(taken) <= 0.02 * plan.epochs * plan.steps(len(objective))


def test_other_origins(digits):
    assert prepared(digits, epochs=5)[1].lr_from == "table"
    assert prepared(digits, epochs=5)[1].lr == 0.002
    assert prepared(digits, lr=0.1)[1].lr_from == "given"
    assert prepared(digits, optimizer=st.optim.Adam(lr=0.3))[1].lr == 0.3
    assert prepared(digits, optimizer=st.optim.Adam(lr=0.3))[1].lr_from == "given"
    train, _ = digits
    assert prepare(train.X, train.y, 10, Recipe())[1].lr_from == "curvature"
    _, stream = prepare_stream(train.X, train.y, 10, Recipe(model="mlp"), None, None)
    assert stream.plan.lr_from == "table"


def test_where_no_rate_helps_the_table_is_taken():
    X, y = np.zeros((400, 3)), np.arange(400) % 2
    X[:, 0] = 1.0  # nothing to learn from
    run = st.train("mlp", (X, y), optimizer="sgd")
    assert np.isfinite(run.history[-1]["loss"])
    assert run.plan.lr > 0


def test_it_is_recorded(digits, tmp_path):
    train, _ = digits
    run = st.train("mlp", train)
    assert run.settings["lr_from"] == "range test"
    assert run.settings["lr"] == run.plan.lr
    assert st.MLPClassifier().fit(train.X, train.y).lr_ == pytest.approx(
        st.train("mlp", train, penalty="l2", alpha=1e-4).plan.lr
    )
