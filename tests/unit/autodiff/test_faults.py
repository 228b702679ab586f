"""What goes wrong on the graph says so in one line: op, node, shapes, and what to do."""

import operator

import numpy as np
import pytest

import steepest as st
from steepest import InputError
from steepest.autodiff.registry import CONSTANT


def says(*parts):
    """A context that expects one line with these parts in it."""
    return pytest.raises(InputError, match=r"(?s)\A(?!.*\n).*" + ".*".join(parts))


@pytest.fixture
def x():
    return st.tensor([1.0, 2.0, 3.0], name="x")


def test_shapes_that_do_not_broadcast(x):
    with says(r"add cannot take \(x \(3,\), a leaf \(2,\)\)", r"\(3,\) \(2,\)"):
        x + st.tensor([1.0, 2.0])
    with says(r"matmul cannot take \(x \(3,\), an array \(4, 2\)\)"):
        x @ np.ones((4, 2))
    with says(r"multiply cannot take \(exp \(3,\), an array \(4,\)\)"):
        st.exp(x) * np.ones(4)
    with says(r"reshape cannot take \(x \(3,\), shape=\(2, 2\)\)"):
        x.reshape(2, 2)
    with says(r"index cannot take \(x \(3,\), key=5\)", "out of bounds"):
        x[5]
    with says(r"concatenate cannot take \(x \(3,\), an array \(1, 1\)\)"):
        st.concatenate([x, np.ones((1, 1))])
    with says(r"max cannot take \(a leaf \(0,\)\)"):
        st.max(st.tensor(np.zeros(0)))
    with says(r"sum cannot take \(x \(3,\), axis=2"):
        x.sum(axis=2)


def test_calls_that_do_not_fit(x):
    with says("add cannot take", "'y'"):
        st.add(x)
    with says("exp cannot take", "too many"):
        st.exp(x, 3)
    with says("exp cannot take", "foo"):
        st.exp(x, foo=3)
    with says("sum cannot take", "multiple values"):
        st.sum(x, 0, axis=0)
    with says("leaky_relu cannot take", "parameter.* tensor", ".value"):
        st.leaky_relu(x, slope=st.tensor(0.1))
    with says("index cannot take", "parameter.* tensor"):
        x[st.tensor(1)]
    with says("multiply cannot take", "complex128"):
        x * 1j
    with says("cast cannot take", "int64 has no derivative"):
        st.cast(x, dtype=np.int64)
    with says("concatenate cannot take"):
        st.concatenate([x, x], 0, 1, 2)


@pytest.mark.parametrize("value", [[[1.0], [1.0, 2.0]], "a", 1j, None, [object()], {"W": 1.0}])
def test_leaves_must_be_real_numbers(value):
    with says("W must be"):
        st.tensor(value, name="W")


def test_a_list_of_tensors_is_no_leaf(x):
    with says("the value of a tensor"):
        st.tensor([x, x])


# Backward.


def test_backward_from_several_numbers_needs_a_seed(x):
    with says(r"backward from exp \(3,\) needs a seed", r"f.backward\(seed\)", r"f.sum\(\).backward\(\)"):
        st.exp(x).backward()
    with says(r"the seed of exp \(3,\) has shape \(2,\)"):
        st.exp(x).backward(np.ones(2))
    with says(r"the seed of exp \(3,\) has shape \(\)"):
        st.exp(x).backward(1.0)
    with says(r"the seed of exp \(3,\) must be numbers"):
        st.exp(x).backward("abc")
    with says("NaN in the seed of exp"):
        st.exp(x).backward([1, np.nan, 1])


def test_values_cannot_be_changed(x):
    with says(r"x \(3,\) cannot be changed in place", "where"):
        x[0] = 5
    with says(r"the value of x \(3,\) cannot be replaced", "new tensor"):
        x.value = 5
    for node in (x, st.exp(x), x.T, x[1:], x.reshape(3, 1)):
        with pytest.raises(ValueError, match="read-only"):  # NumPy's own words
            node.value[0] = 5
    assert x.value.tolist() == [1, 2, 3]


