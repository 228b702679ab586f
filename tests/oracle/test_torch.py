"""Every op of the registry against PyTorch, value and gradient: an oracle that shares no line with steepest."""

import zlib

import numpy as np
import pytest

import steepest as st
from steepest.autodiff import REGISTRY

torch = pytest.importorskip("torch")

OPS = {name: op for name, op in REGISTRY.items() if op.forward.__module__.startswith("steepest.")}


def axes(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def one_by_one(extreme):
    """The extreme over several axes as over one: PyTorch's own shares the gradient among ties, or takes one axis."""

    def reduced(x, axis=None, keepdims=False):
        dims = sorted(a % x.ndim for a in np.atleast_1d(axes(x, axis)).astype(int)) if x.ndim else []
        kept = [n for a, n in enumerate(x.shape) if a not in dims]
        last = x.permute((*[a for a in range(x.ndim) if a not in dims], *dims))
        y = extreme(last.reshape(*kept, int(np.prod([x.shape[a] for a in dims]))), dim=-1).values
        return y.reshape([1 if a in dims else n for a, n in enumerate(x.shape)]) if keepdims else y

    return reduced


def softmax(x, axis=-1):
    e = torch.exp(x - torch.amax(x.detach(), dim=axis, keepdim=True))
    return e / torch.sum(e, dim=axis, keepdim=True)


def scatter(x, key, shape):
    zeros = torch.zeros(shape, dtype=x.dtype)
    places = torch.arange(zeros.numel()).reshape(shape)[key].reshape(-1)
    return zeros.reshape(-1).index_add(0, places, x.reshape(-1)).reshape(shape)


def sum_to(x, shape):
    x = torch.sum(x, dim=tuple(range(x.ndim - len(shape)))) if x.ndim > len(shape) else x
    stretched = tuple(a for a, n in enumerate(shape) if n == 1)
    return torch.sum(x, dim=stretched, keepdim=True) if stretched else x


ORACLE = {
    "abs": torch.abs,
    "add": lambda x, y: x + y,
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
    "cast": lambda x, dtype: x.to(torch.float64),
    "concatenate": lambda *xs, axis=0: torch.cat(xs, dim=axis),
    "cos": torch.cos,
    "divide": lambda x, y: x / y,
    "elu": lambda x, a=1.0: torch.nn.functional.elu(x, alpha=a),
    "erf": torch.erf,
    "erfc": torch.erfc,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "gelu": torch.nn.functional.gelu,
    "identity": lambda x: x * 1,
    "index": lambda x, key: x[key],
    "leaky_relu": lambda x, slope=0.01: torch.nn.functional.leaky_relu(x, negative_slope=slope),
    "log": torch.log,
    "log1p": torch.log1p,
    "logaddexp": torch.logaddexp,
    "logsumexp": lambda x, axis=None, keepdims=False: torch.logsumexp(x, dim=axes(x, axis), keepdim=keepdims),
    "matmul": torch.matmul,
    "max": one_by_one(torch.max),
    "maximum": torch.maximum,
    "mean": lambda x, axis=None, keepdims=False: torch.mean(x, dim=axes(x, axis), keepdim=keepdims),
    "min": one_by_one(torch.min),
    "minimum": torch.minimum,
    "multiply": lambda x, y: x * y,
    "negative": lambda x: -x,
    "power": torch.pow,
    "relu": torch.relu,
    "reshape": lambda x, shape: torch.reshape(x, shape),
    "scatter": scatter,
    "sigmoid": torch.sigmoid,
    "sign": torch.sign,
    "sin": torch.sin,
    "softmax": softmax,
    "sqrt": torch.sqrt,
    "step": lambda x: torch.heaviside(x.detach(), torch.ones((), dtype=x.dtype)) + 0 * x,
    "stop_gradient": lambda x: x.detach() + 0 * x,
    "subtract": lambda x, y: x - y,
    "sum": lambda x, axis=None, keepdims=False: torch.sum(x, dim=axes(x, axis), keepdim=keepdims),
    "sum_to": sum_to,
    "tanh": torch.tanh,
    "transpose": lambda x, axes=None: x.permute(tuple(axes or range(x.ndim - 1, -1, -1))),
    "where": torch.where,
}

CALLS = [pytest.param(name, each, id=f"{name}-{k}") for name, op in OPS.items() for k, each in enumerate(op.cases)]


def test_the_oracle_knows_every_op():
    assert set(ORACLE) == set(OPS)


def arguments(name, each, dtype):
    rng, domains = np.random.default_rng(zlib.crc32(repr(each).encode())), OPS[name].domain
    return [
        dtype(rng.uniform(*domains[min(k, len(domains) - 1)], shape)) if isinstance(shape, tuple) else shape
        for k, shape in enumerate(each.args)
    ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "each"), CALLS)
def test_value_and_gradient_are_those_of_torch(name, each, dtype):
    args = arguments(name, each, dtype)
    ours = [st.tensor(arg) if isinstance(shape, tuple) else arg for arg, shape in zip(args, each.args, strict=True)]
    theirs = [
        torch.tensor(np.asarray(arg), requires_grad=isinstance(shape, tuple))
        for arg, shape in zip(args, each.args, strict=True)
    ]
    y = getattr(st, name)(*ours, **each.parameters)
    z = ORACLE[name](*theirs, **each.parameters)
    assert y.shape == tuple(z.shape)
    seed = np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)
    y.backward(seed)
    z.backward(torch.tensor(seed))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(y.value, z.detach().numpy(), rtol=20 * eps, atol=20 * eps)
    for x, t in zip(ours, theirs, strict=True):
        if isinstance(x, st.Tensor) and name != "stop_gradient":
            np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=50 * eps, atol=100 * eps)
            assert t.grad.numpy().dtype == x.grad.dtype


@pytest.mark.parametrize(
    ("name", "same"),
    [("abs", True), ("leaky_relu", True), ("relu", True), ("sign", True), ("elu", True), ("max", True)],
)
def test_kinks_are_decided_as_in_torch(name, same):
    for points, derivatives in OPS[name].kinks:
        theirs = [torch.tensor(point, dtype=torch.float64, requires_grad=True) for point in points]
        z = ORACLE[name](*theirs)
        z.backward(torch.ones_like(z))
        for t, derivative in zip(theirs, derivatives, strict=True):
            assert (t.grad.tolist() == derivative) is same


def test_ties_of_two_are_decided_otherwise_than_in_torch():
    """PyTorch gives each half; here the first gets all, so that what is taken is the slope of one of the two."""
    x, y = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
    torch.maximum(x, y).backward()
    assert (x.grad, y.grad) == (0.5, 0.5)
    assert st.grad(st.maximum, argnums=(0, 1))(1.0, 1.0) == (1, 0)


def test_hessian_of_a_network_is_that_of_torch():
    rng = np.random.default_rng(0)
    X, V, W, y = rng.normal(size=(7, 4)), rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.integers(3, size=7)

    def loss(v):
        scores = st.tanh(X @ v.reshape(4, 5)) @ W
        return -st.gather(st.log_softmax(scores), y[:, np.newaxis]).mean()

    def theirs(v):
        scores = torch.tanh(torch.tensor(X) @ v.reshape(4, 5)) @ torch.tensor(W)
        return torch.nn.functional.cross_entropy(scores, torch.tensor(y))

    ours = st.jacobian(st.grad(loss))(V.ravel())
    expected = torch.autograd.functional.hessian(theirs, torch.tensor(V.ravel())).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)
