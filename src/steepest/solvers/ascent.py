"""Hinges to their true optimum from the dual side: block coordinate ascent, or interior points for small data."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import replace
from typing import final

import numpy as np

from steepest import losses, penalties
from steepest.data.describing import readable_bytes
from steepest.data.limits import memory_size
from steepest.errors import ConvergenceWarning, InputError
from steepest.kernels import dispatch as kernels
from steepest.kernels.sparse import are_sparse
from steepest.kernels.types import F32, F64
from steepest.losses.base import FloatArray
from steepest.losses.duals import Balancing
from steepest.objective.compiled import CompiledLinear
from steepest.solvers.ascent_interior import Interior, work
from steepest.solvers.ascent_splitting import Splitting
from steepest.solvers.certificate import Certificate
from steepest.solvers.convex import Solution
from steepest.solvers.problem import SMALL, Point, Problem
from steepest.solvers.smooth import ROUNDED, Watcher

__all__ = ["ascend", "refusal"]

WORK = 2e10
"""Multiplications that a step of the interior point method may take: some tenths of a second."""
BLOCK = 64
"""Rows between two looks at W. Their Gram matrices take that many numbers for each row."""
BIAS = 0.02
"""Of the mean |x|^2, the square of the feature that stands for the bias."""
AGAIN = 0.5
"""How far what seems to be left must have fallen before it is proven once more."""
STALLED, LESS = 150, 0.98
"""Passes within which what seems to be left must fall to that share."""
EXHAUSTED = "rounding in float64 is all that is left to gain"
SHARE = 0.5
"""Of the memory, what the dual variables and all that goes with them may take."""
MOST_FEATURES = 8000
"""A Gram matrix of more features than these takes longer to factor than splitting saves."""
HARD, SOON, LATE = 4.0, 40.0, 250.0
"""Where the mean |x|^2 is more than HARD times 2 alpha N one step of ascent moves little: splitting takes over SOON."""


def ascend(
    objective: CompiledLinear, tol: float = 1e-4, max_passes: int = 1000, seed: int = 0, because: str = "",
    watch: Watcher | None = None,
) -> Solution:  # fmt: skip
    """Minimize L(W) = mean loss + alpha |W|^2 for a hinge, kinks and all, until it is proven to be within `tol`.

        max over p of  D(p) = -1/N sum_i w_i L*_i(p_i) - |V|^2 / (4 alpha)      with  sum_i w_i p_i = 0

        V = 1/N sum_i w_i x_i p_i',    W = -V / (2 alpha),    L(W) - min L  <=  L(W) - D(p)

    Each example has its best p_i in turn while all others stay, and W follows (`kernels.ascend`). The bias, which has
    no penalty, is one more feature about a centre that moves to where the last pass left it; what sum_i w_i p_i is off
    by is taken away before anything is proven. Where N alpha is small that takes many passes, and operator splitting
    takes over (`Splitting`). Small data are solved by an interior point method in float64 (`Interior`); sparse rows of
    them are given all their zeros.

    Parameters
    ----------
    objective : CompiledLinear
        With the loss hinge, hinge_max or ova_hinge, the penalty "l2" and alpha above 0.
    tol : float
        Proven bound on (L - min L) / L at which it is done.
    max_passes : int
        Looks at all rows, at most.
    seed : int
        Of the order of the rows.
    because : str
        Why this solver, for the certificate.
    watch : callable or None
        Told after every pass of the best point so far.

    Returns
    -------
    Solution
        With its certificate. Where the bound was not reached a ConvergenceWarning says what is left and what to do.

    Raises
    ------
    InputError
        When the loss, the penalty or alpha is not of this kind, or the dual variables do not fit into memory.

    References
    ----------
    Keerthi et al., A sequential dual method for large scale multi-class linear SVMs, 2008; Shalev-Shwartz and Zhang,
    Stochastic dual coordinate ascent methods for regularized loss minimization, 2013. For the bias: Hestenes,
    Multiplier and gradient methods, 1969.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    began = time.perf_counter()
    with threadpool_limits(1, user_api="blas"):  # threads of its own would spin on into the sweeps
        if why := refusal(objective):
            raise InputError(f"dual ascent is not for this: {why}")
        problem = Problem(_that_count(_dense(objective)))
        proof = Proof(problem, tol, watch)
        if isinstance(problem.dense, np.ndarray) and work(problem) <= WORK:
            solver, ended, why = "an interior point method", EXHAUSTED, "the data are small"
            Interior(problem).run(proof.of)
            if proof.best is None:  # there was no first step
                proof.at(np.zeros(problem.shape))
        else:
            solver, ended, why = _climb(problem, proof, max_passes, np.random.Generator(np.random.Philox(seed)))
    seconds = time.perf_counter() - began
    assert proof.best is not None
    reasons = "; ".join(reason for reason in (because, why) if reason)
    found = Certificate(proof.best.value, proof.left, problem.passes, seconds, solver, reasons)
    if not proof.done:
        _warn(found, tol, proof.ended or ended)
    return Solution(problem.parameters(proof.best.Z), found, proof.history)


