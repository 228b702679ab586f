"""The stages of the program of a network besides the plain ones, at every level, against the graph in float64.

Norms, activations and dropout that stand alone, residual blocks with stochastic depth: odd shapes, threads, bfloat16,
weights that threads own.
"""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as s

import steepest as st
from steepest import losses, optim, penalties
from steepest.autodiff.derivatives import value_and_grad
from steepest.errors import InputError
from steepest.kernels import dispatch
from steepest.kernels.types import NetworkStage, StageNorm, StageSkip
from steepest.nn import Activation, BatchNorm, Dropout, LayerNorm, Linear, Mode, Residual, Standardize
from steepest.nn.scaling import Scaling
from steepest.objective.network import NetworkObjective

LEVELS = [name for name in dispatch.levels() if name != "reference"]
EXAMPLES = int(os.environ.get("STEEPEST_TEST_EXAMPLES", "25"))
pytestmark = pytest.mark.skipif(not LEVELS, reason="there is no native code here")


@pytest.fixture(params=LEVELS)
def level(request):
    before = dispatch.level()
    dispatch.use(request.param)
    yield request.param
    dispatch.use(before)


def standardize(width):
    rng = np.random.default_rng(width)
    return Standardize(rng.normal(size=width), rng.uniform(0.5, 1.5, width))


# What may stand between two linear layers, by the width: what differs from one batch to another comes last.
BETWEEN = {
    "gelu": lambda w: [Activation("gelu")],
    "layer": lambda w: [LayerNorm(eps=1e-3), Activation("tanh")] if w > 1 else [Activation("tanh")],
    "before": lambda w: [Activation("sigmoid"), BatchNorm(eps=1e-2), Dropout(0.3)],
    "batch": lambda w: [BatchNorm(eps=1e-2, momentum=0.2), Activation("elu"), Dropout(0.2)],
    "fixed": lambda w: [standardize(w), Dropout(0.1), Activation("softplus"), Activation("tanh")],
    "block": lambda w: [Residual([Activation("tanh"), Linear(w, 5), Activation("gelu"), Linear(5, w)], drop=0.4)],
    "nested": lambda w: [
        Residual([Residual([Activation("tanh")]), Residual([Linear(w, w), Dropout(0.2)], drop=0.2), standardize(w)]),
        Activation("tanh"),
    ],
}


def problem(layers, n, features, classes, threads=1, seed=0, loss="squared", dtype=np.float32, **other):
    rng = np.random.default_rng(seed)
    X = (rng.integers(0, 256, (n, features)) if dtype == np.uint8 else rng.normal(0, 1, (n, features))).astype(dtype)
    scaling = Scaling(np.full(features, 100.0), np.full(features, 0.01))
    scaling = scaling if dtype == np.uint8 else Scaling(np.zeros(features), np.ones(features))
    L = NetworkObjective(
        st.nn.Sequential(layers, init="xavier"), X, rng.integers(0, classes, n), losses.get(loss), penalties.none, 0.0,
        scaling, threads=threads, **other,
    )  # fmt: skip
    assert L.on_graph_because is None
    return L


def start(L, seed=1):
    """Parameters and statistics, none of them at a special place."""
    rng = np.random.default_rng(seed)
    D = L.X.shape[1]
    at = {**L.model.init(D, seed=seed), **L.model.state(D)}
    return {
        name: np.asarray(part + (rng.uniform(0, 0.3, part.shape) if part.ndim == 1 else 0), np.float32)
        for name, part in at.items()
    }


