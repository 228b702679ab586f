"""Names, and what the losses say to arguments that do not fit."""

import subprocess
import sys

import numpy as np
import pytest

from steepest import losses
from steepest.errors import InputError
from steepest.losses import hinge, nll, softmax


def test_names():
    assert losses.NAMES == (
        "softmax",
        "hinge",
        "squared_hinge",
        "hinge_max",
        "ova_hinge",
        "ova_squared_hinge",
        "logistic",
        "squared",
        "perceptron",
    )
    for name in losses.NAMES:
        assert losses.get(name) is getattr(losses, name)
        assert losses.get(losses.get(name)).name == name
        assert repr(losses.get(name)) == f"<loss {name}>"
    assert repr(nll) == "<loss nll>"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hing", "did you mean hinge"),
        ("Softmax", "did you mean softmax"),
        ("squared-hinge", "did you mean squared_hinge"),
        ("entropy!", "choose one of softmax, hinge"),
        (3, "choose one of softmax, hinge"),
    ],
)
def test_unknown_name(name, says):
    with pytest.raises(InputError, match=says):
        losses.get(name)


@pytest.mark.parametrize("call", [hinge, hinge.gradient, softmax, softmax.gradient])
@pytest.mark.parametrize(
    ("scores", "y", "says"),
    [
        ([[1.0, 2.0]], [2], r"classes 0 ... 1, .* y\[0\] is 2"),
        ([[1.0, 2.0], [3.0, 4.0]], [0, -1], r"y\[1\] is -1"),
        ([[1.0, 2.0]], [0, 1], r"\(1, 2\), so y needs \(1,\) and has \(2,\)"),
        ([[1.0, 2.0]], 0, r"y needs \(1,\) and has \(\)"),
        ([1.0, 2.0], [0], r"y needs \(\) and has \(1,\)"),
        ([[1.0, 2.0]], [[0, 1]], "argmax"),
        ([[1.0, 2.0]], [0.0], "integer class indices, not float64.*return_inverse"),
        ([[1.0, 2.0]], ["cat"], "integer class indices"),
        (np.zeros((1, 2, 3)), [0], r"shape \(N, C\).*\(1, 2, 3\)"),
        (1.0, 0, r"shape \(N, C\)"),
        (np.zeros((3, 0)), [0, 0, 0], r"\(3, 0\)"),
        ([["a", "b"]], [0], "real numbers"),
        ([[1j, 2.0]], [0], "real numbers, not complex128"),
    ],
)
def test_arguments_that_do_not_fit(call, scores, y, says):
    with pytest.raises(InputError, match=says):
        call(scores, y)


def test_one_example():
    assert hinge([3.2, 5.1, -1.7], 0) == pytest.approx(2.9)
    assert np.ndim(hinge([3.2, 5.1, -1.7], 0)) == 0
    assert hinge.gradient([3.2, 5.1, -1.7], 0).shape == (3,)
    assert softmax.probabilities([3.2, 5.1, -1.7]).shape == (3,)
    assert softmax.log_probabilities([3.2, 5.1, -1.7]).shape == (3,)
    assert np.ndim(nll([-0.5, -1.0], 1)) == 0
    assert nll.gradient([-0.5, -1.0], 1).tolist() == [0, -1]
    assert hinge(np.float32([3.2, 5.1, -1.7]), np.int8(0)).dtype == np.float32


def test_labels_of_other_integer_types():
    for dtype in (np.uint8, np.int16, np.uint64, bool):
        assert hinge([[1.0, 2.0], [2.0, 1.0]], np.array([1, 0], dtype)).tolist() == [0, 0]


def test_nll_refuses_scores_and_probabilities():
    with pytest.raises(InputError, match=r"row 1 holds 5.1: for scores use softmax"):
        nll([[-1.0, -2.0, -0.7], [3.2, 5.1, -1.7]], [0, 0])
    with pytest.raises(InputError, match="cannot be positive"):
        nll([[0.4, 0.6]], [0])
    with pytest.raises(InputError, match="log_probabilities has shape"):
        nll([[-0.4, -0.6]], [0, 1])


def test_a_loss_of_ones_own_needs_its_equation_only():
    class Linear(losses.Loss):
        name = "linear"

        def at_zero(self, n_classes):
            return 0.0

        def curvature(self, n_classes):
            return 0.0

        def _loss(self, scores, y):
            return -scores[np.arange(len(y)), y]

        def _gradient(self, scores, y):
            return -np.eye(scores.shape[1])[y]

    own = Linear()
    assert losses.get(own) is own
    assert own([[1, 2]], [1]).tolist() == [-2.0]
    with pytest.raises(TypeError, match="abstract"):
        losses.Loss()


def test_import_loads_numpy_and_little_else():
    heavy = ["scipy", "sklearn", "pandas", "pyarrow", "PIL", "matplotlib", "torch", "rich", "typer", "pydantic"]
    code = (
        "import steepest.losses, steepest.penalties, steepest.optim.sgd, sys;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
