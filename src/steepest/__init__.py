"""steepest: classifiers trained fast, proven, and open to the eye.

>>> import steepest as st
>>> train, test = st.load("digits").split(seed=0)
>>> clf = st.LinearClassifier(loss="softmax").fit(train.X, train.y)
>>> bool(clf.score(test.X, test.y) > 0.9)
True
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steepest import losses, optim, penalties
    from steepest.autodiff import Tensor, op, ops, tensor
    from steepest.data import Dataset, load
    from steepest.errors import DataWarning, DivergenceError, InputError
    from steepest.estimators.linear import LinearClassifier
    from steepest.training.model_file import Model, load_model

__version__ = "0.1.0"

# Everything is loaded when it is first named: a front door that needs little starts at once.
_PLACES = {
    "Tensor": "steepest.autodiff",
    "op": "steepest.autodiff",
    "ops": "steepest.autodiff",
    "tensor": "steepest.autodiff",
    "Dataset": "steepest.data",
    "load": "steepest.data",
    "DataWarning": "steepest.errors",
    "DivergenceError": "steepest.errors",
    "InputError": "steepest.errors",
    "LinearClassifier": "steepest.estimators.linear",
    "Model": "steepest.training.model_file",
    "load_model": "steepest.training.model_file",
}
_ROOMS = ("losses", "optim", "penalties")

__all__ = [
    "DataWarning",
    "Dataset",
    "DivergenceError",
    "InputError",
    "LinearClassifier",
    "Model",
    "Tensor",
    "load",
    "load_model",
    "losses",
    "op",
    "ops",
    "optim",
    "penalties",
    "tensor",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(importlib.import_module(_PLACES[name]), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"steepest.{name}")
    elif not name.startswith("_") and name in _ops().__all__:  # exp, relu, matmul: the ops stand here too
        value = getattr(_ops(), name)
    else:
        raise AttributeError(f"module 'steepest' has no attribute {name!r}")
    globals()[name] = value
    return value


def _ops() -> Any:
    return importlib.import_module("steepest.autodiff.ops")


def __dir__() -> list[str]:
    return sorted({*__all__, *_ops().__all__, "__version__"})
