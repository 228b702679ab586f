"""W4: an epoch of 10,000 steps of a 2-8-2 network, tanh, batch 10, SGD with momentum: the price of a step.

Targets: at least 4x JAX (a scan) and 90x torch; a step in under 1 us. `network_contenders` has the mathematics.
"""

from benchmarks.harness import Row
from benchmarks.networks import measure


def run(rounds: int = 7) -> list[Row]:
    return measure("W4", {"JAX scan": 4.0, "torch eager": 90.0}, rounds, without=("torch.compile",))
