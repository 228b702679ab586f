"""Hinges by operator splitting: where N alpha is small, one factor of the features' Gram matrix saves most passes."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np

from steepest.kernels import dispatch as kernels
from steepest.kernels.types import F32, F64
from steepest.solvers.problem import Problem
from steepest.solvers.smooth import ROUNDED

__all__ = ["Splitting"]

BEYOND = 1.6
"""Over-relaxation: how far each step goes beyond what the two halves agree on."""
FIRST = 0.3
"""rho at first: scores and slopes are of the order of 1."""
LOOKS = 10
"""Steps between two proofs."""
ADAPTS = (10, 20, 40, 80, 160, 320)
"""Steps after which rho is made such that both halves are as far off as one another."""
MOST = 5.0
"""Times as large or small as it may become at once."""
FLOOR = 1e-7
"""Added to the factored matrix, of its mean eigenvalue: the Gram matrix is rounded."""
STALLED, LESS = 20, 0.98
"""Proofs within which what is left must fall to that share."""


class Proving(Protocol):
    """Looks at W and b (D + 1, C) and at slopes p (N, C); True ends it. It knows what is left, and who asks to stop."""

    @property
    def left(self) -> float: ...

    def asked(self) -> bool: ...

    def of(self, Z: F64, p: F32) -> bool: ...


@final
class Splitting:
    """min sum_i w_i L_i(s_i) + lambda/2 |W|^2  with  s_i = W' x_i + b,  lambda = 2 alpha N, by Douglas and Rachford.

        p_i = argmax <z_i, p> - L*_i(p) - |p|^2 / (2 rho),      s_i = z_i - p_i / rho
        W <- W - (lambda I + rho X'X)^-1 (lambda W + sum_i w_i x_i (p_i + rho (W' x_i + b - s_i))')
        z_i <- z_i + beta (W' x_i + b - s_i)

    The first is exact for each example by itself; the second needs one factor for all classes and all steps, and does
    not care how features are correlated. The p_i are slopes of the losses at every step, so they prove what is left.

    Parameters
    ----------
    problem : Problem
        With a hinge, and features few enough for their Gram matrix.
    proof : Proving
        Decides when it is done.
    max_passes : float
        Looks at all rows, at most.
    Z, p : arrays (D + 1, C), (N, C)
        Where to begin.

    References
    ----------
    Eckstein and Bertsekas, On the Douglas-Rachford splitting method and the proximal point algorithm, 1992.
    """

    def __init__(self, problem: Problem, proof: Proving, max_passes: float, Z: F64, p: F32) -> None:
        self.problem, self.proof, self.max_passes = problem, proof, max_passes
        self.Z, self.p, self.rho = Z.copy(), p, FIRST
        self.strength = 2 * problem.alpha * len(problem)
        L, D = problem.given, problem.shape[0] - 1
        self.gram = np.empty((D, D))
        kernels.gram(L.X, None, L.weight, *problem.centred.scaling, self.gram, threads=L.threads)
        problem.passes += D / (4 * problem.shape[1])
        self.scores = self._scores()
        self._factor()

    def run(self) -> str:
        """Step until it is proven, the passes are spent, or nothing is left to gain; return why it ended."""
        least, waited, steps = np.inf, 0, 0
        while True:
            apart = self._step()
            steps += 1
            spent = self.problem.passes >= self.max_passes
            if steps % LOOKS == 0 or spent or self.proof.asked():
                if self.proof.of(self.Z, self.p):
                    return ""
                left = self.proof.left
                least, waited = (left, 0) if left < LESS * least else (least, waited + 1)
                if spent:
                    return f"max_passes={self.max_passes:g} were spent"
                if waited >= STALLED:
                    return ROUNDED
            if steps in ADAPTS:
                self._adapt(apart)

    def _scores(self) -> F32:
        L, at, C = self.problem.given, self.problem.centred.scaling, self.problem.shape[1]
        W, b = np.ascontiguousarray(self.Z[:-1].T, np.float32), self.Z[-1].astype(np.float32)
        out = np.empty((len(L), C), np.float32)
        kernels.scores(L.X, None, *at, W, b, out, threads=L.threads)
        self.problem.passes += 0.5
        return out

    def _pull(self, p: F32) -> F64:
        """sum_i w_i x_i p_i' (D, C)."""
        L, at, (D, C) = self.problem.given, self.problem.centred.scaling, self.problem.shape
        out = np.empty((C, D - 1))
        kernels.pull(L.X, None, L.weight, *at, p, out, threads=L.threads)
        self.problem.passes += 0.5
        return out.T

    def _factor(self) -> None:
        """Factor lambda I + rho X'X, and begin anew from the scores and slopes of now."""
        from scipy.linalg import cholesky  # type: ignore[import-untyped]

        A = self.rho * self.gram
        A[np.diag_indices(len(A))] += self.strength + FLOOR * float(np.trace(A)) / len(A)
        self.factor = np.asarray(cholesky(A, lower=True, overwrite_a=True, check_finite=False), np.float32, order="F")
        self.z = self.scores + self.p / np.float32(self.rho)

    def _step(self) -> float:
        """Return how far the scores of W are from those that suit the losses, relatively."""
        from scipy.linalg import cho_solve

        L, rho = self.problem.given, np.float32(self.rho)
        kernels.best_slopes(self.z, L.y, self.p, loss=L.loss.name, strength=self.rho, threads=L.threads)
        suited = self.z - self.p / rho
        pulled = self.p + rho * (self.scores - suited)
        slope = self.strength * self.Z[:-1] + self._pull(pulled)
        self.Z[:-1] -= cho_solve((self.factor, True), slope.astype(np.float32), check_finite=False)
        self.Z[-1] -= self.problem.weight.astype(np.float64) @ pulled / (self.rho * len(L))
        self.scores = self._scores()
        apart = self.scores - suited
        self.z += np.float32(BEYOND) * apart
        return float(np.linalg.norm(apart) / max(float(np.linalg.norm(self.scores)), 1e-30))

    def _adapt(self, apart: float) -> None:
        V = self._pull(self.p)
        off = float(np.linalg.norm(self.strength * self.Z[:-1] + V) / max(float(np.linalg.norm(V)), 1e-30))
        change = float(np.clip(np.sqrt(apart / max(off, 1e-30)), 1 / MOST, MOST))
        if not 2 / 3 < change < 3 / 2:
            self.rho *= change
            self._factor()
