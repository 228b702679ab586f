"""Every example runs as a user runs it, leaves its picture, and finds what it says."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import steepest as st

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("[!_]*.py"))


def run(name, folder, *options):
    """What `python examples/NAME.py --quick` leaves: its facts, what it printed stays with the caller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{name}.py", "--quick", "--out", str(folder), *options])
        patch.syspath_prepend(EXAMPLES)
        patch.chdir(folder)
        return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")["found"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def find(folder):
    """The facts of an example, which runs once."""
    known = {}
    return lambda name: known[name] if name in known else known.setdefault(name, run(name, folder))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_leaves_its_picture(name, find, folder):
    find(name)
    with Image.open(folder / f"{name}.png") as picture:
        assert picture.width >= 1500
        assert picture.height >= 500
        colours = picture.convert("RGB").quantize(64).getcolors()
    assert len(colours) > 20
    assert max(count for count, _ in colours) < 0.95 * picture.width * picture.height, "a blank sheet"


def test_nothing_but_pictures_is_left(find, folder):
    for name in NAMES:
        find(name)
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.png" for name in NAMES]


def test_units_that_start_at_zero_stay_the_same_to_the_bit(find):
    weights, accuracy = find("zero_initialization")
    for W in weights["zeros"]:
        assert len({W[:, unit].tobytes() for unit in range(W.shape[1])}) == 1
    assert np.abs(weights["zeros"][-1]).max() > 0.1, "they do move"
    assert len({W.tobytes() for W in weights["he"][-1].T}) == 8
    assert accuracy["zeros"][-1] < 0.5
    assert accuracy["he"][-1] > 0.9


def test_he_keeps_relus_alive_and_xavier_does_not(find):
    found = find("xavier_and_he")
    h, back = {}, {}
    for pair, layers in found.items():
        assert len(layers) == 20
        h[pair] = layers[-1][0].std() / layers[0][0].std()
        back[pair] = layers[0][1].std() / layers[-1][1].std()
    assert 0.5 < h["relu", "he"] < 2
    assert 0.5 < back["relu", "he"] < 2
    assert h["relu", "xavier"] < 0.003
    assert back["relu", "xavier"] < 0.003
    assert 0.1 < h["tanh", "xavier"] < 0.5
    assert 0.1 < back["tanh", "xavier"] < 1
    assert h["tanh", "he"] > 0.5
    assert back["tanh", "he"] > 1.5


def test_the_gradients_shown_are_those_of_the_loss():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        look = runpy.run_path(str(EXAMPLES / "xavier_and_he.py"))["look"]
    rng = np.random.default_rng(1)
    model, X, y = st.nn.MLP([4, 5, 6, 3]), rng.standard_normal((20, 4)), rng.integers(3, size=20)
    parameters = model.init(seed=0)
    _, gradient = st.objective.GraphObjective(model, X, y).value_and_gradient(parameters)
    for k, (h, back) in enumerate(look(model, parameters, X, y), 1):
        np.testing.assert_allclose((back * (h > 0)).sum(axis=0), gradient[f"linear{k}.b"], rtol=1e-6, atol=1e-9)


def test_sigmoids_let_gradients_vanish(find):
    norms, accuracy = find("vanishing_gradients")
    for depth in (2, 5, 10, 20):
        assert len(norms["sigmoid", depth]) == depth + 1
        assert 0.1 < norms["relu", depth][0] / norms["relu", depth][-1] < 10
    first, *_, last = norms["sigmoid", 20]
    assert first < 1e-6 * last
    loss_of_a_layer = (first / last) ** (1 / 20)
    assert loss_of_a_layer == pytest.approx(1 / 4, rel=0.1)
    assert accuracy["sigmoid", 20] < 0.15
    assert accuracy["relu", 20] > 0.5


