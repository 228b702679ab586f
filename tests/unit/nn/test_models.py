"""Sequential and MLP: sizes, names and calls."""

import pickle
from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest

import steepest as st
from steepest.nn import Dropout, Flatten, Linear, Sequential

X = np.random.default_rng(0).normal(size=(7, 3))


def test_three_inputs_four_hidden_two_outputs():
    size = st.nn.MLP([3, 4, 2]).summary()
    assert (size.neurons, size.weights, size.parameters, size.bytes) == (6, 20, 26, 104)
    assert (size.forward, size.backward) == (40, 56)  # 2 a weight; 4 a weight, 2 in the first layer
    assert [line.name for line in size.lines] == ["linear1", "activation1", "linear2"]
    assert [line.shape for line in size.lines] == [(4,), (4,), (2,)]


def test_a_summary_is_a_table():
    table = str(st.nn.MLP([3072, 100, 10], norm="batch", dropout=0.5).summary()).splitlines()
    assert len(table) == 1 + 5 + 2
    assert table[-2].split() == ["total", "110", "308,200", "308,410", "616,400", "618,400"]
    assert table[-1] == "1,233,640 bytes of float32; FLOPs are of one example"


def test_a_summary_counts_what_is_in_a_residual_block():
    block = st.nn.Residual([Linear(3, 5), st.nn.Activation("relu"), Linear(5, 3)])
    size = Sequential(block, Linear(3, 2)).summary()
    assert (size.neurons, size.weights, size.parameters) == (5 + 3 + 2, 15 + 15 + 6, 20 + 18 + 8)


def test_parameters_are_one_flat_dict_of_float32():
    model = st.nn.MLP([3, 4, 5, 2], norm="batch")
    parameters = model.init(seed=0)
    assert {name: array.shape for name, array in parameters.items()} == {
        "linear1.W": (3, 4), "batch_norm1.scale": (4,), "batch_norm1.shift": (4,), "linear2.W": (4, 5),
        "batch_norm2.scale": (5,), "batch_norm2.shift": (5,), "linear3.W": (5, 2), "linear3.b": (2,),
    }  # fmt: skip
    assert all(array.dtype == np.float32 for array in parameters.values())
    assert sorted(model.state()) == [f"batch_norm{k}.{part}" for k in (1, 2) for part in ("mean", "variance")]
    assert model.names == (
        "linear1", "batch_norm1", "activation1", "linear2", "batch_norm2", "activation2", "linear3"
    )  # fmt: skip


def test_the_scores_are_the_formula():
    model = st.nn.MLP([3, 4, 2])
    p = model.init(seed=1)
    hidden = np.maximum(0, X @ p["linear1.W"] + p["linear1.b"])
    np.testing.assert_allclose(model(p, X), hidden @ p["linear2.W"] + p["linear2.b"])
    assert model(p, X.astype(np.float32)).dtype == np.float32
    assert model(p, X[:0]).shape == (0, 2)


def test_bytes_lists_and_images_are_taken():
    model = Sequential(Flatten(), Linear(4, 2))
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    p = model.init((2, 2), seed=0)
    assert model.init(seed=0).keys() == p.keys()
    scores = model(p, images)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(model(p, images.astype(float).tolist()), scores, rtol=1e-6)


def test_a_model_of_tensors_is_a_graph():
    model = st.nn.MLP([3, 4, 2], activation="tanh")
    p = model.init(seed=2)
    x = st.tensor(X, name="x")
    scores = model({name: st.tensor(array.astype(float)) for name, array in p.items()}, x)
    scores.sum().backward()
    assert x.grad.shape == X.shape
    np.testing.assert_allclose(scores.value, model(p, X), rtol=1e-6)


def test_models_are_values():
    model, same = (st.nn.MLP([3, 4, 2], dropout=0.1, init="xavier") for _ in range(2))
    assert model == same == pickle.loads(pickle.dumps(model))
    assert hash(model) == hash(same)
    assert model != st.nn.MLP([3, 4, 2])
    with pytest.raises(FrozenInstanceError):
        model.layers = ()
    with pytest.raises(FrozenInstanceError):
        model.layers[0].inputs = 4


def test_lists_and_models_within_models_become_one_flat_tuple():
    head = Sequential([Linear(3, 4)])
    model = Sequential(head, Dropout(0.5), Sequential(Linear(4, 2)))
    assert model.layers == (Linear(3, 4), Dropout(0.5), Linear(4, 2))


def test_what_an_mlp_is_made_of():
    kinds = [layer.name for layer in st.nn.MLP([3, 4, 5, 2], "tanh", dropout=0.5, norm="layer").layers]
    hidden = ["linear", "layer_norm", "activation", "dropout"]
    assert kinds == [*hidden, *hidden, "linear"]
    assert st.nn.MLP([3, 2]).layers == (Linear(3, 2),)
    assert not st.nn.MLP([3, 4, 2], norm="batch").layers[0].bias
    assert st.nn.MLP(np.array([3, 4, 2])) == st.nn.MLP([3, 4, 2])
    slope = st.nn.Activation("leaky_relu", slope=0.3)
    assert st.nn.MLP([3, 4, 2], slope).layers[1] is slope


@dataclass(frozen=True)
class Scale(st.nn.Plain):
    """A layer of the user's own."""

    name = "scale"
    by: float

    @property
    def input_shape(self):
        return None

    def output_shape(self, shape):
        return shape

    def apply(self, parameters, x, mode):
        return x * self.by


def test_a_layer_of_ones_own_stands_among_the_others():
    model = Sequential(Scale(2.0), Linear(3, 2))
    p = model.init(seed=0)
    np.testing.assert_allclose(model(p, X), Sequential(Linear(3, 2))(p, 2 * X))
    assert model.names == ("scale1", "linear1")


def test_what_a_layer_must_say_cannot_be_left_out():
    class Silent(st.nn.Plain):
        name = "silent"

    with pytest.raises(TypeError, match="abstract"):
        Silent()
