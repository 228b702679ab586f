"""What a linear classifier says of itself once it was solved, and then goes on by descent."""

import numpy as np
import pytest

from steepest import LinearClassifier
from steepest.errors import InputError


def blobs(N=150):
    rng, y = np.random.default_rng(0), np.arange(N) % 3
    return rng.normal(size=(3, 4))[y] + rng.normal(size=(N, 4)), y


def test_nothing_is_proven_of_a_model_that_has_moved_on():
    X, y = blobs()
    clf = LinearClassifier(alpha="auto").fit(X, y)
    chosen, tried = clf.alpha_, clf.path_
    assert clf.certificate_.gap <= 1e-4
    clf.partial_fit(X + 1, np.roll(y, 1))
    assert (clf.solver_, clf.certificate_) == ("sgd", None)
    assert (clf.alpha_, clf.path_) == (chosen, tried)


def test_a_stream_says_as_much_as_a_fit():
    X, y = blobs()
    clf = LinearClassifier(alpha=1e-3).partial_fit(X, y, classes=[0, 1, 2])
    assert (clf.solver_, clf.certificate_, clf.alpha_, clf.path_) == ("sgd", None, 1e-3, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"solver": "sgd"}, "not mini-batch descent$"),
        ({"epochs": 3}, "not mini-batch descent: epochs was given$"),
    ],
)
def test_why_no_alpha_can_be_chosen_is_said(given, message):
    with pytest.raises(InputError, match=message):
        LinearClassifier(alpha="auto", **given).fit(*blobs())
