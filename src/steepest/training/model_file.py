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
from steepest.kernels.types import F32, F64
from steepest.nn.linear import Linear
from steepest.nn.neighbors import Neighbors
from steepest.solvers.platt import probabilities
from steepest.training.functions_file import KINDS, NEW_KINDS, Function, as_record, read_function
from steepest.training.tensor_file import check, read_tensors, write_tensors

__all__ = ["FILE_NAME", "Card", "Model", "load_model", "save_model"]

FILE_NAME = "model.safetensors"
_FORMAT, _VERSION = "steepest.model", 2
_FIRST = 1  # the version that linear classifiers and networks are written in, as they always were
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
    loss : str or None
        Its name; None where there was none, as for nearest means and neighbours.
    scaling : str
        Its name.
    feature_names : tuple of str or None
        Column names, when it was trained on a table.
    data : dict
        Where the training rows came from, and how some were held out; see `training.source`.
    versions : dict
        What wrote the file.
    model : str
        Its name on the command line; "" where it came from elsewhere.
    certificate : dict or None
        Of a fit with a proof: objective, bound, gap, passes, seconds, solver and because; see `solvers.Certificate`.
    """

    classes: tuple[str, ...]
    feature_shape: tuple[int, ...]
    dtype: str
    loss: str | None
    scaling: str
    feature_names: tuple[str, ...] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    certificate: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A trained classifier: scores, and the classes they speak of.

    Attributes
    ----------
    function : Linear, Network, Means or Neighbors
        f(x, W).
    card : Card
        What it means.
    labels : array (C,) or None
        What `predict` calls the classes; None: by their names. A file keeps the names.
    sigmoids : float64 array (C, 2) or None
        Platt's, of a classifier whose scores were calibrated; see `solvers.platt`.
    """

    function: Function
    card: Card
    labels: NDArray[Any] | None = None
    sigmoids: F64 | None = None

    @property
    def linear(self) -> Linear:
        """f(x, W), if it is linear.

        Raises
        ------
        InputError
            If it is not.
        """
        if isinstance(self.function, Linear):
            return self.function
        what = type(self.function).__name__.lower()
        raise InputError(f"this model is of the kind {what!r}: it has no weights of a linear classifier")

    def scores(self, X: Any) -> NDArray[Any]:
        """Score of each class for each example, (N, C) float32; of means and neighbours float64.

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
            When there are none: the loss was not softmax, the scores were not calibrated, and no neighbours vote.
        """
        return self.probabilities_of(self.scores(X))

    def probabilities_of(self, scores: NDArray[Any]) -> F32:
        """Return the probabilities that these scores stand for; see `probabilities`."""
        if self.sigmoids is not None and len(scores):
            return np.asarray(probabilities(scores.astype(np.float64), self.sigmoids), dtype=np.float32)
        if isinstance(self.function, Neighbors) or self.sigmoids is not None:  # shares of the votes, or no rows at all
            return np.asarray(scores, dtype=np.float32)
        if self.card.loss != "softmax":
            raise InputError(f"this model has no probabilities: {self._instead}")
        return np.asarray(losses.softmax.probabilities(scores), dtype=np.float32)

    @property
    def gives_probabilities(self) -> bool:
        """Whether there are any."""
        return self.sigmoids is not None or isinstance(self.function, Neighbors) or self.card.loss == "softmax"

    @property
    def _instead(self) -> str:
        if self.card.loss is None:
            return "distances to means are none"
        return (
            f"it was trained with the {self.card.loss} loss, whose scores are none: train with the softmax loss, or a "
            "one-against-all SVM that calibrates its scores (--model ova-svm --probability)"
        )

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
    if model.card.loss not in (*losses.NAMES, None):
        raise InputError(
            f"the loss {model.card.loss!r} is your own and cannot be saved, for a model file holds no code: "
            "save the parameters yourself"
        )
    tensors, said = as_record(model.function)
    version = _VERSION if said["kind"] in NEW_KINDS or model.sigmoids is not None else _FIRST
    if model.sigmoids is not None:
        tensors["sigmoids"] = model.sigmoids
    write_tensors(path, tensors, {"format": _FORMAT, "format_version": version, **said, **asdict(model.card)})


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
    check(kind in KINDS, file, f"a model of the kind {kind!r} is not known here")
    card = _card(file, record)
    sigmoids = tensors.pop("sigmoids", None)
    D, C = prod(card.feature_shape), len(card.classes)
    fits = sigmoids is None or (sigmoids.shape == (C, 2) and sigmoids.dtype == np.float64)
    check(fits, file, "tensor 'sigmoids' is not as it must be")
    return Model(read_function(file, tensors, record, D, C, card.dtype), card, sigmoids=sigmoids)


def _card(file: Path, record: dict[str, Any]) -> Card:
    record = {"model": "", "certificate": None} | record  # files written before there were these

    def texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)

    rules: dict[str, Callable[[Any], bool]] = {
        "classes": lambda v: texts(v) and 2 <= len(v) == len(set(v)),
        "feature_shape": lambda v: isinstance(v, list) and bool(v) and all(type(k) is int and k > 0 for k in v),
        "dtype": lambda v: v in _DTYPES,
        "loss": lambda v: v in (*losses.NAMES, None),
        "scaling": lambda v: v in ("unit", "standard", "max_abs", "none"),
        "feature_names": lambda v: v is None or (texts(v) and len(v) == prod(record["feature_shape"])),
        "data": lambda v: isinstance(v, dict),
        "versions": lambda v: isinstance(v, dict) and all(isinstance(item, str) for item in v.values()),
        "model": lambda v: isinstance(v, str),
        "certificate": lambda v: v is None or isinstance(v, dict),
    }
    for name, holds in rules.items():
        check(name in record and holds(record[name]), file, f"its card has no valid {name!r}")
    values: dict[str, Any] = {}
    for f in fields(Card):
        value = record[f.name]
        values[f.name] = tuple(value) if isinstance(value, list) else value
    return Card(**values)
