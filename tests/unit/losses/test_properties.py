"""What holds for all scores: invariances, bounds, stability, dtypes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from steepest import losses
from steepest.losses import hinge, softmax

DIFFERENCES_ONLY = ("softmax", "hinge", "squared_hinge", "hinge_max", "perceptron")
SMOOTH = ("softmax", "squared_hinge", "ova_squared_hinge", "logistic", "squared")


@st.composite
def examples(draw, largest=50.0, min_classes=1):
    n, classes = draw(st.integers(1, 4)), draw(st.integers(min_classes, 6))
    floats = st.floats(-largest, largest, allow_subnormal=False)
    scores = draw(hnp.arrays(np.float64, (n, classes), elements=floats))
    y = draw(hnp.arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    return scores, y


@pytest.mark.parametrize("name", losses.NAMES)
@given(data=examples(largest=1e8))
@settings(max_examples=25, deadline=None)
def test_never_negative_and_always_finite(name, data):
    loss = losses.get(name)
    each, dscores = loss(*data), loss.gradient(*data)
    assert (each >= 0).all()
    assert np.isfinite(each).all()
    assert np.isfinite(dscores).all()
    assert not np.signbit(each).any()  # no -0.0 either: it is ugly in print


@pytest.mark.parametrize("name", DIFFERENCES_ONLY)
@given(data=examples(), shift=st.floats(-100, 100))
@settings(max_examples=25, deadline=None)
def test_only_differences_of_scores_count(name, data, shift):
    scores, y = data
    loss = losses.get(name)
    np.testing.assert_allclose(loss(scores + shift, y), loss(scores, y), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(loss.gradient(scores, y).sum(axis=1), 0, atol=1e-9)


@given(data=examples(), shift=st.floats(-1e4, 1e4))
@settings(deadline=None)
def test_softmax_probabilities_do_not_move_with_a_shift(data, shift):
    p = softmax.probabilities(data[0])
    np.testing.assert_allclose(softmax.probabilities(data[0] + shift), p, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(softmax.log_probabilities(data[0])), p, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("name", losses.NAMES)
@given(data=examples(), random=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_classes_have_no_order(name, data, random):
    """Renaming the classes renames the gradient's columns and leaves the loss, where no two scores tie."""
    scores, y = data[0] + 1e-3 * np.arange(data[0].shape[1]) * np.pi, data[1]
    new = list(range(scores.shape[1]))
    random.shuffle(new)
    renamed = np.empty_like(scores)
    renamed[:, new] = scores
    loss = losses.get(name)
    np.testing.assert_allclose(loss(renamed, np.array(new)[y]), loss(scores, y), rtol=1e-9, atol=1e-12)
    distinct = all(len(set(row)) == len(row) for row in scores)
    if distinct:
        expected = loss.gradient(scores, y)
        np.testing.assert_allclose(loss.gradient(renamed, np.array(new)[y])[:, new], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", losses.NAMES)
@given(data=examples())
@settings(max_examples=20, deadline=None)
def test_examples_do_not_see_each_other(name, data):
    scores, y = data
    loss = losses.get(name)
    np.testing.assert_array_equal(loss(scores, y), [loss(row, label) for row, label in zip(scores, y, strict=True)])
    rows = [loss.gradient(row, label) for row, label in zip(scores, y, strict=True)]
    np.testing.assert_array_equal(loss.gradient(scores, y), rows)


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("classes", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_at_zero_weights(name, classes, dtype):
    loss = losses.get(name)
    each = loss(np.zeros((3, classes), dtype), [0, classes - 1, classes // 2])
    np.testing.assert_allclose(each, loss.at_zero(classes), rtol=1e-6)


@given(
    scores=hnp.arrays(np.float64, (3, 5), elements=st.integers(-1000, 1000).map(lambda k: k / 8)),
    y=hnp.arrays(np.int64, 3, elements=st.integers(0, 4)),
)
@settings(deadline=None)
def test_hinge_summed_over_all_classes_adds_exactly_one(scores, y):
    own = np.take_along_axis(scores, y[:, None], axis=1)
    assert (np.maximum(0, scores - own + 1).sum(axis=1) == hinge(scores, y) + 1).all()


@pytest.mark.parametrize("name", losses.NAMES)
@given(data=examples(largest=10.0), random=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_convex_and_never_above_the_curvature_bound(name, data, random):
    """L(s) + g d  <=  L(s + d)  <=  L(s) + g d + curvature / 2 |d|^2: the slope supports, the bound covers."""
    scores, y = data
    loss = losses.get(name)
    d = np.random.default_rng(random).normal(size=scores.shape) * 10.0 ** np.random.default_rng(random).integers(-2, 2)
    linear = loss(scores, y) + (loss.gradient(scores, y) * d).sum(axis=1)
    moved = loss(scores + d, y)
    rounding = 1e-10 * (1 + np.abs(linear) + moved)
    assert (linear <= moved + rounding).all()
    bound = loss.curvature(scores.shape[1])
    if bound is not None:
        assert (moved <= linear + bound / 2 * (d**2).sum(axis=1) + rounding).all()


def hessian(loss, s, y, h=1e-5):
    rows = [(loss.gradient(s + h * e, y) - loss.gradient(s - h * e, y)) / (2 * h) for e in np.eye(len(s))]
    return (np.array(rows) + np.array(rows).T) / 2


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_curvature_bounds_the_eigenvalues_of_the_hessian(name, classes):
    loss, rng = losses.get(name), np.random.default_rng(3)
    largest = [
        np.linalg.eigvalsh(hessian(loss, scale * rng.normal(size=classes), int(rng.integers(classes))))[-1]
        for scale in (0.1, 1.0, 5.0)
        for _ in range(20)
    ]
    assert max(largest) <= loss.curvature(classes) * (1 + 1e-6)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_curvature_is_reached(name, classes):
    at = np.zeros(classes)
    if name == "softmax":
        at[2:] = -40.0  # two classes share all the probability
    assert np.linalg.eigvalsh(hessian(losses.get(name), at, 0))[-1] == pytest.approx(
        losses.get(name).curvature(classes), rel=1e-6
    )


@pytest.mark.parametrize("name", sorted(set(losses.NAMES) - set(SMOOTH)))
def test_losses_with_kinks_have_no_curvature(name):
    assert losses.get(name).curvature(10) is None


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_boehnings_bound_covers_the_softmax_hessian(classes):
    """1/2 (I - 11'/C) - (diag(p) - pp') has no negative eigenvalue, and its own largest is one half."""
    rng = np.random.default_rng(4)
    bound = (np.eye(classes) - 1 / classes) / 2
    assert np.linalg.eigvalsh(bound)[-1] == pytest.approx(0.5)
    for scale in (0.1, 1, 10):
        p = softmax.probabilities(scale * rng.normal(size=classes))
        assert np.linalg.eigvalsh(bound - np.diag(p) + np.outer(p, p))[0] > -1e-12


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e4, 1e8])
def test_large_scores_are_fine(name, dtype, size):
    scores = np.array([[size, -size, 0], [-size, size, 0], [size, size, size]], dtype)
    loss = losses.get(name)
    each, dscores = loss(scores, [0, 0, 2]), loss.gradient(scores, [0, 0, 2])
    assert np.isfinite(each).all()
    assert np.isfinite(dscores).all()
    wrong = {"softmax": 2 * size, "perceptron": 2 * size, "hinge_max": 2 * size + 1, "logistic": 2 * size + np.log(2)}
    if name in wrong:
        assert each[1] == pytest.approx(wrong[name], rel=1e-6)


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_arguments_are_left_alone(name, dtype, example_data):
    scores, y = example_data[0].astype(dtype), example_data[1]
    before = scores.copy()
    loss = losses.get(name)
    for each in (loss(scores, y), loss.gradient(scores, y)):
        assert each.dtype == dtype
    exact = loss(scores.astype(np.float64), y)
    np.testing.assert_allclose(loss(scores, y), exact, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(scores, before)
    scores.flags.writeable = False
    loss.gradient(scores, y)


@pytest.mark.parametrize("name", losses.NAMES)
def test_other_numbers_become_floats(name):
    loss = losses.get(name)
    assert loss([[1, 2, 0]], [0]).dtype == np.float64
    assert loss(np.array([[1, 2, 0]], np.uint8), np.array([0], np.uint8)).dtype == np.float64
    assert loss(np.array([[1, 2, 0]], np.float16), [0]).dtype == np.float32
    assert loss.gradient([[1, 2, 0]], [0]).dtype == np.float64
    np.testing.assert_array_equal(loss([[1, 2, 0]], [0]), loss([[1.0, 2.0, 0.0]], [0]))


@pytest.mark.parametrize("name", losses.NAMES)
def test_strided_and_reversed_scores(name, example_data):
    scores, y = example_data
    loss = losses.get(name)
    expected, slopes = loss(scores, y), loss.gradient(scores, y)
    for view in (np.asfortranarray(scores), np.repeat(scores, 2, axis=1)[:, ::2]):
        np.testing.assert_allclose(loss(view, y), expected, rtol=1e-14)
        np.testing.assert_allclose(loss.gradient(view, y), slopes, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(loss(scores[::-1], y[::-1]), expected[::-1], rtol=1e-14)


@pytest.mark.parametrize("name", losses.NAMES)
def test_no_examples_and_one_class(name):
    loss = losses.get(name)
    assert loss(np.zeros((0, 3)), []).shape == (0,)
    assert loss.gradient(np.zeros((0, 3)), []).shape == (0, 3)
    assert loss(np.ones((2, 1)), [0, 0]).shape == (2,)


def test_softmax_keeps_what_is_left_of_a_loss_near_zero():
    assert softmax([10.0, -100.0, -100.0], 0) == pytest.approx(2 * np.exp(-110.0), rel=1e-12)


def test_not_a_number_goes_through():
    for name in losses.NAMES:
        assert np.isnan(losses.get(name)([[np.nan, 0.0, 1.0]], [1])).all(), name
