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
    from steepest import losses, nn, objective, optim, penalties, solvers
    from steepest.autodiff import (
        Tensor,
        case,
        check_gradient,
        grad,
        jacobian,
        numerical_gradient,
        op,
        ops,
        tensor,
        value_and_grad,
    )
    from steepest.autodiff.compare import compare_gradients
    from steepest.autodiff.drawing import draw
    from steepest.autodiff.expression import expression
    from steepest.data import Dataset, load
    from steepest.errors import ConvergenceWarning, DataWarning, DivergenceError, InputError
    from steepest.estimators.knn import KNNClassifier
    from steepest.estimators.linear import LinearClassifier
    from steepest.estimators.mlp import MLPClassifier
    from steepest.estimators.nearest_mean import NearestMean
    from steepest.estimators.one_vs_all import OneVsAllSVM
    from steepest.estimators.perceptron import Perceptron
    from steepest.estimators.ridge import RidgeClassifier
    from steepest.training import callbacks
    from steepest.training.model_file import Model, load_model
    from steepest.training.run import Run
    from steepest.training.train import train

__version__ = "0.1.0"

# Everything is loaded when it is first named: a front door that needs little starts at once.
_PLACES = {
    name: place
    for place, names in {
        "steepest.autodiff": (
            "Tensor", "case", "check_gradient", "grad", "jacobian", "numerical_gradient", "op", "ops", "tensor",
            "value_and_grad",
        ),
        "steepest.autodiff.compare": ("compare_gradients",),
        "steepest.autodiff.drawing": ("draw",),
        "steepest.autodiff.expression": ("expression",),
        "steepest.data": ("Dataset", "load"),
        "steepest.errors": ("ConvergenceWarning", "DataWarning", "DivergenceError", "InputError"),
        "steepest.estimators.knn": ("KNNClassifier",),
        "steepest.estimators.linear": ("LinearClassifier",),
        "steepest.estimators.mlp": ("MLPClassifier",),
        "steepest.estimators.nearest_mean": ("NearestMean",),
        "steepest.estimators.one_vs_all": ("OneVsAllSVM",),
        "steepest.estimators.perceptron": ("Perceptron",),
        "steepest.estimators.ridge": ("RidgeClassifier",),
        "steepest.training.model_file": ("Model", "load_model"),
        "steepest.training.run": ("Run",),
        "steepest.training.train": ("train",),
    }.items()
    for name in names
}  # fmt: skip
_ROOMS = {name: f"steepest.{name}" for name in ("losses", "nn", "objective", "optim", "penalties", "solvers")}
_ROOMS["callbacks"] = "steepest.training.callbacks"

__all__ = [
    "ConvergenceWarning",
    "DataWarning",
    "Dataset",
    "DivergenceError",
    "InputError",
    "KNNClassifier",
    "LinearClassifier",
    "MLPClassifier",
    "Model",
    "NearestMean",
    "OneVsAllSVM",
    "Perceptron",
    "RidgeClassifier",
    "Run",
    "Tensor",
    "callbacks",
    "case",
    "check_gradient",
    "compare_gradients",
    "draw",
    "expression",
    "grad",
    "jacobian",
    "load",
    "load_model",
    "losses",
    "nn",
    "numerical_gradient",
    "objective",
    "op",
    "ops",
    "optim",
    "penalties",
    "solvers",
    "tensor",
    "train",
    "value_and_grad",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(importlib.import_module(_PLACES[name]), name)
    elif name in _ROOMS:
        value = importlib.import_module(_ROOMS[name])
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
