"""Rosenblatt's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steepest import losses, penalties
from steepest.data.options import Progress
from steepest.data.order import EPOCH
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.types import AnyRows, Labels
from steepest.nn.checks import whole
from steepest.nn.linear import Linear
from steepest.nn.scaling import Scaling
from steepest.objective.compiled import CompiledLinear
from steepest.optim import SGD

__all__ = ["Learned", "perceptron"]

MOMENTS = 100
"""Places in an epoch, evenly spaced, at which the averaged variant takes down W; every row where there are fewer."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What a perceptron learned.

    Attributes
    ----------
    model : Linear
        W and b.
    mistakes : list of int
        How many each epoch made.
    """

    model: Linear
    mistakes: list[int]

    @property
    def separable(self) -> bool:
        """Whether an epoch came without a mistake: then W gets all rows right, which proves that some W does."""
        return self.mistakes[-1] == 0


def perceptron(
    X: AnyRows,
    y: Labels,
    n_classes: int,
    scaling: Scaling,
    *,
    max_epochs: int = 100,
    averaged: bool = False,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> Learned:
    """Correct the weights wherever they are wrong, row by row, until an epoch has no mistake.

        p = argmax_j W_j' z_i + b_j                   z the scaled x; the first class of those that tie
        if p != y_i:   W_y += z,  W_p -= z,  b_y += 1,  b_p -= 1

    That is the gradient step of the perceptron criterion for a single row, at the rate 1. For two classes it is at the
    rate 1/2: then w = W_2 - W_1 moves by z or -z, which is the classic rule. W starts at 0.

    Let R be the largest norm of (z, 1), and let some W with b, together of norm 1, put the score of every row's class
    above all others by m at least. Then there are at most 2 R^2 / m^2 mistakes, in whatever order the rows come. For
    two classes that is the R^2 / m^2 of the classic theorem, whose margin is that of w with a norm of 1.

    Parameters
    ----------
    X : array (N, D)
        uint8, float16, float32 or float64, finite; read in place.
    y : int64 array (N,)
        Class indices.
    n_classes : int
        C.
    scaling : Scaling
        What happens to the features first.
    max_epochs : int
        When to give up.
    averaged : bool
        Return the mean of W over the way instead of the last W: it keeps less of what the last few rows said, and does
        better where the data are not separable. The mean is over 100 places in every epoch.
    seed : int
        Keys the order of the rows, another in each epoch.
    threads : int
        They never change a result.
    progress : callable or None
        Told before each epoch how many were done, and the mistakes of the last; returning True ends it there, though
        not before the first.

    Returns
    -------
    Learned

    Raises
    ------
    InputError
        If max_epochs is no whole number from 1 on, or the features are beyond what float32 holds.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.nn.scaling import fit_scaling
    >>> from steepest.solvers.perceptron import perceptron
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> for name, y in {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "xor": [0, 1, 1, 0]}.items():
    ...     print(name, perceptron(X, np.array(y), 2, fit_scaling(X)).separable)
    and True
    or True
    xor False

    References
    ----------
    Rosenblatt, The perceptron, 1958. Novikoff, On convergence proofs for perceptrons, 1962. Averaged, and for many
    classes: Freund and Schapire, Large margin classification using the perceptron algorithm, 1999; Collins,
    Discriminative training methods for hidden Markov models, 2002.
    """
    n, max_epochs = len(X), whole("max_epochs", max_epochs)
    rule = CompiledLinear(X, y, n_classes, losses.perceptron, penalties.none, 0.0, scaling, threads=threads)
    model, rest = Linear.zeros(n_classes, scaling), Linear.zeros(n_classes, scaling)
    rate = np.full(n, 0.5 if n_classes == 2 else 1.0, np.float32)
    order, mistakes = np.empty(n, np.int64), list[int]()
    W, b, moments = np.zeros(model.W.shape), np.zeros(n_classes), 0
    while len(mistakes) < max_epochs and (not mistakes or mistakes[-1]):
        last = f", {mistakes[-1]:,} mistakes in the last" if mistakes else ""
        if progress is not None and progress(f"epochs{last}", len(mistakes), max_epochs) and mistakes:
            break
        kernels.order(seed, EPOCH, len(mistakes), order)
        wrong = n
        for part in np.array_split(order, min(n, MOMENTS)) if averaged else [order]:
            wrong -= rule.descend(model, rest, SGD(), part, 1, rate[: len(part)])[1]
            W, b, moments = W + model.W, b + model.b, moments + 1
        mistakes.append(wrong)
        if not (np.isfinite(model.W).all() and np.isfinite(model.b).all()):
            raise InputError("the features are beyond what float32 holds: use scaling='standard'")
    if averaged:
        model = Linear((W / moments).astype(np.float32), (b / moments).astype(np.float32), scaling)
    return Learned(model, mistakes)
