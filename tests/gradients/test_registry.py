"""The walk through the registry: every op, every declared call, against differences, to first and second order."""

import zlib

import numpy as np
import pytest

import steepest as st
from steepest.autodiff import REGISTRY, case
from steepest.autodiff.graph import raw
from steepest.autodiff.registry import CONSTANT

OPS = {name: op for name, op in REGISTRY.items() if op.forward.__module__.startswith("steepest.")}

# Functions of st.ops that are made of ops: (function, domain, calls).
COMPOSED = {
    "clip": (
        st.clip, (-2, 2),
        [case((), low=-1, high=1), case((2, 3), low=-0.5), case((4,), high=0.5), case((0,), low=0)],
    ),
    "gather": (
        st.gather, (-2, 2),
        [
            case((3, 4), indices=[[0, 3], [1, 1], [2, 0]]), case((3, 4), indices=[[2, 0, 0, 1]], axis=0),
            case((3,), indices=[2, 2, 0]), case((0, 2), indices=np.zeros((0, 1), int)),
        ],
    ),
    "log_softmax": (st.log_softmax, (-5, 5), [case((3,)), case((2, 3)), case((2, 3), axis=0), case((1,))]),
    "stack": (
        lambda *xs, axis=0: st.stack(xs, axis=axis), (-2, 2),
        [case((3,), (3,)), case((2, 3), (2, 3), axis=-1), case((), (), ()), case((0,), (0,), axis=1)],
    ),
}  # fmt: skip

# By design the derivative is not the slope.
NOT_THE_SLOPE = {"stop_gradient"}


def calls():
    """Every op and composed function with each of its calls."""
    for name, op in OPS.items():
        for number, each in enumerate(op.cases):
            yield pytest.param(getattr(st, name), op.domain, each, id=f"{name}-{number}")
    for name, (function, domain, cases) in COMPOSED.items():
        for number, each in enumerate(cases):
            yield pytest.param(function, (domain,), each, id=f"{name}-{number}")


every_call = pytest.mark.parametrize(("function", "domains", "each"), [*calls()])


def drawn(domains, each, dtype=np.float64):
    """Arguments of a call: the arrays that it is differentiated by, and all in order."""
    rng = np.random.default_rng(zlib.crc32(repr(each).encode()))
    args = []
    for k, shape in enumerate(each.args):
        low, high = domains[min(k, len(domains) - 1)]
        args.append(dtype(rng.uniform(low, high, shape)) if isinstance(shape, tuple) else shape)
    return [k for k, shape in enumerate(each.args) if isinstance(shape, tuple)], args


def differences(f, x, h):
    """Columns d f / d x_i, flattened, from central differences."""
    x = np.asarray(x)
    columns = []
    for i in np.ndindex(x.shape):
        ahead, back = x.copy(), x.copy()
        ahead[i] += h
        back[i] -= h
        columns.append((np.asarray(f(ahead[()])) - np.asarray(f(back[()]))).ravel() / (ahead[i] - back[i]))
    m = np.asarray(f(x[()])).size
    return np.array(columns).T.reshape(m, x.size)


def check_jacobian(function, args, wrt, parameters=None):
    """Fail unless the whole Jacobian by each argument is that of the differences."""
    parameters = parameters or {}
    for k in wrt:

        def f(x, k=k):
            return raw(function(*args[:k], x, *args[k + 1 :], **parameters))

        automatic = st.jacobian(lambda *xs: function(*xs, **parameters), argnums=k)(*args)
        expected = differences(f, args[k], 1e-6)
        np.testing.assert_allclose(np.reshape(automatic, expected.shape), expected, rtol=2e-7, atol=2e-8)


def projected(function, args, parameters):
    """The function as one number: the sum of its values, each times a number of its own."""
    rng = np.random.default_rng(1)
    value = np.asarray(function(*args, **parameters))
    v = rng.normal(size=value.shape)
    return lambda *xs: (function(*xs, **parameters) * v).sum()