def test_integers_have_no_gradient(x):
    n = st.tensor([1, 2, 3], name="n")
    with says(r"n \(3,\) is int64", "integers have no gradient", "floats"):
        (x * n).sum().backward()
    with says("is bool"):
        (x * st.tensor([True, False, True])).sum().backward()
    with says("argument 0 holds int64", "3.0 and not 3"):
        st.grad(lambda x: x * x)(3)
    with says("argument 1 holds int64"):
        st.grad(lambda x, y: x * y, argnums=1)(3.0, 3)
    # Where no derivative by them is asked for they are as good as constants.
    assert st.grad(lambda x: (x * n).sum())(np.ones(3)).tolist() == [1, 2, 3]
    (x * st.stop_gradient(n)).sum().backward()
    assert x.grad.tolist() == [1, 2, 3]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_nan_says_where_it_was_born():
    x = st.tensor([[1.0, -4.0]], name="x")
    y = st.sum(st.exp(st.sqrt(x) * 2.0))
    with says(r"a NaN was born in sqrt \(1, 2\)\[0, 1\] = sqrt\(x \(1, 2\)\)"):
        y.backward()
    with says(r"a NaN was born in log \(\) = log\(-1\)"):
        st.log(st.tensor(-1.0)).backward()
    a = st.tensor(np.inf, name="a")
    with says(r"a NaN was born in subtract \(\) = subtract\(inf, inf\)"):
        (a - a).backward()
    with says("a NaN was born in divide"):
        st.grad(lambda x: x / x)(0.0)


def test_a_nan_in_a_leaf_is_not_born():
    x = st.tensor([1.0, np.nan], name="pixels")
    with says(r"there is a NaN in pixels \(2,\)"):
        st.sum(st.exp(x)).backward()
    y = st.where(np.array([True, False]), x, 0.0)
    y.sum().backward()  # a NaN that was not chosen does no harm
    assert x.grad.tolist() == [1, 0]


def test_a_nan_in_a_derivative_alone_says_where_it_was_born():
    x = st.tensor(0.0, name="x")
    with says(r"a NaN was born in the derivative of multiply \(\) = multiply\(0, 0\) by x \(\)"):
        st.sqrt(x * x).backward()  # infinity by the product, and the product by x is 0
    with says("NaN was born in the derivative of multiply"):
        st.grad(lambda x: st.sqrt(x * 0.0))(1.0)
    with says("NaN was born in the derivative of"):
        st.grad(lambda x: st.grad(lambda x: st.sqrt(x) * x)(x))(0.0)


def test_infinite_gradients_are_none_of_these():
    x = st.tensor([2.0, 1.0])
    (x * np.array([np.inf, -np.inf])).backward(np.ones(2))
    assert x.grad.tolist() == [np.inf, -np.inf]


def test_division_by_zero_on_the_way_back_makes_no_noise():
    x = st.tensor(0.0)
    st.sqrt(x).backward()
    assert x.grad == np.inf


# VJPs.


def with_vjp(vjps):
    @st.op(vjps=vjps)
    def strange(x):
        return np.asarray(x) * 2.0

    return strange


@pytest.mark.parametrize(
    ("vjp", "message"),
    [
        (None, "strange has no derivative by its argument 0, x .*stop_gradient"),
        (lambda g, f, x: 2.0, r"the VJP of strange by x \(3,\) returned a float"),
        (lambda g, f, x: None, r"the VJP of strange by x \(3,\) returned a NoneType"),
        (lambda g, f, x: [2.0, 2.0, 2.0], r"the VJP of strange by x \(3,\) returned a list"),
        (lambda g, f, x: g[:2], r"the VJP of strange by x \(3,\) returned shape \(2,\): it must be \(3,\)"),
        (lambda g, f, x: np.ones((2, 3)), r"returned shape \(2, 3\)"),
        (lambda g, f, x: np.ones((1, 3)), r"returned shape \(1, 3\)"),
        (lambda g, f, x: g.sum(), r"returned shape \(\)"),
        (lambda g, f, x: x > 0, "returned bool"),
        (lambda g, f, x: g * 1j, "returned complex128"),
        (lambda g, f, x: g @ g @ g, r"the VJP of strange by x \(3,\) failed: matmul"),
        (lambda g, f, x: g.nothing, r"the VJP of strange by x \(3,\) failed: .*nothing"),
        (lambda g, f: g, r"the VJP of strange by x \(3,\) failed: .*positional argument"),
    ],
)
@pytest.mark.parametrize("through", ["backward", "grad", "second"])
def test_wrong_vjps_are_told_apart(x, vjp, message, through):
    strange = with_vjp((vjp,))
    with says(message.replace("x ", "(x|identity) ")):
        if through == "backward":
            strange(x).sum().backward()
        elif through == "grad":
            st.grad(lambda x: strange(x).sum())(x)
        else:
            st.grad(lambda x: st.grad(lambda x: strange(x).sum())(x).sum())(np.ones(3))


