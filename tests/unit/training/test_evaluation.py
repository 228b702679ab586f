from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_score, recall_score

from steepest import losses
from steepest.nn.linear import Linear
from steepest.nn.neighbors import Neighbors
from steepest.nn.scaling import Scaling
from steepest.training import evaluation
from steepest.training.evaluation import Evaluation, evaluate, rows_at_once, wilson_interval


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # scipy.stats.binomtest(k, n).proportion_ci(method="wilson"), 95 %
        (8, 10, 0.490162471536642, 0.9433178485456247),
        (0, 10, 0.0, 0.27753279986288926),
        (10, 10, 0.7224672001371107, 1.0),
        (346, 359, 0.9390122217, 0.9787355),
        (1, 1, 0.20654931437723745, 1.0),
    ],
)
def test_wilson_interval_is_the_one_of_scipy(correct, n, low, high):
    from scipy.stats import binomtest

    oracle = binomtest(correct, n).proportion_ci(method="wilson")
    assert wilson_interval(correct, n) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_rate(pair):
    correct, n = pair
    low, high = wilson_interval(correct, n)
    assert 0 <= low <= correct / n <= high <= 1
    assert wilson_interval(n - correct, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_figures_are_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr(evaluation, "_ROWS", 7)  # several blocks
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 5)).astype(np.float32), rng.integers(0, 4, 100)
    model = Linear(
        rng.normal(size=(4, 5)).astype(np.float32).T, np.zeros(4, np.float32), Scaling(np.zeros(5), np.ones(5))
    )
    scores = X @ model.W
    said = scores.argmax(axis=1)
    result = evaluate(model, X, y, losses.softmax)
    np.testing.assert_array_equal(result.confusion, confusion_matrix(y, said))
    assert result.accuracy == accuracy_score(y, said)
    np.testing.assert_allclose(result.precision, precision_score(y, said, average=None))
    np.testing.assert_allclose(result.recall, recall_score(y, said, average=None))
    assert result.loss == pytest.approx(log_loss(y, losses.softmax.probabilities(scores.astype(np.float64))), rel=1e-5)


def test_it_tells_how_far_it_is_and_many_comparisons_come_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (300, 6)).astype(np.uint8), rng.integers(0, 3, 300)
    model, told = Neighbors(X, y, 3, 5), []
    whole = evaluate(model, X, y, None)
    assert rows_at_once(model, 300) == 300
    monkeypatch.setattr(evaluation, "_COMPARED", 100 * X.size)
    parts = evaluate(model, X, y, None, progress=lambda *words: told.append(words))
    np.testing.assert_array_equal(parts.confusion, whole.confusion)
    assert [words[1:] for words in told] == [(100, 300), (200, 300), (300, 300)]
    assert told[-1][0] == f"testing, accuracy so far {whole.accuracy:.4f}"
    monkeypatch.setattr(evaluation, "_COMPARED", 1)
    assert rows_at_once(model, 300) == 64  # fewer would take longer in all
    assert rows_at_once(model, 10) == 10


def test_what_cannot_be_divided_is_nan():
    result = Evaluation(np.array([[3, 0, 0], [1, 0, 0], [0, 0, 0]]), 0.0)
    assert (result.n, result.correct, result.accuracy) == (4, 3, 0.75)
    np.testing.assert_array_equal(result.precision, [0.75, np.nan, np.nan])
    np.testing.assert_array_equal(result.recall, [1.0, 0.0, np.nan])
