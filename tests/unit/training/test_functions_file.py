"""Means and neighbours on the disk, and sigmoids beside a linear classifier."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from steepest.errors import InputError
from steepest.nn.approximate import Graph
from steepest.nn.linear import Linear
from steepest.nn.means import Means
from steepest.nn.neighbors import Neighbors
from steepest.nn.scaling import Scaling
from steepest.solvers.platt import probabilities
from steepest.training.model_file import Card, Model, load_model, save_model

RNG = np.random.default_rng(0)


def a_model(kind, dtype="float32"):
    card = Card(("a", "b", "c"), (4,), dtype, None, "none", None, {"n": 9}, {"steepest": "0"}, kind)
    if kind == "nearest-mean":
        return Model(Means(RNG.normal(size=(3, 4)), RNG.normal(size=3), "l1"), card)
    if kind == "knn":
        X = RNG.integers(0, 256, (9, 4)).astype(dtype)
        return Model(Neighbors(X, np.arange(9) % 3, 3, 2, "l1", "distance"), card)
    W, b = RNG.normal(size=(4, 3)).astype(np.float32), RNG.normal(size=3).astype(np.float32)
    linear = Linear(W, b, Scaling(RNG.normal(size=4), RNG.uniform(1, 2, 4)))
    card = Card(("a", "b", "c"), (4,), dtype, "ova_squared_hinge", "standard", None, {}, {}, kind, {"gap": 1e-5})
    return Model(linear, card, sigmoids=RNG.normal(size=(3, 2)))


CASES = [("nearest-mean", "float32"), ("ova-svm", "float64")]
CASES += [("knn", dtype) for dtype in ("uint8", "float16", "float32", "float64")]


@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_what_is_written_is_read(tmp_path, kind, dtype):
    before = a_model(kind, dtype)
    save_model(tmp_path / "m", before)
    after = load_model(tmp_path / "m")
    assert after.card == before.card
    X = RNG.integers(0, 256, (7, 4)).astype(dtype)
    np.testing.assert_array_equal(after.scores(X), before.scores(X))
    assert after.gives_probabilities == (kind != "nearest-mean")
    if kind == "knn":
        assert after.function.X.dtype == dtype  # as it came, not as floats
        np.testing.assert_allclose(after.probabilities(X), before.function.scores(X), rtol=1e-6)
    if kind == "ova-svm":
        expected = probabilities(before.scores(X).astype(np.float64), before.sigmoids)
        np.testing.assert_allclose(after.probabilities(X), expected, rtol=1e-6, atol=1e-30)
        assert after.probabilities_of(after.scores(X)[:0]).shape == (0, 3)


def test_means_have_no_probabilities_and_no_weights():
    model = a_model("nearest-mean")
    with pytest.raises(InputError, match="no probabilities"):
        model.probabilities(np.zeros((1, 4)))
    with pytest.raises(InputError, match="weights"):
        _ = model.linear


def test_a_reader_of_format_1_refuses_what_it_does_not_know(tmp_path):
    for kind, version in (("nearest-mean", 2), ("knn", 2), ("ova-svm", 2)):
        save_model(tmp_path / "m", a_model(kind))
        with safe_open(tmp_path / "m", framework="numpy") as opened:
            assert json.loads(opened.metadata()["steepest"])["format_version"] == version


def rewrite(path, change, tensors):
    with safe_open(path, framework="numpy") as opened:
        record = json.loads(opened.metadata()["steepest"])
    kept = {name: t for name, t in (load_file(path) | tensors).items() if t is not None}
    save_file(kept, path, metadata={"steepest": json.dumps(record | change)})


@pytest.mark.parametrize(
    ("kind", "change", "tensors"),
    [
        ("knn", {"k": 0}, {}),
        ("knn", {"k": 10}, {}),
        ("knn", {"k": True}, {}),
        ("knn", {"k": 2.0}, {}),
        ("knn", {"metric": "l3"}, {}),
        ("knn", {"metric": ["l2"]}, {}),
        ("knn", {"weights": None}, {}),
        ("knn", {"index": "near"}, {}),
        ("knn", {"index": None}, {}),
        ("knn", {"dtype": "float64"}, {}),
        ("knn", {}, {"y": np.full(9, 3)}),
        ("knn", {}, {"y": np.full(9, -1)}),
        ("knn", {}, {"y": np.zeros(8, np.int64)}),
        ("knn", {}, {"y": np.zeros(9)}),
        ("knn", {}, {"y": np.zeros(0, np.int64), "X": np.zeros((0, 4), np.float32)}),
        ("knn", {}, {"y": None}),
        ("knn", {}, {"X": np.full((9, 4), np.nan, np.float32)}),
        ("nearest-mean", {"metric": "cosine"}, {}),
        ("nearest-mean", {}, {"means": np.zeros((4, 3))}),
        ("nearest-mean", {}, {"offset": np.zeros(3, np.float32)}),
        ("nearest-mean", {}, {"more": np.zeros(1)}),
        ("nearest-mean", {"kind": "linear"}, {}),
        ("ova-svm", {}, {"sigmoids": np.zeros((2, 3))}),
        ("ova-svm", {}, {"sigmoids": np.zeros((3, 2), np.float32)}),
        ("ova-svm", {"certificate": "proven"}, {}),
        ("ova-svm", {"model": 3}, {}),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, kind, change, tensors):
    path = tmp_path / "m.safetensors"
    save_model(path, a_model(kind))
    rewrite(path, change, tensors)
    with pytest.raises(InputError, match=r"m\.safetensors"):
        load_model(path)


def test_neighbours_say_how_they_are_searched(tmp_path):
    exact = a_model("knn")
    graph = Graph(exact.function.X, "l1")
    for model, index in (
        (exact, "exact"),
        (replace(exact, function=replace(exact.function, graph=graph)), "approximate"),
    ):
        save_model(tmp_path / "m", model)
        with safe_open(tmp_path / "m", framework="numpy") as opened:
            assert json.loads(opened.metadata()["steepest"])["index"] == index
        after = load_model(tmp_path / "m").function.graph
        assert (after is None) == (index == "exact")
    assert after.metric == "l1"
    assert after.index is None  # nothing is built, and faiss not needed, before the first search
    save_model(tmp_path / "m", exact)
    with safe_open(tmp_path / "m", framework="numpy") as opened:
        record = json.loads(opened.metadata()["steepest"])
    del record["index"]  # as files were before there was a choice
    save_file(load_file(tmp_path / "m"), tmp_path / "m", metadata={"steepest": json.dumps(record)})
    assert load_model(tmp_path / "m").function.graph is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["knn", "nearest-mean"]))
def test_damaged_files_are_read_or_refused(tmp_path, data, kind):
    path = tmp_path / "m.safetensors"
    save_model(path, a_model(kind))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(InputError):  # nothing else is raised
        load_model(path)
