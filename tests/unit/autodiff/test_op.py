"""Ops of one's own: ``@st.op``."""

import math
import pickle

import numpy as np
import pytest

import steepest as st
from steepest import InputError
from steepest.autodiff import REGISTRY
from steepest.autodiff.registry import CONSTANT, Each


@st.op(vjps=lambda g, f, x, k=2.0: g * k * st.cos(k * x), domain=(-3, 3), kinks=[((0.0,), (2.0,))])
def wave(x, k=2.0):
    """Sin of k x."""
    return np.sin(k * x)


def test_an_op_of_ones_own_is_differentiated_like_any_other():
    x = st.tensor([0.0, 1.0])
    y = wave(x)
    assert y.op is REGISTRY["wave"]
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 2 * np.cos([0.0, 2.0]))
    assert st.check_gradient(lambda x: wave(x, k=3.0).sum(), [0.3, -1.0])
    assert st.grad(st.grad(wave))(1.0) == pytest.approx(-4 * math.sin(2))


def test_parameters_come_by_position_or_by_name():
    x = st.tensor(0.5)
    for y in (wave(x, 3.0), wave(x, k=3.0), wave(k=3.0, x=x)):
        assert y.parameters == {"k": 3.0}
        y.backward()
        assert x.grad == pytest.approx(3 * math.cos(1.5))
    assert wave(x).parameters == {}


def test_arguments_come_by_name_too():
    x, p = st.tensor(3.0), st.tensor(2.0)
    st.power(x, p=p).backward()
    assert (x.grad, p.grad) == (6, pytest.approx(9 * math.log(3)))


def test_it_stays_a_function():
    assert (wave.__name__, wave.__doc__) == ("wave", "Sin of k x.")
    assert wave(0.0) == 0
    assert isinstance(wave(np.ones(2)), np.ndarray)


def test_it_may_be_written_with_the_math_module():
    @st.op(vjps=lambda g, f, x: g * math.cos(x))
    def sine(x):
        return math.sin(x)

    x = st.tensor(1.0)
    (2.0 * sine(x)).backward()
    assert x.grad == pytest.approx(2 * math.cos(1))


def test_several_arguments():
    @st.op(vjps=(lambda g, f, x, y: g * x / f, lambda g, f, x, y: g * y / f))
    def hypotenuse(x, y):
        return np.hypot(x, y)

    x, y = st.tensor([3.0, 6.0]), st.tensor(4.0)  # y is stretched, and the engine adds up
    hypotenuse(x, y).sum().backward()
    assert x.grad.tolist() == pytest.approx([0.6, 6 / math.sqrt(52)])
    assert y.grad == pytest.approx(0.8 + 4 / math.sqrt(52))


def test_any_number_of_arguments():
    @st.op(vjps=Each(lambda k, g, f, *xs: g * (k + 1.0)))
    def weighted(*xs):
        return sum((k + 1) * x for k, x in enumerate(xs))

    xs = [st.tensor(1.0) for _ in range(4)]
    weighted(*xs).backward()
    assert [x.grad for x in xs] == [1, 2, 3, 4]


def test_constants_and_missing_derivatives():
    @st.op(vjps=(CONSTANT, lambda g, f, mask, x, y: g * mask, None))
    def chosen(mask, x, y):
        return mask * x + y

    x = st.tensor([1.0, 2.0])
    chosen(np.array([1.0, 0.0]), x, 1.0).sum().backward()
    assert x.grad.tolist() == [1, 0]


def test_the_names_of_steepest_are_taken():
    with pytest.raises(InputError, match="there is an op exp in steepest"):

        @st.op(vjps=lambda g, f, x: g)
        def exp(x):
            return x

    assert REGISTRY["exp"].forward.__module__.startswith("steepest.")


def test_ones_own_may_be_declared_again():
    for factor in (1.0, 2.0):

        @st.op(vjps=lambda g, f, x, factor=factor: g * factor)
        def again(x, factor=factor):
            return factor * x

    assert REGISTRY["again"].forward(1.0) == 2


@pytest.mark.parametrize(
    ("vjps", "message"),
    [
        ((lambda g, f, x: g, lambda g, f, x: g), "narrow has 2 VJPs and takes 1 argument"),
        (3, "a VJP of narrow is a int"),
        (["g"], "a VJP of narrow is a str"),
    ],
)
def test_declarations_that_do_not_fit(vjps, message):
    with pytest.raises(InputError, match=message):

        @st.op(vjps=vjps)
        def narrow(x):
            return x


def test_cases_describe_calls():
    each = st.case((3, 4), True, axis=1)
    assert (each.args, each.parameters) == (((3, 4), True), {"axis": 1})


def test_the_documentation_of_every_op_says_its_equation_and_its_slope():
    for name, op in REGISTRY.items():
        if op.forward.__module__.startswith("steepest.autodiff.ops.") and name not in {"stop_gradient"} | SHAPES:
            doc = op.forward.__doc__
            assert "radient" in doc or "Jacobian" in doc, name


SHAPES = {"broadcast_to", "cast", "concatenate", "reshape", "scatter", "sum_to", "transpose"}


def test_tensors_can_be_copied():
    x = pickle.loads(pickle.dumps(st.tensor([1.0, 2.0], name="x")))
    (x * x).sum().backward()
    assert (x.name, x.grad.tolist()) == ("x", [2, 4])
