"""What the tests of the losses share."""

import numpy as np
import pytest


def differences(loss, scores, y, h=1e-5):
    """dL_i / dscores by central differences in float64, one class at a time for all examples."""
    scores = np.asarray(scores, dtype=np.float64)
    slopes = np.empty_like(scores)
    for j in range(scores.shape[1]):
        step = np.zeros_like(scores)
        step[:, j] = h
        slopes[:, j] = (loss(scores + step, y) - loss(scores - step, y)) / (2 * h)
    return slopes


def check(loss, scores, y, gradient=None):
    """Fail unless the analytic gradient is that of the central differences, to 1e-6 of its size."""
    analytic = (gradient or loss.gradient)(scores, y)
    np.testing.assert_allclose(analytic, differences(loss, scores, y), rtol=1e-6, atol=1e-8)


@pytest.fixture(scope="session")
def check_gradient():
    return check


@pytest.fixture(scope="session")
def example_data():
    """Scores of 40 examples of 5 classes that leave every loss with terms on both sides of its margin."""
    rng = np.random.default_rng(0)
    return rng.normal(scale=2.0, size=(40, 5)), rng.integers(5, size=40)
