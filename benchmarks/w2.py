"""W2: one epoch of a 784-256-128-10 network, ReLU, batch 128, SGD with momentum, Fashion-MNIST.

Targets: at least 1.0x JAX and 2.2x torch in float32; in bfloat16 1.5x JAX's float32 and 2x torch's bfloat16.
`network_contenders` has the mathematics.
"""

from benchmarks.harness import Row
from benchmarks.networks import measure


def run(rounds: int = 7) -> list[Row]:
    return measure("W2", {"JAX scan": 1.0, "torch eager": 2.2}, rounds, bf16={"JAX scan": 1.5, "torch bf16": 2.0})
