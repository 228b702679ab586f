"""What a run came to: the record of summary.json, and what a careful engineer would say about it."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from steepest import __version__, losses
from steepest.data.dataset import Dataset
from steepest.data.options import Progress
from steepest.kernels import dispatch as kernels
from steepest.losses import Loss
from steepest.nn.linear import Linear
from steepest.nn.neighbors import Neighbors
from steepest.training.evaluation import Evaluation, evaluate, wilson_interval
from steepest.training.functions_file import Function
from steepest.training.loop import Trainable
from steepest.training.plan import Plan, State
from steepest.training.source import Parts

__all__ = ["findings", "outcome", "summarize", "versions"]

_FEW = 100
_SOMETIMES = (
    "model", "epochs", "best_epoch", "validation", "layers", "solver", "because", "certificate", "passes", "optimizer",
    "penalty", "alpha", "alphas", "lr", "lr_from", "batch_size",
)  # fmt: skip
"""Keys of summary.json that are null where a model knows nothing of them."""


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    return {"steepest": __version__, "numpy": np.__version__, "python": platform.python_version()}


def outcome(
    function: Function, loss: Loss | None, parts: Parts, threads: int, *, price: float = 0.0,
    progress: Progress | None = None, **said: Any,
) -> dict[str, Any]:  # fmt: skip
    """Test a model, on its training rows and on the test rows, and write down the results.

    Parameters
    ----------
    function : Linear, Network, Means or Neighbors
        The model. Of neighbours the training rows are not tested: each is its own nearest.
    loss : Loss or None
        L_i, where there is one.
    parts : Parts
        The rows.
    threads : int
        They change no result.
    price : float
        alpha R(W).
    progress : callable or None
        Told how far the tests are.
    **said
        What else there is to say, by the keys of summary.json.

    Returns
    -------
    dict
        The record of summary.json, less what only the caller knows (seconds_total, model_path).
    """
    train, test, on_train, on_test = parts.train, parts.test, None, None
    assert train.y is not None
    if not isinstance(function, Neighbors):
        on_train = evaluate(function, train.X, train.y, loss, threads=threads, progress=progress)
    if test is not None:
        assert test.y is not None
        judge = None if loss is None else losses.judge(loss)
        on_test = evaluate(function, test.X, test.y, judge, threads=threads, progress=progress)
    return {
        **dict.fromkeys(_SOMETIMES),
        "test_accuracy": on_test and on_test.accuracy,
        "test_interval": on_test and list(on_test.interval),
        "test_loss": on_test and loss and on_test.loss,
        "train_accuracy": on_train and on_train.accuracy,
        "train_loss": on_train and loss and on_train.loss + price,
        "n_train": len(train),
        "n_test": 0 if on_test is None else on_test.n,
        "n_features": function.n_features,
        "feature_shape": list(train.feature_shape),
        "classes": list(train.classes),
        "source": parts.origin["source"],
        "held_out": parts.origin["held_out"],
        "loss": loss and loss.name,
        "isa": kernels.level(),
        "threads": threads,
        "versions": versions(),
        **said,
        "notes": [*parts.notes, *said.get("notes", ()), *findings(on_train, on_test, train)],
    }


def summarize(
    objective: Trainable, plan: Plan, state: State, parts: Parts, *, finished: bool, progress: Progress | None = None
) -> dict[str, Any]:
    """Return the record of summary.json for a model that was trained by descent; see `outcome`."""
    model = state.result
    weights = [part for part in model.parameters.values() if part.ndim > 1] if objective.alpha else []
    return outcome(
        model, objective.loss, parts, objective.threads,
        price=objective.alpha * sum(objective.penalty(W) for W in weights),
        progress=progress,
        finished=finished,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        validation=_of_best(state),
        seconds_training=round(state.seconds, 6),
        layers=None if isinstance(model, Linear) else [repr(layer) for layer in model.model.layers],
        solver="sgd",
        optimizer=plan.rule.name,
        penalty=objective.penalty.name,
        alpha=objective.alpha,
        lr=plan.lr,
        lr_from=plan.lr_from,
        batch_size=plan.batch_size,
        seed=plan.seed,
    )  # fmt: skip


def _of_best(state: State) -> dict[str, Any] | None:
    """Return the figures of the best epoch on the validation set."""
    if state.best_epoch is None:
        return None
    best = state.history[state.best_epoch - 1]
    return {"epoch": best["epoch"], "loss": best["val_loss"], "accuracy": best["val_accuracy"]}


def findings(on_train: Evaluation | None, on_test: Evaluation | None, train: Dataset) -> list[str]:
    """Say what the figures alone show to be wrong, in a line each; usually nothing."""
    said = []
    assert train.y is not None
    counts = np.bincount(train.y, minlength=train.n_classes)
    empty = [train.classes[c] for c in np.flatnonzero(counts == 0)]
    if empty:
        said.append(f"no training example of {', '.join(map(repr, empty[:5]))}: these are hardly ever predicted")
    if on_test is None:
        return [*said, "nothing was held out, so how good the model is on new examples is not known"]
    low, high = on_test.interval
    if on_test.n < _FEW:
        said.append(
            f"{on_test.n} test examples are few: the true accuracy may be anywhere from {low:.2f} to {high:.2f}"
        )
    largest = int(np.argmax(counts))
    usual = int(on_test.support[largest])
    if on_test.correct <= usual:
        said.append(
            f"no better than always saying {train.classes[largest]!r}, which is right for {usual / on_test.n:.1%} of "
            "the test examples: the model may not fit these data, or its settings do not"
        )
    if on_train is None:
        return said
    train_low = wilson_interval(on_train.correct, on_train.n)[0]
    if train_low > high and on_train.accuracy - on_test.accuracy > 0.05:
        said.append(
            f"training accuracy {on_train.accuracy:.3f} is far above the test's {on_test.accuracy:.3f}: more examples "
            "or a larger alpha would help, or the test examples are of another kind"
        )
    return said
