"""TensorBoard and MLflow: what they wrote is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

import steepest as st
from steepest.training.callbacks import base


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


def scalars(folder):
    """Every scalar in the event files of a folder: {tag: {step: value}}."""
    import struct

    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    for file in Path(folder).glob("events.*"):
        content, at = file.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + length])
            at += 12 + length + 4
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_tensorboard_has_every_figure(digits, tmp_path):
    pytest.importorskip("tensorboardX")
    train, test = digits
    board = st.callbacks.TensorBoard(tmp_path / "board", every=0)
    run = st.train("mlp", train, epochs=4, validation=test, callbacks=[board])
    found = scalars(tmp_path / "board")
    assert set(found) == {"loss/training", "loss/validation", "accuracy/training", "accuracy/validation", "lr"}
    for tag, name in (("loss/training", "loss"), ("accuracy/validation", "val_accuracy"), ("lr", "lr")):
        assert found[tag] == pytest.approx({record["epoch"]: record[name] for record in run.history}, rel=1e-6)
    st.MLPClassifier(epochs=2, callbacks=[st.callbacks.TensorBoard(tmp_path / "mlp", every=0)]).fit(train.X, train.y)
    assert set(scalars(tmp_path / "mlp")) == {"loss/training", "accuracy/training", "lr"}


def test_tensorboard_keeps_what_was_there_when_a_run_fails(digits, tmp_path):
    pytest.importorskip("tensorboardX")

    def fail(run):
        if len(run.history) == 2:
            raise KeyError("x")

    with pytest.raises(KeyError):
        st.train("mlp", digits[0], epochs=4, callbacks=[st.callbacks.TensorBoard(tmp_path, every=0), fail])
    assert sorted(scalars(tmp_path)["lr"]) == [1, 2]


def test_short_epochs_are_thinned_and_the_last_is_there(digits, tmp_path, monkeypatch):
    """Counted: a write of five figures takes 0.25 ms, so one in 50 ms costs half a percent."""
    pytest.importorskip("tensorboardX")
    now = [0.0]
    monkeypatch.setattr(base.time, "monotonic", lambda: now[0])

    def tick(run):
        now[0] += 0.002

    st.train("mlp", digits[0], epochs=101, callbacks=[tick, st.callbacks.TensorBoard(tmp_path)])
    steps = sorted(scalars(tmp_path)["lr"])
    assert steps[0] == 1
    assert steps[-1] == 101
    assert len(steps) <= 2 + 101 * 0.002 / 0.05


@pytest.mark.filterwarnings("default")  # of a library that is not ours
def test_mlflow_has_every_figure(digits, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    train, test = digits
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = f"file:{tmp_path}/runs"
    log = st.callbacks.MLflow("digits", name="first", uri=uri, every=0)
    run = st.train("mlp", train, epochs=4, validation=test, callbacks=[log])
    client = mlflow.MlflowClient(uri)
    found = client.get_run(log.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "first"
    assert float(found.data.params["lr"]) == run.plan.lr
    for name in ("loss", "val_accuracy", "lr"):
        history = {m.step: m.value for m in client.get_metric_history(log.run_id, name)}
        assert history == pytest.approx({record["epoch"]: record[name] for record in run.history})
    with pytest.raises(st.DivergenceError):
        st.train("mlp", train, lr=1e30, optimizer="sgd", callbacks=[log])
    assert client.get_run(log.run_id).info.status == "KILLED"


@pytest.mark.parametrize(("name", "module"), [("TensorBoard", "tensorboardX"), ("MLflow", "mlflow")])
def test_what_is_missing_is_said(monkeypatch, name, module):
    from steepest.training.callbacks import mlflow, tensorboard

    for room in (mlflow, tensorboard):
        monkeypatch.setattr(room, "find_spec", lambda wanted: None)
    with pytest.raises(st.InputError, match=r"pip install 'steepest\["):
        getattr(st.callbacks, name)("x")