def descended(L, rule, batch, seed=3, rate=0.01, first_step=5):
    at = start(L)
    statistics = L.model.state(L.X.shape[1])
    memory = rule.init({name: part for name, part in at.items() if name not in statistics})
    order = np.random.default_rng(7).permutation(len(L))
    rates = np.full(-(-len(L) // batch), rate, np.float32)
    tally = L.descend(at, memory, rule, order, batch, rates, seed=seed, first_step=first_step)
    return at, memory, tally


def one_step_in_float64(L, seed=3, step=5):
    """dL/dW of all rows as one batch in training, and the statistics after it, on the graph."""
    order = np.random.default_rng(7).permutation(len(L))
    X = (L.X[order].astype(np.float64) - L.scaling.shift) * L.scaling.scale
    at = {name: part.astype(np.float64) for name, part in start(L).items()}
    seen = {}
    trained = L._trained(at)
    mode = Mode(training=True, seed=seed, step=step, collect=seen)
    _, slopes = value_and_grad(lambda W: L.loss(L.model({**at, **W}, X, mode), L.y[order]).mean())(trained)
    return slopes, seen


@given(
    widths=s.tuples(s.integers(1, 80), s.integers(1, 80), s.integers(2, 9)), n=s.integers(2, 280),
    between=s.sampled_from(sorted(BETWEEN)), first=s.sampled_from([None, *sorted(BETWEEN)]), threads=s.integers(1, 3),
    seed=s.integers(0, 99),
)  # fmt: skip
@settings(max_examples=2 * EXAMPLES, deadline=None)
@pytest.mark.parametrize("name", LEVELS)
def test_a_step_is_the_gradient_of_the_graph(name, widths, n, between, first, threads, seed):
    before = dispatch.level()
    dispatch.use(name)
    try:
        D, H, C = widths
        layers = [*(BETWEEN[first](D) if first else []), Linear(D, H), *BETWEEN[between](H), Linear(H, C)]
        L = problem(layers, n, D, C, threads, seed)
        rate = 2.0**-6
        after, _, _ = descended(L, optim.SGD(), n, rate=rate)
        slopes, seen = one_step_in_float64(L)
        before_it = start(L)
        largest = max(np.abs(part).max() for part in slopes.values())
        for full, part in slopes.items():
            found = (before_it[full].astype(np.float64) - after[full]) / rate
            np.testing.assert_allclose(found, part, atol=2e-4 * max(largest, 0.1) + 4e-5, err_msg=full)
        for full, part in seen.items():
            np.testing.assert_allclose(after[full], part, rtol=2e-4, atol=2e-4, err_msg=full)
    finally:
        dispatch.use(before)


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("sizes", [(33, 47, 5, 75), (8, 64, 3, 130)])
def test_in_bf16_the_step_is_nearly_that_of_the_graph(level, sizes, between):
    D, H, C, n = sizes
    L = problem([Linear(D, H), *BETWEEN[between](H), Linear(H, C)], n, D, C, threads=2, precision="bf16")
    after, _, _ = descended(L, optim.SGD(), n, rate=2.0**-6)
    slopes, _ = one_step_in_float64(L)
    found = {full: (start(L)[full].astype(np.float64) - after[full]) * 2**6 for full in slopes}
    size = np.sqrt(sum((part**2).sum() for part in slopes.values()))
    assert 1e-5 * size < np.sqrt(sum(((found[full] - slopes[full]) ** 2).sum() for full in slopes)) < 0.02 * size


@given(
    widths=s.tuples(s.integers(1, 80), s.integers(1, 80), s.integers(2, 9)), n=s.integers(1, 280),
    between=s.sampled_from(sorted(BETWEEN)), first=s.sampled_from([None, *sorted(BETWEEN)]), threads=s.integers(1, 3),
    seed=s.integers(0, 99),
)  # fmt: skip
@settings(max_examples=2 * EXAMPLES, deadline=None)
@pytest.mark.parametrize("name", LEVELS)
def test_scores_and_gradient_are_those_of_evaluation(name, widths, n, between, first, threads, seed):
    before = dispatch.level()
    dispatch.use(name)
    try:
        D, H, C = widths
        layers = [*(BETWEEN[first](D) if first else []), Linear(D, H), *BETWEEN[between](H), Linear(H, C)]
        L = problem(layers, n, D, C, threads, seed)
        at = start(L)
        exact = {full: part.astype(np.float64) for full, part in at.items()}
        X = L.X.astype(np.float64)
        scores = L.model(exact, X)
        np.testing.assert_allclose(L.scores(at), scores, atol=1e-4 * max(1.0, np.abs(scores).max()))
        _, gradient = L.value_and_gradient(at)
        trained = L._trained(exact)
        slopes = value_and_grad(lambda W: L.loss(L.model({**exact, **W}, X), L.y).mean())(trained)[1]
        largest = max(np.abs(part).max() for part in slopes.values())
        for full, part in slopes.items():
            np.testing.assert_allclose(gradient[full], part, atol=2e-4 * max(largest, 0.1), err_msg=full)
    finally:
        dispatch.use(before)


RELU = Activation("relu")
WIDE = {
    "rows": [Linear(50, 70), LayerNorm(), Activation("gelu"), BatchNorm(), Dropout(0.3), Linear(70, 6)],
    "alone": [
        Dropout(0.1), BatchNorm(), Linear(50, 40), Residual([BatchNorm(), RELU, Linear(40, 40)], 0.2), Linear(40, 6),
    ],
    "owned": [
        Linear(600, 530), LayerNorm(), RELU, Linear(530, 1100), BatchNorm(), Activation("gelu"), Linear(1100, 6),
        Dropout(0.2),
    ],
    "owned block": [
        Dropout(0.2), Linear(600, 530), Residual([BatchNorm(), RELU, Linear(530, 530), LayerNorm()], 0.3),
        Activation("tanh"), BatchNorm(), Residual([Activation("gelu")], 0.5), Linear(530, 6),
    ],
}  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("batch", [1000, 21])
@pytest.mark.parametrize("name", WIDE)
def test_threads_never_change_a_bit(level, name, batch, precision):
    D = 600 if "owned" in name else 50
    found = []
    for threads in (1, 2, 3, 5):
        L = problem(
            WIDE[name], 700 if batch == 1000 else 80, D, 6, threads, loss="softmax", dtype=np.uint8, precision=precision
        )
        found.append(descended(L, optim.Adam(), batch))
        if precision == "float32":
            found[-1] = (*found[-1], L.value_and_gradient(found[-1][0]), L.scores(found[-1][0]))
    flat = [_numbers(one) for one in found]
    assert np.isfinite(flat[0]).all()
    for several in flat[1:]:
        np.testing.assert_array_equal(several, flat[0])


def _numbers(tree):
    """All numbers of nested dicts and tuples, one after the other."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple):
        return np.concatenate([_numbers(part) for part in tree]) if tree else np.empty(0)
    return np.asarray(tree, np.float64).ravel()


@pytest.mark.parametrize("name", ["owned", "owned block"])
def test_threads_that_own_inputs_take_the_step_of_the_graph(level, name):
    L = problem(WIDE[name], 20, 600, 6, 2)
    after, _, _ = descended(L, optim.SGD(), 20, rate=2.0**-6)
    slopes, seen = one_step_in_float64(L)
    largest = max(np.abs(part).max() for part in slopes.values())
    for full, part in slopes.items():
        found = (start(L)[full].astype(np.float64) - after[full]) * 2**6
        np.testing.assert_allclose(found, part, atol=5e-4 * largest, err_msg=full)
    for full, part in seen.items():
        np.testing.assert_allclose(after[full], part, rtol=1e-4, atol=1e-4)


def test_gelu_keeps_its_digits_far_below_zero(level):
    from scipy.special import erfc

    x = np.linspace(-12, 12, 4801).astype(np.float32)[:, None]
    one = np.ones((1, 1), np.float32)
    stages = [
        NetworkStage(one, None, [], [], "gelu", 0.0, 1.0, 0),
        NetworkStage(one, None, [], [], "identity", 0.0, 1.0, 0),
    ]
    out = np.empty((len(x), 1), np.float32)
    dispatch.network_scores(x, None, np.zeros(1), np.ones(1), stages, out, threads=1)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(out, exact * erfc(-exact * np.sqrt(0.5)) / 2, rtol=1e-5, atol=0)
    near = np.abs(x) < 3
    np.testing.assert_allclose(out[near], (exact * erfc(-exact * np.sqrt(0.5)) / 2)[near], rtol=1.5e-6)


def test_layer_norm_and_standardize_keep_the_digits_of_numbers_near_a_large_mean(level):
    x = (1e6 + np.arange(12.0).reshape(3, 4)).astype(np.float32)
    for layer in (LayerNorm(), Standardize(np.full(4, 1e6 + 3.3), np.full(4, 0.5))):
        L = problem([layer, Linear(4, 2)], 3, 4, 2)
        L = NetworkObjective(L.model, x, L.y, L.loss, L.penalty, 0.0, L.scaling)
        at = start(L)
        np.testing.assert_allclose(L.scores(at), L.model(at, x.astype(np.float64)), rtol=1e-5, atol=1e-6)


def test_infinity_and_nan_are_seen(level):
    for layers in ([BatchNorm()], [LayerNorm()], [Activation("gelu")], [Residual([Linear(20, 20)])]):
        for bad in (np.inf, np.nan):
            L = problem([Linear(9, 20), *layers, Linear(20, 3)], 40, 9, 3)
            at = start(L)
            at["linear1.W"][3, 5] = bad
            with np.errstate(all="ignore"):
                assert not np.isfinite(L.value_and_gradient(at)[0])


def test_a_batch_of_one_row_has_no_variance():
    L = problem([Linear(9, 20), BatchNorm(), Linear(20, 3)], 41, 9, 3)
    with pytest.raises(InputError, match="no variance"):
        descended(L, optim.SGD(), 40)


def layer_norm(**changes):
    return StageNorm("layer", np.ones(3, np.float32), np.ones(3, np.float32), eps=1e-5)._replace(**changes)


F = np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"W": None}, "needs a W"),
        ({"norm": layer_norm(kind="group")}, "no native norm 'group'"),
        ({"norm": layer_norm(scale=np.ones(2, F))}, "scale and shift"),
        ({"norm": layer_norm(scale=None, shift=None)}, "scale and shift"),
        ({"norm": layer_norm(mean=np.ones(3, F))}, "mean and variance"),
        ({"norm": layer_norm(kind="batch")}, "mean and variance"),
        ({"norm": layer_norm(kind="fixed")}, "fixed norm"),
        ({"norm": StageNorm("fixed", center=np.ones(3), factor=np.ones(2))}, "center and factor"),
        ({"norm": layer_norm(eps=0.0)}, "eps"),
        ({"norm": layer_norm(memory_scale=[np.ones(3, F)])}, "memory"),
        ({"skip": StageSkip(0)}, "earlier layer"),
        ({"skip": StageSkip(-1)}, "earlier layer"),
    ],
)
def test_stages_that_do_not_fit_are_refused(changes, message):
    stage = NetworkStage(np.ones((3, 3), F), None, [], [], "relu", 0.0, 1.0, 0)._replace(**changes)
    with pytest.raises(ValueError, match=message):
        dispatch.network_scores(
            np.ones((4, 3), F), None, np.zeros(3), np.ones(3), [stage], np.empty((4, 3), F), threads=1
        )


def test_what_is_added_must_fit_too():
    plain = NetworkStage(np.ones((3, 3), F), None, [], [], "identity", 0.0, 1.0, 0)
    wide = plain._replace(W=np.ones((3, 5), F))
    cases = [
        ([wide, plain._replace(W=np.ones((5, 3), F), skip=StageSkip(0))], "as many outputs"),
        ([plain, plain._replace(activation="relu", skip=StageSkip(0))], "no activation"),
        ([plain, plain._replace(skip=StageSkip(0, 0.0))], "keep"),
    ]
    for stages, message in cases:
        with pytest.raises(ValueError, match=message):
            dispatch.network_scores(
                np.ones((4, 3), F), None, np.zeros(3), np.ones(3), stages, np.empty((4, 3), F), threads=1
            )


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_smoothed_labels(level, smoothing):
    rng = np.random.default_rng(0)
    loss = losses.get("softmax", smoothing=smoothing)
    for scale in (1, 50):
        scores, y = (scale * rng.normal(size=(70, 7))).astype(F), rng.integers(0, 7, 70)
        each, slopes = np.empty(70, F), np.empty((70, 7), F)
        dispatch.native.losses(scores, y, each, slopes, name="softmax", smoothing=smoothing)
        exact = scores.astype(np.float64)
        np.testing.assert_allclose(each, loss(exact, y), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(slopes, loss.gradient(exact, y), atol=1e-6)
    for bad in (-0.1, 1.0):
        with pytest.raises(ValueError, match="smoothing"):
            dispatch.native.losses(scores, y, each, slopes, name="softmax", smoothing=bad)
    with pytest.raises(ValueError, match="smoothing"):
        dispatch.native.losses(scores, y, each, slopes, name="hinge_max", smoothing=0.1)


@pytest.mark.parametrize("name", ["hinge", "ova_hinge"])
@pytest.mark.parametrize("width", [0.01, 0.5, 3.0])
def test_rounded_hinges(level, name, width):
    rng = np.random.default_rng(0)
    loss = losses.get(name, width=width)
    for scale in (1, 50):
        scores, y = (scale * rng.normal(size=(70, 7))).astype(F), rng.integers(0, 7, 70)
        each, slopes = np.empty(70, F), np.empty((70, 7), F)
        dispatch.native.losses(scores, y, each, slopes, name=name, smoothing=width)
        exact = scores.astype(np.float64)
        np.testing.assert_allclose(each, loss(exact, y), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(slopes, loss.gradient(exact, y), atol=2e-6 * scale / width)
