"""What a fit can prove of itself."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Certificate"]


@dataclass(frozen=True)
class Certificate:
    """How far a fit is from the optimum, at most, and what it took.

        L(W) - min L  <=  bound

    Attributes
    ----------
    objective : float
        L(W) on the training data, the penalty included.
    bound : float
        Proven, not estimated; rounding in float32 is not part of the proof. Infinite where nothing could be proven.
    passes : float
        Over the data: an evaluation of the loss and its gradient on all rows counts as one, so do products of half of
        that with all rows.
    seconds : float
        From the data as given to the weights, everything included.
    solver : str
        The algorithm.
    because : str
        Why it was chosen; empty where it was asked for.
    """

    objective: float
    bound: float
    passes: float
    seconds: float
    solver: str
    because: str = ""

    @property
    def gap(self) -> float:
        """The bound relative to the objective; 0 where both are."""
        return self.bound / self.objective if self.objective > 0 else 0.0 if self.bound <= 0 else float("inf")

    def __str__(self) -> str:
        """One line for people."""
        why = f" ({self.because})" if self.because else ""
        return (
            f"objective {self.objective:.8g}, at most {self.gap:.1e} of it above the optimum; "
            f"{self.passes:.4g} passes in {self.seconds:.3g} s by {self.solver}{why}"
        )
