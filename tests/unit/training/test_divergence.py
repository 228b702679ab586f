"""Divergence: the very step, the layer and the likely cause, of every rule, in the native program and on the graph."""

from __future__ import annotations

import re

import numpy as np
import pytest

import steepest as st
from steepest.errors import DivergenceError
from steepest.training import divergence, loop
from steepest.training.recipe import Recipe, prepare


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)[0]


OWN = st.nn.MLP([64, 16, 8, 10], lambda x: st.sigmoid(x) * x)
HOW = {"native": {}, "graph": {"model": OWN}, "clip": {"clip_value": 1e30}, "linear": {"model": "linear"}}


@pytest.mark.parametrize("optimizer", st.optim.NAMES)
@pytest.mark.parametrize("kind", HOW)
def test_every_rule_says_where_and_why(digits, kind, optimizer):
    recipe = Recipe(**({"model": "mlp", "hidden": (16, 8)} | HOW[kind]), optimizer=optimizer, lr=1e30, epochs=5)
    objective, plan, state = prepare(digits.X, digits.y, 10, recipe)
    with pytest.raises(DivergenceError) as caught:
        loop.run(objective, plan, state)
    said = (
        r"training diverged in epoch 1 at step ([12]): the mean loss is \S+ at lr=1e\+30(, and \S+ has grown to \S+)?"
    )
    found = re.match(said, str(caught.value))
    assert found, str(caught.value)
    assert found[2] or found[1] == "1"
    assert "use a lower lr than 1e+30" in str(caught.value)


@pytest.mark.parametrize("lr", [0.4, 1.0, 3.0])
def test_the_step_is_the_first_that_was_bad(digits, lr):
    """Against a loop of its own that looks after every step."""
    recipe = Recipe(
        model="mlp", hidden=(16,), loss="squared", optimizer="momentum", lr=lr, epochs=30, schedule="constant"
    )
    objective, plan, state = prepare(digits.X, digits.y, 10, recipe)
    with pytest.raises(DivergenceError) as caught:
        loop.run(objective, plan, state)
    epoch, step = map(int, re.search(r"epoch (\d+) at step (\d+)", str(caught.value)).groups())

    objective, plan, state = prepare(digits.X, digits.y, 10, recipe)
    seen = []
    loop_slice, loop.SLICE = loop.SLICE, 1.0
    try:
        with pytest.raises(DivergenceError):
            loop.run(objective, plan, state, lambda s, p: seen.append((s.epoch, s.step)) and None)
    finally:
        loop.SLICE = loop_slice
    # The mean over the epoch crosses the bound with the step's own mean, or a little later.
    last = (seen[-1][0] + 1, seen[-1][1] + 1) if seen else (1, 1)
    assert (epoch, step) <= last
    assert last[0] == epoch
    assert last[1] - step <= 4


def test_a_row_out_of_all_proportion_is_named():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 4)), np.arange(500) % 2
    X[123, 2] = 1e12
    with pytest.raises(DivergenceError, match=r"the scaled features go up to 2e\+09: use scaling='standard'"):
        st.train("mlp", (X, y), scaling=None, optimizer="sgd", lr=0.1, loss="squared")


def test_a_function_that_is_not_finite_is_suspected(digits):
    model = st.nn.MLP([64, 8, 10], activation=lambda x: st.log(x - x - 1.0))
    with np.errstate(all="ignore"), pytest.raises(DivergenceError, match=r"epoch 1 at step 1: .* lr=0\.01"):
        st.train(model, digits, optimizer="sgd", lr=0.01)


def test_looking_costs_a_copy_now_and_then(digits, monkeypatch):
    """None where the native program leaves a slice that diverges; else at most one for half a second of training, and
    none when every step is looked at.
    """
    copies = []
    real = divergence._copy
    monkeypatch.setattr(divergence, "_copy", lambda state: copies.append(1) or real(state))
    st.train("mlp", digits, epochs=60)
    assert copies == []
    run = st.train("mlp", digits, epochs=20, clip_norm=1.0)
    assert 1 <= len(copies) <= 1 + run.state.seconds / divergence.PAUSE
    copies.clear()
    monkeypatch.setattr(loop, "SLICE", 1.0)
    st.train("mlp", digits, epochs=1)
    assert copies == []
