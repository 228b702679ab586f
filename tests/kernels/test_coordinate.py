"""Coordinate descent on a quadratic model with an L1 penalty: against its twin, and against what makes a minimum."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.kernels import coordinate_reference, dispatch

SOME = settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("STEEPEST_TEST_EXAMPLES", "25")))


class Model:
    """A random convex model, and its gradient by one matrix of (C D, C D)."""

    def __init__(self, seed, C, D, K, grams, pairs, centred, rank=None):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(grams, rank or D + 3, D))
        self.G = np.einsum("kia,kib->kab", X, X)
        self.U = None if K == 0 else np.linalg.qr(rng.normal(size=(C, C)))[0][:, :K].copy()
        self.P, self.signs = rng.normal(size=(C, D, pairs)), np.ones(pairs)
        self.damping, self.gradient = rng.uniform(0, 0.3, D), rng.normal(size=(C, D)) * 4
        self.l1, self.l2 = rng.uniform(0, 3, D), rng.uniform(0, 1, D)
        self.V, self.centred = rng.normal(size=(C, D)) * (rng.random((C, D)) < 0.5), centred
        basis = self.U if K else np.eye(C) - (1 / C if centred else 0)
        whole = np.zeros((C * D, C * D))
        for k in range(basis.shape[1]):
            whole += np.kron(np.outer(basis[:, k], basis[:, k]), self.G[k if grams > 1 else 0])
        flat = self.P.reshape(C * D, pairs)
        self.H = whole + np.kron(np.eye(C), np.diag(self.damping)) + flat @ flat.T

    def run(self, kernels=dispatch, tol=1e-9, epochs=20_000, threads=1):
        V, Q = self.V.copy(), np.full((self.V if self.U is None else self.U.T).shape[:1] + self.V.shape[1:], np.nan)
        done = kernels.coordinate(
            self.G, self.U, self.P, self.signs, self.damping, self.gradient, self.l1, self.l2, V, Q,
            centred=self.centred, tol=tol, epochs=epochs, threads=threads,
        )  # fmt: skip
        return V, Q, done

    def slopes(self, V):
        d = (V - self.V).ravel()
        return self.gradient + (self.H @ d).reshape(V.shape) + 2 * self.l2 * V


@st.composite
def models(draw):
    C, D, coupled = draw(st.integers(1, 5)), draw(st.integers(1, 12)), draw(st.sampled_from(["U", "centred", "none"]))
    K = draw(st.integers(1, C)) if coupled == "U" else 0
    grams = draw(st.sampled_from([1, K or C])) if coupled != "centred" else 1
    return Model(draw(st.integers(0, 999)), C, D, K, grams, draw(st.integers(0, 3)), coupled == "centred")


@given(model=models(), threads=st.sampled_from([1, 2, 5]))
@SOME
def test_it_ends_where_no_slope_is_left(level, model, threads):
    V, _, (epochs, change) = model.run(threads=threads)
    Z = model.slopes(V)
    kinks = np.broadcast_to(model.l1, V.shape)
    assert np.all(np.abs(Z[V == 0]) <= kinks[V == 0] + 1e-6)
    np.testing.assert_allclose(Z[V != 0], -(kinks * np.sign(V))[V != 0], atol=1e-6)
    assert change <= 1e-9
    assert 1 <= epochs <= 20_000


@given(model=models(), epochs=st.sampled_from([1, 2, 13, 40]))
@SOME
def test_each_sweep_is_that_of_the_twin(level, model, epochs):
    V, Q, done = model.run(tol=-1.0, epochs=epochs)
    twin, twin_Q, also = model.run(coordinate_reference, tol=-1.0, epochs=epochs)
    size = 1 + np.abs(V).max()
    np.testing.assert_allclose(V, twin, atol=1e-9 * size)
    np.testing.assert_allclose(Q, twin_Q, atol=1e-8 * size * np.abs(model.G).max())
    np.testing.assert_array_equal(V == 0, twin == 0)
    assert done[0] == also[0]


@pytest.mark.parametrize("grams", [1, 7])
def test_threads_change_no_bit(level, grams):
    model = Model(3, 7, 300, 0, grams, 0, False, rank=40)
    alone, Q, done = model.run(tol=0.1, epochs=30)
    for threads in (2, 3, 8):
        V, also, again = model.run(tol=0.1, epochs=30, threads=threads)
        np.testing.assert_array_equal(V, alone)
        np.testing.assert_array_equal(also, Q)
        assert again == done


def test_what_nothing_bends_is_0_or_stays(level):
    model = Model(0, 2, 3, 0, 1, 0, False)
    model.G[:] = 0
    model.damping[:] = model.l2[:] = model.gradient[:] = 0
    model.V[:], model.l1[:] = 5.0, [1.0, 0.0, 1.0]
    np.testing.assert_array_equal(model.run()[0], [[0, 5, 0], [0, 5, 0]])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"G": np.zeros((1, 3, 4))}, "G must be"), ({"G": np.zeros((3, 4, 4))}, "G must be"),
        ({"U": np.zeros((2, 3))}, "U must be"), ({"P": np.zeros((2, 3, 1))}, "P must be"),
        ({"signs": np.zeros(2)}, "P must be"), ({"damping": np.zeros(3)}, "one number a feature"),
        ({"gradient": np.zeros((4, 2))}, "shaped as V"), ({"l1": np.zeros(5)}, "one number a feature"),
        ({"Q": np.zeros((2, 5))}, "Q must be"), ({"epochs": 0}, "epochs"), ({"threads": 0}, "threads"),
        ({"V": np.zeros((2, 4), np.float32)}, "incompatible"), ({"centred": True, "U": np.zeros((2, 2))}, "centred"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused(native, change, word):
    given = {
        "G": np.zeros((1, 4, 4)), "U": None, "P": np.zeros((2, 4, 1)), "signs": np.ones(1), "damping": np.zeros(4),
        "gradient": np.zeros((2, 4)), "l1": np.zeros(4), "l2": np.zeros(4), "V": np.zeros((2, 4)),
        "Q": np.zeros((2, 4)), "tol": 0.0, "epochs": 1, "threads": 1,
    }  # fmt: skip
    with pytest.raises((ValueError, TypeError), match=word):
        native.coordinate(**given | change)
