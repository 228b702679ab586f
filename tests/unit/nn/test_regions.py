"""The linear pieces of a ReLU network, against known counts and against the patterns on a grid."""

from math import comb

import numpy as np
import pytest

import steepest as st
from steepest.nn import Activation, Dropout, Linear, Residual, Sequential, linear_regions

BOX = ((-3.0, 3.0), (-2.0, 4.0))


def random_model(sizes, seed, activation="relu"):
    model = st.nn.MLP(sizes, activation)
    rng = np.random.default_rng(seed)
    return model, {name: array + rng.normal(0, 0.5, array.shape) for name, array in model.init(seed=seed).items()}


def grid(box, n):
    """The middles of n x n fields."""
    axes = [np.linspace(low, high, 2 * n + 1)[1::2] for low, high in box]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def seen_on_grid(model, p, box, n):
    """How many patterns of neurons that are on there are on a grid."""
    X = grid(box, n)
    bits, layers = [], 1
    for _ in range((len(model.layers) - 1) // 2):
        X = X @ p[f"linear{layers}.W"] + p[f"linear{layers}.b"]
        bits.append(X > 0)
        X, layers = np.maximum(X, 0), layers + 1
    numbers = np.concatenate(bits, axis=1) @ (1 << np.arange(sum(part.shape[1] for part in bits)))
    return len(np.unique(numbers))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 20])
def test_n_lines_in_general_position(n):
    model, p = random_model([2, n, 1], seed=n)
    assert linear_regions(model, p, [(-1e5, 1e5), (-1e5, 1e5)]) == 1 + n + comb(n, 2)


@pytest.mark.parametrize("sizes", [[2, 4, 2], [2, 3, 3, 2], [2, 4, 4, 1], [2, 3, 2, 3, 2]])
@pytest.mark.parametrize("seed", range(3))
def test_the_grid_finds_no_more_and_a_fine_one_no_fewer(sizes, seed):
    model, p = random_model(sizes, seed)
    found = linear_regions(model, p, BOX, pieces=True)
    seen = [seen_on_grid(model, p, BOX, n) for n in (20, 300)]
    assert seen[0] <= seen[1] <= len(found)
    field = (6 / 300) ** 2
    wide = [piece for piece in found if piece.area > 4 * field and _width(piece.polygon) > 2 * 6 / 300]
    assert len(wide) <= seen[1]
    if len(wide) == len(found):
        assert seen[1] == len(found)


