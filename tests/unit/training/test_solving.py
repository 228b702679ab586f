"""Fits by a solver that are looked at, stopped, written down and gone on with."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from steepest import losses, penalties
from steepest.errors import InputError
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import Choice, choose
from steepest.training.automatic import mean_one
from steepest.training.models import SEARCHES
from steepest.training.reached import Reached, load_reached, save_reached
from steepest.training.searching import size_of
from steepest.training.solving import Solving


def objective(alpha=1e-3, weight=None, loss="softmax", n=300, penalty="l2"):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(3, 6))[y] + rng.normal(size=(n, 6)) + 5
    w = None if weight is None else mean_one(weight[:n], n)
    return CompiledLinear(X, y, 3, losses.get(loss), penalties.get(penalty), alpha, fit_scaling(X, "standard"), w)


def solving(L, solver="newton", **how):
    return Solving(L, Choice(solver), **({"tol": 1e-6, "max_passes": 1000} | how))


@pytest.mark.parametrize("weight", [None, np.random.default_rng(1).uniform(0, 3, 300)], ids=["alike", "weighted"])
@pytest.mark.parametrize(
    ("solver", "loss", "penalty"),
    [
        ("newton", "softmax", "l2"),
        ("ascent", "hinge", "l2"),
        ("coordinate", "logistic", "l1"),
        ("coordinate", "squared", "elastic_net"),
    ],
)
def test_every_point_that_is_told_of_can_be_written_down(weight, solver, loss, penalty):
    L, seen = objective(1e-2, weight, loss, penalty=penalty), []
    assert choose(L).solver == solver
    fit = solving(L, solver, tol=1e-5)

    def look(at):
        seen.append((at.objective, L.value(fit.reached().model.parameters)))

    fit.run(look)
    assert len(seen) >= 1
    for told, written in seen:  # in float32, and from the weights in the file's form
        assert written == pytest.approx(told, rel=1e-4)
    assert fit.warnings == []
    assert fit.certificate.gap <= 1e-5
    assert L.value(fit.model.parameters) == pytest.approx(fit.certificate.objective, rel=1e-5)


def test_stopped_and_gone_on_with(tmp_path):
    L, left = objective(), [3]

    def look(at):
        left[0] -= 1
        return left[0] == 0

    first = solving(L)
    first.run(look)
    assert first.stopped
    assert first.warnings == []  # that it was asked to stop is no fault
    assert math.isfinite(first.certificate.bound)
    save_reached(tmp_path / "c", first.reached(fingerprint="print", level="level"))
    before = load_reached(tmp_path / "c")
    assert (before.fingerprint, before.level, before.alpha) == ("print", "level", L.alpha)
    second = solving(L, before=before)
    second.run()
    assert not second.stopped
    assert second.certificate.gap <= 1e-6
    assert second.certificate.passes > first.certificate.passes
    assert second.certificate.seconds > first.certificate.seconds
    assert [at["pass"] for at in second.history] == sorted(at["pass"] for at in second.history)
    assert second.history[: len(first.history)] == first.history
    again = solving(L, before=second.reached())
    again.run()
    assert again.certificate.passes - second.certificate.passes < 8  # it knows that it is there


def test_what_could_not_be_proven_is_kept_and_not_warned_of():
    fit = solving(objective(1e-6), max_passes=1, tol=1e-15)
    fit.run()
    assert len(fit.warnings) == 1
    assert "only" in fit.warnings[0]


def test_ridge_is_told_of_nothing_and_exact():
    L = objective(loss="squared")
    fit = Solving(L, choose(L), tol=1e-4, max_passes=10)
    fit.run(lambda at: True)
    assert not fit.stopped
    assert fit.certificate.gap < 1e-10


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_find_better_weights_and_prove_nothing(name):
    L, told = objective(), []
    fit = solving(L, name, draws=40)
    fit.run(lambda at: told.append(at.passes))
    assert fit.certificate.objective < math.log(3)  # that of W = 0
    assert fit.certificate.bound == math.inf
    assert 35 <= told[-1] <= 41
    assert L.value(fit.model.parameters) == pytest.approx(fit.certificate.objective, rel=1e-6)


def test_a_search_goes_on_with_other_draws():
    L, left = objective(), [10]

    def look(at):
        left[0] -= 1
        return left[0] == 0

    first = solving(L, "random-search", draws=30)
    first.run(look)
    assert first.stopped
    second = solving(L, "random-search", draws=30, before=first.reached())
    second.run()
    assert second.certificate.objective <= first.certificate.objective
    assert 30 <= second.certificate.passes <= 32
    repeated = solving(L, "random-search", draws=10)
    repeated.run()
    assert second.certificate.objective != repeated.certificate.objective


def test_the_size_of_drawn_weights_makes_scores_of_a_tenth():
    L = objective(n=5000)
    rng, size = np.random.default_rng(0), size_of(L)
    Z = (L.X - L.scaling.shift) * L.scaling.scale
    assert (Z @ rng.normal(0, size, (6, 400))).std() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    ("change", "tensors"),
    [
        ({"passes": -1}, {}),
        ({"passes": None}, {}),
        ({"alpha": "x"}, {}),
        ({"seconds": True}, {}),
        ({"because": 3}, {}),
        ({"history": {}}, {}),
        ({"history": [1]}, {}),
        ({"alphas": None}, {}),
        ({"by": "descent"}, {}),
        ({"format": "steepest.model"}, {}),
        ({"format_version": 99}, {}),
        ({}, {"W": np.zeros(3, np.float32)}),
        ({}, {"W": np.zeros((5, 3), np.float32)}),
        ({}, {"b": np.full(3, np.nan, np.float32)}),
        ({}, {"shift": np.zeros(6, np.float32)}),
        ({}, {"velocity_W": np.zeros((6, 3), np.float32)}),
    ],
)
def test_hostile_states_are_refused(tmp_path, change, tensors):
    path, fit = tmp_path / "c.safetensors", solving(objective())
    save_reached(path, fit.reached())
    with safe_open(path, framework="numpy") as opened:
        record = json.loads(opened.metadata()["steepest"])
    save_file(load_file(path) | tensors, path, metadata={"steepest": json.dumps(record | change)})
    with pytest.raises(InputError, match=r"c\.safetensors"):
        load_reached(path)
    assert isinstance(fit.reached(), Reached)
