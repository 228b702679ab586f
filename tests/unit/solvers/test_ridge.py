"""One-hot ridge: scikit-learn's optimum, rows literally left out, whatever the rank, the scale and the weights."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.linear_model import RidgeCV

from steepest import InputError, losses, penalties
from steepest.kernels import dispatch
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import left_out, spectrum
from steepest.solvers.ridge import Ridge

SOME = settings(deadline=None, derandomize=True, max_examples=40)


@pytest.fixture(params=["fastest", "reference"], autouse=True, scope="module")
def level(request):
    before = dispatch.level()
    dispatch.use(None if request.param == "fastest" else request.param)
    yield request.param
    dispatch.use(before)


def make(seed=0, rows=40, features=6, classes=3, rank=None, spread=0.0, dtype="float64", weighted=False, odd=()):
    """Rows of any rank, features of sizes 10^-spread to 10^spread, constant and doubled columns."""
    rng = np.random.default_rng([seed, rows, features])
    inner = min(rank or features, features)
    X = rng.normal(size=(rows, inner)) @ rng.normal(size=(inner, features)) + rng.normal(size=features)
    X = X * 10 ** rng.uniform(-spread, spread, features)
    if "constant" in odd:
        X[:, 0] = 3
    if "doubled" in odd:
        X[:, -1] = X[:, features // 2]
    if dtype == "uint8":
        X = np.clip(X / np.abs(X).max() * 127 + 128, 0, 255)
    y = rng.permutation(np.arange(rows) % classes)
    return X.astype(dtype), y, rng.choice([0.0, 0.5, 1.0, 3.0], rows) + 0.1 if weighted else None


def solved(X, y, weight=None, how=None, classes=3):
    return Ridge.of(X, y, classes, fit_scaling(X, how), weight, threads=2)


def parts(X, y, weight, ridge):
    """Z, T and weights of mean 1, in float64, by other means."""
    w = np.ones(len(X)) if weight is None else weight / weight.mean()
    Z = X.astype(np.float64) * ridge.rows.scaling.scale
    return Z - np.average(Z, 0, w), np.eye(len(ridge.rows.frequencies))[y], w


def objective(Z, T, w, W, b, alpha):
    return float(np.sum(w[:, None] * (Z @ W + b - T) ** 2) / len(Z) + alpha * np.sum(W**2))


cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "rows": st.integers(3, 12) | st.integers(13, 80),
        "features": st.integers(2, 30),
        "rank": st.none() | st.integers(1, 5),
        "spread": st.sampled_from([0.0, 0.0, 2.0]),
        "dtype": st.sampled_from(["float64", "float64", "float32", "uint8"]),
        "weighted": st.booleans(),
        "odd": st.sets(st.sampled_from(["constant", "doubled"])),
    }
)


@given(case=cases, how=st.sampled_from([None, "auto"]), alpha=st.sampled_from([1e-8, 1e-4, 1e-2, 1.0, 100.0]))
@SOME
def test_the_optimum_is_that_of_scikit_learn_in_float64(case, how, alpha):
    X, y, weight = make(**case)
    ridge = solved(X, y, weight, how)
    W, b, certificate = ridge.at(alpha)
    Z, T, w = parts(X, y, weight, ridge)
    theirs = SklearnRidge(alpha=alpha * len(Z), solver="svd").fit(Z, T, sample_weight=w)
    best = objective(Z, T, w, theirs.coef_.T, theirs.intercept_, alpha)
    ours = objective(Z, T, w, W, b, alpha)
    assert ours == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert ours <= best * (1 + 1e-6) + 1e-9
    assert certificate.objective == pytest.approx(ours, rel=1e-7, abs=1e-9)
    # The bound holds: nothing is lower by more, to the rounding of the weights and of the objective itself.
    assert certificate.objective - best <= certificate.bound + 1e-7 * best + 1e-12
    assert certificate.bound <= 1e-8 * max(best, 1e-3)


@given(case=cases)
@SOME
def test_without_a_penalty_the_solution_is_the_shortest(case):
    X, y, weight = make(**case | {"spread": 0.0})
    ridge = solved(X, y, weight)
    Z, T, w = parts(X, y, weight, ridge)
    root = np.sqrt(w)[:, None]
    shortest = np.linalg.pinv(root * Z, rcond=1e-6) @ (root * (T - np.average(T, 0, w)))
    W, b, _ = ridge.at(0.0)
    np.testing.assert_allclose(W, shortest, atol=1e-5 * max(1e-3, np.abs(shortest).max()))
    np.testing.assert_allclose(b, np.average(T, 0, w), atol=1e-7)


def without(i, Z, T, w, alpha):
    """Squared error on row i of what is fitted to the others, N alpha kept."""
    k = np.arange(len(Z)) != i
    z, t, root = np.average(Z[k], 0, w[k]), np.average(T[k], 0, w[k]), np.sqrt(w[k])[:, None]
    A, B = root * (Z[k] - z), root * (T[k] - t)
    if alpha > 0:
        D = Z.shape[1]
        W = np.linalg.lstsq(
            np.vstack([A, np.sqrt(alpha * len(Z)) * np.eye(D)]), np.vstack([B, np.zeros((D, B.shape[1]))])
        )[0]
    else:
        W = np.linalg.pinv(A, rcond=1e-9) @ B
    return w[i] * np.sum((T[i] - t - (Z[i] - z) @ W) ** 2)


@given(case=cases)
@settings(SOME, max_examples=25)
def test_rows_are_literally_left_out(case):
    X, y, weight = make(**case | {"rows": min(case["rows"], 25), "features": min(case["features"], 12)})
    ridge, alphas = solved(X, y, weight), np.array([1e-3, 0.1, 3.0])
    Z, T, w = parts(X, y, weight, ridge)
    expected = [np.mean([without(i, Z, T, w, a) for i in range(len(Z))]) for a in alphas]
    np.testing.assert_allclose(ridge.curve(alphas).errors, expected, rtol=2e-6)


@pytest.mark.parametrize(("rows", "features"), [(30, 5), (12, 30), (15, 15), (16, 15)])
def test_rows_are_left_out_of_the_shortest_solution_too(rows, features):
    X, y, _ = make(1, rows, features)
    ridge = solved(X, y)
    Z, T, w = parts(X, y, None, ridge)
    expected = np.mean([without(i, Z, T, w, 0.0) for i in range(rows)])
    np.testing.assert_allclose(ridge.curve(np.zeros(1)).errors, expected, rtol=1e-8)


@pytest.mark.parametrize(("rows", "features"), [(60, 7), (20, 40)])
def test_left_out_errors_are_those_of_scikit_learn(rows, features):
    X, y, _ = make(2, rows, features)
    ridge, alphas = solved(X, y), np.geomspace(1e-3, 10, 7)
    theirs = RidgeCV(alphas * rows, store_cv_results=True).fit(X, np.eye(3)[y])
    np.testing.assert_allclose(ridge.curve(alphas).errors, theirs.cv_results_.mean(axis=0).sum(axis=0), rtol=1e-9)
    assert ridge.curve(alphas).best == pytest.approx(theirs.alpha_ / rows)


@pytest.mark.parametrize(("rows", "features"), [(50, 7), (20, 40)])
@pytest.mark.parametrize("weighted", [False, True])
def test_generalized_cross_validation_by_its_definition(rows, features, weighted):
    X, y, weight = make(3, rows, features, weighted=weighted)
    ridge, alphas = solved(X, y, weight), np.geomspace(1e-4, 10, 6)
    Z, T, w = parts(X, y, weight, ridge)
    A = np.sqrt(w)[:, None] * np.hstack([np.ones((rows, 1)), Z])
    B = np.sqrt(w)[:, None] * T
    for a, found in zip(alphas, ridge.curve(alphas, "gcv").errors, strict=True):
        P = np.diag([0.0] + [a * rows] * features)
        H = A @ np.linalg.solve(A.T @ A + P, A.T)
        assert found == pytest.approx(np.sum((B - H @ B) ** 2) / rows / (1 - np.trace(H) / rows) ** 2, rel=1e-6)


def test_in_float32_the_curve_is_the_same(monkeypatch):
    X, y, weight = make(4, 1500, 40, spread=1.0, weighted=True)
    X[7] = 0
    X[7, 3] = 1e4 * np.abs(X[:, 3]).max()  # a row that alone holds a direction: nearly all of its residual is its own
    ridge, alphas = solved(X, y, weight), np.append(0.0, np.geomspace(1e-9, 10, 60) * 100)
    expected = ridge.curve(alphas).errors
    monkeypatch.setattr("steepest.solvers.ridge.FLOAT32_FROM", 0)
    np.testing.assert_allclose(ridge.curve(alphas).errors, expected, rtol=1e-5)
    monkeypatch.setattr(left_out, "TIGHT", 0)
    assert np.max(np.abs(ridge.curve(alphas).errors / expected - 1)) > 1e-5  # such rows have to be done again


def test_threads_change_no_bit_of_the_curve():
    X, y, _ = make(5, 1200, 9)
    ridge, alphas = solved(X, y), np.geomspace(1e-4, 1, 5)
    one, three = (
        left_out.squared_errors(spectrum.Spectrum(ridge.eigenvalues, ridge._g, alphas), ridge._turned, len(X), dtype, k)
        for k, dtype in ((1, np.dtype(np.float32)), (3, np.dtype(np.float32)))
    )
    np.testing.assert_array_equal(one, three)


def test_a_row_twice_is_a_row_of_weight_two():
    X, y, _ = make(6, 30, 5)
    twice, heavy = np.append(np.arange(30), [3, 4]), np.ones(30)
    heavy[[3, 4]] = 2
    a, b = solved(X[twice], y[twice]).at(0.01), solved(X, y, heavy).at(0.01)
    np.testing.assert_allclose(a.W, b.W, rtol=1e-10)
    assert a.certificate.objective == pytest.approx(b.certificate.objective, rel=1e-12)


def test_the_gradient_is_that_of_the_objective_and_the_bound_sees_it():
    X, y, _ = make(7, 200, 8)
    ridge, alpha = solved(X, y), 0.03
    W, b, certificate = ridge.at(alpha)
    L = CompiledLinear(X, y, 3, losses.squared, penalties.l2, alpha, ridge.rows.scaling)
    value, gradient = L.value_and_gradient({"W": W, "b": b})
    assert value == pytest.approx(certificate.objective, rel=1e-6)
    assert np.abs(gradient["W"]).max() < 1e-5
    assert np.abs(gradient["b"]).max() < 1e-5
    spoilt = replace(ridge, projected=1.01 * ridge.projected).at(alpha).certificate
    assert spoilt.bound == pytest.approx(spoilt.objective - certificate.objective, rel=1e-6)
    assert spoilt.gap > 1e-6


def test_a_class_without_weight_and_rows_without_weight():
    X, y, _ = make(8, 30, 4)
    weight = np.where(y == 2, 0.0, 1.0)
    kept = y != 2
    ridge, fewer = solved(X, y, weight), solved(X[kept], y[kept])
    np.testing.assert_allclose(ridge.at(0.1).W, fewer.at(0.1).W, atol=1e-12)
    for scoring in ("loo", "gcv"):
        np.testing.assert_allclose(ridge.curve(np.ones(1), scoring).errors, fewer.curve(np.ones(1), scoring).errors)


@pytest.mark.parametrize("rows", [4, 40])
def test_rows_that_are_all_alike_give_the_frequencies(rows):
    ridge = solved(np.full((rows, 5), 7.5), np.arange(rows) % 2, classes=2)
    for alpha in (0.0, 1.0):
        W, b, certificate = ridge.at(alpha)
        np.testing.assert_array_equal(W, 0)
        np.testing.assert_allclose(b, 0.5)
        assert certificate.objective == pytest.approx(0.5)
        assert certificate.bound == 0
    assert np.isfinite(ridge.curve(ridge.grid()).errors).all()
    assert np.isfinite(ridge.curve(ridge.grid(), "gcv").errors).all()


def test_too_little_memory_is_said_before_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(spectrum, "free_memory", lambda: 10_000_000)
    spectrum.require_memory(10**9, 500)
    spectrum.require_memory(500, 10**9)
    with pytest.raises(InputError, match=r"20,000 features needs 12\.8 GB .* 10\.0 MB of memory are free: use fewer"):
        spectrum.require_memory(10**6, 20_000)


def test_thefree_memory_is_a_number_of_bytes():
    assert 2**20 < spectrum.free_memory() < 2**60


@pytest.mark.parametrize("rows", [4, 40])
def test_products_beyond_float64_are_refused(rows):
    X, y, _ = make(9, rows, 5)
    with np.errstate(all="ignore"), pytest.raises(InputError, match="beyond float64"):
        solved(X * 1e160, y)


def test_an_unknown_scoring_is_refused():
    with pytest.raises(InputError, match="did you mean loo"):
        solved(*make()[:2]).curve(np.ones(1), "lo")
