"""A search that begins where another one ended."""

from dataclasses import replace

import numpy as np
import pytest

from steepest import losses, penalties
from steepest.errors import InputError
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import minimize, problem


def objective(alpha, loss="softmax"):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    X = rng.normal(size=(3, 6))[y] + rng.normal(size=(200, 6)) + 5
    return CompiledLinear(X, y, 3, losses.get(loss), penalties.l2, alpha, fit_scaling(X, "standard"))


@pytest.mark.parametrize("small", [True, False], ids=["float64", "swept"])
@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
def test_the_optimum_is_proven_where_it_begins(monkeypatch, small, loss):
    if not small:
        monkeypatch.setattr(problem, "SMALL", 0)
    cold = minimize(objective(1e-2, loss))
    warm = minimize(objective(1e-2, loss), tol=2e-4, start=cold.parameters)
    assert warm.certificate.passes < cold.certificate.passes
    assert warm.certificate.objective <= cold.certificate.objective * (1 + 1e-6)


def test_a_start_of_another_shape_is_named():
    with pytest.raises(InputError, match=r"start: W of shape \(5, 3\), not of 6 features, 3 classes"):
        minimize(objective(1e-2), start={"W": np.zeros((5, 3), np.float32), "b": np.zeros(3, np.float32)})


def test_where_memory_is_short_preconditioners_are_plainer(monkeypatch):
    monkeypatch.setattr(problem, "SMALL", 0)
    X = np.random.default_rng(1).normal(size=(200, 40))
    L = replace(objective(1e-2), X=X, scaling=fit_scaling(X, "standard"))
    assert problem.Problem(L).grams
    rich = minimize(L)
    monkeypatch.setattr(problem, "free_memory", lambda: 40_000)  # the points fit, a Gram matrix does not
    assert not problem.Problem(L).grams
    poor = minimize(L)
    assert poor.certificate.gap <= 1e-4
    assert abs(poor.certificate.objective - rich.certificate.objective) <= 2e-4 * rich.certificate.objective


@pytest.mark.parametrize("small", [True, False], ids=["float64", "swept"])
def test_features_beyond_float32_are_named(monkeypatch, small):
    if not small:
        monkeypatch.setattr(problem, "SMALL", 0)
    L = objective(1e-2)
    far = replace(L, X=L.X * 1e30, scaling=Scaling(np.zeros(6), np.ones(6)))
    with pytest.raises(InputError, match=r"varies by 1\.\de\+30, .* use scaling='standard', or other units"):
        minimize(far)
    near = replace(L, X=L.X * 1e8, alpha=L.alpha * 1e16, scaling=Scaling(np.zeros(6), np.ones(6)))
    assert minimize(near).certificate.gap <= 1e-4
