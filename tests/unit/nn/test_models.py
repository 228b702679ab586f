"""Sequential and MLP: sizes, names, calls, and what is said when something does not fit."""

import pickle
from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest

import steepest as st
from steepest.nn import BatchNorm, Dropout, Flatten, LayerNorm, Linear, Mode, Sequential

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


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (partial(st.nn.MLP, [784]), r"needs two sizes or more, .*not \[784\]"),
        (partial(st.nn.MLP, []), "needs two sizes"),
        (partial(st.nn.MLP, 784), "must be a list"),
        (partial(st.nn.MLP, [3, -4, 2]), "size 2 of the MLP must be at least 1, not -4"),
        (partial(st.nn.MLP, [3, 0, 2]), "size 2 of the MLP must be at least 1, not 0"),
        (partial(st.nn.MLP, [3, 4.5, 2]), "size 2 of the MLP must be a whole number, not 4.5"),
        (partial(st.nn.MLP, [3, True, 2]), "size 2 of the MLP must be a whole number, not True"),
        (partial(st.nn.MLP, [3, 4, 2], "rellu"), "no activation 'rellu': did you mean relu"),
        (partial(st.nn.MLP, [3, 4, 2], None), "no activation None"),
        (partial(st.nn.MLP, [3, 4, 2], init="xavir"), "no initialization 'xavir': did you mean xavier"),
        (partial(st.nn.MLP, [3, 4, 2], dropout=1.0), "dropout must be at least 0 and less than 1, not 1.0"),
        (partial(st.nn.MLP, [3, 4, 2], dropout="half"), "dropout must be a number, not 'half'"),
        (partial(st.nn.MLP, [3, 4, 2], norm="batchnorm"), "no norm 'batchnorm': did you mean batch"),
        (partial(st.nn.MLP, [3, 1, 2], norm="layer"), "layer_norm1: LayerNorm needs two features"),
        (partial(Dropout, 1.0), "rate of dropout must be at least 0 and less than 1"),
        (partial(Dropout, -0.1), "rate of dropout must be at least 0"),
        (partial(Dropout, float("nan")), "rate of dropout must be at least 0"),
        (partial(BatchNorm, eps=0), "eps of batch norm must be greater than 0"),
        (partial(LayerNorm, eps=float("inf")), "eps of layer norm must be greater than 0"),
        (partial(Linear, 0, 3), "inputs of a linear layer must be at least 1"),
        (partial(st.nn.Activation, "tanh", slope=0.1), "activation tanh takes no slope"),
        (partial(st.nn.Activation, "elu", slope=-1), "slope of elu must be greater than 0"),
        (partial(st.nn.Standardize, [0.0], [1.0, 1.0]), r"shift and scale .* not \(1,\) and \(2,\)"),
        (partial(st.nn.Standardize, [np.nan], [1.0]), "shift of Standardize must be finite"),
        (partial(st.nn.Standardize, 0.0, 1.0), "must have the shape of one example"),
        (partial(st.nn.Residual, [Linear(3, 4)]), r"branch makes shape \(4,\) of \(3,\)"),
        (partial(st.nn.Residual, [Linear(3, 3)], drop=1), "drop of a residual block"),
        (partial(st.nn.Residual, 3), "layer 1 of Residual must be a layer"),
        (partial(Sequential), "Sequential needs at least one layer"),
        (partial(Sequential, Linear(3, 4), 5), "layer 2 of Sequential must be a layer, like Linear.3, 4., and is 5"),
        (
            partial(Sequential, Linear(3, 4), Linear(5, 2)),
            r"linear2: Linear\(5, 2\) takes examples of shape \(5,\), not \(4,\)",
        ),
        (partial(Mode, seed=-1), "seed of a mode must be at least 0"),
        (partial(Mode, step=1.5), "step of a mode must be a whole number"),
        (partial(Mode, seed=2**64), "seed of a mode must be less than 2\\^64"),
    ],
)
def test_bad_specifications(make, said):
    with pytest.raises(st.InputError, match=said):
        make()


MODEL = st.nn.MLP([3, 4, 2])
GOOD = MODEL.init(seed=0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: MODEL(GOOD, np.ones((5, 4))), r"linear1: Linear\(3, 4\) takes examples of shape \(3,\), not \(4,\)"),
        (lambda: MODEL(GOOD, np.ones((5, 1, 3))), r"shape \(3,\), not \(1, 3\): put Flatten"),
        (lambda: MODEL(GOOD, np.ones(3)), r"X must have a row for each example, and has shape \(3,\)"),
        (lambda: MODEL({}, X), r"linear1: parameter W \(3, 4\) is missing: the layer has none"),
        (
            lambda: MODEL({k: v for k, v in GOOD.items() if k != "linear2.b"}, X),
            r"linear2: parameter b \(2,\) is missing: the layer has W",
        ),
        (
            lambda: MODEL(GOOD | {"linear2.W": np.ones((2, 4))}, X),
            r"linear2: parameter W has shape \(2, 4\), and must have \(4, 2\)",
        ),
        (lambda: MODEL(GOOD | {"linear3.W": np.ones((2, 4))}, X), "no layer for parameter 'linear3.W': did you mean"),
        (lambda: MODEL(GOOD | {"W": np.ones((2, 4))}, X), "no layer for parameter 'W'"),
        (lambda: MODEL.init(5), r"linear1: Linear\(3, 4\) takes examples of shape \(3,\), not \(5,\)"),
        (lambda: MODEL.init(seed=-1), "seed must be at least 0"),
        (lambda: MODEL.init((3, 0)), "each length in the shape of an example must be at least 1"),
        (lambda: MODEL.init(()), "must have an axis"),
        (lambda: Sequential(Dropout(0.5)).init(), "no layer says what examples it takes"),
        (lambda: Sequential(BatchNorm()).init((2, 3)), "batch_norm1: BatchNorm takes examples of one axis"),
        (
            lambda: (
                Sequential(st.nn.Activation(np.sum)).output_shape(3) and Sequential(st.nn.Activation(np.sum))({}, X)
            ),
            "activation1: the activation sum made shape .* it must be a function of each number",
        ),
        (
            lambda: MODEL.init(init=lambda rng, inputs, outputs: np.zeros((outputs, inputs))),
            r"linear1: the initialization gave shape \(4, 3\), not \(3, 4\)",
        ),
        (
            lambda: Sequential(st.nn.Standardize([0.0], [1.0]))({}, X),
            r"standardize1: Standardize takes examples of shape \(1,\), not \(3,\)",
        ),
        (
            lambda: Sequential(st.nn.Residual([Flatten(), Linear(3, 3)]))({}, X),
            r"residual1: linear1: parameter W \(3, 3\) is missing",
        ),
    ],
)
def test_bad_calls_name_the_layer(call, said):
    with pytest.raises(st.InputError, match=said):
        call()


class TestALayerOfTheUsersOwn:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Scale(st.nn.Plain):
        name = "scale"
        by: float

        @property
        def input_shape(self):
            return None

        def output_shape(self, shape):
            return shape

        def apply(self, parameters, x, mode):
            return x * self.by

    def test_it_stands_among_the_others(self):
        model = Sequential(self.Scale(2.0), Linear(3, 2))
        p = model.init(seed=0)
        np.testing.assert_allclose(model(p, X), Sequential(Linear(3, 2))(p, 2 * X))
        assert model.names == ("scale1", "linear1")

    def test_what_it_must_say_cannot_be_left_out(self):
        class Silent(st.nn.Plain):
            name = "silent"

        with pytest.raises(TypeError, match="abstract"):
            Silent()
