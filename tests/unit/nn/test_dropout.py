"""Masks: of position, seed and step alone. Dropout and stochastic depth keep the mean."""

import numpy as np
import pytest

import steepest as st
from steepest.nn import Activation, Dropout, Linear, Mode, Residual, Sequential
from steepest.nn.masks import mask


def kept(rows, width, *, seed=0, layer=1, step=0, first_row=0, keep=0.5):
    out = np.empty((rows, width), bool)
    mask(seed, layer, step, first_row, keep, out)
    return out


def draws(count, seed, layer, step):
    """The 16-bit numbers, word by word, as they are described."""
    words = np.random.Philox(key=[seed, layer], counter=[0, step, 0, 0]).random_raw((count + 3) // 4)
    return [int(word) >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)][:count]


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (3, 5), (7, 16), (33, 10)])
@pytest.mark.parametrize("keep", [0.5, 0.8, 0.1])
def test_number_j_of_row_r_is_kept_by_draw_number_r_width_plus_j(rows, width, keep):
    numbers = np.array(draws(rows * width, seed=9, layer=3, step=17)).reshape(rows, width)
    np.testing.assert_array_equal(kept(rows, width, seed=9, layer=3, step=17, keep=keep), numbers < keep * 65536)


@pytest.mark.parametrize("width", [1, 3, 4, 7, 16, 100])
def test_a_mask_does_not_depend_on_the_parts_of_the_batch(width):
    whole = kept(50, width, step=4)
    for cut in (1, 2, 5, 16, 31):
        parts = [kept(min(cut, 50 - at), width, step=4, first_row=at) for at in range(0, 50, cut)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_seed_step_and_layer_make_other_masks():
    base = kept(20, 50)
    np.testing.assert_array_equal(kept(20, 50), base)
    for other in (kept(20, 50, seed=1), kept(20, 50, step=1), kept(20, 50, layer=2), kept(20, 50, first_row=1)):
        assert 0.4 < (other == base).mean() < 0.6
    assert kept(20, 50, seed=2**64 - 1, step=2**63, layer=2**40).any()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_mean_is_preserved(rate):
    x = np.ones((400, 500))
    y = Dropout(rate).apply({}, x, Mode(training=True, seed=1))
    assert set(np.unique(y)) == {0.0, 1 / (1 - rate)}
    assert abs(y.mean() - 1) < 4 * np.sqrt(rate / (1 - rate) / x.size) + 2**-16 / (1 - rate)


def test_evaluation_and_a_rate_of_zero_are_the_identity():
    x = np.random.default_rng(0).normal(size=(4, 5))
    assert Dropout(0.5).apply({}, x, st.nn.EVALUATION) is x
    assert Dropout(0.0).apply({}, x, Mode(training=True)) is x


def test_same_seed_and_step_same_scores_and_the_next_step_others():
    model = st.nn.MLP([5, 20, 20, 3], dropout=0.5)
    p, X = model.init(seed=0), np.random.default_rng(1).normal(size=(8, 5))
    now = model(p, X, Mode(training=True, seed=1, step=2))
    np.testing.assert_array_equal(model(p, X, Mode(training=True, seed=1, step=2)), now)
    assert (model(p, X, Mode(training=True, seed=1, step=3)) != now).any()
    assert (model(p, X) != now).any()
    parts = [model(p, X[at : at + 3], Mode(training=True, seed=1, step=2, first_row=at)) for at in (0, 3, 6)]
    np.testing.assert_allclose(np.concatenate(parts), now, rtol=1e-12)


def test_the_key_is_the_place_among_the_layers():
    model = Sequential(Activation("identity"), Dropout(0.5), Dropout(0.5))
    both = model({}, np.ones((6, 9)), Mode(training=True, seed=4, step=1))
    expected = kept(6, 9, seed=4, layer=1, step=1) & kept(6, 9, seed=4, layer=2, step=1)
    np.testing.assert_array_equal(both, 4.0 * expected)


def test_layers_within_residual_blocks_have_masks_of_their_own():
    block = Residual([Dropout(0.5), Dropout(0.5)])
    model = Sequential(block, Dropout(0.5), block)
    X = np.ones((6, 9))
    out = model({}, X, Mode(training=True, seed=4))

    def dropped(place):
        return 2.0 * kept(6, 9, seed=4, layer=place)

    def through(x, outer):
        return x + x * dropped((outer + 1) << 16) * dropped((outer + 1) << 16 | 1)

    np.testing.assert_allclose(out, through(through(X, 0) * dropped(1), 2))


def test_images_are_dropped_number_by_number():
    y = Dropout(0.5).apply({}, np.ones((3, 4, 5)), Mode(training=True, layer=1))
    np.testing.assert_array_equal(y.reshape(3, 20), 2.0 * kept(3, 20))


class TestStochasticDepth:
    block = Residual([Linear(4, 4), Activation("tanh")], drop=0.25)
    model = Sequential(block)
    p = model.init(seed=0)
    X = np.random.default_rng(2).normal(size=(2000, 4))

    def test_whole_branches_are_dropped_and_the_others_scaled_up(self):
        branch = np.tanh(self.X @ self.p["residual1.linear1.W"])
        y = self.model(self.p, self.X, Mode(training=True, seed=5, step=6))
        stays = kept(2000, 1, seed=5, layer=0, step=6, keep=0.75)
        np.testing.assert_allclose(y, self.X + stays * branch / 0.75)
        assert abs(stays.mean() - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 2000)

    def test_evaluation_has_no_factor(self):
        branch = np.tanh(self.X @ self.p["residual1.linear1.W"])
        np.testing.assert_allclose(self.model(self.p, self.X), self.X + branch)

    def test_images(self):
        y = Residual([Activation("identity")], drop=0.5).apply({}, np.ones((9, 2, 3)), Mode(training=True))
        assert all(len(set(row.ravel())) == 1 for row in y)
        assert set(y.ravel()) == {1.0, 3.0}
