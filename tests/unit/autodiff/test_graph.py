"""The graph: what it holds, how deep it goes, and that it goes away."""

import gc
import sys
import time
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as s

import steepest as st
from steepest import InputError


@pytest.fixture
def no_collector():
    """Reference counting alone."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_leaf_keeps_its_value_type_and_name():
    x = st.tensor(np.float32([[1, 2]]), name="W")
    assert (x.dtype, x.shape, x.ndim, x.size, x.name, x.op, x.args) == (np.float32, (1, 2), 2, 2, "W", None, ())
    assert x.grad is None
    assert st.tensor([1, 2]).dtype == np.int64
    assert st.tensor(x).value.tolist() == [[1, 2]]
    assert repr(x) == "tensor([[1., 2.]], name='W')"


def test_a_node_knows_what_it_came_from():
    x = st.tensor(2.0)
    y = x * 3.0
    assert (y.op.name, y.args, y.parameters) == ("multiply", (x, 3.0), {})
    z = st.sum(st.tensor([[1.0, 2.0]]), axis=1)
    assert z.parameters == {"axis": 1}
    assert x.serial < y.serial < z.serial


def test_backward_visits_a_node_once_however_many_ways_lead_to_it():
    x = st.tensor(1.0)
    y = x
    for _ in range(100):  # 2^100 ways from the end to x
        y = y + y
    y.backward()
    assert x.grad == 2.0**100


def test_backward_replaces_what_was_there():
    x = st.tensor(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad == 6
    (5 * x).backward()
    assert x.grad == 5


def test_every_node_on_the_way_gets_its_gradient_and_no_other():
    x, other = st.tensor(2.0), st.tensor(1.0)
    a = x * x
    aside = a + other
    f = a * 3.0
    f.backward()
    assert (f.grad, a.grad, x.grad) == (1, 3, 12)
    assert aside.grad is None
    assert other.grad is None


def test_backward_from_a_leaf():
    x = st.tensor(2.0)
    x.backward()
    assert x.grad == 1


def test_a_seed_weighs_the_numbers():
    x = st.tensor([1.0, 2.0])
    (x * x).backward([10, 100])
    assert x.grad.tolist() == [20, 400]
    (x * x).backward(st.tensor([1.0, 0.0]))
    assert x.grad.tolist() == [2, 0]


def test_gradients_are_arrays_of_their_own():
    x, y, seed = st.tensor([1.0, 2.0]), st.tensor([3.0, 4.0]), np.ones(2)
    (x + y).backward(seed)
    x.grad *= 5
    assert (y.grad.tolist(), seed.tolist()) == ([1, 1], [1, 1])
    x.sum().backward()
    x.grad[0] = 7  # it was one number stretched
    assert x.grad.tolist() == [7, 1]
    a, b = st.grad(lambda a, b: (a + b).sum(), argnums=(0, 1))(np.ones(2), np.ones(2))
    a += 1
    assert b.tolist() == [1, 1]


# What is kept cannot be changed.


def test_the_array_that_a_tensor_was_made_of_may_change():
    array = np.ones(2)
    x = st.tensor(array)
    array[:] = 5
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x, a: x * a, [1, 2, 3]),
        (lambda x, a: x @ a, [1, 2, 3]),
        (lambda x, a: x / (1 / a) + 0 * x, [1, 2, 3]),
        (lambda x, a: st.where(a > 1, x, 0.0) * a, [0, 2, 3]),
        (lambda x, a: st.concatenate([x, a]) * st.concatenate([a, a]), [1, 2, 3]),
    ],
)
def test_constants_may_change_afterwards(make, expected):
    a = np.array([1.0, 2.0, 3.0])
    x = st.tensor(np.ones(3))
    y = make(x, a)
    a[:] = 100
    y.sum().backward()
    assert x.grad.tolist() == expected


@pytest.mark.parametrize("wrap", [lambda k: k, lambda k: (k,), lambda k: (..., k)])
@pytest.mark.parametrize("kind", [np.array, list])
def test_keys_may_change_afterwards(wrap, kind):
    key = kind([0, 0])
    x = st.tensor(np.ones(3))
    y = x[wrap(key)].sum()
    key[0] = key[1] = 2
    y.backward()
    assert x.grad.tolist() == [2, 0, 0]


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.fill(0),
        lambda a: a.__setitem__((3, 4), a[3, 4] + 1),
        lambda a: a.__setitem__((-1, -1), 7),
        lambda a: a.__setitem__(slice(None), a[::-1].copy()),
        lambda a: a.__setitem__(slice(None), a[:, ::-1].copy()),
        lambda a: np.random.default_rng(0).shuffle(a),
        lambda a: a.sort(),
        lambda a: a.__setitem__((0, [0, 1]), a[0, [1, 0]]),
    ],
)
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_a_large_constant_is_not_copied_and_its_change_is_found(change, order, dtype):
    a = np.asarray(np.random.default_rng(0).uniform(0, 255, (301, 403)), dtype, order=order)
    w = st.tensor(np.ones(403), name="w")
    y = a @ w
    assert y.args[0] is a
    y.sum().backward()  # nothing has changed so far
    np.testing.assert_allclose(w.grad, a.sum(axis=0, dtype=float))
    change(a)
    with pytest.raises(
        InputError, match=r"an array that matmul \(301,\) = matmul\(an array .*\) was made of has changed"
    ):
        y.sum().backward()


def test_large_parts_of_arrays_are_copied():
    a = np.ones((600, 400))
    w = st.tensor(np.ones(200))
    y = a[:, ::2] @ w
    a[:] = 5
    y.sum().backward()
    assert w.grad[0] == 600


def test_a_read_only_array_is_taken_at_its_word():
    a = np.ones(3)
    a.flags.writeable = False
    assert (st.tensor(np.ones(3)) * a).args[1] is a
    b = np.ones(3)
    assert (st.tensor(np.ones(3)) * b).args[1] is not b


def test_rebinding_makes_a_new_tensor():
    x = w = st.tensor([1.0, 2.0])
    x += 1
    x *= 2
    assert x is not w
    x.sum().backward()
    assert w.grad.tolist() == [2, 2]


# Depth, and going away.


def chain(n):
    x = st.tensor(1.0)
    y = x
    for _ in range(n):
        y = y * 1.0
    return x, y


def test_two_hundred_thousand_nodes_deep():
    limit = sys.getrecursionlimit()
    x, y = chain(200_000)
    y.backward()
    assert x.grad == 1
    assert sys.getrecursionlimit() == limit
    last = weakref.ref(x)
    del x, y
    assert last() is None


def test_depth_costs_in_proportion():
    def cost(n):
        best = np.inf
        for _ in range(3):
            x, y = chain(n)
            start = time.perf_counter()
            y.backward()
            best = min(best, time.perf_counter() - start)
            del x, y
        return best

    def memory(n):
        tracemalloc.start()
        x, y = chain(n)
        y.backward()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert x.grad == 1
        return peak

    assert memory(20_000) < 15 * memory(2_000)
    assert cost(40_000) < 40 * cost(4_000)  # 10, if the clock were quiet


@pytest.mark.usefixtures("no_collector")
def test_reference_counting_frees_a_graph():
    x = st.tensor(np.ones((2, 3)))
    nodes = [x.T, st.exp(x), st.concatenate([x, x]), x[0], st.max(x, axis=1), x @ x.T, st.softmax(x)]
    nodes += [nodes[1] * 2.0, st.where(x.value > 0, x, nodes[1])]
    found = [weakref.ref(node) for node in [x, *nodes]]
    f = st.sum(nodes[-1] * nodes[-2])
    f.backward()
    found.append(weakref.ref(f))
    del x, nodes, f
    assert [ref() for ref in found] == [None] * len(found)


@pytest.mark.usefixtures("no_collector")
def test_backward_leaves_no_cycles():
    x = st.tensor(np.ones((2, 3)))
    y = (st.softmax(x @ np.ones((3, 3))) * st.relu(x)).mean()
    gc.collect()
    y.backward()
    del y
    assert gc.collect() == 0


@pytest.mark.usefixtures("no_collector")
def test_gradients_of_functions_leave_no_cycles_and_no_nodes():
    alive = []

    def f(x):
        y = st.exp(x) * x
        alive.append(weakref.ref(y))
        return y.sum()

    curved = st.grad(lambda x: (st.grad(f)(x) * np.arange(3.0)).sum())
    curved(np.ones(3))
    st.jacobian(lambda x: st.exp(x))(np.ones(3))
    gc.collect()
    curved(np.ones(3))
    st.value_and_grad(f)(np.ones(3))
    st.jacobian(lambda x: st.exp(x))(np.ones(3))
    assert [ref() for ref in alive] == [None] * len(alive)
    assert gc.collect() == 0


@settings(max_examples=50, deadline=None)
@given(s.lists(s.tuples(s.sampled_from("+-*"), s.integers(0, 100), s.integers(0, 100)), min_size=1, max_size=30))
def test_any_graph_differentiates_as_a_polynomial(steps):
    """Random graphs of sums and products, against numpy's polynomials in one variable."""
    x = st.tensor(0.5)
    nodes, polynomials = [x, st.tensor(1.0)], [np.polynomial.Polynomial([0, 1]), np.polynomial.Polynomial([1])]
    for operator, i, j in steps:
        i, j = i % len(nodes), j % len(nodes)
        if polynomials[i].degree() + polynomials[j].degree() > 20:
            continue
        combine = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}[operator]
        nodes.append(combine(nodes[i], nodes[j]))
        polynomials.append(combine(polynomials[i], polynomials[j]))
    nodes[-1].backward()
    slope = polynomials[-1].deriv()(0.5)
    grad = 0.0 if x.grad is None else x.grad
    assert grad == pytest.approx(slope, rel=1e-9, abs=1e-9)
