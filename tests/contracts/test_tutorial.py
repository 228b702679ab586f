"""The tutorial runs, step by step and alone, and shows the numbers of the field."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
STEPS = sorted(path.name for path in TUTORIAL.glob("*.py"))
SECONDS = 5.0

# What a reader has seen at the end: what it is, the step that prints it, and what is printed.
NUMBERS = [
    ("bias trick", "01_scores", "with the bias trick (3, 10) @ (10, 3) gives the same scores"),
    ("CIFAR-10's D", "01_scores", "D = 3072"),
    ("heaviside(0)", "02_threshold_units", "heaviside(0) = 1 "),
    ("sign(0)", "02_threshold_units", "sign(0) = 0"),
    ("AND", "02_threshold_units", "AND: theta = (-30, 20, 20)"),
    ("OR", "02_threshold_units", "OR: theta = (-10, 20, 20)"),
    ("g(-30)", "02_threshold_units", "g(-30) = 0.00000   step: 0"),
    ("g(-10)", "02_threshold_units", "g(-10) = 0.00005   step: 0"),
    ("g(10)", "02_threshold_units", "g(10) = 0.99995   step: 1"),
    ("g(30)", "02_threshold_units", "g(30) = 1.00000   step: 1"),
    ("hinge, cat", "03_hinge", "cat: max(0, 5.1 - 3.2 + 1) + max(0, -1.7 - 3.2 + 1) = 2.9"),
    ("hinge, car", "03_hinge", "car: max(0, 1.3 - 4.9 + 1) + max(0, 2.0 - 4.9 + 1) = 0.0"),
    ("hinge, frog", "03_hinge", "the frog: 6.3 + 6.6 = 12.9"),
    ("hinge, mean", "03_hinge", "mean: 5.27"),
    ("the misprint", "03_hinge", "without the + 1 the frog has 10.9, and the mean is 4.6: the misprint"),
    ("hinge, moved by 0.1", "03_hinge", "still 0: every margin is kept"),
    ("hinge at W = 0", "03_hinge", "C = 3: 2, which is C - 1"),
    ("hinge over all j", "03_hinge", "each loss is larger by exactly 1"),
    ("hinge, mean over j", "03_hinge", "a rescaling"),
    ("squared hinge", "03_hinge", "[ 8.41  0.   83.25] is another loss"),
    ("2W has L = 0 too", "06_penalty", " 2 W: data loss 0"),
    ("softmax, exp", "04_softmax", "exp             24.5 164.0 0.18"),
    ("softmax, p", "04_softmax", "probabilities   0.13 0.87 0.00"),
    ("softmax, L", "04_softmax", "-ln 0.13 = 2.04"),
    ("softmax, log base 10", "04_softmax", "a log to the base 10 gives 0.89"),
    ("second softmax, exp", "04_softmax", "exp             0.058 2.36 1.32"),
    ("second softmax, p", "04_softmax", " 0.631 0.353"),
    ("second softmax, p as printed", "04_softmax", "printed as 0.016"),
    ("second softmax, L", "04_softmax", "loss            1.04"),
    ("third softmax, p", "04_softmax", "probabilities   0.87 0.13 0.00 0.00"),
    ("softmax at W = 0", "04_softmax", "1.10, which is log 3"),
    ("softmax of 1e4", "04_softmax", "scores of 1e4, largest taken out:    [0.731 0.269 0.   ]"),
    ("cross-entropy and KL", "04_softmax", "-log p_y, cross-entropy, KL: 2.0404 2.0404 2.0404"),
    ("from log-probabilities", "04_softmax", "st.losses.nll of log-probabilities:    2.0404"),
    ("hinge and softmax, 1", "05_losses_compared", "[10.0, -2.0, 3.0]                    0.0000   0.000918"),
    ("hinge and softmax, 2", "05_losses_compared", "[10.0, 9.0, 9.0]                     0.0000   0.551"),
    ("hinge and softmax, 3", "05_losses_compared", "[10.0, -100.0, -100.0]               0.0000   3.38e-48"),
    ("the margin wakes up", "05_losses_compared", "hinge   [0.  0.1 0. ]"),
    ("structured hinge", "05_losses_compared", "hinge_max              2.90    0.00    6.60"),
    ("one-vs-all hinge", "05_losses_compared", "ova_hinge              6.10    5.30   10.80"),
    ("binary logistic", "05_losses_compared", "logistic               5.31    3.68    8.03"),
    ("squared error", "05_losses_compared", "squared               33.74   20.90   27.90"),
    ("perceptron criterion", "05_losses_compared", "perceptron             1.90    0.00    5.60"),
    ("Platt scaling", "16_own_op", "Platt scaling: A = "),
    ("w1 and w2", "06_penalty", "l2          R(w1) = 1.00  R(w2) = 0.25"),
    ("the table, W", "07_slopes", "L(W) = 1.25347"),
    ("the table, first", "07_slopes", "loss 1.25322,  slope (1.25322 - 1.25347) / 0.0001 = -2.5"),
    ("the table, second", "07_slopes", "loss 1.25353,  slope (1.25353 - 1.25347) / 0.0001 = 0.6"),
    ("the table, third", "07_slopes", "loss 1.25347,  slope (1.25347 - 1.25347) / 0.0001 = 0.0"),
    ("the table, by the library", "07_slopes", "W[0]  0.3400 -> 0.3401   loss 1.25322   slope -2.5"),
    ("one side and centred", "07_slopes", "1e-3     1e-03      5e-07"),
    ("analytic gradient", "08_gradient_by_hand", "a cat: dL/dscores = [-0.87  0.87  0.  ]"),
    ("chain rule, forward", "09_chain_rule", "q = x + y = 3,  f = q z = -12"),
    ("chain rule, backward", "09_chain_rule", "df/dz = 3,  df/dq = -4,  df/dx = -4,  df/dy = -4"),
    ("-log(1/(1+exp(-w.x)))", "09_chain_rule", "L = -m      0.3133     1.0000"),
    ("by the small engine", "10_engine", "f = (x + y) z = -12:  df/dx = -4, df/dy = -4, df/dz = 3"),
    ("by tensors", "11_tensors", "f = (x + y) z = -12:  df/dx = -4, df/dy = -4, df/dz = 3"),
    ("numerical and automatic", "12_three_ways", "f = (x + y) * z = -12   at x = -2, y = 5, z = -4"),
    ("vector by scalar", "13_shapes", "d vector / d number:  (3, 1)"),
    ("scalar by vector", "13_shapes", "d number / d vector:  (1, 3)"),
    ("vector by vector", "13_shapes", "d vector / d vector:  (2, 3)"),
    ("scalar by matrix", "13_shapes", "d number / d matrix:  (2, 3)"),
    ("tensor by tensor", "13_shapes", "d tensor / d tensor:  (4, 6)"),
    ("batch of vectors", "13_shapes", "[B x m]          (4, 3)          -> (4, 3, 3)"),
    ("batch of matrices", "13_shapes", "[B x H x W]      (4, 5, 6)       -> (4, 30, 30)"),
    ("batch of colour pictures", "13_shapes", "[B x C x H x W]  (4, 3, 5, 6)    -> (4, 90, 90)"),
    ("gradient check", "14_gradient_check", "gradient check passed"),
    ("gradient check, found", "14_gradient_check", "the penalty forgotten:\ngradient check FAILED"),
    ("very high learning rate", "15_descent", "very high   1.000  1.440  2.074"),
    ("high learning rate", "15_descent", "high        1.000  1.000  1.000"),
    ("low learning rate", "15_descent", "low         1.000  0.960  0.922"),
    ("good learning rate", "15_descent", "good        1.000  0.160  0.026"),
    ("delta at the output", "17_network", "dL/dW2: shape (32, 3), graph and hand differ by "),
    ("the network wins", "17_network", "test accuracy: linear classifier 5"),
]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_runs_alone_and_shows_its_numbers(step, tmp_path):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-W", "error", str(TUTORIAL / step)],
        capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, env=env, timeout=120, check=False,
    )  # fmt: skip
    after = os.times()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert os.listdir(tmp_path) == [], "it leaves files behind"

    # Time of the processor, not of the clock: other tests run at the same time.
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    assert seconds < SECONDS

    numbers = [(what, text) for what, place, text in NUMBERS if f"{place}.py" == step]
    assert numbers, "a step without a number of its own"
    assert [what for what, text in numbers if text not in done.stdout] == []


def test_every_number_has_a_step():
    assert {f"{place}.py" for _, place, _ in NUMBERS} <= set(STEPS)


def test_the_table_lists_the_steps():
    page = (TUTORIAL / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \| .+ \|$", page, re.MULTILINE)
    assert [name for name, _ in rows] == STEPS
    assert [target for _, target in rows] == STEPS


@pytest.mark.parametrize(("number", "step"), list(enumerate(STEPS, 1)))
def test_a_step_starts_with_its_text(number, step):
    text = (TUTORIAL / step).read_text(encoding="utf-8")
    assert step.startswith(f"{number:02d}_")
    assert text.startswith(f'"""Step {number}. ')
    docstring = text.split('"""')[1]
    assert docstring.count("\n\n") >= 3, "a few paragraphs come first"
    code = text.split('"""', 2)[2]
    assert "assert " in code
    assert "print(" in code


@pytest.mark.parametrize("step", STEPS)
def test_a_step_uses_the_public_face_only(step):
    nodes = list(ast.walk(ast.parse((TUTORIAL / step).read_text(encoding="utf-8"))))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom)]
    imported = {(name.name, name.asname) for node in nodes if isinstance(node, ast.Import) for name in node.names}
    assert imported <= {("math", None), ("numpy", "np"), ("steepest", "st")}
    assert not [node.attr for node in nodes if isinstance(node, ast.Attribute) and re.match("_(?!_)", node.attr)]
