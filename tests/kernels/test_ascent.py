"""Dual ascent: each step is the best there is, W and b are what the p_i make them, and the twin agrees."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.kernels import ascent_reference, dispatch
from steepest.losses import get
from steepest.losses.duals import dual

DTYPES = ["uint8", "float16", "float32", "float64"]
LOSSES = ["hinge", "hinge_max", "ova_hinge"]
SOME = settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "25")))

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "dtype": st.sampled_from(DTYPES),
        "rows": st.integers(1, 40) | st.sampled_from([63, 64, 65, 130]),
        "features": st.integers(1, 40) | st.sampled_from([95, 96, 97, 193]),
        "classes": st.sampled_from([2, 3, 10, 11, 17]),
        "order": st.sampled_from(["none", "all", "some"]),
        "weighted": st.booleans(),
        "strided": st.booleans(),
    }
)


class Ascent:
    """A problem of the other kernels' tests, seen from the dual side."""

    def __init__(self, problem, loss, strength=2.0, bias=0.5, block=16):
        self.problem, self.loss, self.strength, self.bias = problem, loss, strength, bias
        self.given = (problem.X, problem.y, problem.order, problem.weight, problem.shift, problem.scale)
        rows, C = len(problem.rows), len(problem.W)
        self.block = min(block, rows)
        self.turn = np.random.default_rng(0).permutation(-(-rows // self.block))
        self.p = np.zeros((len(problem.X), C), np.float32)
        self.W, self.b = np.zeros_like(problem.W), np.zeros(C, np.float32)

    def gram(self, kernels=dispatch, threads=1):
        X, _, order, _, shift, scale = self.given
        out = np.full((len(self.problem.rows), self.block), np.nan, np.float32)
        kernels.block_grams(X, order, shift, scale, out, threads=threads)
        return out

    def passes(self, count, kernels=dispatch, threads=1, gram=None):
        """(left, moved) of the last one, W, b, p."""
        W, b, p, gram = self.W.copy(), self.b.copy(), self.p.copy(), self.gram() if gram is None else gram
        for _ in range(count):
            told = kernels.ascend(
                *self.given, W, b, p, gram, self.turn,
                loss=self.loss, strength=self.strength, bias=self.bias, threads=threads,
            )  # fmt: skip
        return told, W, b, p

    def value(self, W, b, p):
        """N D(p) of the problem whose bias is one more feature: what each step makes larger."""
        conjugates = dual(get(self.loss)).conjugate(p.astype(np.float64), self.problem.y)
        rows = self.problem.rows
        squares = (W.astype(np.float64) ** 2).sum() + (b.astype(np.float64) ** 2).sum() / self.bias
        return -float(self.problem.w @ conjugates[rows]) - self.strength / 2 * squares


@given(case=cases, loss=st.sampled_from(LOSSES), threads=st.sampled_from([1, 2, 3]))
@SOME
def test_a_pass_is_that_of_the_twin(make, level, case, loss, threads):
    a = Ascent(make(**case), loss)
    (left, moved), W, b, p = a.passes(1, threads=threads)
    (twin_left, twin_moved), twin_W, twin_b, twin_p = a.passes(1, ascent_reference, gram=a.gram(ascent_reference))
    np.testing.assert_allclose(p, twin_p, atol=2e-3)
    size = np.abs(a.problem.standardized()).sum(axis=0).max() + 1
    np.testing.assert_allclose(W, twin_W, atol=2e-3 * size)
    np.testing.assert_allclose(b, twin_b, atol=2e-3 * len(p))
    assert left == pytest.approx(twin_left, rel=2e-3, abs=2e-3)
    assert abs(moved - twin_moved) <= 1 + len(p) // 20


@given(case=cases, loss=st.sampled_from(LOSSES))
@SOME
def test_w_and_b_are_what_the_p_make_them(make, level, case, loss):
    a = Ascent(make(**case), loss)
    _, W, b, p = a.passes(3)
    rows, w = a.problem.rows, a.problem.w
    d = p[rows].astype(np.float64) * w[:, None] / a.strength
    size = np.abs(d).T @ a.problem.sizes() + np.outer(np.abs(d).sum(axis=0), np.abs(a.problem.shift * a.problem.scale))
    assert np.all(np.abs(W + d.T @ a.problem.standardized()) <= 1e-5 * (size + size.max(initial=0)) + 1e-6)
    np.testing.assert_allclose(b, -a.bias * d.sum(axis=0), atol=1e-5 * (1 + np.abs(d).sum() * a.bias))


@pytest.mark.parametrize("loss", LOSSES)
@given(seed=st.integers(0, 999), C=st.integers(2, 6), strength=st.sampled_from([1e-2, 1.0, 1e2]))
@SOME
def test_a_step_is_the_best_there_is(make, level, loss, seed, C, strength):
    """No other p of one example has a larger D: random ones do not, and none on the way there."""
    a = Ascent(make(seed, "float32", 1, 5, C), loss, strength=strength)
    rng = np.random.default_rng(seed)
    a.p[:] = _feasible(rng, loss, a.problem.y, C)
    Z = a.problem.standardized()
    a.W[:], a.b[:] = -(a.p.T @ Z) / strength, -a.bias * a.p[0] / strength
    _, W, b, p = a.passes(1)
    best = a.value(W, b, p)
    for _ in range(20):
        other = _feasible(rng, loss, a.problem.y, C)
        for q in (other, 0.99 * p + 0.01 * other):
            worse = a.value(-(q.T @ Z) / strength, -a.bias * q[0] / strength, q)
            assert worse <= best + 1e-5 * (1 + abs(best))


def _feasible(rng, loss, y, C):
    q = rng.uniform(-0.3, 1.3, (1, C)).clip(0, 1)
    if loss == "ova_hinge":
        return q * np.where(np.arange(C) == y[:, None], -1, 1)
    q[0, y] = 0
    if loss == "hinge_max":
        q /= max(1.0, q.sum()) / rng.uniform(0.5, 1)
    q[0, y] = -q.sum()
    return q


@given(case=cases, loss=st.sampled_from(LOSSES))
@SOME
def test_each_pass_climbs_and_what_it_leaves_is_never_below_nothing(make, level, case, loss):
    a = Ascent(make(**case), loss)
    before = 0.0
    for count in (1, 2, 4):
        (left, _), W, b, p = a.passes(count)
        value = a.value(W, b, p)
        assert value >= before - 1e-4 * (1 + abs(before))
        assert left >= -1e-4 * len(p)
        before = value


@pytest.mark.parametrize("loss", LOSSES)
@given(seed=st.integers(0, 999), C=st.integers(2, 18), strength=st.sampled_from([1e-2, 1.0, 1e2]))
@SOME
def test_best_slopes_are_those_of_the_proximal_point(level, loss, seed, C, strength):
    """p is a slope of L at s - p / strength: no other scores t have L(t) below L + <p, t - (s - p / strength)>."""
    rng = np.random.default_rng(seed)
    S, y = rng.normal(0, 3, (40, C)).astype(np.float32), rng.integers(0, C, 40)
    p, twin = np.full_like(S, np.nan), np.full_like(S, np.nan)
    dispatch.best_slopes(S, y, p, loss=loss, strength=strength, threads=2)
    ascent_reference.best_slopes(S, y, twin, loss=loss, strength=strength, threads=1)
    np.testing.assert_allclose(p, twin, atol=1e-4 * max(1, strength))
    L, P = get(loss), p.astype(np.float64)
    at = S - P / strength
    for far in (0.01, 1.0):
        t = at + far * rng.normal(size=at.shape)
        room = 1e-5 * (1 + strength) * (1 + np.abs(at).max() + far)
        assert np.all(L(t, y) >= L(at, y) + (P * (t - at)).sum(axis=1) - room)


@given(case=cases, threads=st.sampled_from([1, 2, 3]))
@SOME
def test_the_grams_of_blocks_are_those_of_numpy_and_of_the_twin(make, level, case, threads):
    a = Ascent(make(**case), "hinge")
    Z = a.problem.standardized()
    sizes = np.linalg.norm(a.problem.sizes() + np.abs(a.problem.shift * a.problem.scale), axis=1)
    for kernels in (dispatch, ascent_reference):
        G = a.gram(kernels, threads)
        for begin in range(0, len(Z), a.block):
            block, size = Z[begin : begin + a.block], sizes[begin : begin + a.block]
            found = G[begin : begin + a.block, : len(block)]
            assert np.all(np.abs(found - block @ block.T) <= 1e-5 * np.outer(size, size) + 1e-30)


@given(case=cases, threads=st.sampled_from([1, 2, 3]))
@SOME
def test_what_pulls_at_w_is_that_of_numpy_and_of_the_twin(make, level, case, threads):
    problem = make(**case)
    p = np.random.default_rng(case["seed"]).normal(size=(len(problem.X), 3)).astype(np.float32)
    P = p[problem.rows] * problem.w[:, None]
    size = np.abs(P).T @ (problem.sizes() + np.abs(problem.shift * problem.scale)) + 1e-30
    for kernels in (dispatch, ascent_reference):
        out = np.full((3, problem.X.shape[1]), np.nan)
        kernels.pull(
            problem.X, problem.order, problem.weight, problem.shift, problem.scale, p, out, threads=threads
        )  # fmt: skip
        assert (np.abs(out - P.T @ problem.standardized()) / size).max() <= 1e-5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_threads_change_no_bit(make, level, dtype, loss):
    a = Ascent(make(1, dtype, 300, 900, 10, order="all", weighted=True, strided=True), loss, block=64)
    alone, G = a.passes(2), a.gram()
    for threads in (2, 3, 8):
        np.testing.assert_array_equal(a.gram(threads=threads), G)
        for one, other in zip(alone, a.passes(2, threads=threads), strict=True):
            np.testing.assert_array_equal(one, other)
    out, many = np.empty((10, 900)), np.empty((10, 900))
    X, _, order, weight, shift, scale = a.given
    dispatch.pull(X, order, weight, shift, scale, alone[3], out, threads=1)
    dispatch.pull(X, order, weight, shift, scale, alone[3], many, threads=3)
    np.testing.assert_array_equal(out, many)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"W": np.zeros((1, 4), np.float32)}, "W must be"), ({"p": np.zeros((5, 2), np.float32)}, "p must be"),
        ({"gram": np.zeros((5, 3), np.float32)}, "gram needs"), ({"gram": np.zeros((6, 300), np.float32)}, "1 to 256"),
        ({"turn": np.array([2])}, "turn names"), ({"turn": np.array([-1])}, "turn names"),
        ({"loss": "softmax"}, "the loss must be"), ({"strength": 0.0}, "positive"), ({"bias": -1.0}, "positive"),
        ({"weight": np.full(6, -1, np.float32)}, "negative"), ({"y": np.full(6, 2)}, "y holds"),
        ({"order": np.array([0, 1, 2, 3, 4, 6])}, "does not have"), ({"threads": 0}, "threads"),
        ({"p": np.zeros((6, 2))}, "incompatible"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused(native, change, word):
    given = {
        "X": np.ones((6, 4)), "y": np.zeros(6, np.int64), "order": None, "weight": None, "shift": np.zeros(4),
        "scale": np.ones(4), "W": np.zeros((2, 4), np.float32), "b": np.zeros(2, np.float32),
        "p": np.zeros((6, 2), np.float32), "gram": np.ones((6, 3), np.float32), "turn": np.array([0, 1]),
        "loss": "hinge", "strength": 1.0, "bias": 1.0, "threads": 1,
    }  # fmt: skip
    with pytest.raises((ValueError, TypeError), match=word):
        native.ascend(**given | change)
    assert not given["p"].any()
