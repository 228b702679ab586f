"""What cannot be right is refused with an error that says so, before anything is read or written."""

import numpy as np
import pytest

from steepest.kernels import dispatch

ROWS, FEATURES, CLASSES = 6, 5, 3
REFUSED = (ValueError, TypeError)


@pytest.fixture(scope="module")
def native():
    """The extension: what it refuses does not depend on the level."""
    return dispatch.native or pytest.skip("installed without the extension")


def read_only(a):
    a.flags.writeable = False
    return a


def shared():
    return {
        "X": np.arange(30, dtype=np.float32).reshape(ROWS, FEATURES),
        "order": None,
        "shift": np.zeros(FEATURES),
        "scale": np.ones(FEATURES),
        "W": np.ones((CLASSES, FEATURES), np.float32),
        "b": np.zeros(CLASSES, np.float32),
        "threads": 1,
    }


def labelled():
    return shared() | {"y": np.arange(ROWS) % CLASSES, "weight": None, "loss": "softmax"}


def arguments(name):
    W, b = np.zeros((CLASSES, FEATURES), np.float32), np.zeros(CLASSES, np.float32)
    match name:
        case "scores":
            return shared() | {"out": np.zeros((ROWS, CLASSES), np.float32)}
        case "gradient":
            return labelled() | {"dW": W, "db": b}
        case "descend":
            how = {"batch_size": 4, "momentum": 0.9, "nesterov": False, "l2": 0.0, "l1": 0.0, "radius": 0.0}
            return labelled() | {"vW": W, "vb": b, "lr": np.ones(2, np.float32)} | how
        case "moments":
            return {
                "X": shared()["X"],
                "order": None,
                "mean": np.zeros(FEATURES),
                "variance": np.zeros(FEATURES),
                "threads": 1,
            }
        case "losses":
            S, y = np.zeros((ROWS, CLASSES), np.float32), np.arange(ROWS) % CLASSES
            return {"scores": S, "y": y, "loss": np.zeros(ROWS, np.float32), "dscores": S.copy(), "name": "softmax"}


FUNCTIONS = ["scores", "gradient", "descend", "moments", "losses"]
f32 = np.float32
matrix, vector = np.zeros((CLASSES, FEATURES), f32), np.zeros(CLASSES, f32)
out = np.zeros((ROWS, CLASSES), f32)
X = shared()["X"]

WRONG_ROWS = {
    "one axis": X[0],
    "three axes": X[np.newaxis],
    "columns that are not neighbours": X[:, ::2],
    "column by column": np.asfortranarray(X),
    "no features": X[:, :0],
    "booleans": X > 0,
    "signed bytes": X.astype(np.int8),
    "integers": X.astype(np.int64),
    "complex": X.astype(np.complex64),
    "long double": X.astype(np.longdouble),
    "objects": X.astype(object),
    "swapped bytes": X.astype(">f4"),
    "a list": X.tolist(),
    "nothing": None,
    "records of odd size": np.zeros(6, [("label", "u1"), ("x", "f4", FEATURES)])["x"],
    "off their alignment": np.ndarray((ROWS, FEATURES), f32, b"\0" * 121, offset=1),
}

WRONG = {
    "order": [[0, 6], [-1], [2**62], [[0, 1]], "rows"],
    "y": [[0] * 5, [0] * 7, [3] * 6, [-1] * 6, [[0]] * 6, ["a"] * 6, [0.7] * 6, [2**32] * 6, None],
    "weight": [np.ones(5, f32), np.ones((6, 1), f32), "w"],
    "shift": [np.zeros(4), np.zeros((5, 1)), None],
    "scale": [np.zeros(6), None],
    "W": [
        np.ones((3, 4), f32), np.ones((3, 5)), np.ones((5, 3), f32).T, np.ones((3, 10), f32)[:, ::2],
        np.ones((0, 5), f32), np.ones((4, 5), f32), np.ones(15, f32), np.ones((3, 5), ">f4"), None,
    ],
    "b": [np.zeros(4, f32), np.zeros(3), np.zeros((3, 1), f32), np.zeros(6, f32)[::2], None],
    "out": [out[:5], np.zeros((6, 4), f32), out.astype(float), np.asfortranarray(out), read_only(out.copy()), None],
    "dW": [matrix[:2], np.zeros((3, 4), f32), matrix.astype(float), read_only(matrix.copy())],
    "db": [vector[:2], vector.astype(float), read_only(vector.copy())],
    "vW": [matrix[:2], np.zeros((3, 4), f32), matrix.astype(float), read_only(matrix.copy())],
    "vb": [vector[:2], vector.astype(float), read_only(vector.copy())],
    "lr": [np.ones(1, f32), np.ones(3, f32), np.ones((2, 1), f32), None],
    "mean": [np.zeros(4), np.zeros(5, f32), read_only(np.zeros(5)), np.zeros(10)[::2]],
    "variance": [np.zeros(6), np.zeros(5, f32)],
    "scores": [np.zeros((5, 3), f32), np.zeros((6, 2), f32), None],
    "dscores": [np.zeros((6, 2), f32), np.zeros((6, 3))],
    "loss": ["no such loss", None, np.zeros(5, f32)],
    "name": ["no such loss", None],
    "threads": [0, -1, 1.5, 2**40, None],
    "batch_size": [0, -1, 2.5, None],
}  # fmt: skip

cases = [(f, "X", x) for f in FUNCTIONS if f != "losses" for x in WRONG_ROWS.values()]
cases += [(f, name, value) for f in FUNCTIONS for name in arguments(f) if name in WRONG for value in WRONG[name]]


@pytest.mark.parametrize(
    ("function", "name", "value"), cases, ids=[f"{f}-{n}-{i}" for i, (f, n, _) in enumerate(cases)]
)  # fmt: skip
def test_a_wrong_argument_is_refused_and_nothing_written(native, function, name, value):
    given = arguments(function)
    value = np.array(value) if isinstance(value, list) and name in ("order", "y") else value
    given[name] = value
    before = {k: a.copy() for k, a in given.items() if isinstance(a, np.ndarray)}
    with pytest.raises(REFUSED) as error:
        getattr(native, function)(**given)
    assert str(error.value)
    for k, a in before.items():
        np.testing.assert_array_equal(given[k], a)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_arguments_themselves_are_fine(native, function):
    getattr(native, function)(**arguments(function))


@pytest.mark.parametrize("function", ["scores", "gradient"])
def test_a_model_that_is_only_read_may_be_read_only(native, function):
    given = arguments(function)
    given["W"], given["b"] = read_only(given["W"]), read_only(given["b"])
    getattr(native, function)(**given)


@pytest.mark.parametrize("function", ["gradient", "moments"])
def test_no_rows_at_all_are_refused(native, function):
    with pytest.raises(ValueError, match="there must be a row"):
        getattr(native, function)(**arguments(function) | {"order": np.empty(0, np.int64)})


def test_an_unknown_level_is_refused_and_the_one_in_use_stays(native):
    before = native.level()
    with pytest.raises(ValueError, match="no instruction-set level 'sse9'"):
        native.use("sse9")
    assert native.level() == before
