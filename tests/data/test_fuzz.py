"""A short run of `fuzz_binary_readers.py`; run that file itself for as long as you like."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_files_give_a_dataset_or_an_input_error(seed: int) -> None:
    fuzzer = runpy.run_path(str(Path(__file__).with_name("fuzz_binary_readers.py")))
    tried, wrong = fuzzer["run"](seconds=20, seed=seed, each=60)
    assert not wrong, "\n".join(wrong)
    assert tried > 100
