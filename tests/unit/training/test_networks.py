"""Networks in the loop: resumed to the same bits, on any number of threads; the best epoch kept; divergence named."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import steepest as st
from steepest import losses
from steepest.errors import DivergenceError, InputError
from steepest.training import loop
from steepest.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from steepest.training.evaluation import evaluate
from steepest.training.recipe import Recipe, prepare
from steepest.training.stream import prepare_stream

PLAIN = Recipe(model="mlp", hidden=(32, 16), dropout=0.2, epochs=3, seed=4, batch_size=32)


def own(x):
    return st.sigmoid(x) * x


KINDS = {
    "native": PLAIN,
    "sgd": Recipe(model="mlp", hidden=(20,), optimizer="sgd", epochs=3, batch_size=32),
    "batch norm": Recipe(
        model="mlp", hidden=(16,), norm="batch", dropout=0.1, optimizer="momentum", epochs=3, batch_size=64
    ),
    "blocks": Recipe(
        model=st.nn.Sequential(
            st.nn.Linear(64, 16),
            st.nn.Residual([st.nn.LayerNorm(), st.nn.Activation("gelu"), st.nn.Linear(16, 16)], drop=0.2),
            st.nn.Linear(16, 10),
        ),
        optimizer="adam", epochs=3, batch_size=64,
    ),
    "graph": Recipe(  # clipped, and batch norm and dropout have no native gradient in training
        model="mlp", hidden=(16,), norm="batch", dropout=0.1, clip_norm=9.0, optimizer="momentum", epochs=3,
        batch_size=64,
    ),
    "linear": Recipe(model="linear", optimizer="rmsprop", epochs=3, batch_size=32),
    "clip": Recipe(model="mlp", hidden=(16,), optimizer="momentum", clip_norm=0.3, epochs=3, batch_size=64),
    "clip, dropout": Recipe(
        model="mlp", hidden=(16,), dropout=0.2, clip_norm=0.5, clip_value=0.05, epochs=3, batch_size=64
    ),
    "clip, linear": Recipe(optimizer="nesterov", clip_norm=0.3, epochs=3, batch_size=64),
    "max norm": Recipe(model="mlp", hidden=(16,), penalty="max_norm", radius=0.9, epochs=3, batch_size=64),
    "smoothing": Recipe(model="mlp", hidden=(16,), smoothing=0.1, epochs=3, batch_size=64),
    "plateau": Recipe(
        model="mlp", hidden=(16,), schedule="plateau:factor=0.5,patience=1,threshold=0.5", warm_up=0.4, epochs=6,
        batch_size=64,
    ),
}  # fmt: skip


@pytest.fixture
def digits():
    return st.load("digits").split(seed=0)


@pytest.fixture
def begin(monkeypatch, digits):
    """Objective, plan, start and validation rows of runs whose epochs come in several slices."""
    monkeypatch.setattr(loop, "SLICE", 2e6)
    train, test = digits

    def prepared(recipe=PLAIN, **how):
        objective, plan, state = prepare(train.X, train.y, 10, Recipe(**{**vars(recipe), **how}))
        return objective, plan, state, loop.Validation(test.X, test.y)

    return prepared


def assert_same(one, other):
    assert list(one.memory) == list(other.memory)  # in the order of the recurrence, as the native program takes it
    for a, b in [
        (one.model.parameters, other.model.parameters),
        (one.best or {}, other.best or {}),
        *zip(one.memory.values(), other.memory.values(), strict=True),
    ]:
        assert a.keys() == b.keys()
        for name in a:
            assert np.ascontiguousarray(a[name]).tobytes() == np.ascontiguousarray(b[name]).tobytes()
    drop = [[{k: v for k, v in record.items() if k != "seconds"} for record in s.history] for s in (one, other)]
    assert drop[0] == drop[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slices", [1, 3, 5])
def test_going_on_from_any_slice_gives_the_same_bits(begin, tmp_path, kind, slices):
    objective, plan, whole, validation = begin(KINDS[kind])
    ends = []
    assert loop.run(objective, plan, whole, lambda state, plan: ends.append(state.step) and None, validation)
    assert len(ends) > 6  # several slices an epoch

    objective, plan, state, _ = begin(KINDS[kind])
    path, left = tmp_path / "c.safetensors", [slices]

    def stop(state, plan):
        left[0] -= 1
        save_checkpoint(path, Checkpoint(state, "print", "level"))
        return left[0] == 0

    assert not loop.run(objective, plan, state, stop, validation)
    resumed = load_checkpoint(path).state
    assert_same(resumed, state)
    objective, plan, _, _ = begin(KINDS[kind], threads=1)
    assert loop.run(objective, plan, resumed, None, validation)
    assert_same(resumed, whole)


def test_the_rate_follows_the_validation_loss(begin):
    objective, plan, state, validation = begin(KINDS["plateau"], epochs=30, lr=0.01, warm_up=0.0)
    loop.run(objective, plan, state, None, validation)
    f, memory, expected = 1.0, plan.plateau.init(), []
    for record in state.history:
        expected.append(0.01 * f)
        f, memory = plan.plateau.step(record["val_loss"], memory)
    assert len(set(expected)) > 3
    np.testing.assert_allclose([record["lr"] for record in state.history], expected, rtol=1e-6)
    objective, plan, state, _ = begin(KINDS["plateau"], epochs=30, lr=0.01, warm_up=0.0)
    loop.run(objective, plan, state)  # without a validation set it follows the training loss
    assert state.history[-1]["lr"] < 0.01
    assert objective.on_graph_because is None


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norms_and_dropout_and_smoothing_are_native_and_read_back(digits, tmp_path, norm):
    train, test = digits
    model = st.nn.MLP([64, 24, 10], "gelu", norm=norm, dropout=0.2)
    run = st.train(model, train, validation=test, epochs=12, smoothing=0.05, seed=1)
    assert run.on_graph_because is None
    assert run.history[-1]["val_accuracy"] > 0.93
    run.save(tmp_path / "run")
    back = st.load_model(tmp_path / "run")
    assert back.function.parameters.keys() == run.model.function.parameters.keys()
    for name, part in run.model.function.parameters.items():
        assert np.array_equal(back.function.parameters[name], part)
    assert np.array_equal(back.function.scores(test.X), run.model.function.scores(test.X))


def test_weights_stay_within_max_norm(begin):
    objective, plan, state, _ = begin(KINDS["max norm"])
    longest = []

    def watch(state, plan):
        parts = [part for part in state.model.parameters.values() if part.ndim > 1]
        longest.append(max(np.linalg.norm(W.astype(np.float64), axis=0).max() for W in parts))

    assert max(np.linalg.norm(W, axis=0).max() for W in state.model.parameters.values() if W.ndim > 1) < 0.9001
    loop.run(objective, plan, state, watch)
    assert pytest.approx(max(longest), rel=1e-5) == 0.9
    assert state.history[-1]["accuracy"] > 0.7
    assert np.isfinite(objective.value(state.model.parameters))


def test_threads_never_change_a_bit(begin):
    found = []
    for threads in (1, 2, 3):
        objective, plan, state, validation = begin(threads=threads)
        loop.run(objective, plan, state, None, validation)
        found.append(state)
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])


def test_every_epoch_is_validated_and_the_best_is_kept(begin):
    objective, plan, state, validation = begin(epochs=6)
    at_best = {}

    def watch(state, plan):
        if state.step == 0 and state.best_epoch == state.epoch:
            at_best.update(copy.deepcopy(state.model.parameters))

    loop.run(objective, plan, state, watch, validation)
    found = [record["val_loss"] for record in state.history]
    assert state.best_epoch == int(np.argmin(found)) + 1
    result = evaluate(state.result, *validation, losses.softmax)
    assert result.loss == pytest.approx(min(found), rel=1e-6)
    assert result.accuracy == state.history[state.best_epoch - 1]["val_accuracy"]
    for name, part in at_best.items():
        np.testing.assert_array_equal(state.result.parameters[name], part)


@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_patience_ends_a_run_and_a_resumed_one_stays_at_its_end(begin, tmp_path, model):
    how = {"model": model, "patience": 2, "epochs": 200, "lr": 0.05 if model == "mlp" else 1.0, "schedule": "constant"}
    objective, plan, state, validation = begin(**how, alpha=0.0)
    assert loop.run(objective, plan, state, None, validation)
    assert state.epoch == state.best_epoch + 2 < 200
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(state, "", ""))
    again = load_checkpoint(path).state
    assert plan.is_over(again)
    assert loop.run(objective, plan, again, None, validation)
    assert_same(again, state)
    for name, part in state.result.parameters.items():
        np.testing.assert_array_equal(again.result.parameters[name], part)


def test_without_validation_the_last_epoch_counts(begin):
    objective, plan, state, _ = begin(patience=1)
    loop.run(objective, plan, state)
    assert state.epoch == 3
    assert state.best_epoch is None
    assert state.result is state.model


@pytest.mark.parametrize("activation", ["relu", own])  # a native program, and the graph
def test_divergence_names_epoch_step_and_layer(begin, activation):
    model = st.nn.MLP([64, 16, 10], activation)
    objective, plan, state, _ = begin(model=model, optimizer="sgd", lr=1e30, schedule="constant")
    said = r"epoch 1 at step \d+: .* lr=1e\+30, and linear\d\.\w (is not finite|has grown to)"
    with pytest.raises(DivergenceError, match=said) as raised:
        loop.run(objective, plan, state)
    assert (raised.value.epoch, raised.value.history) == (1, [])
    assert f"at step {raised.value.step}:" in str(raised.value)


def test_divergence_hands_over_the_epochs_before(digits):
    train, _ = digits
    with pytest.raises(DivergenceError) as raised:
        st.train(
            st.nn.MLP([64, 64, 64, 10]), train, optimizer="sgd", lr=4.0, schedule="constant", batch_size=len(train),
            epochs=60,
        )  # fmt: skip
    losses = [record["loss"] for record in raised.value.history]
    assert len(losses) == raised.value.epoch - 1 > 1
    assert losses[-1] > losses[0]


def test_batch_norm_meets_no_single_row(digits):
    train, _ = digits
    X, y = train.X[:1025], train.y[:1025]
    recipe = Recipe(model="mlp", hidden=(8,), norm="batch", epochs=1)
    objective, plan, state = prepare(X, y, 10, Recipe(**{**vars(recipe), "batch_size": "auto"}))
    assert len(X) % plan.batch_size != 1
    loop.run(objective, plan, state)
    with pytest.raises(InputError, match="batch_size"):
        prepare(X, y, 10, Recipe(**{**vars(recipe), "batch_size": 64}))


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"model": "forest"}, "linear, mlp"),
        ({"model": st.nn.MLP([64, 5])}, "10 classes"),
        ({"model": st.nn.MLP([63, 10])}, "linear1"),
        ({"hidden": (0,)}, "size 2"),
        ({"activation": "rulu"}, "relu"),
        ({"patience": 0}, "patience"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(begin, how, word):
    with pytest.raises(InputError, match=word):
        begin(**how)


def test_a_stream_goes_on_with_new_masks(digits):
    train, test = digits
    stream, losses_seen = None, []
    for _ in range(12):
        for first in range(0, len(train), 500):
            X, y = train.X[first : first + 500], train.y[first : first + 500]
            objective, stream = prepare_stream(X, y, 10, PLAIN, None, stream)
            loop.run(objective, stream.plan, stream.state)
            losses_seen.append(stream.state.history[-1]["loss"])
            first_step = stream.plan.before + (stream.state.epoch - 1) * stream.plan.steps(len(X))
            assert first_step + stream.plan.steps(len(X)) == stream.steps
    assert losses_seen[-1] < losses_seen[0] / 3
    assert evaluate(stream.state.model, test.X, test.y, losses.softmax).accuracy > 0.9


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        ("parameters/linear1.W", np.zeros((3, 3), np.float32)),
        ("memory/m/linear1.W", np.zeros((3, 3), np.float32)),
        ("memory/m/more", np.zeros(3, np.float32)),
        ("memory/count/t", np.float64(-1)),
        ("memory/count/t", np.zeros(2)),
        ("best/linear1.b", np.zeros(2, np.float32)),
        ("shift", np.zeros(3)),
        ("scale", np.zeros(64, np.float32)),
    ],
)
def test_hostile_checkpoints_are_refused(begin, tmp_path, tensor, value):
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    objective, plan, state, validation = begin(epochs=1)
    loop.run(objective, plan, state, None, validation)
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(state, "", ""))
    with safe_open(path, framework="numpy") as opened:
        metadata = opened.metadata()
    save_file(load_file(path) | {tensor: np.asarray(value)}, path, metadata=metadata)
    with pytest.raises(InputError, match=r"c\.safetensors"):
        load_checkpoint(path)
