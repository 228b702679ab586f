"""Where the true class has nearly all the probability, float32 keeps the digits of what is left."""

import numpy as np
import pytest

from steepest import losses
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import Formula


@pytest.mark.parametrize("level", kernels.levels())
@pytest.mark.parametrize("far", [3.0, 8.0, 14.0, 20.0, 60.0])
def test_loss_and_slopes_of_examples_that_are_right(level, far):
    C, N = 5, 40
    scores = np.random.default_rng(0).normal(size=(N, C)).astype(np.float32)
    y = np.arange(N) % C
    scores[np.arange(N), y] += np.float32(far)
    exact = scores.astype(np.float64)
    loss, slopes = losses.softmax(exact, y), losses.softmax.gradient(exact, y)
    used = kernels.level()
    kernels.use(level)
    try:
        dW, db = np.zeros((C, C), np.float32), np.zeros(C, np.float32)
        native = Formula(losses.softmax, losses.softmax.gradient, "softmax")
        eye, shift, scale = np.eye(C, dtype=np.float32), np.zeros(C), np.ones(C)
        for i in range(N):  # the identity as W: the scores are the features
            db[:] = 0
            total, _ = kernels.gradient(
                scores[i : i + 1], y[i : i + 1], None, None, shift, scale, eye, np.zeros(C, np.float32), dW, db,
                loss=native, threads=1,
            )  # fmt: skip
            assert total == pytest.approx(loss[i], rel=4e-6)
            np.testing.assert_allclose(db, slopes[i], rtol=4e-6, atol=1e-36)
    finally:
        kernels.use(used)
