"""The settings among the examples are those of the command line."""

import json
from pathlib import Path

import pytest

from steepest.cli import main

SETTINGS = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_settings_train(path, tmp_path, capsys):
    words = ["train", "digits", "--config", path, "--epochs", 3, "--out", tmp_path / "run", "--json"]
    assert main([str(word) for word in words]) == 0
    assert json.loads(capsys.readouterr().out)["test_accuracy"] > 0.5
