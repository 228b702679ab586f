"""W3: one epoch of a 784-100-10 network, ReLU, batch 32, SGD with momentum, Fashion-MNIST.

Targets: at least 2x JAX and 5x torch. `network_contenders` has the mathematics.
"""

from benchmarks.harness import Row
from benchmarks.networks import measure


def run(rounds: int = 7) -> list[Row]:
    return measure("W3", {"JAX scan": 2.0, "torch eager": 5.0}, rounds)
