"""Clipping: worked numbers, what holds for every gradient, and gradients that are not finite."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steepest.errors import InputError
from steepest.optim import Clip, clip_norm, clip_value, global_norm

GRAD = {"W": np.array([[3.0, 0.0], [0.0, 0.0]]), "b": np.array([-4.0, 0.0])}


def test_by_hand():
    assert global_norm(GRAD) == 5
    clipped = clip_norm(GRAD, 2.5)  # half as long
    np.testing.assert_allclose(clipped["W"], [[1.5, 0], [0, 0]])
    np.testing.assert_allclose(clipped["b"], [-2, 0])
    cut = clip_value(GRAD, 3.5)
    np.testing.assert_array_equal(cut["W"], GRAD["W"])
    np.testing.assert_array_equal(cut["b"], [-3.5, 0])


def test_what_is_short_enough_stays_to_the_bit():
    for radius in (5.0, 100.0):
        for name, array in clip_norm(GRAD, radius).items():
            np.testing.assert_array_equal(array, GRAD[name])
    assert global_norm({}) == global_norm({"W": np.zeros((0, 3))}) == global_norm({"b": np.zeros(3)}) == 0
    np.testing.assert_array_equal(clip_norm({"b": np.zeros(3)}, 1.0)["b"], np.zeros(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data(), radius=st.floats(1e-3, 1e3))
@settings(max_examples=40, deadline=None)
def test_clipping_bounds_what_it_says_and_changes_nothing_handed_in(dtype, data, radius):
    info = np.finfo(dtype)
    numbers = st.floats(float(info.min), float(info.max), width=info.bits)
    grad = {"W": data.draw(arrays(dtype, (2, 3), elements=numbers)), "b": data.draw(arrays(dtype, 3, elements=numbers))}
    for array in grad.values():
        array.flags.writeable = False
    short, cut = clip_norm(grad, np.float64(radius)), clip_value(grad, np.float64(radius))
    assert global_norm(short) <= radius * (1 + 8 * info.eps)
    assert max(abs(array).max() for array in cut.values()) <= dtype(radius)
    for name, array in grad.items():
        assert short[name].dtype == cut[name].dtype == dtype
        assert (short[name] * np.sign(array) >= 0).all()  # no entry changes its sign
        np.testing.assert_array_equal(cut[name][abs(array) <= radius], array[abs(array) <= radius])


def test_squares_that_would_overflow_or_vanish():
    for dtype, size in ((np.float32, 1e38), (np.float64, 1e308), (np.float64, 1e-300)):
        grad = {"W": np.array([[size, -size]], dtype)}
        np.testing.assert_allclose(
            clip_norm(grad, min(1.0, size))["W"], np.array([[1, -1]]) * min(1, size) / 2**0.5, 1e-6
        )
    assert global_norm({"b": np.array([3e-200, 4e-200])}) == pytest.approx(5e-200)


def test_a_gradient_that_is_not_finite_is_left_for_the_loop_to_find():
    for bad in (math.inf, -math.inf, math.nan):
        grad = {"W": np.array([[1.0, bad]]), "b": np.array([1e3])}
        np.testing.assert_array_equal(clip_norm(grad, 1.0)["W"], grad["W"])
        np.testing.assert_array_equal(clip_norm(grad, 1.0)["b"], grad["b"])
        assert not math.isfinite(global_norm(grad))
    np.testing.assert_array_equal(
        clip_value({"W": np.array([math.inf, -math.inf, math.nan])}, 2.0)["W"], [2, -2, math.nan]
    )


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_limits_out_of_range(value):
    with pytest.raises(InputError, match="radius must be positive and finite"):
        clip_norm(GRAD, value)
    with pytest.raises(InputError, match="bound must be positive and finite"):
        clip_value(GRAD, value)


def test_clip_is_the_value_and_then_the_norm():
    rng = np.random.default_rng(0)
    grad = {"W": rng.normal(size=(4, 3)).astype(np.float32), "b": rng.normal(size=3).astype(np.float32)}
    both = Clip(norm=0.7, value=0.5)(grad)
    cut = {name: np.clip(g, -0.5, 0.5) for name, g in grad.items()}
    length = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in cut.values()))
    for name in grad:
        np.testing.assert_allclose(both[name], cut[name] * min(1, 0.7 / length), rtol=1e-6)
        assert both[name].dtype == np.float32
    assert Clip(norm=1e9)(grad) is grad
    assert Clip()(grad) is grad


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"norm": 0}, "clip_norm"),
        ({"value": -1.0}, "clip_value"),
        ({"norm": math.inf}, "clip_norm"),
        ({"value": "1"}, "clip_value"),
    ],
)
def test_bounds_that_are_none_are_refused(how, word):
    with pytest.raises(InputError, match=word):
        Clip(**how)
