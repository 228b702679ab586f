"""Networks on the disk: built anew from their card, without code; what is hostile is refused."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as s
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import steepest as st
from steepest.errors import InputError
from steepest.nn.scaling import Scaling
from steepest.training.model_file import Card, Model, load_model, save_model
from steepest.training.network import Network

nn = st.nn
MODELS = {
    "mlp": nn.MLP([4, 5, 3], dropout=0.1),
    "norms": nn.Sequential(nn.Linear(4, 6), nn.BatchNorm(momentum=0.2), nn.Activation("elu", 0.5), nn.LayerNorm(),
                           nn.Linear(6, 3)),
    "residual": nn.Sequential(nn.Residual([nn.Linear(4, 8), nn.Activation("gelu"), nn.Linear(8, 4)], drop=0.1),
                              nn.Linear(4, 3, bias=False)),
    "fixed": nn.Sequential(nn.Standardize([1.0, 2.0, 0.1, 0.0], [1.0, 1 / 3, 1.0, 2.0]), nn.Flatten(), nn.Linear(4, 3)),
}  # fmt: skip


def a_model(network=MODELS["mlp"]) -> Model:
    scaling = Scaling(np.arange(4.0), np.linspace(0.5, 1, 4))
    card = Card(("cat", "dog", "eel"), (2, 2), "float32", "softmax", "standard", None, {"n": 3}, {"steepest": "0"})
    return Model(Network.start(network, scaling, seed=3), card)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, a_model())
    return path


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_read(tmp_path, name):
    before = a_model(MODELS[name])
    save_model(tmp_path / "m", before)
    model = load_model(tmp_path / "m")
    assert repr(model.function.model) == repr(before.function.model)
    assert model.card == before.card
    X = np.random.default_rng(1).normal(size=(5, 4))
    np.testing.assert_array_equal(model.scores(X), before.scores(X))
    assert model.predict(X).tolist() == before.predict(X).tolist()
    with pytest.raises(InputError, match="network"):
        _ = model.linear


def square(x):
    return x * x


@pytest.mark.parametrize(
    ("layers", "word"),
    [
        ([nn.Linear(4, 3), nn.Activation(square)], "square"),
        ([nn.Residual([nn.Linear(4, 4), nn.Activation(square)]), nn.Linear(4, 3)], "square"),
    ],
)
def test_functions_of_the_user_cannot_be_saved(tmp_path, layers, word):
    with pytest.raises(InputError, match=rf"{word}.*of your own and cannot be saved"):
        save_model(tmp_path / "m", a_model(nn.Sequential(layers)))
    assert not (tmp_path / "m").exists()


def rewrite(file, change_card=None, **tensors):
    with safe_open(file, framework="numpy") as opened:
        card = json.loads(opened.metadata()["steepest"])
    if change_card:
        change_card(card)
    kept = {name: t for name, t in (load_file(file) | tensors).items() if t is not None}
    save_file(kept, file, metadata={"steepest": json.dumps(card)})


LINEAR = {"layer": "linear", "inputs": 4, "outputs": 3, "bias": True}


@pytest.mark.parametrize(
    "layers",
    [
        None, [], {}, "linear", [3], [{}], [{"layer": "linear"}], [{"layer": "os.system"}], [{"layer": ["linear"]}],
        [LINEAR], [LINEAR, LINEAR],
        [{**LINEAR, "outputs": 10**12}], [{**LINEAR, "inputs": 10**9, "outputs": 10**9}], [{**LINEAR, "more": 1}],
        [{**LINEAR, "outputs": -1}], [{"layer": "activation", "function": None}],
        [{"layer": "activation", "function": "eval"}, LINEAR],
        [{"layer": "residual", "layers": [{"layer": "linear", "inputs": 4, "outputs": 10**11}], "drop": 0}],
        [{"layer": "residual", "layers": None, "drop": 0}],
        [{"layer": "standardize", "shift": [[1e999]], "scale": "x"}],
        [{"layer": "layer_norm"}] * 3,
    ],
)  # fmt: skip
def test_hostile_layers_are_refused(file, layers):
    rewrite(file, lambda card: card.update(layers=layers))
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_model(file)


@pytest.mark.parametrize(
    "tensors",
    [
        {"linear1.W": np.zeros((5, 4), np.float32)},
        {"linear1.W": np.zeros((4, 5))},
        {"linear2.b": None},
        {"linear3.b": np.zeros(3, np.float32)},
        {"shift": None},
        {"shift": np.zeros((2, 2))},
        {"shift": np.zeros(0)},
        {"scale": np.zeros(5)},
        {"linear2.b": np.full(3, np.nan, np.float32)},
    ],
)
def test_tensors_that_do_not_fit_are_refused(file, tensors):
    rewrite(file, **tensors)
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_model(file)


@pytest.mark.parametrize(("key", "value"), [("feature_shape", [5]), ("classes", ["a", "b"]), ("kind", "linear")])
def test_cards_that_do_not_fit_are_refused(file, key, value):
    rewrite(file, lambda card: card.update({key: value}))
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_model(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(s.data())
def test_damaged_files_are_read_or_refused(file, data):
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(s.integers(1, 4))):
        content[data.draw(s.integers(0, len(content) - 1))] = data.draw(s.integers(0, 255))
    other = file.with_name("other.safetensors")
    other.write_bytes(content)
    with contextlib.suppress(InputError):
        load_model(other)