def check_gradient(function, args, wrt, parameters=None):
    """Fail unless the gradient of a random projection is that of the differences."""
    f = projected(function, args, parameters or {})
    for k, automatic in zip(wrt, st.grad(f, argnums=wrt)(*args), strict=True):
        expected = differences(lambda x, k=k: f(*args[:k], x, *args[k + 1 :]), args[k], 1e-6)
        assert np.shape(automatic) == np.shape(args[k])
        np.testing.assert_allclose(np.ravel(automatic), expected.ravel(), rtol=2e-7, atol=2e-8)


def check_second_order(function, args, wrt, parameters=None):
    """Fail unless the VJPs, differentiated on the graph, give the differences of the first derivative; mixed too."""
    f = projected(function, args, parameters or {})
    rng = np.random.default_rng(2)
    along = [rng.normal(size=np.shape(args[k])) for k in wrt]

    def slope(*xs):
        first = st.grad(f, argnums=wrt)(*xs)
        return sum((g * u).sum() for g, u in zip(first, along, strict=True))

    for k, automatic in zip(wrt, st.grad(slope, argnums=wrt)(*args), strict=True):
        expected = differences(lambda x, k=k: slope(*args[:k], x, *args[k + 1 :]), args[k], 1e-5)
        np.testing.assert_allclose(np.ravel(automatic), expected.ravel(), rtol=2e-6, atol=2e-7)


def is_slope(function):
    return getattr(function, "__name__", "") not in NOT_THE_SLOPE


@every_call
def test_the_jacobian_is_that_of_the_differences(function, domains, each):
    wrt, args = drawn(domains, each)
    if is_slope(function):
        check_jacobian(function, args, wrt, each.parameters)


@every_call
def test_the_gradient_of_a_projection_is_that_of_the_differences(function, domains, each):
    wrt, args = drawn(domains, each)
    if is_slope(function):
        check_gradient(function, args, wrt, each.parameters)


@every_call
def test_second_derivatives_are_the_differences_of_the_first(function, domains, each):
    wrt, args = drawn(domains, each)
    if is_slope(function):
        check_second_order(function, args, wrt, each.parameters)


@every_call
def test_float32_stays_float32(function, domains, each):
    wrt, args = drawn(domains, each, np.float32)
    tensors = [st.tensor(arg) if k in wrt else arg for k, arg in enumerate(args)]
    y = function(*tensors, **each.parameters)
    assert y.dtype == each.parameters.get("dtype", np.float32)
    plain = function(*args, **each.parameters)
    assert np.asarray(plain).dtype == y.dtype
    y.backward(np.ones(y.shape))
    for k in wrt:
        if is_slope(function):
            assert tensors[k].grad.dtype == np.float32
            assert np.shape(tensors[k].grad) == tensors[k].shape


@every_call
def test_arrays_give_the_same_values_as_tensors(function, domains, each):
    wrt, args = drawn(domains, each)
    tensors = [st.tensor(arg) if k in wrt else arg for k, arg in enumerate(args)]
    y = function(*tensors, **each.parameters)
    plain = function(*args, **each.parameters)
    assert type(y) is st.Tensor
    assert not isinstance(plain, st.Tensor)
    np.testing.assert_array_equal(y.value, plain)
    assert y.value.shape == np.shape(plain)


def test_nothing_is_left_out():
    assert set(st.ops.__all__) == set(OPS) | set(COMPOSED)
    for name, op in OPS.items():
        assert op.cases, name
        if op.name in NOT_THE_SLOPE:
            continue
        several = max(len(each.args) for each in op.cases)
        by = {k for each in op.cases for k, shape in enumerate(each.args) if isinstance(shape, tuple)}
        vjps = [vjp for vjp, _ in zip(op.vjps, range(several), strict=False)]
        assert by == {k for k, vjp in enumerate(vjps) if vjp is not CONSTANT}, f"{name}: an argument is never varied"
        assert None not in vjps, f"{name} has no derivative"


