"""One of each estimator, quick to fit, and blobs that each can tell apart."""

import numpy as np
import pytest

import steepest as st

EACH = [
    st.LinearClassifier(alpha=1e-2),
    st.MLPClassifier((8,), lr=0.05, epochs=10),
    st.NearestMean(),
    st.KNNClassifier(3),
    st.Perceptron(50, averaged=True),
    st.RidgeClassifier(1e-2),
    st.OneVsAllSVM(alpha=1e-2),
    st.OneVsAllSVM(alpha=1e-2, probability=True),
]
CALIBRATED = EACH[-1]


def name_of(estimator):
    return type(estimator).__name__ + (" with probabilities" if estimator is CALIBRATED else "")


@pytest.fixture(params=EACH, ids=name_of)
def estimator(request):
    """Not fitted yet."""
    from sklearn.base import clone

    return clone(request.param)


@pytest.fixture(params=[each for each in EACH if hasattr(each, "alpha")], ids=name_of)
def weighing(request):
    """One that takes sample weights."""
    from sklearn.base import clone

    return clone(request.param)


@pytest.fixture(scope="session")
def three():
    """X (90, 4) and y in 0, 1, 2: apart, but not wholly."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(90) % 3)
    return rng.normal(size=(90, 4)) + 3 * np.eye(3, 4)[y], y
