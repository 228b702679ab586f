"""To a weak penalty by way of stronger ones: what is said on the way is of the penalty that was asked for."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from steepest import losses, penalties
from steepest.errors import ConvergenceWarning
from steepest.nn.scaling import Scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import continuation, minimize, problem, smooth
from steepest.solvers.problem import Problem
from steepest.solvers.quasi_newton import Memory


def probe(N=2000, D=48, C=40, alpha=1e-5, seed=0):
    """Nearly separable: hardly more rows than weights."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(C), rng.integers(0, C, N - C)])
    X = (0.5 * rng.normal(size=(C, D))[y] + rng.normal(size=(N, D))) / np.sqrt(1 + np.arange(D))
    return CompiledLinear(
        X.astype(np.float32), y, C, losses.softmax, penalties.l2, alpha, Scaling(np.zeros(D), np.ones(D)), threads=2
    )


@pytest.fixture(autouse=True)
def swept(monkeypatch):
    monkeypatch.setattr(problem, "SMALL", 0)


def begin(L):
    at = Problem(L)
    return at, at.evaluate(at.start())


def test_alphas_fall_by_tens_to_the_one_that_was_asked_for():
    alphas = continuation.stages(*begin(probe()))
    assert len(alphas) >= 3
    assert alphas[-1] == 1e-5
    np.testing.assert_allclose(np.divide(alphas[:-1], alphas[1:]), 10)


@pytest.mark.parametrize("change", [{"alpha": 1.0}, {"alpha": 0.0}, {"penalty": penalties.none}], ids=str)
def test_one_stage_where_there_is_nothing_to_grow(change):
    assert len(continuation.stages(*begin(replace(probe(), **change)))) == 1


def test_one_stage_with_few_classes_and_from_other_weights():
    assert continuation.stages(*begin(probe(C=10))) == [1e-5]
    at, point = begin(probe())
    assert continuation.stages(at, at.evaluate(point.Z - 0.1 * point.gradient)) == [1e-5]


def test_another_alpha_needs_no_pass():
    at, point = begin(probe())
    some = at.evaluate(point.Z - 3 * point.gradient)
    other = at.with_alpha(1e-2)
    told, seen = some.penalized(1e-2 - 1e-5), other.evaluate(some.Z)
    assert told.value == pytest.approx(seen.value, rel=1e-6)
    np.testing.assert_allclose(told.gradient, seen.gradient, atol=1e-6)
    assert told.passes == some.passes


def test_the_memory_is_as_if_it_had_always_been_of_the_other_alpha():
    rng, one, other = np.random.default_rng(0), Memory(5), Memory(5)
    A = rng.normal(size=(7, 7))
    A = A @ A.T + np.eye(7)

    def at(Z, alpha):
        gradient = A @ Z
        gradient[:-1] += 2 * alpha * Z[:-1]
        return problem.Point(Z, 0.0, gradient)

    Z = rng.normal(size=(6, 7, 3))
    for before, after in itertools.pairwise(Z):
        one.learn(at(before, 1.0), at(after, 1.0))
        other.learn(at(before, 0.2), at(after, 0.2))
    one.penalize(0.2 - 1.0)
    g = rng.normal(size=(7, 3))
    np.testing.assert_allclose(one.direction(g, lambda R: R / 3), other.direction(g, lambda R: R / 3))


def test_what_is_told_on_the_way_is_the_objective():
    L, seen = probe(), []
    at = Problem(L)
    found = minimize(L, 1e-4, watch=lambda point, left: seen.append((point, left)))
    assert found.certificate.gap <= 1e-4
    for (point, left), record in zip(seen, found.history, strict=True):
        assert point.value == pytest.approx(L.value(at.parameters(point.Z)), rel=1e-5)
        assert record["objective"] == point.value
        assert min(point.value, left) == record["bound"]
    passes = [record["pass"] for record in found.history]
    assert passes == sorted(passes)


@pytest.mark.parametrize("points", [1, 4, 9])
def test_stopped_on_the_way_it_is_still_the_objective(points):
    L, left = probe(), [points]

    def watch(point, bound):
        left[0] -= 1
        return left[0] == 0

    with pytest.warns(ConvergenceWarning, match="asked to stop"):
        found = minimize(L, 1e-4, watch=watch)
    best = minimize(L, 1e-4).certificate
    assert found.certificate.objective == pytest.approx(L.value(found.parameters), rel=1e-5)
    assert found.certificate.objective - found.certificate.bound <= best.objective


@pytest.mark.slow
def test_it_takes_fewer_passes(monkeypatch):
    """200 rows a class and four times as many weights as rows: nearly all of them come out right."""
    rng, (N, D, C) = np.random.default_rng(0), (20_000, 768, 100)
    y = rng.choice(C, N, p=rng.dirichlet(np.full(C, 5.0)))
    X = 0.25 * rng.normal(size=(C, D))[y] + 0.97 * rng.normal(size=(N, D))
    X *= 10.3 / np.sqrt(1 + np.arange(D))
    L = replace(probe(), X=X.astype(np.float16), y=y, n_classes=C, alpha=1e-4, scaling=Scaling(np.zeros(D), np.ones(D)))
    by_stages = minimize(L, 1e-3).certificate
    monkeypatch.setattr(smooth, "stages", lambda problem, point: [problem.alpha])
    at_once = minimize(L, 1e-3).certificate
    assert by_stages.objective == pytest.approx(at_once.objective, rel=1e-3)
    assert by_stages.passes < at_once.passes
