"""Training from Python: a model, data, and what comes of the two."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from steepest.data.arrays import as_numpy
from steepest.data.checks import validate
from steepest.data.dataset import Dataset
from steepest.data.load import load
from steepest.errors import InputError
from steepest.losses import Loss
from steepest.nn.scaling import resolve
from steepest.nn.sequential import Sequential
from steepest.optim import StepRule
from steepest.optim.schedules import Plateau, Schedule
from steepest.penalties import Penalty
from steepest.training import loop
from steepest.training.callbacks import Looking, Watching
from steepest.training.fingerprint import fingerprint
from steepest.training.recipe import Recipe, prepare
from steepest.training.run import Run
from steepest.training.weighting import weights

__all__ = ["train"]


def train(
    model: Sequential | Literal["linear", "mlp"],
    data: Any,
    loss: str | Loss = "softmax",
    *,
    smoothing: float = 0.0,
    optimizer: str | StepRule = "auto",
    epochs: int | Literal["auto"] = "auto",
    batch_size: int | Literal["auto"] = "auto",
    validation: Any = None,
    callbacks: Sequence[Watching] = (),
    penalty: str | Penalty | None = None,
    alpha: float = 0.0,
    schedule: str | Schedule | Plateau = "cosine",
    warm_up: float = 0.0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    scaling: str | None = "auto",
    precision: str = "float32",
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
    smoothing : float
        Label smoothing of the softmax loss: the share of the target that all classes have alike; 0.1 is usual.
    optimizer : str or StepRule
        "auto" is "adam", for "linear" it is "momentum".
    epochs, batch_size : int or "auto"
        Passes over the data, rows a step; "auto" asks for some thousand steps.
    validation : Dataset, (X, y) or None
        Examples that every epoch is tested on. With them the model is that of the epoch with the least loss on them.
    callbacks : list of Callback or functions
        ``callback.epoch(run)``, or ``callback(run)`` of a function, is called after every epoch; True ends the run. See
        ``steepest.callbacks``.
    penalty, alpha : str, Penalty or None; float
        R and its strength.
    schedule : str, Schedule or Plateau
        The course of the learning rate: "cosine", "linear", "constant", "step", "exponential", "one_cycle", "plateau";
        with parameters as in "plateau:factor=0.5,patience=3". A plateau follows the validation loss, or where there is
        no validation set that of training.
    warm_up : float
        The share of the run in which the rate rises first.
    clip_norm, clip_value : float or None
        The largest length of the gradient; the largest size of an entry. See ``steepest.optim.Clip``.
    scaling : "auto", "unit", "standard" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation, None
        takes the numbers as they are, "auto" is "unit" for uint8 and "standard" otherwise.
    precision : "float32" or "bf16"
        Of what the products of a network's native program multiply. In bf16 (8 significant bits) processors with
        instructions for it take about half the time; weights, sums, everything else and the scores stay float32.
    lr : float or "auto"
        Peak learning rate; a rule with an ``lr`` of its own keeps it. "auto" takes that of a linear classifier from the
        curvature of the objective. For networks it does a range test on copies of the weights, of at most 2 % of the
        steps, and stays within 0.7 and 4 times what the step rule usually needs; a run of less than 2,000 steps takes
        what is usual. ``run.plan.lr`` and ``run.plan.lr_from`` say what it was.
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
        When the loss or a parameter becomes infinite; names the epoch, the step, the layer and the likely cause.

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
    ds = _read(data, "data")
    validate(_named(ds, "data"))
    assert ds.y is not None
    labels = np.arange(ds.n_classes) if isinstance(data, Dataset) else _labels(data, ds)
    held = None
    if validation is not None:
        held = loop.Validation.of(ds, _named(_read(validation, "validation"), "validation"))
    recipe = Recipe(
        loss=loss, smoothing=smoothing, penalty=penalty, alpha=alpha, optimizer=optimizer, lr=lr, schedule=schedule,
        warm_up=warm_up, clip_norm=clip_norm, clip_value=clip_value, batch_size=batch_size, epochs=epochs,
        scaling=scaling, precision=precision, seed=seed, threads=threads, model=model, patience=patience,
    )  # fmt: skip
    weight = weights(class_weight, sample_weight, ds.y, labels)
    objective, plan, state = prepare(ds.X, ds.y, ds.n_classes, recipe, weight)
    origin = {
        "source": ds.source, "fingerprint": fingerprint(ds, objective.threads), "n": len(ds), "held_out": "none",
        "test_size": None, "seed": seed, "target": ds.label_name, "image_size": None,
    }  # fmt: skip
    run = Run.of(ds, objective, plan, state, labels, resolve(scaling, ds.X.dtype), origin)
    with Looking(run, callbacks) as looking:
        loop.run(objective, plan, state, looking, held)
    return run


def _read(given: Any, name: str) -> Dataset:
    """Load what was given for this argument."""
    try:
        return load(given)
    except InputError as error:
        if isinstance(given, str | os.PathLike):  # the message has the path
            raise
        text = str(error).replace("give y as well, for example load(X, y)", "give the pair (X, y)")
        raise InputError(f"{name}: {text}") from None


def _named(ds: Dataset, name: str) -> Dataset:
    """Return the data set under the name of the argument, for messages, where it has none of its own."""
    return replace(ds, source=name) if ds.source == "arrays" else ds


def _labels(data: Any, ds: Dataset) -> NDArray[Any]:
    """Return the user's own labels in the order of the classes; the names where there are none."""
    if not isinstance(data, tuple) or len(data) != 2 or isinstance(data[0], str):
        return np.array(ds.classes)
    given = as_numpy(data[1], "y").ravel()
    labels = np.empty(ds.n_classes, given.dtype)
    labels[ds.y] = given
    return labels
