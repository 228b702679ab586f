"""The factor on the learning rate: values by hand, bounds, whole arrays at once, names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.errors import InputError
from steepest.optim import schedules
from steepest.optim.schedules import Constant, Cosine, Exponential, Linear, OneCycle, Plateau, StepDecay, WarmUp

ALL = [
    Constant(),
    StepDecay(),
    StepDecay(drop=0.5, at=(0.25,)),
    StepDecay(at=()),
    Exponential(),
    Exponential(final=1.0),
    Cosine(),
    Cosine(final=0.1),
    Linear(),
    Linear(final=0.1),
    OneCycle(),
    OneCycle(start=0.5, rise=0.07, final=0.1),
    OneCycle(start=1.0, rise=0.999),
    WarmUp(Cosine(), fraction=0.1),
    WarmUp(StepDecay(), fraction=0.3),
    WarmUp(Linear(), fraction=1.0),
    WarmUp(Constant(), fraction=0.0),
]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), [1, 1, 1, 1, 1]),
        (StepDecay(drop=0.1, at=(0.5, 0.75)), [1, 1, 0.1, 0.01, 0.01]),
        (Exponential(final=0.0001), [1, 0.1, 0.01, 0.001, 0.0001]),
        (Cosine(), [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0]),
        (Cosine(final=0.5), [1, (3 + 0.5**0.5) / 4, 0.75, (3 - 0.5**0.5) / 4, 0.5]),
        (Linear(), [1, 0.75, 0.5, 0.25, 0]),
        (Linear(final=0.2), [1, 0.8, 0.6, 0.4, 0.2]),
        (OneCycle(start=0.2, rise=0.5), [0.2, 0.6, 1, 0.5, 0]),
        (OneCycle(start=1, rise=0.25, final=0.5), [1, 1, 7 / 8, 5 / 8, 0.5]),  # cos(pi/3) = 1/2, cos(2 pi/3) = -1/2
        (WarmUp(Linear(), fraction=0.5), [1 / 4, 3 / 4, 1, 0.5, 0]),
    ],
    ids=repr,
)
def test_values_by_hand(schedule, expected):
    np.testing.assert_allclose(schedule([0, 2, 4, 6, 8], total_steps=8), expected, atol=1e-15)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@given(total=st.integers(1, 500))
@settings(max_examples=20, deadline=None)
def test_between_zero_and_one_and_never_zero_while_training(schedule, total):
    factors = schedule(np.arange(total), total)
    assert factors.dtype == np.float64
    assert factors.shape == (total,)
    assert (factors > 0).all()
    assert (factors <= 1).all()


@pytest.mark.parametrize("schedule", [s for s in ALL if not isinstance(s, WarmUp | OneCycle)], ids=repr)
def test_begins_at_one_and_never_rises(schedule):
    factors = schedule(np.arange(1000), 1000)
    assert factors[0] == 1
    assert (np.diff(factors) <= 1e-15).all()


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_an_array_of_steps_is_the_steps_one_by_one(schedule):
    total = 37
    whole = schedule(np.arange(total), total)
    np.testing.assert_array_equal(whole, [schedule(step, total) for step in range(total)])
    assert np.ndim(schedule(3, total)) == 0
    np.testing.assert_array_equal(schedule(np.arange(total + 5), total)[total:], schedule(total, total))
    np.testing.assert_array_equal(schedule(np.arange(12).reshape(3, 4), total), whole[:12].reshape(3, 4))
    assert schedule(np.zeros(0, int), total).shape == (0,)


def test_step_drops_at_its_milestone_though_the_quotient_rounds():
    for total in range(1, 300):
        for percent in (7, 29, 57, 58):
            at = -(-percent * total // 100)
            factors = StepDecay(drop=0.5, at=(percent / 100,))(np.arange(total + 1), total)
            assert (factors == np.where(np.arange(total + 1) >= at, 0.5, 1)).all()


def test_warm_up_rises_in_equal_steps_to_one_and_then_hands_over():
    factors = WarmUp(Cosine(), fraction=0.1)(np.arange(100), 100)
    np.testing.assert_allclose(factors[:10], np.arange(1, 11) / 10)
    np.testing.assert_array_equal(factors[10:], Cosine()(np.arange(90), 90))


def test_one_cycle_rises_straight_to_its_peak_and_then_only_falls():
    factors = OneCycle(start=0.04, rise=0.3)(np.arange(1001), 1000)
    assert factors[0] == 0.04
    assert factors[300] == 1
    np.testing.assert_allclose(np.diff(factors[:301]), 0.96 / 300)
    assert (np.diff(factors[300:]) < 0).all()
    np.testing.assert_allclose(factors[300:], Cosine()(np.arange(701), 700), atol=1e-12)


@pytest.mark.parametrize("step", [-1, [0, -3], 0.5, [1.0]])
def test_steps_that_are_none(step):
    with pytest.raises(InputError, match="integers of at least 0"):
        Constant()(step, 10)


def test_no_steps_at_all():
    with pytest.raises(InputError, match="total_steps must be at least 1, not 0"):
        Constant()(0, 0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StepDecay(drop=0.0), "drop must be above 0"),
        (lambda: StepDecay(drop=2.0), "drop must be above 0 and at most 1"),
        (lambda: StepDecay(at=(0.5, 30)), "at must be at least 0 and at most 1, not 30"),
        (lambda: Exponential(final=0.0), "final must be above 0"),
        (lambda: Cosine(final=-0.1), "final must be at least 0"),
        (lambda: Linear(final=float("nan")), "final must be at least 0"),
        (lambda: WarmUp(Linear(), fraction=1.5), "fraction must be"),
        (lambda: OneCycle(start=0.0), "start must be above 0"),
        (lambda: OneCycle(rise=1.0), "rise must be above 0 and below 1"),
        (lambda: OneCycle(final=1.1), "final must be at least 0 and at most 1"),
    ],
)
def test_parameters_out_of_range(make, says):
    with pytest.raises(InputError, match=says):
        make()


def test_names():
    assert schedules.NAMES == ("constant", "step", "exponential", "cosine", "linear", "one_cycle")
    for name in schedules.NAMES:
        assert schedules.get(name).name == name
    assert schedules.get(None) == Constant()
    assert schedules.get(Cosine(final=0.1)) == Cosine(final=0.1)
    assert schedules.get("linear", warm_up=0.1, final=0.2) == WarmUp(Linear(final=0.2), fraction=0.1)
    assert schedules.get(Linear(), warm_up=0.1) == WarmUp(Linear(), fraction=0.1)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("cosin", {}, "did you mean cosine"),
        ("Step", {}, "did you mean step"),
        ("plateau!", {}, "choose one of constant, step"),
        (1, {}, "choose one of constant, step"),
        ("cosine", {"drop": 0.1}, "no parameter 'drop': it takes final"),
        ("constant", {"final": 0.1}, "no parameter 'final': it takes none"),
        ("plateau", {}, "plateau is no schedule of the step, for it follows the history"),
        (Plateau(), {}, "plateau is no schedule of the step"),
        (Cosine(), {"final": 0.1}, "has its parameters already"),
    ],
)
def test_unknown_names_and_parameters(name, parameters, says):
    with pytest.raises(InputError, match=says):
        schedules.get(name, **parameters)


def test_a_text_holds_parameters():
    assert schedules.get("step:drop=0.5,at=0.3+0.6") == StepDecay(drop=0.5, at=(0.3, 0.6))
    assert schedules.get("cosine:final=0.1", warm_up=0.2) == WarmUp(Cosine(final=0.1), fraction=0.2)
    course = schedules.course("plateau:factor=0.5,patience=3", warm_up=0.1)
    assert course == (WarmUp(Constant(), fraction=0.1), schedules.Plateau(factor=0.5, patience=3))
    assert schedules.course(schedules.Plateau()) == (Constant(), schedules.Plateau())
    assert schedules.course("linear") == (Linear(), None)
    assert schedules.course(None) == (Constant(), None)
    for name in schedules.NAMES:
        assert schedules.course(name).schedule.name == name


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("cosine:end=1", "no parameter 'end': it takes final"), ("cosine:final", "'final' is not of the form"),
        ("cosine:final=x", "'final=x' is not"), ("plateau:patience=2.5", "'patience=2.5' is not"),
        ("plateau:factor=2", "factor"), ("plato", "plateau"), ("cosin:final=1", "cosine"), ("cosine:", "form"),
    ],
)  # fmt: skip
def test_texts_that_make_no_sense_are_refused(text, word):
    with pytest.raises(InputError, match=word):
        schedules.course(text)
