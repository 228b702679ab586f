from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from steepest.data import load
from steepest.errors import InputError
from steepest.training import loop
from steepest.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from steepest.training.recipe import Recipe, prepare


@pytest.fixture
def run(monkeypatch):
    """Objective, plan and start of a run whose epochs come in several slices."""
    monkeypatch.setattr(loop, "SLICE", 2e6)
    ds = load("digits")
    return lambda: prepare(ds.X, ds.y, 10, Recipe(epochs=3, optimizer="nesterov", seed=4, batch_size=32))


@pytest.mark.parametrize("slices", [1, 2, 5, 8])
def test_going_on_from_any_slice_gives_the_same_bits(run, tmp_path, slices):
    objective, plan, whole = run()
    assert loop.run(objective, plan, whole)

    objective, plan, state = run()
    path, left = tmp_path / "c.safetensors", [slices]

    def stop(state, plan):
        left[0] -= 1
        save_checkpoint(path, Checkpoint(state, "print", "level"))
        return left[0] == 0

    assert not loop.run(objective, plan, state, stop)
    before = load_checkpoint(path)
    assert (before.fingerprint, before.level) == ("print", "level")
    assert (before.state.epoch, before.state.step) == (state.epoch, state.step)
    resumed = before.state
    objective, plan, _ = run()
    assert loop.run(objective, plan, resumed)
    for name in ("W", "b"):
        for part in ("model", "velocity"):
            one, other = getattr(getattr(resumed, part), name), getattr(getattr(whole, part), name)
            np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))
    drop = [{k: v for k, v in record.items() if k != "seconds"} for record in resumed.history]
    assert drop == [{k: v for k, v in record.items() if k != "seconds"} for record in whole.history]


def test_writing_a_checkpoint_moves_nothing(run, tmp_path):
    _, _, state = run()
    before = copy.deepcopy(state)
    save_checkpoint(tmp_path / "c", Checkpoint(state, "", ""))
    np.testing.assert_array_equal(state.model.W, before.model.W)
    assert state.history == before.history


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epoch", -1), ("epoch", 1), ("epoch", True), ("step", 0.5), ("loss", "x"), ("loss", None), ("history", {}),
        ("fingerprint", 3), ("level", None), ("format", "steepest.model"), ("format_version", 99),
    ],
)  # fmt: skip
def test_hostile_records_are_refused(run, tmp_path, key, value):
    _, _, state = run()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(state, "", ""))
    with safe_open(path, framework="numpy") as opened:
        record = json.loads(opened.metadata()["steepest"])
    record[key] = value
    save_file(load_file(path), path, metadata={"steepest": json.dumps(record)})
    with pytest.raises(InputError, match=r"c\.safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {"W": np.zeros(3, np.float32)},
        {"W": np.zeros((64, 9), np.float32)},
        {"velocity_W": np.zeros((10, 64), np.float32)},
        {"shift": np.zeros(64, np.float32)},
        {"b": np.full(10, np.nan, np.float32)},
    ],
)
def test_hostile_tensors_are_refused(run, tmp_path, tensors):
    _, _, state = run()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(state, "", ""))
    with safe_open(path, framework="numpy") as opened:
        metadata = opened.metadata()
    save_file(load_file(path) | tensors, path, metadata=metadata)
    with pytest.raises(InputError, match=r"c\.safetensors"):
        load_checkpoint(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match="whole"):
        load_checkpoint(path)
