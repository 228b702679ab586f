"""The factor that follows the validation figure."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.errors import InputError
from steepest.optim.schedules import Plateau


def factors(plateau, figures, state=None):
    state, path = plateau.init() if state is None else state, []
    for figure in figures:
        for array in state.values():
            array.flags.writeable = False
        f, state = plateau.step(figure, state)
        path.append(f)
    return path, state


def test_it_falls_after_patience_epochs_and_waits_anew():
    path, _ = factors(Plateau(factor=0.5, patience=3), [2, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.6, 0.6, 0.4])
    assert path == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25]


def test_it_goes_no_lower_than_min_factor():
    path, _ = factors(Plateau(factor=0.1, patience=1, min_factor=0.05), [1] * 5)
    assert path == pytest.approx([1, 0.1, 0.05, 0.05, 0.05])
    assert factors(Plateau(patience=1, min_factor=1), [1] * 5)[0] == [1] * 5


def test_an_improvement_is_more_than_the_threshold():
    slow = [1 - 0.001 * i for i in range(6)]
    assert factors(Plateau(patience=2, threshold=0), slow)[0][-1] == 1
    assert factors(Plateau(patience=2, threshold=0.1), slow)[0][-1] < 1
    assert factors(Plateau(patience=2, threshold=0.1), [-1, -1.05, -1.2, -1.4])[0] == [1, 1, 1, 1]  # below 0 too


def test_figures_that_are_not_finite_are_no_improvement():
    assert factors(Plateau(patience=2), [math.nan, 1, 0.5, math.nan, math.inf])[0] == [1, 1, 1, 1, 0.1]
    assert factors(Plateau(patience=2), [math.nan, math.inf, 1])[0] == [1, 0.1, 0.1]


@given(figures=st.lists(st.floats(0, 10), min_size=2, max_size=30), at=st.integers(0, 30))
@settings(max_examples=50, deadline=None)
def test_never_rises_and_resumes_from_its_state(figures, at):
    plateau = Plateau(factor=0.5, patience=2)
    path, state = factors(plateau, figures)
    assert all(0 < b <= a <= 1 for a, b in zip([1, *path], path, strict=False))
    before, half = factors(plateau, figures[:at])
    after, end = factors(plateau, figures[at:], {name: np.array(array) for name, array in half.items()})
    assert before + after == path
    assert end == state


@pytest.mark.parametrize(
    ("constants", "says"),
    [
        ({"factor": 1.0}, "factor must be above 0 and below 1"),
        ({"factor": 0.0}, "factor must be above 0"),
        ({"patience": 0}, "patience must be a whole number from 1 on"),
        ({"patience": 2.5}, "patience must be a whole number"),
        ({"min_factor": -0.1}, "min_factor must be at least 0"),
        ({"threshold": 1.0}, "threshold must be at least 0 and below 1"),
    ],
)
def test_constants_out_of_range(constants, says):
    with pytest.raises(InputError, match=says):
        Plateau(**constants)
