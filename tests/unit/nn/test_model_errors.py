"""What is said when a specification or a call does not fit: which layer, which shapes, what to do."""

from functools import partial

import numpy as np
import pytest

import steepest as st
from steepest.nn import BatchNorm, Dropout, Flatten, LayerNorm, Linear, Mode, Sequential

X = np.random.default_rng(0).normal(size=(7, 3))


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
