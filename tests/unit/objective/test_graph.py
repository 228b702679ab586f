"""The formula on the graph, and the native sweep of the linear classifier against it."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

import steepest as st
from steepest import losses, penalties
from steepest.nn.linear import linear
from steepest.nn.scaling import fit_scaling
from steepest.objective.base import Objective
from steepest.objective.compiled import CompiledLinear
from steepest.objective.graph import GraphObjective

N, D, C = 67, 21, 5
PENALTIES = {
    "none": penalties.none,
    "l2": penalties.l2,
    "l1": penalties.l1,
    "elastic_net": penalties.ElasticNet(beta=0.5),
    "max_norm": penalties.MaxNorm(radius=3.0),
}


def examples(dtype, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (N, D)) if dtype == np.uint8 else rng.normal(0, 2, (N, D))
    return X.astype(dtype), rng.integers(0, C, N)


def point(seed=1):
    rng = np.random.default_rng(seed)
    W = rng.normal(0, 0.5, (D, C)).astype(np.float32)
    W[rng.random(W.shape) < 0.2] = 0  # where L1 has its kinks
    return {"W": W, "b": rng.normal(0, 0.5, C).astype(np.float32)}


def both(loss, penalty, dtype, weighted=False, alpha=0.03):
    X, y = examples(dtype)
    scaling = fit_scaling(X)
    weight = np.random.default_rng(2).uniform(0, 2, N).astype(np.float32) if weighted else None
    weight = None if weight is None else weight / weight.mean()
    compiled = CompiledLinear(X, y, C, losses.get(loss), PENALTIES[penalty], alpha, scaling, weight, threads=2)
    graph = GraphObjective(partial(linear, scaling=scaling), X, y, loss, PENALTIES[penalty], alpha, weight)
    return compiled, graph


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", losses.NAMES)
def test_the_native_sweep_is_the_formula(loss, penalty, dtype):
    compiled, graph = both(loss, penalty, dtype)
    at = point()
    value, gradient = compiled.value_and_gradient(at)
    expected, slopes = graph.value_and_gradient(at)
    assert value == pytest.approx(expected, rel=1e-5)
    assert compiled.value(at) == value
    for name in ("W", "b"):
        assert gradient[name].shape == slopes[name].shape
        np.testing.assert_allclose(gradient[name], slopes[name], rtol=2e-4, atol=2e-5 * np.abs(slopes[name]).max())


@pytest.mark.parametrize("loss", losses.NAMES)
def test_on_given_rows_and_with_weights(loss):
    compiled, graph = both(loss, "l2", np.uint8, weighted=True)
    rows = np.array([5, 3, 3, 66, 0])
    for some in (None, rows):
        value, gradient = compiled.value_and_gradient(point(), some)
        expected, slopes = graph.value_and_gradient(point(), some)
        assert value == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(gradient["W"], slopes["W"], rtol=2e-4, atol=2e-5 * np.abs(slopes["W"]).max())


@pytest.mark.parametrize("penalty", ["l2", "l1", "elastic_net"])
@pytest.mark.parametrize("loss", losses.NAMES)
def test_the_gradient_check_passes_part_by_part(loss, penalty):
    _, graph = both(loss, penalty, np.float64)
    check = st.check_gradient(graph, point(), most=20)
    assert check, str(check)
    assert {line.part for line in check.coordinates} == {"", "data term", "penalty"}


def test_the_native_sweep_passes_against_the_slopes_of_the_graph():
    compiled, graph = both("softmax", "l2", np.uint8)
    check = st.check_gradient(graph, point(), gradient=lambda at: compiled.value_and_gradient(at)[1], tolerance=1e-4)
    assert check, str(check)


def test_the_native_sweep_alone_is_too_coarse_for_its_own_slopes_and_the_check_says_so():
    compiled, _ = both("softmax", "l2", np.uint8)
    check = st.check_gradient(compiled, point(), h=1e-6, most=10)
    assert not check
    assert any(line.verdict == "rounding" for line in check.coordinates)


def test_both_are_objectives():
    both_of_them: list[Objective] = [*both("hinge", "l1", np.float32)]
    for objective in both_of_them:
        assert len(objective) == N
        data = objective.data_term().value(point())
        assert data == pytest.approx(objective.value(point()) - 0.03 * np.abs(point()["W"]).sum(), rel=1e-5)


@dataclass(frozen=True, eq=False)
class Spoiled:
    """An objective whose gradient somebody got wrong."""

    honest: GraphObjective
    spoil: object

    def value(self, at):
        return self.honest.value(at)

    def value_and_gradient(self, at):
        return self.honest.value(at), self.spoil(self.honest, at)

    def data_term(self):
        return self.honest.data_term()


def scaled_penalty(factor):
    def spoil(honest, at):
        data, whole = honest.data_term().value_and_gradient(at)[1], honest.value_and_gradient(at)[1]
        return {name: data[name] + factor * (whole[name] - data[name]) for name in at}

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(scaled_penalty(0), id="forgotten"),
        pytest.param(scaled_penalty(0.5), id="one half"),
        pytest.param(scaled_penalty(1.001), id="0.1 % off"),
        pytest.param(scaled_penalty(-1), id="sign"),
    ],
)
def test_a_wrong_penalty_cannot_hide_behind_the_data(spoil):
    _, graph = both("softmax", "l2", np.float64, alpha=1e-6)
    check = st.check_gradient(Spoiled(graph, spoil), point())
    assert not check
    assert any(line.part == "penalty" and line.verdict == "wrong" for line in check.coordinates)
    assert st.check_gradient(Spoiled(graph, scaled_penalty(1)), point())


def test_any_model_any_loss_any_penalty():
    """A network of two layers, a user's own loss, a user's own penalty."""
    X, y = examples(np.float64)
    rng = np.random.default_rng(3)
    at = {"V": rng.normal(0, 0.3, (D, 7)), "c": np.zeros(7), "W": rng.normal(0, 0.3, (7, C)), "b": np.zeros(C)}

    def network(p, X):
        return st.tanh(X @ p["V"] + p["c"]) @ p["W"] + p["b"]

    def brier(scores, y):
        return ((st.softmax(scores, axis=1) - np.eye(C)[y]) ** 2).sum(axis=1)

    def smooth_l1(W):
        return st.sqrt(W * W + 0.01).sum()

    L = GraphObjective(network, X, y, brier, smooth_l1, alpha=0.1)
    assert st.check_gradient(L, at)
    expected = np.mean(brier(network(at, X), y)) + 0.1 * (smooth_l1(at["V"]) + smooth_l1(at["W"]))
    assert L.value(at) == pytest.approx(expected, rel=1e-12)
    only_W = replace(L, penalized=["W"])
    assert only_W.value(at) == pytest.approx(np.mean(brier(network(at, X), y)) + 0.1 * smooth_l1(at["W"]), rel=1e-12)


def test_the_formula_of_tensors_is_a_graph():
    X, y = examples(np.float64)
    L = GraphObjective(linear, X, y, "hinge")
    W, b = st.tensor(np.zeros((D, C)), "W"), st.tensor(np.zeros(C), "b")
    f = L.formula({"W": W, "b": b})
    f.backward()
    assert f.value == C - 1  # the hinge at W = 0
    np.testing.assert_allclose(W.grad, L.value_and_gradient({"W": W, "b": b})[1]["W"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((0, D))}, "no rows"),
        ({"y": np.zeros(3, int)}, "y must have one entry for each of the 67 rows"),
        ({"weight": np.ones(3)}, "weight must have one entry"),
        ({"loss": "hing"}, "did you mean"),
        ({"penalty": "l3"}, "there is no penalty"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    X, y = examples(np.float64)
    with pytest.raises(st.InputError, match=message):
        GraphObjective(**{"model": linear, "X": X, "y": y, **change})


def test_wrong_shapes_of_a_users_loss_and_names_of_parameters():
    X, y = examples(np.float64)
    at = {"W": np.zeros((D, C)), "b": np.zeros(C)}
    with pytest.raises(st.InputError, match=r"one number for each of the 67 examples.*\(\)"):
        GraphObjective(linear, X, y, lambda scores, y: scores.sum()).value(at)
    with pytest.raises(st.InputError, match="no parameter 'V' to penalize: the model has W, b"):
        GraphObjective(linear, X, y, penalty="l2", alpha=1.0, penalized=["V"]).value(at)