@pytest.mark.parametrize("name", OPS)
def test_sizes_zero_and_one_are_among_the_calls(name):
    sizes = {int(np.prod(shape)) for each in OPS[name].cases for shape in each.args if isinstance(shape, tuple)}
    assert sizes >= {0, 1}


# Kinks: the decisions that the declarations make.


KINKS = [
    pytest.param(op, arguments, derivatives, id=f"{op.name}-{number}")
    for op in OPS.values()
    for number, (arguments, derivatives) in enumerate(op.kinks)
]


@pytest.mark.parametrize(("op", "arguments", "derivatives"), KINKS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_declared_kinks_hold_exactly(op, arguments, derivatives, dtype):
    tensors = [st.tensor(np.asarray(arg, dtype)) for arg in arguments]
    y = getattr(st, op.name)(*tensors)
    y.backward(np.ones(y.shape))
    for t, derivative in zip(tensors, derivatives, strict=True):
        np.testing.assert_array_equal(t.grad, np.asarray(derivative, dtype))


def test_every_op_with_a_kink_declares_it():
    kinked = {"abs", "elu", "leaky_relu", "max", "maximum", "min", "minimum", "relu", "sign", "step"}
    assert {op.name for op in OPS.values() if op.kinks} == kinked


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), (1, -1), ()])
@pytest.mark.parametrize("extreme", [st.max, st.min])
def test_of_a_tie_one_gets_the_whole_gradient(extreme, axis, seed):
    x = st.tensor(np.random.default_rng(seed).integers(0, 2, (3, 4, 2)).astype(float))
    y = extreme(x, axis=axis)
    y.backward(np.full(y.shape, 3.0))
    np.testing.assert_array_equal(np.sum(x.grad, axis=axis), np.full(y.shape, 3.0))
    assert set(np.unique(x.grad)) <= {0.0, 3.0}
    np.testing.assert_array_equal(
        x.value[x.grad == 3], np.broadcast_to(extreme(x.value, axis, True), x.shape)[x.grad == 3]
    )


@pytest.mark.parametrize("choice", [st.maximum, st.minimum])
def test_of_a_tie_the_first_gets_the_gradient_and_nothing_is_counted_twice(choice):
    x = st.tensor([1.0, 2.0, 2.0])
    choice(x, x).backward(np.ones(3))
    assert x.grad.tolist() == [1, 1, 1]


def test_clip_hands_on_the_gradient_at_its_bounds():
    x = st.tensor([-1.0, -2.0, 1.0, 2.0, 0.5])
    st.clip(x, -1, 1).backward(np.ones(5))
    assert x.grad.tolist() == [1, 0, 1, 0, 1]


# Infinities and extremes.


@pytest.mark.parametrize(
    ("function", "x", "value", "slope"),
    [
        (st.exp, -np.inf, 0, 0), (st.expm1, -np.inf, -1, 0), (st.log, np.inf, np.inf, 0),
        (st.log1p, np.inf, np.inf, 0), (st.sqrt, np.inf, np.inf, 0), (st.tanh, np.inf, 1, 0),
        (st.tanh, -np.inf, -1, 0), (st.sigmoid, np.inf, 1, 0), (st.sigmoid, -np.inf, 0, 0),
        (st.relu, np.inf, np.inf, 1), (st.relu, -np.inf, 0, 0), (st.leaky_relu, -np.inf, -np.inf, 0.01),
        (st.abs, -np.inf, np.inf, -1), (st.sign, -np.inf, -1, 0), (st.step, np.inf, 1, 0),
        (st.identity, np.inf, np.inf, 1), (st.negative, np.inf, -np.inf, -1), (st.erf, np.inf, 1, 0),
        (st.erfc, -np.inf, 2, 0), (st.elu, -np.inf, -1, 0), (st.elu, np.inf, np.inf, 1),
        (lambda x: st.clip(x, -1, 1), np.inf, 1, 0), (lambda x: st.maximum(x, 0.0), np.inf, np.inf, 1),
        (lambda x: st.minimum(x, 0.0), np.inf, 0, 0), (lambda x: x + np.inf, 1.0, np.inf, 1),
        (lambda x: 1 / x, np.inf, 0, 0), (lambda x: x**2, -np.inf, np.inf, -np.inf),
        (lambda x: st.where(x > 0, 1.0, x), np.inf, 1, 0), (lambda x: st.logaddexp(x, 0.0), -np.inf, 0, 0),
        (st.tanh, 1e4, 1, 0), (st.sigmoid, -1e4, 0, 0), (st.exp, -1e4, 0, 0), (st.exp, 1e4, np.inf, np.inf),
    ],
)  # fmt: skip
def test_infinities_and_extremes(function, x, value, slope):
    t = st.tensor(x)
    with np.errstate(all="ignore"):
        y = function(t)
    y.backward()
    assert float(y) == value
    assert float(t.grad) == slope


