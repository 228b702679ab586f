"""Benchmarks: speed and memory as ratios to rivals, measured in one run. `python -m benchmarks --help`."""
