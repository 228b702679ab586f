"""The gradient check, checked: it must pass what is right and fail what fools the usual check."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as s

import steepest as st
from steepest import InputError

SCALES = [1e-8, 1e-4, 1.0, 1e4, 1e8]


def spread(n=5, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def network(seed, n, hidden=32, layers=3):
    """A ReLU network with the softmax loss: kinks all around."""
    rng = np.random.default_rng(seed)
    sizes = [10, *[hidden] * layers, 5]
    X, y = rng.normal(size=(n, 10)), rng.integers(5, size=(n, 1))
    at = [{"W": rng.normal(size=(a, b)) * np.sqrt(2 / a), "b": np.zeros(b)} for a, b in pairwise(sizes)]

    def loss(p):
        x = X
        for layer in p[:-1]:
            x = st.relu(x @ layer["W"] + layer["b"])
        return -st.gather(st.log_softmax(x @ p[-1]["W"] + p[-1]["b"]), y).mean()

    return loss, at


# What is right passes.

RIGHT = {
    "square": lambda w, k: (w * w).sum(),
    "cube": lambda w, k: (w**3).sum(),
    "steep": lambda w, k: st.sin(w / k).sum(),
    "exponential": lambda w, k: st.exp(w / k).sum(),
    "large or small": lambda w, k: k * (w * w).sum(),
    "logarithm": lambda w, k: st.log(st.abs(w) + 0.1 * k).sum(),
    "root": lambda w, k: st.sqrt(st.abs(w) + 0.1 * k).sum(),
    "inverse": lambda w, k: (1 / (st.abs(w) + 0.1 * k)).sum(),
    "product": lambda w, k: w[0] * w[1] * w[2] + w[3] / (st.abs(w[4]) + 0.1 * k),
    "flat": lambda w, k: (0.0 * w).sum() + k,
    "linear": lambda w, k: k * w.sum() + k,
}


@pytest.mark.parametrize("k", SCALES)
@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass_at_every_scale(name, k):
    for seed in range(3):
        found = st.check_gradient(lambda w: RIGHT[name](w, k), k * spread(seed=seed))
        assert found, found


@pytest.mark.parametrize("seed", range(3))
def test_coordinates_of_many_scales_at_once(seed):
    units = np.array([1e8, 1.0, 1e-8])
    assert st.check_gradient(lambda w: st.sin(w * units).sum(), spread(3, seed) / units)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda w: st.sigmoid(w).sum(), [20.0, -20.0, 35.0, -35.0, 50.0, 800.0, -800.0]),
        (lambda w: st.sigmoid(100 * w).sum(), [5.0, -5.0, 50.0]),
        (lambda w: st.tanh(w).sum(), [20.0, -10.0, 0.0]),
        (lambda w: st.logsumexp(w) - w[0], [1e4, -1e4, 0.0, 1e4 - 1]),
        (lambda w: (w**4).sum(), np.zeros(3)),
        (lambda w: 1 + (w**4).sum(), np.zeros(3)),
        (lambda w: 1e3 + (w * w).sum(), [1.0, 2.0]),
        (lambda w: st.exp(w).sum(), [-20.0, 0.0, 5.0]),
        (lambda w: st.sign(w).sum() + st.step(w).sum(), [-1.0, 2.0]),
        (lambda w: 3.0, 1.0),
        (lambda w: ((w - 1e8) ** 2).sum(), 1e8 + spread()),
        (lambda w: st.sqrt(w), 1e-6),
        (lambda w: st.log(w), 1e-7),
        (lambda w: math.log(float(w)) if not isinstance(w, st.Tensor) else st.log(w), 1e-5),  # it raises beyond 0
        (lambda w: st.sin(w), 1e8),
    ],
)
def test_flat_saturated_zero_and_at_the_edge_pass(f, at):
    found = st.check_gradient(f, at)
    assert found, found


@pytest.mark.parametrize("near", [0.0, 1e-13, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 5e-5, 1e-4, 1e-3])
@pytest.mark.parametrize(
    "f",
    [
        lambda w: st.relu(w).sum(),
        lambda w: (3 * st.relu(w) + w * w).sum(),
        lambda w: (st.relu(w) ** 2).sum(),
        lambda w: st.abs(w).sum(),
        lambda w: st.leaky_relu(w).sum(),
        lambda w: st.maximum(w, w * w).sum(),
        lambda w: 2 * st.max(w) + (w * w).sum(),
        lambda w: st.relu(w - 0.2 * w.sum()).sum(),
        lambda w: st.where(st.abs(w) < 1e-5, 5e4 * w * w, st.abs(w) - 5e-6).sum(),
    ],
)
def test_points_at_and_near_kinks_pass(f, near):
    found = st.check_gradient(f, [near, -near, near / 2, 1.0])
    assert found, found


def test_a_kink_is_named():
    found = st.check_gradient(lambda w: st.relu(w).sum(), [0.0, 1.0])
    assert found.kinks[0].name == "x[0]"
    assert "at a kink" in str(found)
    assert not st.check_gradient(st.abs, 0.0, gradient=lambda w: 1.5)  # not between the two slopes
    assert not st.check_gradient(st.abs, 1e-6, gradient=lambda w: -1.0)  # the slope of the other side
    assert not st.check_gradient(st.abs, 1e-6, gradient=lambda w: 0.0)


@pytest.mark.parametrize(("seed", "n", "hidden"), [(0, 20, 32), (1, 100, 32), (2, 200, 64), (3, 20, 100)])
def test_networks_with_many_relus_pass(seed, n, hidden):
    found = st.check_gradient(*network(seed, n, hidden), most=8)
    assert found, found
    assert found.coordinates[0].name.startswith("[0].W[")


UNARY = [
    st.sin, st.tanh, st.sigmoid, lambda x: st.exp(0.3 * x), lambda x: x * x, lambda x: 1 / (1 + x * x),
    lambda x: st.log(1 + x * x), lambda x: st.sqrt(1 + x * x), lambda x: st.logaddexp(x, 0.0), st.cos,
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    s.lists(s.tuples(s.integers(0, len(UNARY) - 1), s.floats(-3, 3), s.floats(-3, 3)), min_size=1, max_size=5),
    s.lists(s.floats(-3, 3), min_size=1, max_size=4),
    s.floats(-8, 8),
)
def test_random_smooth_functions_pass_and_a_thousandth_does_not(steps, at, size):
    def f(w):
        value = w
        for which, a, b in steps:
            value = UNARY[which](a * value + b)
        return 10.0**size * value.sum()

    found = st.check_gradient(f, at)
    assert found, found
    slope = st.grad(f)(np.array(at))
    if np.abs(slope).max() > 1e-3 * 10.0**size:
        assert not st.check_gradient(f, at, gradient=lambda w: 1.001 * slope)


# What is wrong fails.


@dataclass
class Objective:
    """Softmax loss and L2 of a linear classifier, with mistakes on demand."""

    alpha: float = 0.1
    mistake: str = ""

    def __post_init__(self):
        rng = np.random.default_rng(0)
        self.X, self.y = rng.normal(size=(30, 6)), rng.integers(3, size=30)

    def value(self, at):
        scores = self.X @ at["W"]
        each = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(30), self.y]
        return each.mean() + self.alpha * (at["W"] ** 2).sum()

    def value_and_gradient(self, at):
        scores = self.X @ at["W"]
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        data, penalty = self.X.T @ (p - np.eye(3)[self.y]) / 30, 2 * self.alpha * at["W"]
        match self.mistake:
            case "penalty forgotten":
                penalty = 0 * penalty
            case "half the penalty":
                penalty = penalty / 2
            case "half the loss":
                data = data / 2
            case "a thousandth":
                data, penalty = 1.001 * data, 1.001 * penalty
            case "a thousandth of the penalty":
                penalty = 1.001 * penalty
            case "one coordinate":
                data[2, 1] *= 1.001
            case "one class":
                data[:, 0] = 0
            case "a sum for a mean":
                data = 30 * data
            case "the sign":
                data = -data
        return self.value(at), {"W": data + penalty}

    def data_term(self):
        return replace(self, alpha=0.0)


AT = {"W": 0.3 * np.random.default_rng(1).normal(size=(6, 3))}
MISTAKES = [
    "penalty forgotten", "half the penalty", "half the loss", "a thousandth", "a thousandth of the penalty",
    "one coordinate", "one class", "a sum for a mean", "the sign",
]  # fmt: skip


@pytest.mark.parametrize("alpha", [0.0, 1e-6, 0.1, 1e3])
def test_a_right_objective_passes_in_all_its_parts(alpha):
    found = st.check_gradient(Objective(alpha), AT)
    assert found, found
    assert {c.part for c in found.coordinates} == ({"", "data term", "penalty"} if alpha else {"", "data term"})


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_an_objective_are_found(mistake):
    assert not st.check_gradient(Objective(mistake=mistake), AT)


@pytest.mark.parametrize("mistake", ["penalty forgotten", "half the penalty", "a thousandth of the penalty"])
def test_a_faint_penalty_cannot_hide_behind_the_loss(mistake):
    """The penalty is a millionth of the gradient, and a check of the whole alone would pass it."""
    found = st.check_gradient(Objective(1e-6, mistake), AT, tolerance=1e-4)
    assert not found
    assert {c.part for c in found.coordinates if c.verdict == "wrong"} == {"penalty"}


WRONG = {
    "a thousandth everywhere": lambda g: 1.001 * g,
    "a thousandth less": lambda g: 0.999 * g,
    "one half": lambda g: 0.5 * g,
    "twice": lambda g: 2 * g,
    "the sign": lambda g: -g,
    "nothing": lambda g: 0 * g,
    "the wrong way round": lambda g: g[::-1],
    "a constant more": lambda g: g + 1e-3,
    **{f"a thousandth at {i}": lambda g, i=i: np.where(np.arange(5) == i, 1.001 * g, g) for i in range(5)},
}


@pytest.mark.parametrize(
    "name", ["square", "cube", "steep", "exponential", "logarithm", "inverse", "product", "linear"]
)
@pytest.mark.parametrize("mistake", WRONG)
def test_mistakes_in_a_gradient_are_found(name, mistake):
    f = lambda w: RIGHT[name](w, 1.0)  # noqa: E731
    if name == "linear" and mistake == "the wrong way round":
        return
    at = spread()
    g = WRONG[mistake](st.grad(f)(at))
    found = st.check_gradient(f, at, gradient=lambda w: g)
    assert not found, found


@pytest.mark.parametrize("k", SCALES)
@pytest.mark.parametrize("name", ["square", "steep", "exponential", "large or small"])
def test_a_thousandth_is_found_at_every_scale(name, k):
    f, at = (lambda w: RIGHT[name](w, k)), k * spread()
    assert not st.check_gradient(f, at, gradient=lambda w: 1.001 * st.grad(f)(w))


@pytest.mark.parametrize("near", [1e-3, 1e-4, 1e-5, 1e-6])
def test_a_thousandth_is_found_near_kinks(near):
    f = lambda w: 3 * st.relu(w) + w  # noqa: E731
    for at in (near, -near):
        assert not st.check_gradient(f, at, gradient=lambda w: 1.001 * st.grad(f)(w))


@pytest.mark.parametrize("seed", range(3))
def test_a_thousandth_is_found_in_a_network(seed):
    loss, at = network(seed, 50)
    slopes = st.grad(loss)(at)
    slopes[1]["W"] = 1.001 * slopes[1]["W"]
    found = st.check_gradient(loss, at, gradient=lambda p: slopes, most=8)
    assert not found
    wrong = [c for c in found.coordinates if c.verdict == "wrong" and "direction" not in c.name]
    assert wrong
    assert all(c.name.startswith("[1].W") for c in wrong)


def in_float32(w):
    w = np.float32(w)
    return np.float32(np.logaddexp.reduce(w) + (w * w).sum())


def slope_of_float32(w):
    return np.exp(w - np.logaddexp.reduce(w)) + 2 * w


@pytest.mark.parametrize("wrap", [np.float32, float, lambda v: st.tensor(np.float32(v))])
@pytest.mark.parametrize("h", [1e-4, 1e-5, 1e-6])
def test_float32_with_too_small_a_step_fails(wrap, h):
    found = st.check_gradient(lambda w: wrap(in_float32(w)), [0.3, -1.2, 2.0], gradient=slope_of_float32, h=h)
    assert not found
    assert {c.verdict for c in found.coordinates} == {"rounding"}
    assert "float64" in str(found)


def test_float32_inside_does_not_pass_a_mistake():
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)

    def f(w):
        return float(((X @ np.float32(w)) ** 2).astype(np.float64).mean())

    found = st.check_gradient(f, [0.3, -1.2, 2.0], gradient=lambda w: 1.01 * 2 * X.T @ (X @ w) / 50)
    assert not found


def test_round_numbers_are_not_taken_for_float32():
    assert st.check_gradient(lambda w: (w * w).sum(), [1.0, 2.0], h=2.0**-10)
    assert st.check_gradient(lambda w: (w * w).sum(), [1.0, 2.0], h=0.5)


def test_infinite_derivatives_fail():
    assert not st.check_gradient(st.sqrt, 0.0)
    assert not st.check_gradient(st.abs, 1.0, gradient=lambda w: np.inf)


# What it says, and what it takes.


def test_it_names_the_worst():
    def slope(p):
        g = {"W": 2 * p["W"], "b": np.ones(2)}
        g["W"][1, 0] += 0.5
        return g

    f = lambda p: (p["W"] ** 2).sum() + p["b"].sum()  # noqa: E731
    found = st.check_gradient(f, {"W": np.ones((2, 2)), "b": np.zeros(2)}, gradient=slope)
    assert not found.passed
    bad = {c.name for c in found.coordinates if c.verdict == "wrong"}
    assert "W[1, 0]" in bad
    assert all(name.startswith("direction") for name in bad - {"W[1, 0]"})
    text = str(found)
    assert text.startswith("gradient check FAILED: ")
    assert "W[1, 0]" in text
    assert next(c for c in found.coordinates if c.name == "W[1, 0]").numerical == pytest.approx(2)


def test_many_coordinates_are_sampled():
    found = st.check_gradient(lambda w: (w * w).sum(), np.arange(1000.0), most=20)
    names = {c.name for c in found.coordinates}
    assert len(names) == 23
    assert {"x[0]", "x[999]"} <= names  # the smallest and the largest derivative
    again = st.check_gradient(lambda w: (w * w).sum(), np.arange(1000.0), most=20)
    assert again == found


@pytest.mark.parametrize(
    "at", [1.0, [1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]], {"w": 1.0}, [np.ones(2), np.ones((2, 2))], (1, 2)]
)
def test_points_of_every_form(at):
    def f(p):
        parts = p.values() if isinstance(p, dict) else p if isinstance(p, list | tuple) else [p]
        return sum((part * part).sum() if np.ndim(st.autodiff.graph.raw(part)) else part * part for part in parts)

    assert st.check_gradient(f, at)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fn": lambda w: w, "at": [1.0, 2.0]}, "one number"),
        ({"fn": st.sin, "at": np.nan}, "finite"),
        ({"fn": st.sin, "at": {"W": [1.0, np.inf]}}, "finite, and W is not"),
        ({"fn": st.sin, "at": "a"}, "real numbers"),
        ({"fn": st.sin, "at": []}, "no coordinates"),
        ({"fn": st.sin, "at": 1.0, "most": 0}, "most must be at least 1"),
        ({"fn": st.sin, "at": 1.0, "gradient": lambda w: np.ones(2)}, r"shape \(2,\) where the point has \(\)"),
        ({"fn": lambda p: p["W"], "at": {"W": 1.0}, "gradient": lambda p: {"b": 1.0}}, "the form of the point"),
        ({"fn": lambda p: p[0], "at": [np.ones(()), np.ones(1)], "gradient": lambda p: [1.0]}, "form|shape"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        st.check_gradient(**arguments)
