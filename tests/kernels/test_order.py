"""The order of an epoch's rows: a pure function of seed, purpose and epoch, known from NumPy's own Philox."""

import numpy as np
import pytest

from steepest.kernels import dispatch

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 2047, 2048, 2049, 50_000]


def order_of(n, seed=0, purpose=0, epoch=0, kernels=dispatch):
    out = np.full(n, -1, np.int64)
    kernels.order(seed, purpose, epoch, out)
    return out


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    ("seed", "purpose", "epoch"), [(0, 0, 0), (1, 2, 3), (2**64 - 1, 2**32 - 1, 2**32 - 1), (2**63, 0, 1)]
)
def test_rows_are_sorted_by_the_upper_half_of_philox(twin, level, n, seed, purpose, epoch):
    out = order_of(n, seed, purpose, epoch)
    key = np.array([seed, purpose * 2**32 + epoch], np.uint64)
    upper = np.random.Philox(key=key).random_raw(n).astype(np.uint64) >> np.uint64(32)
    np.testing.assert_array_equal(out, np.argsort(upper, kind="stable"))
    np.testing.assert_array_equal(out, order_of(n, seed, purpose, epoch, twin))
    np.testing.assert_array_equal(np.sort(out), np.arange(n))


def test_rows_that_draw_the_same_keep_their_order(level):
    n = 300_000  # some pairs among them share 32 bits
    upper = np.random.Philox(key=np.array([5, 0], np.uint64)).random_raw(n) >> np.uint64(32)
    assert len(np.unique(upper)) < n
    np.testing.assert_array_equal(order_of(n, 5), np.argsort(upper, kind="stable"))


def test_seed_purpose_and_epoch_each_make_another_order(level):
    orders = [order_of(100, *key) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert len({o.tobytes() for o in orders}) == 4


def test_every_place_is_as_likely_for_every_row(level):
    n, epochs = 8, 4000
    where = np.array([np.argsort(order_of(n, 7, 0, e)) for e in range(epochs)])
    counts = np.array([np.bincount(where[:, row], minlength=n) for row in range(n)])
    # chi-squared with (n - 1)^2 = 49 degrees of freedom exceeds 100 with a chance of 2e-5; the draw is fixed
    assert np.sum((counts - epochs / n) ** 2 / (epochs / n)) < 100


@pytest.mark.parametrize("key", [(0, 2**32, 0), (0, 0, 2**32)])
def test_a_purpose_or_epoch_beyond_32_bits_is_refused(native, key):
    with pytest.raises(ValueError, match="below 2\\^32"):
        native.order(*key, np.empty(4, np.int64))