def _width(polygon):
    """The least extent of a convex polygon."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1)
    lengths = np.linalg.norm(normals, axis=1)
    normals = normals[lengths > 1e-9] / lengths[lengths > 1e-9, None]
    return np.ptp(polygon @ normals.T, axis=0).min()


def test_a_fine_grid_finds_all_of_some_small_nets():
    equal = 0
    for seed in range(12):
        model, p = random_model([2, 3, 2, 2], seed)
        count = linear_regions(model, p, BOX)
        seen = seen_on_grid(model, p, BOX, 400)
        assert seen <= count
        equal += seen == count
    assert equal >= 10


@pytest.mark.parametrize("activation", ["relu", Activation("leaky_relu", slope=0.2)])
def test_the_pieces_tile_the_box_and_each_is_its_map(activation):
    model, p = random_model([2, 8, 8, 3], 5, activation)
    found = linear_regions(model, p, BOX, pieces=True)
    assert len(found) == linear_regions(model, p, BOX) > 30
    assert sum(piece.area for piece in found) == pytest.approx(36)
    for piece in found:
        inside = np.random.default_rng(0).dirichlet(np.ones(len(piece.polygon)), 5) @ piece.polygon
        np.testing.assert_allclose(model(p, inside), inside @ piece.W + piece.b, rtol=1e-9, atol=1e-9)
        edges = np.roll(piece.polygon, -1, axis=0) - piece.polygon
        following = np.roll(edges, -1, axis=0)
        assert (edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0] > -1e-9).all()  # convex


def test_leaky_relu_bends_where_relu_does_in_one_layer():
    for activation in ("relu", "leaky_relu"):
        model, p = random_model([2, 6, 2], 3, activation)
        assert linear_regions(model, p, ((-1e5, 1e5),) * 2) == 1 + 6 + 15


def test_lines_through_one_point():
    model = st.nn.MLP([2, 7, 2])  # biases are zero
    assert linear_regions(model, model.init(seed=0), ((-1, 1), (-1, 1))) == 14
    assert linear_regions(model, model.init(seed=0), ((1, 2), (1, 2))) < 14


def test_coincident_and_absent_lines_cut_once_or_never():
    model = st.nn.MLP([2, 3, 1])
    p = model.init(seed=0)
    p["linear1.W"] = np.array([[1.0, 2.0, 0.0], [0.1, 0.2, 0.0]])
    p["linear1.b"] = np.array([0.3, 0.6, 1.0])
    assert linear_regions(model, p, BOX) == 2
    assert linear_regions(model, p, ((10, 11), (0, 1))) == 1
    assert linear_regions(model, {name: 0 * array for name, array in p.items()}, BOX) == 1


def test_a_line_along_the_edge_of_the_box_cuts_nothing():
    model = Sequential(Linear(2, 1), Activation("relu"))
    p = {"linear1.W": np.array([[1.0], [0.0]]), "linear1.b": np.array([-3.0])}
    assert linear_regions(model, p, BOX) == 1


def test_a_fold_that_cancels_leaves_no_cuts_of_rounding():
    """relu(u) - relu(-u) = u, and the second layer sees nothing but that minus itself."""
    model = Sequential(Linear(2, 4), Activation("relu"), Linear(4, 2), Activation("relu"))
    u = np.array([[0.1, -0.1, 0.3, -0.3], [0.7, -0.7, 2.1, -2.1]])
    p = {"linear1.W": u, "linear1.b": np.zeros(4), "linear2.b": np.zeros(2)}
    p["linear2.W"] = np.array([[3.0, -3.0], [-3.0, 3.0], [-1.0, 1.0], [1.0, -1.0]])
    assert linear_regions(model, p, BOX) == 2


def test_residual_blocks_and_what_is_linear():
    block = Residual([Linear(2, 5), Activation("relu"), Dropout(0.5), Linear(5, 2)])
    model = Sequential(block, Linear(2, 4), Activation("relu"), Activation("identity"), Linear(4, 1))
    rng = np.random.default_rng(1)
    p = {name: array + rng.normal(0, 0.5, array.shape) for name, array in model.init().items()}
    found = linear_regions(model, p, BOX, pieces=True)
    assert len(found) > 16
    for piece in found:
        middle = piece.polygon.mean(axis=0, keepdims=True)
        np.testing.assert_allclose(model(p, middle), middle @ piece.W + piece.b, rtol=1e-9, atol=1e-9)


def test_a_linear_network_is_one_piece():
    model = st.nn.MLP([2, 5, 2], "identity")
    assert linear_regions(model, model.init(), BOX) == 1


@pytest.mark.parametrize(
    ("sizes", "activation", "box", "said"),
    [
        ([3, 4, 2], "relu", BOX, r"of models of two inputs: this one takes \(3,\)"),
        ([2, 4, 2], "tanh", BOX, r"activation1: Activation\('tanh'\) is not linear"),
        ([2, 4, 2], "relu", ((1, 0), (0, 1)), "each low below its high"),
        ([2, 4, 2], "relu", ((0, np.inf), (0, 1)), "each low below its high"),
        ([2, 4, 2], "relu", (0, 1), "a box is"),
        ([2, 4, 2], "relu", "everywhere", "a box is"),
    ],
)
def test_bad_questions(sizes, activation, box, said):
    model = st.nn.MLP(sizes, activation)
    with pytest.raises(st.InputError, match=said):
        linear_regions(model, model.init(), box)
