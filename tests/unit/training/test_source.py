from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from steepest.data import Dataset, load
from steepest.errors import InputError
from steepest.training.fingerprint import fingerprint
from steepest.training.model_file import Card
from steepest.training.settings import Settings
from steepest.training.source import choose, fit_to, read_parts


def test_a_fingerprint_is_of_everything_that_matters():
    ds = load("spiral:n=90")
    same = Dataset(ds.X.copy(), ds.y.copy(), ds.classes, ds.feature_shape, "elsewhere", feature_names=ds.feature_names)
    assert fingerprint(ds) == fingerprint(same)
    others = [
        replace(ds, X=ds.X[::-1]),
        replace(ds, X=ds.X.astype(np.float64)),
        replace(ds, X=np.nextafter(ds.X, np.float32(9))),
        replace(ds, y=ds.y[::-1].copy()),
        replace(ds, y=None),
        replace(ds, classes=("a", "b", "c")[: ds.n_classes]),
        replace(ds, feature_names=("u", "v")),
        ds.take(slice(0, 89)),
    ]
    prints = [fingerprint(other) for other in others]
    assert len({fingerprint(ds), *prints}) == len(others) + 1


def test_a_fingerprint_does_not_depend_on_threads():
    X = np.random.default_rng(0).integers(0, 255, (30_000, 1000), np.uint8)
    ds = Dataset(X, None, (), (1000,))
    assert fingerprint(ds, 1) == fingerprint(ds, 3)
    strided = Dataset(np.repeat(X, 2, axis=0)[::2], None, (), (1000,))
    assert fingerprint(strided, 2) == fingerprint(ds)


def card_of(parts, **more) -> Card:
    train = parts.train
    return Card(
        train.classes,
        train.feature_shape,
        train.X.dtype.name,
        "softmax",
        "none",
        train.feature_names,
        parts.origin,
        **more,
    )


def test_held_out_rows_are_chosen_again():
    parts = read_parts(Settings(source="spiral:n=90", seed=3), 1)
    (chosen,), words = choose(card_of(parts), load("spiral:n=90"), "auto", 1)
    np.testing.assert_array_equal(chosen.data.X, parts.test.X)
    np.testing.assert_array_equal(load("spiral:n=90").X[chosen.rows], parts.test.X)
    assert "held out" in words
    (chosen,), _ = choose(card_of(parts), load("spiral:n=90"), "train", 1)
    np.testing.assert_array_equal(chosen.data.X, parts.train.X)


def test_a_source_with_parts():
    ds = load("spiral:n=90")
    with_parts = replace(ds, test=load("spiral:n=30,seed=1"))
    card = card_of(read_parts(Settings(source="spiral:n=60"), 1))
    assert [c.part for c in choose(card, with_parts, "auto", 1)[0]] == ["test"]
    assert [c.part for c in choose(card, with_parts, "all", 1)[0]] == ["train", "test"]
    assert [c.part for c in choose(card, ds, "auto", 1)[0]] == ["all"]
    with pytest.raises(InputError, match="no train part"):
        choose(card, ds, "train", 1)


def test_columns_are_put_in_order():
    card = Card(("n", "y"), (2,), "float32", "softmax", "none", ("a", "b"))
    ds = Dataset(np.array([[1.0, 2.0, 3.0]]), np.array([0]), ("y",), (3,), feature_names=("b", "c", "a"))
    fitted = fit_to(card, ds)
    assert fitted.X.tolist() == [[3.0, 1.0]]
    assert fitted.y.tolist() == [1]
    assert any("'c'" in note for note in fitted.notes)
    with pytest.raises(InputError, match="lacks the column 'b'"):
        fit_to(card, replace(ds, feature_names=("x", "c", "a")))
    with pytest.raises(InputError, match="NaN"):
        fit_to(card, replace(ds, X=np.array([[1.0, 2.0, np.nan]])))


def test_unknown_labels_matter_only_where_labels_do():
    card = Card(("n", "y"), (1,), "float32", "softmax", "none")
    ds = Dataset(np.zeros((2, 1)), np.array([0, 1]), ("maybe", "y"), (1,))
    with pytest.raises(InputError, match="'maybe'"):
        fit_to(card, ds)
    assert fit_to(card, ds, labels="optional").classes == ("maybe", "y")
