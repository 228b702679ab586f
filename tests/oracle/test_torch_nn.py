"""PyTorch as an oracle: layers and whole networks, values and gradients."""

import numpy as np
import pytest

import steepest as st
from steepest.nn import Activation, BatchNorm, Flatten, LayerNorm, Linear, Mode, Residual, Sequential
from steepest.objective.graph import GraphObjective

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(9, 5)) * 3

ACTIVATIONS = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "gelu": torch.nn.functional.gelu,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),  # torch's own is linear from 20 on
}


def theirs(array):
    return torch.tensor(np.asarray(array, np.float64), requires_grad=True)


def compare(model, at, x, formula, mode=st.nn.EVALUATION, extra=None):
    """Values, and the derivatives of a weighted sum by the parameters and by x."""
    weights = np.random.default_rng(1).normal(size=np.shape(formula({k: theirs(v) for k, v in at.items()}, theirs(x))))
    ours = {name: st.tensor(np.asarray(array, np.float64)) for name, array in at.items()}
    x_ours, x_theirs = st.tensor(x), theirs(x)
    value = model({**ours, **(extra or {})}, x_ours, mode)
    (value * weights).sum().backward()
    leaves = {name: theirs(array) for name, array in at.items()}
    expected = formula(leaves, x_theirs)
    (expected * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(value.value, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(x_ours.grad, x_theirs.grad.numpy(), rtol=1e-8, atol=1e-11)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(ours[name].grad, leaf.grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name)


def somewhere(model, shape=None):
    return {name: array + RNG.normal(0, 0.3, array.shape) for name, array in model.init(shape).items()}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    compare(Sequential(Activation(name)), {}, X, lambda p, x: ACTIVATIONS[name](x))


@pytest.mark.parametrize("slope", [0.3, 2.0])
def test_activations_with_a_slope(slope):
    functions = torch.nn.functional
    leaky = Sequential(Activation("leaky_relu", slope=slope))
    compare(leaky, {}, X, lambda p, x: functions.leaky_relu(x, slope))
    compare(Sequential(Activation("elu", slope=slope)), {}, X, lambda p, x: functions.elu(x, slope))


def test_linear():
    model = Sequential(Linear(5, 3))
    compare(model, somewhere(model), X, lambda p, x: torch.nn.functional.linear(x, p["linear1.W"].T, p["linear1.b"]))


@pytest.mark.parametrize("shape", [(5,), (2, 5)])
def test_layer_norm(shape):
    model = Sequential(LayerNorm(eps=0.01))
    x = RNG.normal(size=(6, *shape))

    def formula(p, x):
        return torch.nn.functional.layer_norm(x, (5,), p["layer_norm1.scale"], p["layer_norm1.shift"], eps=0.01)

    compare(model, somewhere(model, shape), x, formula)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_and_its_running_statistics(training):
    model = Sequential(BatchNorm(eps=0.01, momentum=0.3))
    start = {name: array.astype(float) + RNG.uniform(0, 1, 5) for name, array in model.state(5).items()}
    running = {name: torch.tensor(array) for name, array in start.items()}

    def formula(p, x, running=running):
        return torch.nn.functional.batch_norm(
            x, running["batch_norm1.mean"].clone(), running["batch_norm1.variance"].clone(),
            p["batch_norm1.scale"], p["batch_norm1.shift"], training=training, momentum=0.3, eps=0.01,
        )  # fmt: skip

    compare(model, somewhere(model, 5), X, formula, Mode(training=training), start)
    new = {}
    model({**model.init(5), **start}, X, Mode(training=training, collect=new))
    mean, variance = running.values()
    torch.nn.functional.batch_norm(torch.tensor(X), mean, variance, training=training, momentum=0.3)
    for name, expected in (("mean", mean), ("variance", variance)):
        found = new[f"batch_norm1.{name}"] if training else start[f"batch_norm1.{name}"]
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-12)


def test_residual_and_flatten():
    model = Sequential(Flatten(), Residual([Linear(6, 4), Activation("tanh"), Linear(4, 6)]), Linear(6, 2))

    def formula(p, x):
        x = x.flatten(1)
        inner = torch.tanh(x @ p["residual1.linear1.W"] + p["residual1.linear1.b"])
        x = x + inner @ p["residual1.linear2.W"] + p["residual1.linear2.b"]
        return x @ p["linear1.W"] + p["linear1.b"]

    compare(model, somewhere(model, (2, 3)), RNG.normal(size=(4, 2, 3)), formula)


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_a_network_with_its_loss(activation):
    model = st.nn.MLP([5, 8, 6, 3], activation)
    at, y = somewhere(model), RNG.integers(0, 3, 9)
    value, gradient = GraphObjective(model, X, y, penalty="l2", alpha=0.01).value_and_gradient(at)
    leaves = {name: theirs(array) for name, array in at.items()}
    x = torch.tensor(X)
    for k in (1, 2, 3):
        x = x @ leaves[f"linear{k}.W"] + leaves[f"linear{k}.b"]
        x = ACTIVATIONS[activation](x) if k < 3 else x
    penalty = sum((leaves[f"linear{k}.W"] ** 2).sum() for k in (1, 2, 3))
    total = torch.nn.functional.cross_entropy(x, torch.tensor(y)) + 0.01 * penalty
    total.backward()
    assert value == pytest.approx(total.item(), rel=1e-12)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(gradient[name], leaf.grad.numpy(), rtol=1e-9, atol=1e-12)