def _dense(objective: CompiledLinear) -> CompiledLinear:
    """Return the objective of rows with all their zeros; of many sparse ones it is never asked."""
    X: object = objective.X
    return replace(objective, X=X.toarray()) if are_sparse(X) else objective


def _that_count(objective: CompiledLinear) -> CompiledLinear:
    """Return the objective without rows of weight 0, whose dual variables have no room, where these rows are few."""
    weight = objective.weight
    if weight is None or weight.all() or objective.X.size > SMALL:
        return objective
    counts = weight > 0
    share = np.float32(counts.mean())
    return replace(objective, X=objective.X[counts], y=objective.y[counts], weight=weight[counts] * share)


def _climb(problem: Problem, proof: Proof, max_passes: float, rng: np.random.Generator) -> tuple[str, str, str]:
    """Ascend, and split where that takes too long; return what did it, why it ended, and why it was taken."""
    hard = problem.spread > HARD * 2 * problem.alpha * len(problem)
    splits = problem.shape[0] <= MOST_FEATURES
    limit = min(max_passes, SOON if hard else LATE) if splits else max_passes
    blocks = BlockAscent(problem, proof, limit, rng)
    ended = blocks.run()
    if proof.done or proof.ended or not splits or problem.passes >= max_passes:
        return "dual coordinate ascent", ended, ""
    Z = np.vstack([blocks.W.T, blocks.b]).astype(np.float64)
    why = f"N alpha = {problem.alpha * len(problem):.2g} is small beside a mean |x|^2 of {problem.spread:.2g}"
    return "dual coordinate ascent, then splitting", Splitting(problem, proof, max_passes, Z, blocks.p).run(), why


def refusal(objective: CompiledLinear) -> str:
    """Say why dual ascent cannot solve this; nothing where it can."""
    if objective.loss not in (losses.hinge, losses.hinge_max, losses.ova_hinge):
        return f"loss {objective.loss!r} has no kink that it knows"
    if objective.alpha == 0 or isinstance(objective.penalty, penalties.NoPenalty):
        return "there is no penalty" if objective.alpha else "alpha is 0"
    if are_sparse(objective.X) and len(objective) * objective.X.shape[1] > SMALL:
        return "the rows are sparse, and too many to be held with all their zeros"
    needed = memory(len(objective), objective.X.shape[1], objective.n_classes)
    if needed > SHARE * memory_size():
        return f"its dual variables and what goes with them need {readable_bytes(needed)}"
    return ""


def memory(rows: int, features: int, classes: int) -> int:
    """Bytes that it takes beside the data: slopes and scores, in float64 while they are proven, and Gram matrices."""
    return rows * (classes * (5 * 4 + 3 * 8) + BLOCK * 4) + 3 * 8 * min(features, MOST_FEATURES) ** 2


def _warn(found: Certificate, tol: float, ended: str) -> None:
    spent = ended.startswith("max_passes")
    fix = "give it more passes, or a larger alpha" if spent else f"a tol of {found.gap:.0e} was reached"
    warnings.warn(
        f"the fit is proven to be within {found.gap:.1e} of the optimum only, not {tol:g}: {ended}; {fix}",
        ConvergenceWarning,
        stacklevel=3,
    )


@final
class Proof:
    """The best weights met, and the best bound from below.

    Attributes
    ----------
    best : Point or None
        With the least value.
    lower : float
        No weights have less: 0, as no loss is below it, until more is proven.
    ended : str
        Why it was stopped from outside; empty if it was not.
    history : list of dict
        Passes, objective and proven bound at each look.
    """

    def __init__(self, problem: Problem, tol: float, watch: Watcher | None) -> None:
        self.problem, self.tol, self.watch = problem, tol, watch
        self.best: Point | None = None
        self.lower, self.ended = 0.0, ""
        self.history: list[dict[str, float]] = []

    @property
    def left(self) -> float:
        """What is proven of the best weights."""
        return math.inf if self.best is None else max(0.0, self.best.value - self.lower)

    @property
    def done(self) -> bool:
        """Whether that is little enough."""
        return self.best is not None and self.left <= self.tol * self.best.value

    def of(self, Z: F64, p: FloatArray) -> bool:
        """Look at weights and biases Z (D + 1, C), and at slopes p (N, C); say whether to stop."""
        if (q := balanced(self.problem, p)) is not None:
            self.bound(q, weights(self.problem, q))
        return self.at(Z)

    def bound(self, p: FloatArray, W: F64) -> None:
        """Take D(p) into account, for p of mean 0 and the weights that belong to it."""
        problem = self.problem
        data = -float(problem.weight.astype(np.float64) @ problem.dual.conjugate(p, problem.given.y)) / len(problem)
        self.lower = max(self.lower, data - problem.alpha * float(np.vdot(W, W)))

    def at(self, Z: F64) -> bool:
        """Take L(Z) into account; say whether to stop."""
        point = self.problem.evaluate(Z.copy())  # a point stays, and who asks may move on in place
        if self.best is None or point.value < self.best.value:
            self.best = point
        self.history.append({"pass": self.problem.passes, "objective": self.best.value, "bound": self.left})
        return self.asked() or self.done

    def asked(self) -> bool:
        """Show the best weights, after the passes of now; say whether it was asked to stop."""
        if self.best is not None and self.watch is not None and not self.ended:
            now = replace(self.best, passes=self.problem.passes)
            self.ended = "it was asked to stop" if self.watch(now, self.left) else ""
        return bool(self.ended)


