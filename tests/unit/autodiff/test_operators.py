"""What can be written with tensors: operators, methods, and the functions of NumPy that have an op."""

import operator

import numpy as np
import pytest

import steepest as st

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
SHAPES = [((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1), (1, 3))]


def both(shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [dtype(rng.uniform(0.5, 2, shape)) for shape in shapes]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("combine", BINARY)
def test_operators_take_tensors_arrays_and_numbers_on_either_side(combine, shapes):
    a, b = both(shapes)
    expected = combine(a, b)
    for x, y in [(st.tensor(a), st.tensor(b)), (st.tensor(a), b), (a, st.tensor(b))]:
        z = combine(x, y)
        assert type(z) is st.Tensor
        np.testing.assert_array_equal(z.value, expected)
    for x, y in [(st.tensor(a), 2), (st.tensor(a), 2.0), (2, st.tensor(a)), (np.float64(2), st.tensor(a))]:
        z = combine(x, y)
        assert type(z) is st.Tensor
        plain = [part.value if isinstance(part, st.Tensor) else part for part in (x, y)]
        np.testing.assert_allclose(z.value, combine(*plain), rtol=1e-15)


@pytest.mark.parametrize("combine", BINARY)
def test_a_gradient_has_the_shape_of_its_side(combine):
    for shapes in SHAPES:
        x, y = map(st.tensor, both(shapes))
        combine(x, y).sum().backward()
        assert (x.grad.shape, y.grad.shape) == shapes


def test_products():
    X, W, v = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4), np.arange(3.0)
    for a, b in [(X, W), (v, W), (X, v), (v, v)]:
        for x, y in [(st.tensor(a), b), (a, st.tensor(b)), (st.tensor(a), st.tensor(b))]:
            np.testing.assert_array_equal((x @ y).value, a @ b)
    np.testing.assert_array_equal((st.tensor(X) @ W.tolist()).value, X @ W)


def test_float32_stays_float32_with_plain_numbers():
    for shape in [(), (3,)]:
        (x,) = both([shape], np.float32)
        t = st.tensor(x)
        for y in (t + 1, 2.0 * t, t**2, 2**t, 1 / t, t - 0.5, -t, abs(t), st.maximum(t, 0), st.clip(t, 0, 1)):
            assert y.dtype == np.float32
            y.sum().backward()
            assert t.grad.dtype == np.float32


def test_unary_operators():
    x = st.tensor([-1.0, 2.0])
    assert (-x).value.tolist() == [1, -2]
    assert (+x) is x
    assert abs(x).value.tolist() == [1, 2]


