"""How good a classifier is on rows that it is shown: one pass, and every figure from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steepest.data.options import Progress
from steepest.kernels.types import AnyRows, Labels
from steepest.losses import Loss
from steepest.nn.neighbors import Neighbors

__all__ = ["Evaluation", "Scores", "evaluate", "prepare", "rows_at_once", "wilson_interval"]

_ROWS, _FEWEST = 16384, 256  # scored at a time, so that memory does not grow with the data
_SCORES = 2**22  # at a time; of many classes fewer rows
_COMPARED, _QUERIES = 2**37, 64  # features compared at a time: about a second; but at least so many rows
_Z95 = 1.959963984540054  # the normal distribution is within this many deviations with probability 0.95


class Scores(Protocol):
    """A score function with its weights."""

    @property
    def n_classes(self) -> int:
        """C."""

    def scores(self, X: AnyRows, *, threads: int | None = None) -> NDArray[Any]:
        """Scores (N, C) of the rows of X."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a classifier did on some rows.

    Attributes
    ----------
    confusion : int64 array (C, C)
        Rows of each class (down) by the class predicted (across).
    loss : float
        Mean of L_i, without the penalty; NaN where there is no L_i.
    """

    confusion: NDArray[np.int64]
    loss: float

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Rows that were classified right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Their share."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy, after Wilson."""
        return wilson_interval(self.correct, self.n)

    @property
    def support(self) -> NDArray[np.int64]:
        """Rows of each class, (C,)."""
        return np.asarray(self.confusion.sum(axis=1))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of each class's rows that were found, (C,); NaN for a class without rows."""
        return _ratio(np.diag(self.confusion), self.support)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of the rows given each class that belong to it, (C,); NaN for a class that was never predicted."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=0))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def evaluate(
    model: Scores, X: AnyRows, y: Labels, loss: Loss | None, *, threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:  # fmt: skip
    """Score every row once and count.

    Parameters
    ----------
    model : Linear, Network, Means or Neighbors
        f(x, W); the largest score wins, the first of equal ones.
    X : array (N, D)
        Rows as given, at least one.
    y : int64 array (N,)
        Their classes.
    loss : Loss or None
        L_i, if there is one.
    threads : int or None
        None uses the processors that this process may use.
    progress : callable or None
        Told of the accuracy, and how far it is, every so many rows.

    Returns
    -------
    Evaluation
    """
    prepare(model, progress)
    C = model.n_classes
    confusion, total = np.zeros(C * C, np.int64), 0.0 if loss is not None else math.nan
    rows = rows_at_once(model, _ROWS)
    for start in range(0, len(X), rows):
        scores, labels = model.scores(X[start : start + rows], threads=threads), y[start : start + rows]
        np.add.at(confusion, labels * C + scores.argmax(axis=1), 1)
        if loss is not None:
            total += float(loss(scores, labels).sum(dtype=np.float64))
        if progress is not None:
            done = start + len(labels)
            progress(f"testing, accuracy so far {confusion[:: C + 1].sum() / done:.4f}", done, len(X))
    return Evaluation(confusion.reshape(C, C), total / len(X))


def rows_at_once(model: Scores, most: int) -> int:
    """Return how many rows to score at a time, so that a table of their scores stays small, and so does the time."""
    rows = min(most, max(_FEWEST, _SCORES // model.n_classes))
    return min(rows, max(_QUERIES, _COMPARED // model.X.size)) if isinstance(model, Neighbors) else rows


def prepare(model: Scores, progress: Progress | None = None) -> None:
    """Do what a model needs before its first scores: approximate neighbours are linked."""
    if isinstance(model, Neighbors) and model.graph is not None:
        model.graph.build(progress)


def wilson_interval(correct: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """Interval that holds the true rate behind `correct` of `n` with 95 % probability, after Wilson.

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)        p = correct / n

    Unlike p -+ z sqrt(p (1 - p) / n) it stays within 0 and 1 and holds for few rows and for rates near 0 and 1.

    Parameters
    ----------
    correct, n : int
        0 <= correct <= n, n at least 1.
    z : float
        Deviations of the normal distribution; 1.96 is 95 %.

    Returns
    -------
    low, high : float

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    Examples
    --------
    >>> low, high = wilson_interval(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    p, shrink = correct / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink
    # At the ends the two terms are equal in theory, and differ by rounding.
    return (0.0 if correct == 0 else centre - half), (1.0 if correct == n else centre + half)
