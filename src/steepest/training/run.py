"""Training from Python: a model, data, and what comes of the two."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from steepest.data.arrays import as_numpy
from steepest.data.checks import align_test, check_finite, validate
from steepest.data.dataset import Dataset
from steepest.data.load import load
from steepest.errors import InputError
from steepest.kernels.types import Labels
from steepest.losses import Loss
from steepest.nn.scaling import resolve
from steepest.nn.sequential import Sequential
from steepest.optim import StepRule
from steepest.optim.schedules import Schedule
from steepest.penalties import Penalty
from steepest.training import loop
from steepest.training.files import write_json, write_json_lines
from steepest.training.fingerprint import fingerprint
from steepest.training.model_file import Card, Model, save_model
from steepest.training.plan import Plan, State
from steepest.training.recipe import Recipe, prepare
from steepest.training.results import summarize, versions
from steepest.training.run_folder import RunFolder
from steepest.training.source import Parts

__all__ = ["Callback", "Run", "train"]


@runtime_checkable
class Callback(Protocol):
    """Something that looks on while a run trains."""

    def epoch(self, run: Run) -> bool | None:
        """Look at the run after an epoch; returning True ends it there, in good order."""


Watching: TypeAlias = Callback | Callable[["Run"], bool | None]


@dataclass(eq=False)
class Run:
    """A training that was done, or, for a callback, is being done.

    Attributes
    ----------
    data : Dataset
        The training examples.
    objective : CompiledLinear or NetworkObjective
        L(W) on them.
    plan : Plan
        The settings, every "auto" resolved: lr, batch_size, epochs.
    state : State
        Where the training stands; ``state.model`` are the weights of the last step.
    card : Card
        What is written beside the weights.
    labels : array (C,)
        What ``model.predict`` calls the classes.
    """

    data: Dataset = field(repr=False)
    objective: loop.Trainable = field(repr=False)
    plan: Plan
    state: State = field(repr=False)
    card: Card = field(repr=False)
    labels: NDArray[Any] = field(repr=False)

    @property
    def model(self) -> Model:
        """The trained model: that of the best epoch where there is a validation set, else of the last step."""
        return Model(self.state.result, self.card, self.labels)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record an epoch: epoch, loss, accuracy, lr, seconds; with a validation set val_loss and val_accuracy."""
        return self.state.history

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the least validation loss; None without a validation set."""
        return self.state.best_epoch

    @property
    def finished(self) -> bool:
        """Whether the last epoch was done, or patience came to its end."""
        return self.plan.is_over(self.state)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model, the history and a summary into a new or empty folder; ``st.load_model`` reads the model.

        Raises
        ------
        InputError
            When the folder has files already or cannot be written, or a part of the model is a function of your own.
        """
        with RunFolder(folder) as place:
            save_model(place.model, self.model)
            write_json_lines(place.history, self.history)
            parts = Parts(self.data, None, self.card.data, self.data.notes)
            summary = summarize(self.objective, self.plan, self.state, parts, finished=self.finished)
            write_json(place.summary, summary | {"model_path": str(place.model)})


