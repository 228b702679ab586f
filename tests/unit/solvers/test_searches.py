"""The searches of the lecture: what chance allows them to find, invariants, and all of them on one objective."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from scipy.optimize import minimize

import steepest as st
from steepest import losses, penalties
from steepest.errors import DivergenceError, InputError
from steepest.nn.initialization import generator, normals
from steepest.nn.linear import linear
from steepest.nn.scaling import fit_scaling
from steepest.objective import CompiledLinear, GraphObjective
from steepest.objective.network import NetworkObjective
from steepest.solvers.descent import gradient_descent
from steepest.solvers.genetic import genetic_search
from steepest.solvers.local_search import local_search
from steepest.solvers.random_search import random_search

SEARCHES = {
    "random": random_search,
    "local": local_search,
    "genetic": partial(genetic_search, population=11, generations=10),
    "analytic": partial(gradient_descent, lr=0.01, steps=100),
    "numerical": partial(gradient_descent, lr=0.01, steps=20, gradient="numerical"),
}


class Made:
    """An objective from a formula of the vector w and its gradient; it keeps what it was asked."""

    def __init__(self, formula, slope=None):
        self.formula, self.slope, self.asked = formula, slope, []

    def __len__(self):
        return 1

    def value(self, at, rows=None):
        self.asked.append(at["w"])
        return self.formula(at["w"])

    def value_and_gradient(self, at, rows=None):
        return self.value(at), {"w": self.slope(at["w"])}

    def data_term(self):
        return self


def hillside():
    """L(w) = the sum of w: as steep everywhere, in the same direction."""
    return Made(lambda w: float(w.sum()), np.ones_like)


def bowl(centre, curvature=1.0):
    return Made(lambda w: curvature * float(((w - centre) ** 2).sum()) / 2, lambda w: curvature * (w - centre))


def zero(n=1):
    return {"w": np.zeros(n)}


def softmax_on_points(n=40):
    points = st.load(f"blobs:n={n},seed=1")
    return GraphObjective(lambda p, X: X @ p["W"] + p["b"], points.X, points.y, "softmax", "l2", 0.1)


POINTS_START = {"W": np.zeros((2, 3)), "b": np.zeros(3)}


# What chance allows


def test_random_search_finds_the_least_of_normal_numbers():
    """The largest of 1,000 standard normal numbers is 3.2414 on average (Harter, 1961)."""
    found = [random_search(hillside(), zero(), draws=1000, size=0.1, seed=seed).value for seed in range(25)]
    assert np.mean(found) == pytest.approx(-0.32414, abs=0.025)


def test_local_search_goes_down_by_half_the_normal_steps():
    """On a slope half of the directions lead down, by step sqrt(2 / pi) on average."""
    found = local_search(hillside(), zero(), draws=4000, step=0.1)
    assert len(found.history) - 1 == pytest.approx(2000, abs=130)
    assert found.value == pytest.approx(-4000 * 0.1 / np.sqrt(2 * np.pi), rel=0.08)


def test_local_search_steps_off_from_the_best_so_far():
    L, step = bowl(np.ones(3)), 0.3
    local_search(L, zero(3), draws=50, step=step, seed=7)
    rng, stand = generator(7, "local search"), L.asked[0]
    for there in L.asked[1:]:
        np.testing.assert_array_equal(there, stand + step * normals(rng, 3))
        stand = min(stand, there, key=L.formula)


def test_a_descent_on_a_bowl_is_a_geometric_sequence():
    centre, lr, curvature = np.array([3.0, -1.0]), 0.3, 2.0
    found = gradient_descent(bowl(centre, curvature), zero(2), lr, steps=10)
    w = centre * (1 - (1 - lr * curvature) ** 10)
    np.testing.assert_allclose(found.parameters["w"], w, rtol=1e-14)
    assert [value for _, value in found.history] == pytest.approx(
        [curvature / 2 * 10 * (1 - lr * curvature) ** (2 * k) for k in range(11)]
    )


def test_a_descent_reaches_the_optimum_that_scipy_finds():
    L = softmax_on_points()

    def flat(w):
        value, g = L.value_and_gradient({"W": w[:6].reshape(2, 3), "b": w[6:]})
        return value, np.concatenate([g["W"].ravel(), g["b"]])

    best = minimize(flat, np.zeros(9), jac=True, method="BFGS", options={"gtol": 1e-10}).fun
    assert gradient_descent(L, POINTS_START, lr=0.5, steps=400).value == pytest.approx(best, rel=1e-7)


def test_the_numerical_gradient_leads_the_same_way():
    L = softmax_on_points()
    ways = [gradient_descent(L, POINTS_START, 0.1, 15, how) for how in ("analytic", "numerical")]
    values = [[value for _, value in way.history] for way in ways]
    np.testing.assert_allclose(*values, rtol=1e-9)
    assert [way.evaluations for way in ways] == [15 + 1, 15 * (2 * 9 + 1) + 1]


# Genetic search, operator by operator


@settings(max_examples=25, deadline=None)
@given(seed=hs.integers(0, 2**64 - 1), population=hs.integers(2, 9), n=hs.integers(1, 5))
def test_without_mutation_every_coordinate_comes_from_the_first_generation(seed, population, n):
    L = bowl(np.arange(n))
    genetic_search(L, zero(n), population, generations=6, size=1.0, mutation=0.0, seed=seed)
    first, later = np.array(L.asked[:population]), np.array(L.asked[population:])
    assert len(later) == 6 * (population - 1)
    for coordinate in range(n):
        assert set(later[:, coordinate]) <= set(first[:, coordinate])


def test_parents_are_the_better_ones_and_children_mix_them():
    L = hillside()
    genetic_search(L, zero(50), population=100, generations=1, size=1.0, mutation=0.0)
    first, later = np.array(L.asked[:100]), np.array(L.asked[100:])
    # The smaller of two standard normal numbers is -1 / sqrt(pi) on average; here they are sums of 50.
    expected = -np.sqrt(50 / np.pi)
    assert later.sum(axis=1).mean() == pytest.approx(first.sum(axis=1).mean() + expected, abs=1.3)
    from_one = [max((child == parent).mean() for parent in first) for child in later]
    assert np.median(from_one) < 0.75  # a child is no copy of a parent, unless both were the same


@pytest.mark.parametrize(("mutation", "share"), [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
def test_mutation_moves_its_share_of_the_coordinates(mutation, share):
    L = Made(lambda w: 0.0)
    genetic_search(L, zero(2000), population=2, generations=1, size=1e-3, mutation=mutation)
    first, child = np.array(L.asked[:2]), L.asked[2]
    assert (~(child == first).any(axis=0)).mean() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("seed", [0, 5, 6])  # the latter begin with children that are mixed
@pytest.mark.parametrize("later", [3.0, np.nan])
def test_who_stays_the_best_makes_all_others_like_it(later, seed):
    """Without mutation, of two that live, a child is a copy of the better one in 9 cases of 16, and then all are."""
    L = Made(lambda w: [5.0, 1.0][len(L.asked) - 1] if len(L.asked) < 3 else later)
    genetic_search(L, zero(100), population=2, generations=40, size=1.0, mutation=0.0, seed=seed)
    best = L.asked[1]
    assert best.all()
    np.testing.assert_array_equal(L.asked[-1], best)


def test_the_best_one_lives_on():
    L = bowl(np.full(3, 2.0))
    found = genetic_search(L, zero(3), population=8, generations=30, size=0.5, mutation=1.0)
    values = [L.formula(w) for w in L.asked]
    assert found.value == min(values) == L.formula(found.parameters["w"])
    assert found.evaluations == len(values) == 8 + 30 * 7


# All of them


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_gives_back_the_best_that_it_met(name):
    L, start = bowl(np.array([1.0, -2.0, 0.5])), {"w": np.array([0.5, 0.5, 0.5])}
    kwargs = {} if "ical" in name or "analytic" in name else {"seed": 3}
    found, again = SEARCHES[name](L, start, **kwargs), SEARCHES[name](L, start, **kwargs)
    assert start["w"].tolist() == [0.5, 0.5, 0.5]
    assert found.value == L.formula(found.parameters["w"]) == min(value for _, value in found.history)
    assert found.value <= found.history[0][1] == L.formula(start["w"])
    assert found.history[-1][0] <= found.evaluations
    assert found.finished
    assert (found.history, found.evaluations) == (again.history, again.evaluations)
    assert "objective" in str(found)


@pytest.mark.parametrize("name", ["random", "local", "genetic"])
def test_another_seed_looks_elsewhere(name):
    values = {SEARCHES[name](bowl(np.ones(3)), zero(3), seed=seed).value for seed in range(3)}
    assert len(values) == 3


@pytest.mark.parametrize("name", SEARCHES)
def test_ctrl_c_leaves_what_was_found(name):
    L = bowl(np.ones(2))

    def interrupted(w):
        if len(L.asked) == 8:
            raise KeyboardInterrupt
        return float(((w - 1) ** 2).sum())

    L.formula = interrupted
    found = SEARCHES[name](L, zero(2))
    assert not found.finished
    assert "stopped early" in str(found)
    stood = [L.asked[0], L.asked[4]] if name == "numerical" else L.asked[:7]  # between them it felt around
    assert found.value == min(((w - 1) ** 2).sum() for w in stood)
    L.asked = [None] * 7
    with pytest.raises(KeyboardInterrupt):  # nothing was found yet
        SEARCHES[name](L, zero(2))


@pytest.mark.parametrize("name", SEARCHES)
def test_the_watcher_sees_every_try_and_may_stop(name):
    seen = []

    def watch(evaluations, value):
        seen.append((evaluations, value))
        return len(seen) == 4

    found = SEARCHES[name](bowl(np.ones(2)), zero(2), watch=watch)
    assert len(seen) == 4
    assert not found.finished
    assert (found.evaluations, found.value) == seen[-1]
    assert [value for _, value in seen] == sorted((value for _, value in seen), reverse=True)


@pytest.mark.parametrize("name", SEARCHES)
def test_some_rows_alone_are_looked_at(name):
    L, rows = softmax_on_points(), np.arange(0, 40, 3)
    found = SEARCHES[name](L, POINTS_START, rows=rows)
    assert found.value == L.value(found.parameters, rows) != L.value(found.parameters)


def test_types_and_forms_are_those_of_the_start():
    start = {"w": np.zeros((2, 2), np.float32), "n": np.zeros((), np.int64)}
    L = Made(None)
    L.value = lambda at, rows=None: float(((at["w"] - 1) ** 2).sum() + (at["n"] - 1.5) ** 2)
    found = random_search(L, start, size=1.0)
    assert {name: (part.shape, part.dtype) for name, part in found.parameters.items()} == {
        "w": ((2, 2), np.float32), "n": ((), np.float64),
    }  # fmt: skip
    assert found.value < 1.0


def test_a_parameter_without_a_gradient_stays():
    start = {"mean": np.array([4.0]), "w": np.zeros(2)}
    found = gradient_descent(bowl(np.ones(2)), start, lr=0.5, steps=60)
    assert found.parameters["mean"].tolist() == [4]
    assert found.parameters["w"] == pytest.approx([1, 1])


def test_they_compare_on_the_digits_and_run_on_the_graph_too():
    """The same 300 evaluations: a gradient is worth more than a step at random, and that more than a leap at random."""
    train, test = st.load("digits").split(seed=0)
    scaling = fit_scaling(train.X)
    native = CompiledLinear(train.X, train.y, 10, losses.softmax, penalties.l2, 1e-4, scaling, threads=2)
    graph = GraphObjective(partial(linear, scaling=scaling), train.X, train.y, "softmax", "l2", 1e-4)
    start = {"W": np.zeros((64, 10), np.float32), "b": np.zeros(10, np.float32)}
    ways = {
        "random": partial(random_search, draws=299, size=0.03),
        "genetic": partial(genetic_search, population=14, generations=22, size=0.03),
        "local": partial(local_search, draws=299, step=0.03),
        "descent": partial(gradient_descent, lr=0.1, steps=299),
    }
    found = {name: search(native, start) for name, search in ways.items()}
    assert all(search.evaluations == 300 for search in found.values())
    values = [found[name].value for name in ways]
    assert np.log(10) > values[0] > values[1] > values[2] > values[3]
    accuracy = {}
    for name, search in found.items():
        scores = linear(search.parameters, test.X, scaling)
        accuracy[name] = (scores.argmax(axis=1) == test.y).mean()
    assert 0.1 < accuracy["random"] < accuracy["local"] < accuracy["descent"]
    assert accuracy["descent"] > 0.93
    on_graph = random_search(graph, start, draws=50, size=0.03)
    natively = random_search(native, start, draws=50, size=0.03)
    assert [n for n, _ in on_graph.history] == [n for n, _ in natively.history]
    assert on_graph.value == pytest.approx(natively.value, rel=1e-5)


def test_networks_are_searched_too():
    points = st.load("moons:n=100")
    model = st.nn.MLP([2, 8, 2], activation="tanh")
    L = NetworkObjective(model, points.X, points.y, losses.softmax, penalties.l2, 1e-4, fit_scaling(points.X))
    start = model.init(seed=0)
    found = [local_search(L, start, step=0.1), gradient_descent(L, start, lr=1.0, steps=100)]
    assert all(search.value < 0.3 < L.value(start) for search in found)
    ways = [gradient_descent(L, start, 0.5, 5, how, h=1e-2).value for how in ("analytic", "numerical")]
    assert ways[0] == pytest.approx(ways[1], rel=1e-3)


# What goes wrong


@pytest.mark.parametrize("gradient", ["analytic", "numerical"])
def test_a_descent_that_diverges_says_where(gradient):
    """With lr = 3 the distance doubles from step to step, and L(W) is (2^k)^2: over 1e6 for k = 10, (1024)^2."""
    with pytest.raises(DivergenceError, match=r"is 1.05e\+06 after step 10 at lr=3; use a lower lr") as raised:
        gradient_descent(bowl(np.ones(2)), zero(2), 3.0, 100, gradient)
    assert raised.value.step == 10
    assert [record["value"] for record in raised.value.history] == pytest.approx([4.0**k for k in range(10)])
    found = gradient_descent(bowl(np.ones(2)), zero(2), 3.0, 9, gradient)
    assert found.value == 1  # the best is the start
    assert not found.parameters["w"].any()


@pytest.mark.parametrize("gradient", ["analytic", "numerical"])
def test_a_descent_to_where_nothing_is_a_number_diverges(gradient):
    L = GraphObjective(lambda p, X: X @ st.sqrt(p["W"]), np.eye(2), np.array([0, 1]), "squared")
    with pytest.raises(DivergenceError, match="is nan after step 1"):
        gradient_descent(L, {"W": np.full((2, 2), 0.5)}, 1e4, 10, gradient)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_never_wins(value):
    L = Made(lambda w: 1.0 if not w.any() else value)
    for name in ("random", "local", "genetic"):
        found = SEARCHES[name](L, zero(2))
        assert found.value == 1.0
        assert len(found.history) == 1


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (lambda: random_search(bowl(0), zero(), draws=0), "draws must be at least 1"),
        (lambda: random_search(bowl(0), zero(), size=0.0), "size must be greater than 0"),
        (lambda: random_search(bowl(0), zero(), seed=-1), "seed"),
        (lambda: local_search(bowl(0), zero(), step=-1.0), "step must be greater than 0"),
        (lambda: genetic_search(bowl(0), zero(), population=1), "population must be at least 2"),
        (lambda: genetic_search(bowl(0), zero(), mutation=1.5), "mutation"),
        (lambda: gradient_descent(bowl(0), zero(), lr=0.0), "lr must be greater than 0"),
        (lambda: gradient_descent(bowl(0), zero(), 0.1, gradient="numeric"), "did you mean numerical"),
        (lambda: random_search(bowl(0), {}), "the start has none"),
        (lambda: random_search(bowl(0), {"w": np.array([np.nan])}), "parameter w"),
        (lambda: random_search(bowl(0), {"w": np.array(["a"])}), "parameter w"),
        (lambda: random_search(Made(lambda w: np.nan), zero()), "nan at the start"),
    ],
)
def test_what_cannot_be_is_said(search, words):
    with pytest.raises(InputError, match=words):
        search()
