"""Which settings which model knows."""

from dataclasses import fields

import pytest

from steepest.errors import InputError
from steepest.solvers import SOLVERS
from steepest.training.models import DEFAULTS, DESCENT, KNOWN, MODELS, SEARCHES, check_known, check_model
from steepest.training.settings import Settings

NAMES = {f.name for f in fields(Settings)}
RUN = {"source", "test", "test_size", "target", "image_size", "on_bad_image", "cache", "model", "seed", "threads"}


def test_every_setting_belongs_to_the_run_or_to_a_model():
    assert {name for known in KNOWN.values() for name in known} | RUN == NAMES
    assert set(DEFAULTS) <= set(MODELS)
    assert set(DESCENT) <= set(KNOWN["linear"]) & set(KNOWN["mlp"])


def test_what_belongs_to_the_run_every_model_knows():
    for model in MODELS:
        check_known(model, RUN)


def test_the_fault_names_what_is_known_in_the_words_of_the_place():
    with pytest.raises(InputError, match=r"^--max-passes is not known to model knn: it knows --neighbors, --metric"):
        check_known("knn", ["seed", "max_passes"])
    with pytest.raises(InputError, match=r"^c\.toml: max_passes is not known to model ridge: it knows alpha, scoring"):
        check_known("ridge", ["max_passes"], "c.toml")
    with pytest.raises(InputError, match="nearest-mean"):
        check_model("nearest-median")


@pytest.mark.parametrize("solver", ["auto", *SOLVERS, *SEARCHES])
def test_what_means_nothing_is_not_written_down(solver):
    idle = Settings(solver=solver).idle()
    assert ("draws" in idle) == (solver not in SEARCHES)
    assert ("epochs" in idle) == (solver not in ("auto", "sgd"))
    assert ("lr" in idle) == (solver not in ("auto", "sgd", "gradient-descent"))
    assert "hidden" in idle
    assert not idle & RUN
    assert ("tol" in idle) == (solver in ("sgd", "ridge", *SEARCHES))


def test_settings_of_descent_are_those_that_are_not_as_by_default():
    assert Settings().descends() == []
    assert Settings(lr=0.1, epochs="auto", validation=0.2).descends() == ["lr", "validation"]
