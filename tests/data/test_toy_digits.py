"""The data that need no file."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.data import load
from steepest.data.digits import _from_scikit_learn, digits
from steepest.data.toy import TOYS, toy
from steepest.errors import InputError


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    ds = digits()
    assert (ds.X == X).all()
    assert (ds.y == y).all()
    assert ds.X.dtype == np.float32
    assert ds.feature_shape == (8, 8)
    assert ds.classes == tuple("0123456789")


def test_digits_fall_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steepest.data.digits._from_file", lambda: None)
    assert (_from_scikit_learn()[:, :64] == digits().X).all()


def test_digits_do_not_import_scikit_learn() -> None:
    code = (
        "import sys, steepest.data as d; heavy = {'pyarrow','pandas','PIL','sklearn','torch','narwhals','scipy'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "d.load('digits'); d.load('spiral');"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_env())


def _env() -> dict[str, str]:
    import os

    import steepest.data

    return {**os.environ, "PYTHONPATH": str(Path(steepest.data.__file__).parents[2])}


def test_digits_are_quick() -> None:
    digits()
    best = min(_timed(digits) for _ in range(5))
    assert best < 0.1  # 6 ms on the machine it was written on


def _timed(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


def test_spiral_without_noise_is_its_equation() -> None:
    ds = toy("spiral", n=9, classes=3, noise=0.0)
    # Class 1, the middle of three places: t = 1/2, a = 2 + 2 pi / 3.
    a = 2 + 2 * np.pi / 3
    np.testing.assert_allclose(ds.X[4], [0.5 * np.sin(a), 0.5 * np.cos(a)], rtol=1e-6)
    np.testing.assert_allclose(np.hypot(*ds.X.T), np.repeat([0, 0.5, 1], 3), atol=1e-7)


def test_moons_without_noise_are_half_circles() -> None:
    ds = toy("moons", n=40, noise=0.0)
    upper, lower = ds.X[::2], ds.X[1::2]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, rtol=1e-6)
    assert (upper[:, 1] > -1e-6).all()
    assert (lower[:, 1] < 0.5 + 1e-6).all()


def test_circle_xor_and_blobs_without_noise() -> None:
    ds = toy("circle", n=1000, noise=0.0)
    radius = np.hypot(*ds.X.T)
    assert (radius[::2] <= 0.5 + 1e-6).all()
    assert ((radius[1::2] >= 0.8 - 1e-6) & (radius[1::2] <= 1 + 1e-6)).all()
    ds = toy("xor", n=1000, noise=0.0)
    assert ((ds.X[:, 0] * ds.X[:, 1] < 0) == (ds.y == 1)).all()
    ds = toy("blobs", n=8, classes=4, noise=0.0)
    np.testing.assert_allclose(ds.X[:4], [[3, 0], [0, 3], [-3, 0], [0, -3]], atol=1e-6)


def test_blobs_have_the_noise_they_say() -> None:
    ds = toy("blobs", n=30_000, noise=0.7)
    spread = (ds.X[::3] - [3, 0]).std(axis=0)
    np.testing.assert_allclose(spread, 0.7, rtol=0.03)  # four standard errors of 0.7 %


@pytest.mark.parametrize("name", TOYS)
def test_pinned_for_ever(name: str) -> None:
    ds = toy(name, n=7, seed=11)
    np.testing.assert_allclose(ds.X[5], PINNED[name], rtol=1e-5)


PINNED: dict[str, list[float]] = {
    "blobs": [-2.0720417, -3.7188799],
    "circle": [-0.51184642, -0.99754822],
    "xor": [0.89142311, -0.78658545],
    "spiral": [0.9943881, -0.10579348],
    "moons": [1.8855916, 0.27583924],
}


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(TOYS)),
    n=st.integers(2, 200),
    noise=st.floats(0, 2),
    classes=st.integers(2, 8),
    seed=st.integers(0, 2**64 - 1),
)
def test_every_toy(name: str, n: int, noise: float, classes: int, seed: int) -> None:
    try:
        ds = toy(name, n, noise, classes, seed)
    except InputError:
        assert n < classes or (classes != 2 and not TOYS[name].any_classes)
        return
    assert ds.X.shape == (n, 2)
    assert ds.X.dtype == np.float32
    assert np.isfinite(ds.X).all()
    counts = np.bincount(ds.y, minlength=classes)
    assert counts.max() - counts.min() <= 1
    again = toy(name, n, noise, classes, seed)
    assert (ds.X == again.X).all()


def test_parameters_in_the_name() -> None:
    ds = load("spiral:n=30, noise=0.1,classes=5,seed=3")
    assert (ds.X == toy("spiral", 30, 0.1, 5, 3).X).all()
    assert (load("spiral", n=30, noise=0.1, classes=5, seed=3).X == ds.X).all()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("spiral:m=3", "'m=3' is not one of"),
        ("spiral:n", "'n' is not one of"),
        ("spiral:", "is not one of"),
        ("spiral:n=many", "whole number"),
        ("spiral:n=2.5", "whole number"),
        ("spiral:noise=x", "must be a number"),
        ("spiral:noise=nan", "0 or more"),
        ("spiral:noise=-1", "0 or more"),
        ("spiral:n=0", "at least 1"),
        ("spiral:classes=1", "at least 2"),
        ("spiral:n=3,classes=4", "too few for 4 classes"),
        ("moons:classes=3", "has 2 classes"),
        ("spiral:seed=-1", "seed"),
        ("digits:n=3", "no parameters"),
        ("spirall", "did you mean 'spiral'"),
        ("digit", "did you mean 'digits'"),
        ("Moons", "did you mean 'moons'"),
        ("", "empty"),
    ],
)
def test_bad_names(source: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as info:
        load(source)
    assert "\n" not in str(info.value)


def test_toy_parameters_for_something_else() -> None:
    with pytest.raises(InputError, match="n and classes can be given for the toy problems"):
        load(np.eye(3), [0, 1, 2], n=3, classes=2)
    with pytest.raises(InputError, match="n can be given"):
        load("digits", n=3)


def test_a_name_wins_over_a_path_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert "write './digits'" in load("digits").notes[0]
    with pytest.raises(InputError, match="digits"):
        load("./digits")
