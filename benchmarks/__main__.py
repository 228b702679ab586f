"""Run benchmarks and print their tables: python -m benchmarks W1 W8 W9 W10 [--rounds N] [--json FILE]."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
from pathlib import Path

from benchmarks import machine
from benchmarks.harness import Row, table

BENCHMARKS = (
    "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W11", "W12", "L1", "HINGE", "SPARSE",
    "G1", "SWEEP", "TTA", "CROSSOVER", "BF16",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios to rivals, measured in one run.")
    parser.add_argument(
        "benchmarks", nargs="*", type=str.upper, metavar="W", help=f"which: {' '.join(BENCHMARKS)} (all)"
    )
    parser.add_argument("--rounds", type=int, help="rounds to count, at least 5 for a claim")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows and the machine there too")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.benchmarks if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    here, lines = machine.describe(), []
    print(machine.words(here), flush=True)
    for name in chosen.benchmarks or BENCHMARKS:
        lines += _show(name, chosen.rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": here, "rows": lines}, indent=1) + "\n")


def _show(name: str, rounds: int | None) -> list[Row]:
    try:
        module = importlib.import_module(f"benchmarks.{name.lower()}")
    except ModuleNotFoundError as error:
        print(f"\n{name}: absent ({error})", flush=True)
        return []
    title = (module.__doc__ or name).split("\n", 1)[0]
    print(f"\n{title}   ({machine.load()} at the start)", flush=True)
    takes_rounds = "rounds" in inspect.signature(module.run).parameters
    lines: list[Row] = module.run(rounds) if rounds and takes_rounds else module.run()
    print(table(lines), f"  {machine.load()} at the end", sep="\n", flush=True)
    return lines


if __name__ == "__main__":
    main()
