"""A training that was done, or is being done, and what comes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from steepest.data.dataset import Dataset
from steepest.nn.linear import Linear
from steepest.objective.compiled import CompiledLinear
from steepest.training.files import write_json, write_json_lines
from steepest.training.loop import Trainable
from steepest.training.model_file import Card, Model, save_model
from steepest.training.plan import Plan, State
from steepest.training.results import summarize, versions
from steepest.training.run_folder import RunFolder
from steepest.training.source import Parts

__all__ = ["Run"]


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

    Examples
    --------
    >>> import steepest as st
    >>> run = st.train("mlp", st.load("digits"), epochs=2)
    >>> len(run.history), run.plan.lr, run.plan.lr_from, run.on_graph_because
    (2, 0.002, 'table', None)
    """

    data: Dataset = field(repr=False)
    objective: Trainable = field(repr=False)
    plan: Plan
    state: State = field(repr=False)
    card: Card = field(repr=False)
    labels: NDArray[Any] = field(repr=False)

    @classmethod
    def of(
        cls, data: Dataset, objective: Trainable, plan: Plan, state: State, labels: NDArray[Any], scaling: str,
        origin: Mapping[str, Any] | None = None,
    ) -> Run:  # fmt: skip
        """Put a run together; `scaling` is its resolved name, `origin` what the card keeps of the source."""
        card = Card(
            data.classes, data.feature_shape, data.X.dtype.name, objective.loss.name, scaling, data.feature_names,
            origin or {}, versions(),
        )  # fmt: skip
        return cls(data, objective, plan, state, card, labels)

    @property
    def settings(self) -> dict[str, Any]:
        """What the training was told, every "auto" resolved."""
        objective, plan, model = self.objective, self.plan, self.state.model
        layers = ["linear"] if isinstance(model, Linear) else [repr(layer) for layer in model.model.layers]
        return {
            "layers": ", ".join(layers),
            "loss": repr(objective.loss),
            "penalty": repr(objective.penalty),
            "alpha": objective.alpha,
            "optimizer": repr(plan.rule),
            "clip": repr(plan.clip),
            "lr": plan.lr,
            "lr_from": plan.lr_from,
            "schedule": repr(plan.plateau or plan.schedule),
            "batch_size": plan.batch_size,
            "epochs": plan.epochs,
            "patience": plan.patience,
            "scaling": self.card.scaling,
            "precision": "float32" if isinstance(objective, CompiledLinear) else objective.precision,
            "seed": plan.seed,
            "n_train": len(objective),
        }

    @property
    def on_graph_because(self) -> str | None:
        """Why the training is not one native program but slower, in a few words; None where it is one."""
        objective, plan = self.objective, self.plan
        return None if isinstance(objective, CompiledLinear) else objective.in_steps_because(plan.rule, plan.clip)

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
