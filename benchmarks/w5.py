"""W5: softmax on Fashion-MNIST to a relative gap of 1e-6, alpha 5e-5.

Target: at least 40x scikit-learn's lbfgs, which needs about 624 iterations. `solved` has the mathematics.
"""

from benchmarks.harness import Row
from benchmarks.solved import measure


def run(rounds: int = 5) -> list[Row]:
    return measure("W5", 1e-6, 624, 40, rounds)
