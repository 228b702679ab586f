"""Squared error to one-hot targets."""

from typing import ClassVar, final

from steepest.losses.base import FloatArray, Labels, Loss, Scores, one_hot


@final
class Squared(Loss):
    """Squared error between the scores and one-hot targets: least squares as a classifier.

        L_i = sum_j (s_j - t_j)^2              with  t_j = 1 for j == y, else 0

        dL_i/ds_j = 2 (s_j - t_j)

    Range [0, inf); 1 at W = 0. No one-half and no mean over the classes: summed over the examples it is |XW - T|^2.
    No kinks. Curvature: the Hessian is 2 I, so the bound is 2.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import squared
    >>> squared([[0.5, 0.5, 0.0]], [0])
    array([0.5])
    >>> squared.gradient([[0.5, 0.5, 0.0]], [0])
    array([[-1.,  1.,  0.]])

    References
    ----------
    Legendre, Nouvelles methodes pour la determination des orbites des cometes, 1805.
    """

    name: ClassVar[str] = "squared"
    grows: ClassVar[bool] = True

    def at_zero(self, n_classes: int) -> float:
        """Return 1."""
        return 1.0

    def curvature(self, n_classes: int) -> float:
        """Return 2."""
        return 2.0

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return ((scores - one_hot(scores, y)) ** 2).sum(axis=1)

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        return 2 * (scores - one_hot(scores, y))


squared = Squared()