def balanced(problem: Problem, p: FloatArray) -> F64 | None:
    """Return slopes near p of mean 0, as D wants them; None where there are none."""
    assert isinstance(problem.dual, Balancing)
    return problem.dual.balanced(p, problem.given.y, problem.weight)


def weights(problem: Problem, p: FloatArray) -> F64:
    """W = -1/(2 alpha N) sum_i w_i x_i p_i', (D, C)."""
    L, at = problem.given, problem.centred.scaling
    problem.passes += 0.5
    if isinstance(problem.dense, np.ndarray):
        sums = problem.dense.T @ (p * problem.weight[:, np.newaxis])
    else:
        out = np.empty((problem.shape[1], problem.shape[0] - 1))
        kernels.pull(L.X, None, L.weight, *at, np.asarray(p, np.float32), out, threads=L.threads)
        sums = out.T
    return np.asarray(sums / (-2 * problem.alpha * len(problem)))


@final
class BlockAscent:
    """Passes of dual coordinate ascent, block after block of rows in an order that is drawn anew for each.

    The bias is beta b' about a centre c, with beta^2 the share BIAS of the mean |x|^2: b = c - beta^2 r and, after a
    pass, c <- b, where r = sum_i w_i p_i / (2 alpha N) goes to 0.
    """

    def __init__(self, problem: Problem, proof: Proof, max_passes: float, rng: np.random.Generator) -> None:
        self.problem, self.proof, self.max_passes, self.rng = problem, proof, max_passes, rng
        L, (D, C), N = problem.given, problem.shape, len(problem)
        self.order = rng.permutation(N)
        self.gram: F32 = np.empty((N, max(1, min(BLOCK, N))), np.float32)
        kernels.block_grams(L.X, self.order, *problem.centred.scaling, self.gram, threads=L.threads)
        problem.passes += self.gram.shape[1] / (4 * C)
        self.bias = max(BIAS * problem.spread, float(np.finfo(np.float32).tiny))
        self.strength = 2 * problem.alpha * N
        self.W, self.b = np.zeros((C, D - 1), np.float32), np.zeros(C, np.float32)
        self.p = np.zeros((N, C), np.float32)
        self.centre = np.zeros(C)

    def run(self) -> str:
        """Pass until it is proven, the passes are spent, or nothing is left to gain; return why it ended."""
        problem, proof = self.problem, self.proof
        least, waited, proven = math.inf, 0, math.inf
        while True:
            left, moved = self._pass()
            value = self._dual() + left
            least, waited = (left, 0) if left < LESS * least else (least, waited + 1)
            spent, stalled = problem.passes >= self.max_passes, waited >= STALLED or moved == 0
            near = left <= max(proof.tol * value, 0) or left <= AGAIN * proven
            if near or spent or stalled or proof.asked():
                proven = left
                if self._prove():
                    return ""
            if spent:
                return f"max_passes={self.max_passes:g} were spent"
            if stalled:
                return ROUNDED

    def _pass(self) -> tuple[float, int]:
        """Return what seemed to be left on the way, and how many rows moved."""
        L, problem = self.problem.given, self.problem
        off = (self.bias / self.strength) * (problem.weight.astype(np.float64) @ self.p)
        self.centre -= off
        self.b[:] = self.centre - off
        turn = self.rng.permutation(-(-len(problem) // self.gram.shape[1]))
        left, moved = kernels.ascend(
            L.X, L.y, self.order, L.weight, *problem.centred.scaling, self.W, self.b, self.p, self.gram, turn,
            loss=L.loss.name, strength=self.strength, bias=self.bias, threads=L.threads,
        )  # fmt: skip
        problem.passes += 1
        return left / len(problem), moved

    def _dual(self) -> float:
        """About D(p)."""
        problem = self.problem
        data = -float(problem.weight @ problem.dual.conjugate(self.p, problem.given.y)) / len(problem)
        return data - problem.alpha * float(np.vdot(self.W, self.W))

    def _prove(self) -> bool:
        problem, proof = self.problem, self.proof
        if (q := balanced(problem, self.p)) is not None:
            self.p[:] = q
            W = weights(problem, self.p)
            proof.bound(self.p, W)
            self.W[:], self.centre[:] = W.T, self.b
        return proof.at(np.vstack([self.W.T, self.b]).astype(np.float64))
