"""Runs in MLflow."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, final

from steepest.errors import InputError
from steepest.training.callbacks.base import Callback, Pace

if TYPE_CHECKING:
    from steepest.training.run import Run

__all__ = ["MLflow"]

_NAMES = ("loss", "accuracy", "lr", "val_loss", "val_accuracy")
_MOST = 1000  # metrics in one request
_PAUSE = 2.0  # seconds between two requests


@final
class MLflow(Callback):
    """Logs settings and figures to MLflow, a few epochs at a time.

    Needs MLflow: ``pip install 'steepest[mlflow]'``.

    Parameters
    ----------
    experiment : str
        Name of the experiment that the run belongs to; made where there is none.
    name : str or None
        Name of the run; MLflow chooses one.
    uri : str or None
        Where to log; None is what MLflow is set to (MLFLOW_TRACKING_URI).
    every : float
        Seconds between two epochs that are logged; the last one always is. 0 logs all.

    Attributes
    ----------
    run_id : str
        MLflow's name for the last run.

    Raises
    ------
    InputError
        When MLflow is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> st.train("mlp", st.load("digits"), callbacks=[st.callbacks.MLflow("digits")])  # doctest: +SKIP
    """

    def __init__(
        self, experiment: str = "steepest", *, name: str | None = None, uri: str | None = None, every: float = 0.2
    ) -> None:
        if find_spec("mlflow") is None:
            raise InputError("MLflow is not installed: pip install 'steepest[mlflow]'")
        self.experiment, self.name, self.uri, self.every = experiment, name, uri, every
        self.run_id = ""
        self._client: Any = None
        self._begin(0)

    def start(self, run: Run) -> None:
        """Begin a run there, and log the settings."""
        from mlflow import MlflowClient

        self._client = MlflowClient(self.uri)
        found = self._client.get_experiment_by_name(self.experiment)
        number = self._client.create_experiment(self.experiment) if found is None else found.experiment_id
        self.run_id = self._client.create_run(number, run_name=self.name).info.run_id
        for name, value in run.settings.items():
            self._client.log_param(self.run_id, name, value)
        self._begin(run.state.epoch)

    def epoch(self, run: Run) -> None:
        """Note the figures, and log what has come together, if it is time."""
        if self._noting.is_due():
            self._note(run)
        if self._sending.is_due():
            self._send()

    def end(self, run: Run) -> None:
        """Log the rest, and end the run there."""
        if run.state.epoch > self._noted:
            self._note(run)
        self._send()
        self._client.set_terminated(self.run_id, "FINISHED" if run.finished else "KILLED")
        self._client = None

    def _begin(self, epoch: int) -> None:
        self._noting, self._sending, self._noted = Pace(self.every), Pace(_PAUSE), epoch
        self._metrics: list[tuple[str, float, int, int]] = []

    def _note(self, run: Run) -> None:
        record, now, self._noted = run.history[-1], int(time.time() * 1000), run.state.epoch
        self._metrics += [(name, record[name], now, record["epoch"]) for name in _NAMES if name in record]

    def _send(self) -> None:
        from mlflow.entities import Metric

        for first in range(0, len(self._metrics), _MOST):
            self._client.log_batch(self.run_id, [Metric(*metric) for metric in self._metrics[first : first + _MOST]])
        self._metrics = []
