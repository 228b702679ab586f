from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from steepest.errors import InputError
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.training.model_file import Card, Model, load_model, save_model


def a_model() -> Model:
    rng = np.random.default_rng(0)
    W = rng.normal(size=(3, 4)).astype(np.float32).T
    linear = Linear(W, rng.normal(size=3).astype(np.float32), Scaling(rng.normal(size=4), rng.uniform(1, 2, 4)))
    card = Card(("cat", "dög", "e\nl"), (2, 2), "float32", "softmax", "standard", None, {"n": 3}, {"steepest": "0"})
    return Model(linear, card)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, a_model())
    return path


def test_what_is_written_is_read(file):
    model, before = load_model(file), a_model()
    assert model.card == before.card
    for one, other in [
        (model.linear.W, before.linear.W),
        (model.linear.b, before.linear.b),
        *zip(model.linear.scaling, before.linear.scaling, strict=True),
    ]:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    X = np.random.default_rng(1).normal(size=(5, 4))
    np.testing.assert_array_equal(model.linear.scores(X), before.linear.scores(X))
    np.testing.assert_array_equal(model.scores(X.reshape(5, 2, 2)), before.linear.scores(X))
    assert model.predict(X).tolist() == [model.card.classes[k] for k in model.linear.scores(X).argmax(axis=1)]
    np.testing.assert_allclose(model.probabilities(X).sum(axis=1), 1, rtol=1e-6)


def test_the_folder_of_a_run_stands_for_its_model(file):
    assert load_model(file.parent).card == a_model().card


def test_any_safetensors_reader_can_read_it(file):
    tensors = load_file(file)
    assert {name: (t.shape, t.dtype) for name, t in tensors.items()} == {
        "W": ((4, 3), np.float32), "b": ((3,), np.float32), "shift": ((4,), np.float64), "scale": ((4,), np.float64),
    }  # fmt: skip
    with safe_open(file, framework="numpy") as opened:
        card = json.loads(opened.metadata()["steepest"])
    assert card["classes"] == ["cat", "dög", "e\nl"]
    assert card["format_version"] == 1


def test_examples_of_another_shape_are_refused():
    with pytest.raises(InputError, match="4 features"):
        a_model().predict(np.zeros((2, 3)))


def test_scores_of_other_losses_are_no_probabilities():
    model = a_model()
    hinge = Model(model.linear, replace(model.card, loss="hinge"))
    with pytest.raises(InputError, match="softmax"):
        hinge.probabilities(np.zeros((1, 4)))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1])
def test_truncated_files_are_refused(file, length):
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_model(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused(file, data):
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    other = file.with_name("other.safetensors")
    other.write_bytes(content)
    # Whatever was hit, the file is read or refused with its name: nothing else is raised.
    with contextlib.suppress(InputError):
        load_model(other)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.safetensors"):
        load_model(path)


def rewrite(file: Path, change_card=None, **tensors) -> None:
    with safe_open(file, framework="numpy") as opened:
        card = json.loads(opened.metadata()["steepest"])
    if change_card:
        change_card(card)
    kept = {name: t for name, t in (load_file(file) | tensors).items() if t is not None}
    save_file(kept, file, metadata={"steepest": json.dumps(card)})


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"W": np.zeros((3, 4), np.float32)}, "'W'"),
        ({"b": np.zeros(3, np.float64)}, "'b'"),
        ({"b": np.zeros(4, np.float32)}, "'b'"),
        ({"W": np.full((4, 3), np.nan, np.float32)}, "not finite"),
        ({"scale": np.full(4, np.inf)}, "not finite"),
        ({"shift": None}, "shift"),
        ({"more": np.zeros(1, np.float32)}, "more"),
        ({"b": np.zeros(3, np.int64)}, "int64"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(file, tensors, said):
    rewrite(file, **tensors)
    with pytest.raises(InputError, match=said):
        load_model(file)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("format", "steepest.checkpoint", "not a steepest model"),
        ("format_version", 3, "update steepest"),
        ("format_version", "1", "format version"),
        ("kind", "mlp", "mlp"),
        ("classes", ["a", "a", "b"], "classes"),
        ("classes", ["a", "b"], "'W'"),
        ("classes", [1, 2, 3], "classes"),
        ("feature_shape", [4.0], "feature_shape"),
        ("feature_shape", [-2, -2], "feature_shape"),
        ("feature_shape", [10**9, 10**9], "'W'"),
        ("feature_names", ["a"], "feature_names"),
        ("loss", "anything", "loss"),
        ("dtype", "object", "dtype"),
        ("dtype", ["uint8"], "dtype"),
        ("scaling", None, "scaling"),
        ("data", [], "data"),
        ("versions", {"steepest": 1}, "versions"),
    ],
)
def test_cards_that_are_not_valid_are_refused(file, key, value, said):
    rewrite(file, lambda card: card.update({key: value}))
    with pytest.raises(InputError, match=said):
        load_model(file)


def test_cards_that_lack_something_are_refused(file):
    rewrite(file, lambda card: card.pop("classes"))
    with pytest.raises(InputError, match="classes"):
        load_model(file)


def test_other_safetensors_files_are_no_models(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"W": np.zeros(3)}, path)
    with pytest.raises(InputError, match="not a steepest model"):
        load_model(path)
    save_file({"W": np.zeros(3)}, path, metadata={"steepest": "[" * 100_000})
    with pytest.raises(InputError, match=r"other\.safetensors"):
        load_model(path)
    save_file({"W": np.zeros(3)}, path, metadata={"steepest": "[1]"})
    with pytest.raises(InputError, match="JSON"):
        load_model(path)


def test_missing_runs_are_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no model"):
        load_model(tmp_path)