def test_comparisons_are_plain_booleans_on_either_side():
    x, a = st.tensor([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        for left, right in [(x, 2), (x, a), (a, x), (2, x), (x, st.tensor(a))]:
            result = compare(left, right)
            assert type(result) is np.ndarray
            plain = [part.value if isinstance(part, st.Tensor) else part for part in (left, right)]
            assert result.tolist() == compare(*plain).tolist()
    assert np.isnan(x).tolist() == [False, False, False]
    assert np.equal(x, a).tolist() == [False, True, False]


def test_equality_is_identity():
    x, y = st.tensor(1.0), st.tensor(1.0)
    assert x == x
    assert x != y
    assert len({x, y, x}) == 2


def test_indexing():
    x = st.tensor(np.arange(12.0).reshape(3, 4))
    for key in [0, -1, (1, 2), slice(1, None), (slice(None), 1), ..., None, [0, 0], ([0, 1], [1, 1]), x.value > 5]:
        np.testing.assert_array_equal(x[key].value, x.value[key])
    x[[0, 0, 2]].sum().backward()
    assert x.grad[:, 0].tolist() == [2, 0, 1]
    assert [row.value[0] for row in x] == [0, 4, 8]
    assert len(x) == 3
    first, _, _ = x
    assert first.value.tolist() == [0, 1, 2, 3]
    with pytest.raises(TypeError, match="no length"):
        len(st.tensor(1.0))


def test_gathering_is_take_along_axis():
    x = np.arange(12.0).reshape(3, 4)
    for axis in (0, 1, -1):
        places = np.random.default_rng(0).integers(0, x.shape[axis], (3, 4) if axis == 0 else (3, 2))
        np.testing.assert_array_equal(st.gather(x, places, axis=axis), np.take_along_axis(x, places, axis))
    t = st.tensor(x)
    st.gather(t, [[1], [1], [3]]).sum().backward()
    assert np.argwhere(t.grad).tolist() == [[0, 1], [1, 1], [2, 3]]


def test_methods():
    x = st.tensor(np.arange(6.0).reshape(2, 3))
    assert float(x.sum()) == 15
    assert x.sum(axis=0).value.tolist() == [3, 5, 7]
    assert x.mean(axis=1, keepdims=True).shape == (2, 1)
    assert float(x.max()) == 5
    assert x.min(axis=1).value.tolist() == [0, 3]
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == x.reshape(-1, 2).shape == (3, 2)
    assert x.T.shape == x.transpose().shape == x.transpose(1, 0).shape == x.transpose((1, 0)).shape == (3, 2)
    assert x.exp().op.name == "exp"  # every op is a method as well
    assert x.clip(1, 2).value.max() == 2


def test_numbers_and_words():
    x = st.tensor(1.5)
    assert (float(x), bool(x), f"{x:.2f}", f"{x}") == (1.5, True, "1.50", "tensor(1.5)")
    assert sum([x, x, x]).value == 4.5
    assert max(x, st.tensor(2.0)).value == 2
    with pytest.raises(ValueError, match="ambiguous"):
        bool(st.tensor([1.0, 2.0]))


@pytest.mark.parametrize(
    "name",
    ["exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "sign", "abs", "negative", "absolute"],
)
def test_numpy_functions_of_one_tensor_are_ops(name):
    a = np.array([0.5, 1.5])
    x = st.tensor(a)
    y = getattr(np, name)(x)
    assert type(y) is st.Tensor
    np.testing.assert_array_equal(y.value, getattr(np, name)(a))
    y.sum().backward()
    assert x.grad.shape == (2,)


@pytest.mark.parametrize(
    "name",
    ["add", "subtract", "multiply", "divide", "true_divide", "power", "maximum", "minimum", "logaddexp", "matmul"],
)
def test_numpy_functions_of_two_tensors_are_ops(name):
    a, b, function = np.array([1.5, 2.5]), np.array([2.0, 0.5]), getattr(np, name)
    for x, y in [(st.tensor(a), b), (a, st.tensor(b)), (st.tensor(a), st.tensor(b))]:
        assert type(function(x, y)) is st.Tensor
        np.testing.assert_array_equal(function(x, y).value, function(a, b))


def test_numpy_functions_of_arrays_are_ops():
    a = np.arange(6.0).reshape(2, 3)
    x = st.tensor(a)
    for same in (
        lambda x: np.sum(x), lambda x: np.sum(x, axis=0), lambda x: np.mean(x, 1), lambda x: np.max(x, axis=1),
        lambda x: np.min(x), lambda x: np.reshape(x, (3, 2)), lambda x: np.transpose(x), lambda x: np.clip(x, 1, 3),
        lambda x: np.where(x > 2, x, 0.0), lambda x: np.concatenate([x, x]), lambda x: np.concatenate((x, a), 1),
        lambda x: np.concatenate([x, a], axis=-1), lambda x: np.stack([x, x], axis=1),
        lambda x: np.broadcast_to(x, (2, 2, 3)),
    ):  # fmt: skip
        assert type(same(x)) is st.Tensor
        np.testing.assert_array_equal(same(x).value, same(a))
    assert np.shape(x) == (2, 3)
    assert (np.ndim(x), np.size(x)) == (2, 6)
    assert np.zeros_like(x).tolist() == np.zeros((2, 3)).tolist()


def test_pieces_come_one_by_one_or_in_a_list():
    x = st.tensor([1.0, 2.0])
    for joined in (
        st.concatenate(x, x),
        st.concatenate([x, x]),
        st.concatenate((x, x), axis=0),
        st.concatenate([x, x], 0),
    ):
        assert joined.value.tolist() == [1, 2, 1, 2]
        joined.sum().backward()
        assert x.grad.tolist() == [2, 2]
    assert st.concatenate([[1.0], [2.0]]).tolist() == [1, 2]
    assert st.stack([[1.0, 2.0], x]).shape == (2, 2)


def test_ops_of_plain_numbers_are_plain():
    for result in (st.exp(0.0), st.add([1.0], [2.0]), st.softmax([0.0, 0.0]), st.relu([-1.0, 1.0]), st.power([2.0], 3)):
        assert not isinstance(result, st.Tensor)
    assert st.add([1.0], [2.0]).tolist() == [3]
    assert st.exp(np.zeros(2)).flags.writeable