def train(
    model: Sequential | Literal["linear", "mlp"],
    data: Any,
    loss: str | Loss = "softmax",
    *,
    optimizer: str | StepRule = "auto",
    epochs: int | Literal["auto"] = "auto",
    batch_size: int | Literal["auto"] = "auto",
    validation: Any = None,
    callbacks: Sequence[Watching] = (),
    penalty: str | Penalty | None = None,
    alpha: float = 0.0,
    schedule: str | Schedule = "cosine",
    scaling: str | None = "auto",
    lr: float | Literal["auto"] = "auto",
    seed: int = 0,
    threads: int | None = None,
    patience: int | None = 10,
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
    sample_weight: Any = None,
) -> Run:
    """Train a model on data.

        L(W) = 1/N sum_i w_i L_i(f(x_i, W), y_i) + alpha R(W),      w of mean 1, biases not penalized

    Layers that have a native program run in it, without a copy of the data; all others run on the computational graph.
    The same seed gives the same bits, whatever the number of threads.

    Parameters
    ----------
    model : Sequential, "linear" or "mlp"
        f; "mlp" has one hidden layer of 128 relus. It starts at ``model.init(seed=seed)``.
    data : Dataset or (X, y)
        What to train on, or anything else that ``st.load`` takes.
    loss : str or Loss
        L_i.
    optimizer : str or StepRule
        "auto" is "adam", for "linear" it is "momentum".
    epochs, batch_size : int or "auto"
        Passes over the data, rows a step; "auto" asks for some thousand steps.
    validation : Dataset, (X, y) or None
        Examples that every epoch is tested on. With them the model is that of the epoch with the least loss on them.
    callbacks : list of Callback or functions
        ``callback.epoch(run)``, or ``callback(run)`` of a function, is called after every epoch; True ends the run.
    penalty, alpha : str, Penalty or None; float
        R and its strength.
    schedule : str or Schedule
        The course of the learning rate.
    scaling : "auto", "unit", "standard" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation, None
        takes the numbers as they are, "auto" is "unit" for uint8 and "standard" otherwise.
    lr : float or "auto"
        Peak learning rate; "auto" goes by the step rule, a rule with an ``lr`` of its own keeps it.
    seed : int
        Keys the first weights, the order of the rows and the masks of dropout.
    threads : int or None
        None uses the processors that this process may use.
    patience : int or None
        With a validation set: the run ends when so many epochs do not lower the least loss on it.
    class_weight : dict, "balanced" or None
        Weight of each class by its label; "balanced" gives all classes the same say.
    sample_weight : array (N,) or None
        Weight of each example; only ratios matter.

    Returns
    -------
    Run
        With ``model``, ``history``, ``best_epoch`` and ``save(folder)``.

    Raises
    ------
    InputError
        When something cannot be used; names the parameter.
    DivergenceError
        When the loss or a parameter becomes infinite; names the epoch, the step and the layer.

    Examples
    --------
    >>> import steepest as st
    >>> train, test = st.load("digits").split(seed=0)
    >>> model = st.nn.MLP([64, 32, 10], dropout=0.1)
    >>> run = st.train(model, train, optimizer=st.optim.Adam(lr=2e-3), epochs=10, validation=test)
    >>> run.model.score(test.X, test.y) > 0.9
    True
    >>> run.model.predict_proba(test.X).shape
    (359, 10)
    >>> sorted(run.history[0])
    ['accuracy', 'epoch', 'loss', 'lr', 'seconds', 'val_accuracy', 'val_loss']
    """
    ds = load(data)
    validate(ds)
    assert ds.y is not None
    labels = np.arange(ds.n_classes) if isinstance(data, Dataset) else _labels(data, ds)
    held = None
    if validation is not None:
        other = align_test(ds, load(validation))
        check_finite(other)
        if other.y is None or not len(other):
            raise InputError("the validation set needs examples with labels")
        held = loop.Validation(other.X, other.y)
    recipe = Recipe(
        loss=loss, penalty=penalty, alpha=alpha, optimizer=optimizer, lr=lr, schedule=schedule, batch_size=batch_size,
        epochs=epochs, scaling=scaling, seed=seed, threads=threads, model=model, patience=patience,
    )  # fmt: skip
    weight = _weights(class_weight, sample_weight, ds.y, labels)
    objective, plan, state = prepare(ds.X, ds.y, ds.n_classes, recipe, weight)
    origin = {
        "source": ds.source, "fingerprint": fingerprint(ds, objective.threads), "n": len(ds), "held_out": "none",
        "test_size": None, "seed": seed, "target": ds.label_name, "image_size": None,
    }  # fmt: skip
    card = Card(
        ds.classes, ds.feature_shape, ds.X.dtype.name, objective.loss.name, resolve(scaling, ds.X.dtype),
        ds.feature_names, origin, versions(),
    )  # fmt: skip
    run = Run(ds, objective, plan, state, card, labels)
    told = [callback.epoch if isinstance(callback, Callback) else callback for callback in callbacks]

    def watch(state: State, plan: Plan) -> bool:
        said = [callback(run) for callback in told] if state.step == 0 else []  # all are asked, whatever one says
        return any(said)

    loop.run(objective, plan, state, watch, held)
    return run


def _labels(data: Any, ds: Dataset) -> NDArray[Any]:
    """Return the user's own labels in the order of the classes; the names where there are none."""
    if not isinstance(data, tuple) or len(data) != 2 or isinstance(data[0], str):
        return np.array(ds.classes)
    given = as_numpy(data[1], "y").ravel()
    labels = np.empty(ds.n_classes, given.dtype)
    labels[ds.y] = given
    return labels


def _weights(how: Any, sample_weight: Any, y: Labels, labels: NDArray[Any]) -> NDArray[Any] | None:
    """Return the weight of each example; None: all alike."""
    own = None if sample_weight is None else np.asarray(sample_weight, np.float64)
    if how is None:
        return own
    if isinstance(how, str) and how == "balanced":
        counts = np.bincount(y, minlength=len(labels))
        by_class = len(y) / (len(labels) * np.maximum(counts, 1))
    elif isinstance(how, Mapping):
        known = labels.tolist()
        unknown = [label for label in how if label not in known]
        if unknown:
            raise InputError(f"class_weight names {unknown[0]!r}, and the labels are {known[:20]}")
        by_class = np.array([float(how.get(label, 1.0)) for label in known])
    else:
        raise InputError(f"class_weight={how!r} must be 'balanced', a dict of label and weight, or None")
    each = by_class[y]
    return each if own is None else each * own
