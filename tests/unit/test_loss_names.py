"""The names of the losses, in Python and in the native module: every one in both."""

import re
from pathlib import Path

import numpy as np
import pytest

from steepest import losses

NATIVE = Path(__file__).parents[2] / "src" / "steepest" / "kernels" / "native"


@pytest.fixture
def native():
    return pytest.importorskip("steepest.kernels._native", reason="installed without the native module")


def value(native, name):
    each, dscores = np.empty(1, np.float32), np.empty((1, 2), np.float32)
    native.losses(np.zeros((1, 2), np.float32), np.zeros(1, np.int64), each, dscores, name=name)
    return each[0]


@pytest.mark.parametrize("name", losses.NAMES)
def test_the_native_module_knows_every_loss(native, name):
    assert value(native, name) == pytest.approx(losses.get(name).at_zero(2))


@pytest.mark.parametrize("name", ["", "nll", "softmax2", "Softmax"])
def test_the_native_module_knows_no_other(native, name):
    with pytest.raises(Exception, match="no native loss"):
        value(native, name)


def test_the_native_sources_list_the_same_names():
    found = [
        listed
        for file in sorted([*NATIVE.glob("*.hpp"), *NATIVE.glob("*.cpp")])
        for listed in re.findall(r"enum class Loss\s*\{([^}]*)\}", file.read_text(encoding="utf-8"))
    ]
    assert len(found) == 1
    assert {name.strip() for name in found[0].split(",") if name.strip()} == set(losses.NAMES)