def test_a_vjp_that_forgets_to_spread_is_refused():
    @st.op(vjps=lambda g, f, x: g)
    def total(x):
        return np.sum(x)

    with says(r"the VJP of total by a leaf \(3,\) returned shape \(\): it must be \(3,\)"):
        total(st.tensor(np.ones(3))).backward()


def test_which_argument_has_no_derivative():
    @st.op(vjps=(lambda g, f, x, y: g, None))
    def half_known(x, y):
        return x + y

    x, y = st.tensor(1.0, name="x"), st.tensor(1.0, name="y")
    half_known(x, 1.0).backward()
    assert x.grad == 1
    with says(r"half_known has no derivative by its argument 1, y \(\)"):
        half_known(x, y).backward()
    with says("argument 1, x"):
        half_known(x, x).backward()
    assert st.grad(lambda x: half_known(x, 2.0))(1.0) == 1
    assert st.grad(half_known)(1.0, y) == 1  # nobody asks for that by y
    half_known(x, st.stop_gradient(y)).backward()


def test_what_an_op_may_return():
    def returning(thing):
        @st.op(vjps=lambda g, f, x: g)
        def odd(x):
            return thing

        return odd(st.tensor(1.0, name="x"))

    assert returning(3.0).value == 3.0
    assert returning([1.0, 2.0]).shape == (2,)
    assert returning(np.array(2.0)).value.shape == ()
    for thing, message in [(None, "object"), ("a", "<U1"), (1j, "complex128"), (st.tensor(1.0), "plain array")]:
        with says(r"odd cannot take \(x \(\)\)", message):
            returning(thing)


def test_an_op_cannot_change_its_arguments(x):
    @st.op(vjps=lambda g, f, x: g)
    def add_in_place(x):
        x += 1
        return x

    with says(r"add_in_place cannot take \(x \(3,\)\)", "read-only"):
        add_in_place(x)
    assert x.value.tolist() == [1, 2, 3]


def test_an_op_of_integers_has_no_gradient(x):
    @st.op(vjps=lambda g, f, x: g)
    def rounded(x):
        return np.rint(x).astype(int)

    with says("the VJP of multiply by rounded", "int64"):
        (rounded(x) * 2.0).sum().backward()


def test_constant_arguments_get_nothing():
    @st.op(vjps=(CONSTANT, lambda g, f, c, x: g * c))
    def scaled(c, x):
        return c * x

    c, x = st.tensor(3.0), st.tensor(2.0)
    scaled(c, x).backward()
    assert (c.grad, x.grad) == (None, 3)


# NumPy on tensors.


def test_plain_arrays_are_not_made_in_silence(x):
    for plain in (np.asarray, np.array, np.ascontiguousarray):
        with says("lose its place in the graph", ".value", "st.ops"):
            plain(x)
    with says("lose its place"):
        np.array([x, x])


def test_unknown_functions_say_so(x):
    with says(r"numpy\.fft\.fft does not know tensors", ".value"):
        np.fft.fft(x)
    with says(r"numpy\.linalg\.norm does not know"):
        np.linalg.norm(x)
    with says(r"numpy\.square does not know"):
        np.square(x)
    with says(r"numpy\.add\.reduce does not know"):
        np.add.reduce(x)
    with says(r"numpy\.exp with where= does not know"):
        np.exp(x, where=np.ones(3, bool))
    with pytest.raises(AttributeError, match="a tensor has no 'median'"):
        _ = x.median


def test_arrays_cannot_take_a_tensor_in(x):
    a = np.ones(3)
    for change in (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow):
        with says("cannot write a tensor into an array", "a = a"):
            change(a, x)
    with says("cannot write"):
        np.exp(x, out=a)
    assert a.tolist() == [1, 1, 1]
