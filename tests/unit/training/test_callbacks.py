"""Callbacks: what they see, that they can end a run, that errors come out clean, and that they cost next to nothing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import steepest as st
from steepest.training import callbacks, loop
from steepest.training.callbacks import base


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


class Diary(st.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def start(self, run):
        self.seen.append(("start", len(run.history)))

    def progress(self, run):
        self.seen.append(("progress", run.state.epoch, run.state.step))

    def epoch(self, run):
        self.seen.append(("epoch", run.history[-1]["epoch"]))

    def end(self, run):
        self.seen.append(("end", run.finished))


def test_the_order_of_things(digits, monkeypatch):
    monkeypatch.setattr(base, "PAUSE", 0.0)
    monkeypatch.setattr(loop, "SLICE", 2e6)
    diary = Diary()
    st.train("mlp", digits[0], epochs=2, callbacks=[diary])
    assert diary.seen[0] == ("start", 0)
    assert diary.seen[-1] == ("end", True)
    assert [entry for entry in diary.seen if entry[0] == "epoch"] == [("epoch", 1), ("epoch", 2)]
    between = [entry[1:] for entry in diary.seen if entry[0] == "progress"]
    assert len(between) > 4
    assert between == sorted(between)


def test_progress_is_told_a_few_times_a_second(digits, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(base.time, "monotonic", lambda: now[0])
    diary, calls = Diary(), []

    def tick(run):
        calls.append(1)
        now[0] += 0.05

    st.train("mlp", digits[0], epochs=21, callbacks=[tick, diary])
    told = sum(entry[0] == "progress" for entry in diary.seen)
    assert len(calls) == 21
    assert told <= 1 + 21 * 0.05 / base.PAUSE


def test_a_number_does_not_end_a_run(digits):
    run = st.train("mlp", digits[0], epochs=3, callbacks=[lambda run: run.history[-1]["loss"]])
    assert run.finished
    for said in (True, np.bool_(True)):
        assert len(st.train("mlp", digits[0], epochs=3, callbacks=[lambda run, said=said: said]).history) == 1


def test_an_error_comes_out_as_it_was_raised_and_all_are_ended(digits):
    diary, error = Diary(), RuntimeError("mine")

    def fail(run):
        if len(run.history) == 2:
            raise error

    with pytest.raises(RuntimeError, match="mine") as caught:
        st.train("mlp", digits[0], epochs=5, callbacks=[diary, fail])
    assert caught.value is error
    assert diary.seen[-1] == ("end", False)


def test_one_that_cannot_start_ends_those_that_have(digits):
    diary = Diary()

    class Broken(st.callbacks.Callback):
        def start(self, run):
            raise OSError("no room")

        def end(self, run):
            raise AssertionError("it never started")

    with pytest.raises(OSError, match="no room"):
        st.train("mlp", digits[0], epochs=5, callbacks=[diary, Broken()])
    assert diary.seen == [("start", 0), ("end", False)]


def test_after_divergence_all_are_ended(digits):
    diary = Diary()
    with pytest.raises(st.DivergenceError):
        st.train("mlp", digits[0], lr=1e30, optimizer="sgd", callbacks=[diary])
    assert diary.seen[-1] == ("end", False)


def test_what_is_no_callback_is_refused(digits):
    with pytest.raises(st.InputError, match="is no callback"):
        st.train("mlp", digits[0], callbacks=[3])


def test_a_run_that_is_looked_at_has_the_same_bits(digits):
    runs = [st.train("mlp", digits[0], epochs=4, callbacks=looking) for looking in ([], [Diary(), lambda run: None])]
    for a, b in zip(*(run.model.function.parameters.values() for run in runs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_loop_calls_little_for_them(digits):
    """Counted, not timed: Python functions entered between two epochs, with and without callbacks."""

    def calls(looking, epochs):
        count = [0]

        def profile(frame, event, arg):
            count[0] += event in ("call", "c_call")

        def train():
            st.train("mlp", digits[0], epochs=epochs, lr=0.01, callbacks=looking)

        train()  # everything is imported
        sys.setprofile(profile)
        try:
            train()
        finally:
            sys.setprofile(None)
        return count[0]

    def per_epoch(looking):
        return (calls(looking, 22) - calls(looking, 2)) / 20

    plain = per_epoch([])
    one, ten = per_epoch([lambda run: None]), per_epoch(10 * [lambda run: None])
    # An epoch of the digits takes 8 ms; a call of Python about 0.1 us: 1 % would be 800 calls.
    assert one - plain <= 20
    assert (ten - one) / 9 <= 4
    progress = per_epoch([callbacks.Progress(every=1e9)])
    assert progress - plain <= 20


def test_progress_writes_lines(digits, capsys):
    train, test = digits
    st.train("mlp", train, epochs=7, validation=test, callbacks=[callbacks.Progress(every=1e9)])
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1 of 7", "epoch 7 of 7"]
    assert all("loss 0." in line or "loss 1." in line for line in lines)
    assert "validation loss" in lines[-1]
    st.MLPClassifier(epochs=2, verbose=True).fit(train.X, train.y)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("epoch 2 of 2  loss ")
    assert "validation" not in err


def test_an_estimator_tells_them_of_its_run(digits):
    train, test = digits
    seen = []

    def look(run):
        seen.append((len(run.history), run.model.score(test.X, test.y), run.plan.lr))
        return len(seen) == 3

    clf = st.MLPClassifier(epochs=9, callbacks=[look]).fit(train.X, train.y)
    assert clf.n_iter_ == 3
    assert seen[-1] == (3, clf.score(test.X, test.y), clf.lr_)