@pytest.mark.parametrize("function", [st.softmax, st.log_softmax, st.logsumexp])
@pytest.mark.parametrize(
    "scores", [[1e4, -1e4, 0.0], [1e4, 1e4 - 1, 0.0], [-1e4, -1e4, -1e4], [1e300, 0.0, -1e300], [-np.inf, 0.0, 1.0]]
)
def test_extreme_scores_give_finite_gradients(function, scores):
    jacobian = st.jacobian(function)(np.array(scores))
    assert np.isfinite(jacobian).all()
    p = np.exp(np.array(scores) - max(scores))
    p /= p.sum()
    expected = {st.softmax: np.diag(p) - np.outer(p, p), st.log_softmax: np.eye(3) - p, st.logsumexp: p[np.newaxis]}
    np.testing.assert_allclose(jacobian, expected[function], atol=1e-12)


@pytest.mark.parametrize(
    "chosen",
    [
        st.relu,
        lambda x: st.maximum(x, 0.0),
        lambda x: st.maximum(0.0, x),
        lambda x: -st.minimum(-x, 0.0),
        lambda x: -st.minimum(0.0, -x),
        lambda x: st.clip(x, 0.0),
        lambda x: st.where(x > 0, x, 0.0),
    ],
)
def test_what_was_not_chosen_does_not_spoil_the_gradient(chosen):
    """sqrt'(0) is infinite, and 0 times that is no number."""
    x = st.tensor(-1.0)
    st.sqrt(chosen(x)).backward()
    assert x.grad == 0


def test_the_largest_hands_an_infinite_gradient_to_one_alone():
    x = st.tensor([0.0, -1.0])
    st.sqrt(st.max(x)).backward()
    assert x.grad.tolist() == [np.inf, 0.0]


# The tester, tested.


@st.op(vjps=lambda g, f, x: 1.001 * g * st.cos(x))
def sine_off_by_a_thousandth(x):
    return np.sin(x)


@st.op(vjps=lambda g, f, x: g * np.cos(raw(x)))
def sine_with_a_vjp_off_the_graph(x):
    return np.sin(x)


@st.op(vjps=(lambda g, f, x, y: g * y, lambda g, f, x, y: g * y))
def product_with_both_slopes_alike(x, y):
    return x * y


def test_the_walk_notices_a_slope_off_by_a_thousandth():
    x = np.array([0.3, -1.2, 2.0])
    for check in (check_jacobian, check_gradient):
        with pytest.raises(AssertionError):
            check(sine_off_by_a_thousandth, [x], [0])
        check(st.sin, [x], [0])


def test_the_walk_notices_a_vjp_that_cannot_be_differentiated():
    x = np.array([0.3, -1.2, 2.0])
    check_gradient(sine_with_a_vjp_off_the_graph, [x], [0])
    with pytest.raises(AssertionError):
        check_second_order(sine_with_a_vjp_off_the_graph, [x], [0])


def test_the_walk_notices_the_wrong_one_of_two_arguments():
    x, y = np.array([0.3, -1.2]), np.array([1.0, 3.0])
    for check in (check_jacobian, check_gradient):
        check(product_with_both_slopes_alike, [x, y], [0])
        with pytest.raises(AssertionError):
            check(product_with_both_slopes_alike, [x, y], [1])
