"""The model on the disk: its tensors, and a card that says what they mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest import losses
from steepest.data.arrays import as_features
from steepest.errors import InputError
from steepest.kernels.types import F32
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.training.layers_file import as_json, read_network
from steepest.training.network import Network
from steepest.training.plan import Fitted
from steepest.training.tensor_file import check, read_tensors, write_tensors

__all__ = ["FILE_NAME", "Card", "Model", "load_model", "save_model"]

FILE_NAME = "model.safetensors"
_FORMAT, _VERSION = "steepest.model", 1
_DTYPES = ("uint8", "float16", "float32", "float64")


@dataclass(frozen=True)
class Card:
    """What has to be known of a model beside its numbers.

    Attributes
    ----------
    classes : tuple of str
        The name of every class, in the order of the scores.
    feature_shape : tuple of int
        The shape of one example.
    dtype : str
        The type of the features that it was trained on: uint8 means 0 to 255.
    loss, scaling : str
        Their names.
    feature_names : tuple of str or None
        Column names, when it was trained on a table.
    data : dict
        Where the training rows came from, and how some were held out; see `training.source`.
    versions : dict
        What wrote the file.
    """

    classes: tuple[str, ...]
    feature_shape: tuple[int, ...]
    dtype: str
    loss: str
    scaling: str
    feature_names: tuple[str, ...] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Model:
    """A trained classifier: scores, and the classes they speak of.

    Attributes
    ----------
    function : Linear or Network
        f(x, W).
    card : Card
        What it means.
    labels : array (C,) or None
        What `predict` calls the classes; None: by their names. A file keeps the names.
    """

    function: Fitted
    card: Card
    labels: NDArray[Any] | None = None

    @property
    def linear(self) -> Linear:
        """f(x, W), if it is linear.

        Raises
        ------
        InputError
            If it is a network.
        """
        if isinstance(self.function, Linear):
            return self.function
        raise InputError("this model is a network: it has no weights of a linear classifier")

    def scores(self, X: Any) -> F32:
        """Score of each class for each example, (N, C) float32.

        Parameters
        ----------
        X : array (N, D) or (N, *card.feature_shape)
            Examples as given, in the scale that the model was trained on.

        Raises
        ------
        InputError
            When the examples have another number of features.
        """
        rows, shape = as_features(X)
        if rows.shape[1] != self.function.n_features:
            raise InputError(
                f"X has examples of the shape {shape}, the model was trained on {self.card.feature_shape}: "
                f"{self.function.n_features} features each"
            )
        return self.function.scores(rows)

    def predict(self, X: Any) -> NDArray[Any]:
        """Class of each example, (N,): its name, or the label it had in training; for X see `scores`."""
        labels = np.array(self.card.classes) if self.labels is None else self.labels
        return np.asarray(labels[self.scores(X).argmax(axis=1)])

    def score(self, X: Any, y: Any) -> float:
        """Share of the examples whose class is predicted; y as `predict` gives it."""
        return float((self.predict(X) == np.asarray(y)).mean())

    def probabilities(self, X: Any) -> F32:
        """Probability of each class for each example, (N, C) float32; for X see `scores`.

        Raises
        ------
        InputError
            When the loss was not softmax: scores of the others are not probabilities.
        """
        if self.card.loss != "softmax":
            raise InputError(
                f"this model was trained with the {self.card.loss} loss, whose scores are no probabilities: "
                "train with the softmax loss for these"
            )
        return np.asarray(losses.softmax.probabilities(self.scores(X)), dtype=np.float32)

    def predict_proba(self, X: Any) -> F32:
        """Return the `probabilities`, under the name that scikit-learn has for them."""
        return self.probabilities(X)


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model whole or not at all: its tensors as safetensors, the card and the layers of a network as JSON.

    Raises
    ------
    InputError
        When the file cannot be written, or a part of the model is a function of the user's own.
    """
    function = model.function
    if model.card.loss not in losses.NAMES:
        raise InputError(
            f"the loss {model.card.loss!r} is your own and cannot be saved, for a model file holds no code: "
            "save the parameters yourself"
        )
    record = {"format": _FORMAT, "format_version": _VERSION, "kind": "linear", **asdict(model.card)}
    if isinstance(function, Network):
        record |= {"kind": "network", "layers": as_json(function.model.layers)}
    shift, scale = function.scaling
    write_tensors(path, {**function.parameters, "shift": shift, "scale": scale}, record)


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model, trusting nothing in the file.

    Parameters
    ----------
    path : str or path
        A run folder, or the model file itself.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        Missing, truncated or damaged; no model; shapes that do not fit together; a newer format.
    """
    file = Path(path)
    if file.is_dir():
        file = file / FILE_NAME
        if not file.exists():
            raise InputError(
                f"{path}: there is no {FILE_NAME} in this folder: name the folder of a run, see steepest train"
            )
    elif not file.exists():
        raise InputError(f"{path}: no such run or model file: steepest train writes one, and says where")
    tensors, record = read_tensors(file, _FORMAT, _VERSION)
    kind = record.get("kind")
    check(kind in ("linear", "network"), file, f"a model of the kind {kind!r} is not known here")
    card = _card(file, record)
    if kind == "linear":
        return Model(_linear(file, tensors, card), card)
    shift, scale = tensors.pop("shift", None), tensors.pop("scale", None)
    network = read_network(file, record.get("layers"), tensors, shift, scale)
    said = prod(card.feature_shape), len(card.classes)
    found = network.n_features, network.n_classes
    check(said == found, file, f"its card speaks of {said} features and classes, its layers of {found}")
    return Model(network, card)


def _linear(file: Path, tensors: dict[str, NDArray[Any]], card: Card) -> Linear:
    D, C = prod(card.feature_shape), len(card.classes)
    wanted = {
        "W": ((D, C), np.float32),
        "b": ((C,), np.float32),
        "shift": ((D,), np.float64),
        "scale": ((D,), np.float64),
    }
    check(tensors.keys() == wanted.keys(), file, f"it has the tensors {sorted(tensors)}, not {sorted(wanted)}")
    for name, (shape, dtype) in wanted.items():
        found = tensors[name]
        check(
            found.shape == shape and found.dtype == dtype,
            file,
            f"tensor {name!r} is {found.dtype} {found.shape}, its card asks for {np.dtype(dtype)} {shape}",
        )
    W = np.ascontiguousarray(tensors["W"].T).T  # class by class, as the kernels read it
    return Linear(W, tensors["b"], Scaling(tensors["shift"], tensors["scale"]))


def _card(file: Path, record: dict[str, Any]) -> Card:
    def texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)

    rules: dict[str, Callable[[Any], bool]] = {
        "classes": lambda v: texts(v) and 2 <= len(v) == len(set(v)),
        "feature_shape": lambda v: isinstance(v, list) and bool(v) and all(type(k) is int and k > 0 for k in v),
        "dtype": lambda v: v in _DTYPES,
        "loss": lambda v: v in losses.NAMES,
        "scaling": lambda v: v in ("unit", "standard", "none"),
        "feature_names": lambda v: v is None or (texts(v) and len(v) == prod(record["feature_shape"])),
        "data": lambda v: isinstance(v, dict),
        "versions": lambda v: isinstance(v, dict) and all(isinstance(item, str) for item in v.values()),
    }
    for name, holds in rules.items():
        check(name in record and holds(record[name]), file, f"its card has no valid {name!r}")
    values: dict[str, Any] = {}
    for f in fields(Card):
        value = record[f.name]
        values[f.name] = tuple(value) if isinstance(value, list) else value
    return Card(**values)