def test_large_rates_kill_relus(find):
    dead, accuracy = find("dead_relus")
    last = [shares[-1] for shares in dead.values()]
    assert list(dead) == sorted(dead)
    assert last[0] == last[1] == 0
    assert 0.05 < dead[0.03][-1] < 0.6
    assert dead[0.1][-1] > 0.6
    assert dead[0.3][-1] > 0.9
    assert accuracy["relu", 0.3] < 0.2
    assert accuracy["leaky_relu", 0.3] > 0.5


def test_learning_rates_have_their_curves(find):
    losses, error = find("learning_rates")
    assert losses["very high"][-1] > 1000 * losses["very high"][0]
    assert min(losses["very high"][1:]) > losses["very high"][0]
    end = {name: curve[-1] for name, curve in losses.items()}
    assert end["good"] < 0.1
    assert end["high"] > 5 * end["good"]
    assert end["high"] < losses["high"][1]
    assert np.all(np.diff(losses["low"]) < 0)
    assert end["low"] > 0.9 * losses["low"][0]
    assert re.search(r"diverged .*epoch \d+.* step \d+.*lr=4.*linear\d\.[Wb].*lower lr", error)


def test_more_units_make_more_pieces_and_the_penalty_helps(find):
    _, found = find("hidden_units")
    pieces, known, new = ({key: facts[place] for key, facts in found.items()} for place in (1, 2, 3))
    assert len(pieces[3, 0.0]) <= 7 < len(pieces[6, 0.0]) <= 22 < len(pieces[20, 0.0]) <= 211  # 1 + n + n (n - 1) / 2
    assert known[3, 0.0] < 0.8 < 0.9 < known[6, 0.0] <= known[20, 0.0]
    assert known[20, 0.0] - new[20, 0.0] > 0.04, "it learns the noise"
    assert new[20, 1e-4] > new[20, 0.0]
    assert new[20, 1e-2] < new[20, 1e-4] - 0.1, "too much of it"


def test_pieces_tile_the_box_and_are_linear(find):
    _, found = find("hidden_units")
    run, pieces, *_ = found[6, 0.0]
    areas = [abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2 for x, y in (piece.T for piece in pieces)]
    assert sum(areas) == pytest.approx(2.3**2)
    large = max(pieces, key=len)
    scores = run.model.scores(np.vstack([large[[0, 2]], large[[0, 2]].mean(axis=0)]).astype(np.float32))
    np.testing.assert_allclose(scores[2], (scores[0] + scores[1]) / 2, rtol=1e-3, atol=1e-3)


def test_wide_layers_come_near_the_function(find):
    x, y, curves, errors = find("universal_approximation")
    np.testing.assert_allclose(y, np.sin(3 * x) + 0.3 * x**2)
    assert errors[1] > 0.5
    assert errors[16] < 0.5 * errors[1]
    assert errors[64] < 0.05 * errors[1]
    off = np.sqrt(((curves[64] - y) ** 2).mean()) / y.std()
    assert errors[64] == pytest.approx(off)


def test_the_function_is_the_users_own(tmp_path, capsys):
    x, y, *_ = run("universal_approximation", tmp_path, "--function", "abs(x)", "--low", "-1", "--high", "2")
    np.testing.assert_array_equal(y, np.abs(x))
    assert (x[0, 0], x[-1, 0]) == (-1, 2)
    assert "64 hidden units: off by" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--function", "sin(y)"], "no variable x"),
        (["--function", "__import__('os').getcwd()"], "two underscores"),
        (["--function", "log(x)"], "not finite at x = -3"),
        (["--low", "3"], "must be less than --high 3"),
    ],
)
def test_what_is_no_function_is_one_plain_word(options, message, tmp_path):
    with pytest.raises(SystemExit, match=message):
        run("universal_approximation", tmp_path, *options)
    assert list(tmp_path.iterdir()) == []


def test_the_table_lists_the_examples():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \| .+ \|$", page, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted([*(f"{name}.py" for name in NAMES), "cifar10_two_layers.toml"])
    assert [name for name, target in rows if name != target] == []
    for target in re.findall(r"\]\((.+?)\)", page):
        assert (EXAMPLES / target).is_file(), target
