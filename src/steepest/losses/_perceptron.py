"""The perceptron criterion."""

from typing import ClassVar, final

from steepest.losses.base import FloatArray, Labels, Loss, Scores, of_class, one_hot


@final
class Perceptron(Loss):
    """The perceptron criterion for many classes: how far the winning class is above the true one.

        L_i = max(0, max_j s_j - s_y)

        dL_i/ds = e_p - e_y                    with  p = argmax_j s_j, the predicted class

    Range [0, inf); 0 at W = 0. It asks for the right class and for no margin; a step of size 1 along the negative
    gradient is the perceptron's own update.

    Kinks: where classes tie for the largest score, p is the first of them, as in prediction. So a tie that the true
    class would lose has loss 0 and yet a gradient, and learning does start from W = 0. No curvature bound.

    Parameters, returns and errors: see ``Loss``.

    Examples
    --------
    >>> from steepest.losses import perceptron
    >>> perceptron([[3.2, 5.1, -1.7]], [0]).round(2)
    array([1.9])
    >>> perceptron.gradient([[3.2, 5.1, -1.7]], [0])
    array([[-1.,  1.,  0.]])

    References
    ----------
    Rosenblatt, The perceptron, 1958; for many classes: Collins, Discriminative training methods for hidden Markov
    models, 2002.
    """

    name: ClassVar[str] = "perceptron"

    def at_zero(self, n_classes: int) -> float:
        """Return 0."""
        return 0.0

    def curvature(self, n_classes: int) -> None:
        """Return None: the slope jumps where classes tie."""

    def _loss(self, scores: Scores, y: Labels) -> Scores:
        return scores.max(axis=1) - of_class(scores, y)[:, 0]

    def _gradient(self, scores: FloatArray, y: Labels) -> FloatArray:
        predicted = scores.argmax(axis=1)
        return one_hot(scores, predicted) - one_hot(scores, y)


perceptron = Perceptron()
