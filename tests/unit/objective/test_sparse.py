"""Sparse rows as the kernels read them: every number is that of the same rows with all their zeros."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from steepest import losses, penalties
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import SparseRows
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling, fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.objective.sparse import ScaledRows
from steepest.optim import SGD, Momentum, learning_rate


@pytest.fixture(params=kernels.levels())
def level(request):
    before = kernels.level()
    kernels.use(request.param)
    yield request.param
    kernels.use(before)


def matrix(N=60, D=23, dtype=np.float64, density=0.2, seed=0, index=np.int32):
    """A row of zeros and a column of zeros are always among them."""
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((N, D)) < density, rng.integers(1, 200, (N, D)), 0).astype(dtype)
    dense[N // 2], dense[:, D // 2] = 0, 0
    csr = sp.csr_array(dense)
    csr.indices, csr.indptr = csr.indices.astype(index), csr.indptr.astype(index)
    return csr, dense


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("width", [1, 5, 33])
def test_products_are_those_of_all_the_zeros(level, dtype, index, width):
    csr, dense = matrix(dtype=dtype, index=index)
    X, rng = SparseRows.of(csr), np.random.default_rng(1)
    assert X.dtype == dtype
    assert X.columns.dtype == index
    W, P = rng.normal(size=(X.n_features, width)), rng.normal(size=(len(X), width))
    assert_allclose(X.times(W, threads=2), dense.astype(float) @ W, rtol=1e-13, atol=1e-10)
    assert_allclose(X.transposed_times(P, threads=2), dense.T.astype(float) @ P, rtol=1e-13, atol=1e-10)


def test_the_number_of_threads_moves_no_bit(level):
    X = SparseRows.of(matrix(3000, 300, density=0.1)[0])
    rng = np.random.default_rng(0)
    W, P = rng.normal(size=(300, 20)), rng.normal(size=(3000, 20))
    for threads in (2, 3, 7):
        assert_array_equal(X.times(W, threads=threads), X.times(W, threads=1))
        assert_array_equal(X.transposed_times(P, threads=threads), X.transposed_times(P, threads=1))


@pytest.mark.parametrize(
    "make", [sp.csr_matrix, sp.csc_matrix, sp.coo_matrix, sp.csr_array, sp.csc_array, sp.lil_array]
)
def test_any_format_is_read(make):
    csr, dense = matrix()
    assert_array_equal(SparseRows.of(make(csr)).toarray(), dense)


def test_unsorted_duplicate_and_stored_zeros_count_once_and_leave_the_matrix_as_it_was():
    values, columns = np.array([2, 3, 0, 200, 100], np.uint8), np.array([3, 0, 1, 2, 2])
    csr = sp.csr_array((values, columns, np.array([0, 3, 3, 5])), shape=(3, 4))
    X = SparseRows.of(csr)
    assert_array_equal(X.toarray(), [[3, 0, 0, 2], [0, 0, 0, 0], [0, 0, 300, 0]])
    assert_array_equal(csr.indices, [3, 0, 1, 2, 2])
    assert_array_equal(csr.data, values)


def test_rows_in_place_are_not_copied():
    csr, _ = matrix()
    X = SparseRows.of(csr)
    assert np.shares_memory(X.values, csr.data)
    assert np.shares_memory(X[3:9].values, csr.data)


@pytest.mark.parametrize("rows", [slice(5, 20), slice(None, None, 7), np.array([9, 2, 2]), np.arange(60) % 3 == 0])
def test_rows_can_be_taken(rows):
    csr, dense = matrix()
    taken = SparseRows.of(csr)[rows]
    assert_array_equal(taken.toarray(), dense[rows])
    assert_array_equal(taken[1:3].toarray(), dense[rows][1:3])


@pytest.mark.parametrize(
    ("columns", "starts"),
    [([0, 4], [0, 1, 2]), ([0, -1], [0, 1, 2]), ([0, 1], [0, 3, 2]), ([0, 1], [0, 1, 5]), ([0, 1], [1, 1, 2])],
)
def test_a_broken_matrix_is_refused(columns, starts):
    csr = sp.csr_array((2, 4))
    csr.data, csr.indices, csr.indptr = np.ones(2), np.array(columns), np.array(starts)
    with pytest.raises(InputError, match="no valid sparse matrix"):
        SparseRows.of(csr)


@pytest.mark.skipif(not kernels.runs_native(), reason="what the native code refuses")
@pytest.mark.parametrize(
    ("columns", "starts", "said"),
    [
        ([0, 9], [0, 1, 2], "a feature"),
        ([0, -1], [0, 1, 2], "a feature"),
        ([0, 1], [0, 2, 1], "rise"),
        ([0, 1], [0, 1, 3], "end"),
    ],
)
def test_the_native_door_reads_nothing_out_of_bounds(columns, starts, said):
    parts = np.ones(2), np.array(columns, np.int32), np.array(starts, np.int64)
    for call in (kernels.sparse_times, kernels.sparse_transposed_times):
        first, out = (
            (np.ones((4, 3)), np.ones((2, 3))) if call is kernels.sparse_times else (np.ones((2, 3)), np.ones((4, 3)))
        )
        with pytest.raises(ValueError, match=said):
            call(*parts, first, out, threads=1)


def scaling_of(D, seed=3):
    rng = np.random.default_rng(seed)
    return Scaling(rng.normal(size=D), rng.uniform(0.01, 0.1, D))


def both(loss="softmax", penalty="l2", alpha=1e-2, weighted=True, seed=0):
    csr, dense = matrix(80, seed=seed)
    rng = np.random.default_rng(seed)
    y, weight = rng.integers(0, 4, 80), rng.uniform(0.5, 1.5, 80).astype(np.float32) if weighted else None
    rest = (y, 4, losses.get(loss), penalties.get(penalty), alpha, scaling_of(23), weight, 2)
    return CompiledLinear(SparseRows.of(csr), *rest), CompiledLinear(dense, *rest)


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared", "ova_squared_hinge"])
@pytest.mark.parametrize("rows", [None, np.array([7, 3, 3, 60])])
def test_the_objective_is_that_of_all_the_zeros(level, loss, rows):
    sparse, dense = both(loss)
    rng = np.random.default_rng(5)
    at = {"W": rng.normal(size=(23, 4)), "b": rng.normal(size=4)}
    value, gradient = sparse.value_and_gradient(at, rows)
    expected, slopes = dense.value_and_gradient(at, rows)
    assert value == pytest.approx(expected, rel=1e-5)
    assert_allclose(gradient["W"], slopes["W"], rtol=1e-4, atol=1e-4 * np.abs(slopes["W"]).max())
    assert_allclose(gradient["b"], slopes["b"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("rule", "penalty", "batch"),
    [
        (SGD(), "none", 1),
        (SGD(), "none", 7),
        (SGD(), "l2", 7),
        (Momentum(0.9), "l1", 16),
        (Momentum(0.9), "max_norm", 16),
    ],
)
def test_steps_lead_to_where_they_lead_with_all_the_zeros(rule, penalty, batch):
    order, at = np.random.default_rng(1).permutation(80), []
    for L in both(penalty=None if penalty == "none" else penalty):
        model, velocity = (Linear.zeros(4, L.scaling) for _ in range(2))
        lr = np.full(-(-80 // batch), 0.05, np.float32)
        at.append((L.descend(model, velocity, rule, order, batch, lr), model.W, model.b, velocity.W, velocity.b))
    (tally, *sparse), (expected, *dense) = at
    assert tally[0] == pytest.approx(expected[0], rel=1e-4)
    assert tally[1] == expected[1]
    for a, b in zip(sparse, dense, strict=True):
        assert_allclose(a, b, rtol=1e-3, atol=1e-4 * max(1e-3, np.abs(b).max()))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_moments_squares_and_grams(N, D, density, seed):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((N, D)) < density, rng.normal(size=(N, D)) + 3, 0.0)
    X, scaling = SparseRows.of(sp.csr_array(dense)), scaling_of(D, seed)
    mean, variance, G = np.empty(D), np.empty(D), np.empty((D, D))
    kernels.moments(X, None, mean, variance, threads=2)
    assert_allclose(mean, dense.mean(axis=0), atol=1e-12)
    assert_allclose(variance, dense.var(axis=0), atol=1e-12)
    Z, weight = (dense - scaling.shift) * scaling.scale, rng.uniform(0, 2, N).astype(np.float32)
    kernels.gram(X, None, weight, *scaling, G, threads=2)
    assert_allclose(G, (Z * weight[:, None]).T @ Z, atol=1e-10)
    rows = ScaledRows(X, scaling, 2)
    assert_allclose(rows.squares(weight), weight @ Z**2, atol=1e-10)
    assert learning_rate.largest_square(X, *scaling) == pytest.approx(1 + (Z**2).sum(axis=1).max())
    assert learning_rate.top_eigenvalue(X, *scaling) == pytest.approx(
        learning_rate.top_eigenvalue(dense, *scaling), rel=1e-4
    )
    V = rng.normal(size=(D + 1, 3))
    sums = rows.sweep(V, lambda S, part: S**2)
    S = (Z @ V[:-1] + V[-1]) ** 2
    assert_allclose(sums, np.vstack([Z.T @ S, S.sum(axis=0)]), atol=1e-8)


@pytest.mark.parametrize("how", [None, "standard", "max_abs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scaling_is_that_of_all_the_zeros(how, weighted):
    csr, dense = matrix()
    weight = np.random.default_rng(0).integers(0, 3, len(dense)) if weighted else None
    for a, b in zip(
        fit_scaling(SparseRows.of(csr), how, weight=weight), fit_scaling(dense, how, weight=weight), strict=True
    ):
        assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_auto_scales_sparse_rows_by_the_largest_size():
    csr, dense = matrix(dtype=np.uint8)
    scale = fit_scaling(SparseRows.of(csr)).scale
    assert_allclose(scale, 1 / np.maximum(1, dense.max(axis=0)))
