"""The one method of measuring: contenders alternate, one warm-up each, median with spread, ratios pair by pair.

    round 1: ours, rival A, rival B      round 2: ours, rival A, rival B      ...
    ratio of a rival = median over the rounds of (rival's figure / our figure in the same round)

Every contender is a process of its own, which prepares its data once and then answers requests, so that thread pools
and memory stay apart. Other programs on the machine spoil a round for all contenders, though not alike: the processor
time that went to others is read beside every round, and when enough rounds are quiet only these count; else the
quietest ones do, and the table says so.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
QUIET = 0.1
"""Share of the machine that other programs may take in a round that still counts as quiet."""

REST = 0.3
"""Seconds before each figure: the threads of the contender before spin for as long as 0.2 s before they sleep."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))


def ratio(rival: list[float], ours: list[float]) -> Spread:
    """Spread of rival / ours, round by round: noise that lasts longer than a round cancels."""
    return Spread.of(theirs / our for theirs, our in zip(rival, ours, strict=True))


@dataclass
class Rounds:
    """What was measured: for each contender one figure a round, and the share of the machine that others took in it."""

    figures: dict[str, list[float]]
    others: list[float] = field(default_factory=list)

    def quietest(self, count: int) -> Rounds:
        """The quiet rounds when there are `count` of them, else the `count` least disturbed ones; in their order."""
        ranked = sorted(range(len(self.others)), key=self.others.__getitem__)
        quiet = [i for i in ranked if self.others[i] <= QUIET]
        keep = sorted(quiet if len(quiet) >= count else ranked[:count])
        return Rounds({name: [f[i] for i in keep] for name, f in self.figures.items()}, [self.others[i] for i in keep])

    def describe(self, tried: int) -> str:
        share = Spread.of(self.others)
        quiet = sum(other <= QUIET for other in self.others)
        return (
            f"{len(self.others)} rounds counted of {tried} run, {quiet} of them quiet; "
            f"other programs took {share.median:.0%} ({share.low:.0%} ... {share.high:.0%}) of the machine in them"
        )


def alternate(
    contenders: dict[str, Callable[[], float]], rounds: int, patience: float = 150.0, pids: Iterable[int] = ()
) -> tuple[Rounds, str]:
    """Measure A B C, A B C, ... until `rounds` rounds were quiet, or `patience` seconds are over and as many were run.

    Parameters
    ----------
    contenders : name -> function
        Each call gives one figure: seconds, or bytes.
    rounds : int
        How many to count.
    patience : float
        Seconds to go on for when others disturb.
    pids : iterable of int
        Long-lived worker processes, whose processor time is ours; children that end are counted anyway.

    Returns
    -------
    rounds, note
        The rounds that count, and how quiet they were in words.
    """
    pids = list(pids)
    for measure in contenders.values():
        measure()
    done = Rounds({name: [] for name in contenders})
    began = time.perf_counter()
    while True:
        before, start = _busy() - _own(pids), time.perf_counter()
        for name, measure in contenders.items():
            time.sleep(REST)
            done.figures[name].append(measure())
        elapsed = time.perf_counter() - start
        done.others.append(max(0.0, _busy() - _own(pids) - before) / (elapsed * (os.cpu_count() or 1)))
        quiet = sum(other <= QUIET for other in done.others)
        if quiet >= rounds or (len(done.others) >= rounds and time.perf_counter() - began > patience):
            kept = done.quietest(rounds)
            return kept, kept.describe(len(done.others))


def _busy() -> float:
    """Processor seconds that the machine has spent on anything, stolen time included; 0 where it cannot be known."""
    try:
        ticks = [int(t) for t in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0
    idle, iowait = ticks[3], ticks[4]
    return (sum(ticks) - idle - iowait) / os.sysconf("SC_CLK_TCK")


def _own(pids: list[int]) -> float:
    """Processor seconds of this process, its ended children and these live ones."""
    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


class Worker:
    """A contender's process: started with a command line, ready when its data is, then one answer a request.

    The other side is `serve`. A contender that cannot run here has its reason in `absent`.
    """

    def __init__(self, module: str, *arguments: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.ready: dict[str, Any] = self._answer()
        self.absent: str | None = self.ready.get("absent")

    def ask(self, request: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self._answer()

    def seconds(self) -> float:
        return float(self.ask("round")["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            return {"absent": f"its process ended with status {self.process.wait()}"}
        return json.loads(line)

    def close(self) -> None:
        self.process.communicate()


def serve(prepare: Callable[[], dict[str, Callable[[], dict[str, Any]]]]) -> None:
    """Be a worker: prepare once, then answer each request (a line naming one of the functions) with its record.

    A library that is not installed makes an absent contender, not an error.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not look like an answer

    def answer(record: dict[str, Any]) -> None:
        answers.write(json.dumps(record) + "\n")
        answers.flush()

    try:
        functions = prepare()
    except ImportError as error:
        return answer({"absent": str(error)})
    answer({"ready": True})
    for line in sys.stdin:
        answer(functions[line.strip()]())
    return None


def timed(work: Callable[[], Any]) -> dict[str, Any]:
    start = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - start}


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> dict[str, str]:
    """The same number of threads for everyone."""
    count = str(cores())
    return {
        **os.environ,
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count),
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def rows(
    identity: str, measured: dict[str, list[float]], ours: str | None, targets: dict[str, float], unit: str = "s"
) -> list[Row]:
    """Rows of a table: each contender's spread, and for rivals the ratio to `ours` with its target ("at least")."""
    table: list[Row] = []
    for name, figures in measured.items():
        spread = Spread.of(figures)
        row: Row = {
            "id": identity,
            "name": name,
            "unit": unit,
            "median": spread.median,
            "low": spread.low,
            "high": spread.high,
        }
        if ours is not None and name != ours and ours in measured:
            times = ratio(figures, measured[ours])
            row |= {"ratio": times.median, "ratio_low": times.low, "ratio_high": times.high}
            if name in targets:
                row |= {"target": f">= {targets[name]:g}x", "met": times.median >= targets[name]}
        table.append(row)
    return table


def line(identity: str, name: str, times: Spread, note: str, ours: Spread | None = None) -> Row:
    """A row of seconds that were not taken round by round: its ratio to ours is that of the medians, and at worst."""
    row: Row = {
        "id": identity, "name": name, "unit": "s", "median": times.median, "low": times.low, "high": times.high,
        "note": note,
    }  # fmt: skip
    if ours is not None:
        low, high = times.low / ours.high, times.high / ours.low
        row |= {"ratio": times.median / ours.median, "ratio_low": low, "ratio_high": high}
    return row


def against(identity: str, measured: dict[str, list[float]], ours: str, targets: dict[str, float]) -> list[Row]:
    """Rows of rivals once more, with the ratio to another one of ours."""
    lines = rows(identity, {name: measured[name] for name in targets if name in measured}, None, {})
    for line in lines if ours in measured else []:
        times = ratio(measured[line["name"]], measured[ours])
        goal = targets[line["name"]]
        line |= {"ratio": times.median, "ratio_low": times.low, "ratio_high": times.high}
        line |= {"target": f">= {goal:g}x", "met": times.median >= goal, "name": f"{line['name']}, against {ours}"}
    return lines


def at_most(row: Row, limit: float) -> Row:
    """The row with a target on its own figure."""
    return {**row, "target": f"<= {figure(limit, row['unit'])}", "met": row["median"] <= limit}


def absent(identity: str, name: str, reason: str) -> Row:
    return {"id": identity, "name": name, "absent": reason}


def figure(value: float, unit: str) -> str:
    """A figure in words: seconds as s, ms; bytes as MB."""
    match unit:
        case "s" if value < 1:
            return f"{value * 1e3:.1f} ms"
        case "s":
            return f"{value:.2f} s"
        case "B":
            return f"{value / 1e6:.0f} MB"
    return f"{value:.3g} {unit}"


def table(lines: list[Row]) -> str:
    """The rows as text: name, median, spread, ratio with spread, target, and notes beneath."""
    cells = [["", "median", "min ... max", "ratio", "min ... max", "target", ""]]
    notes = []
    for row in lines:
        if "note" in row and "name" not in row:
            notes.append(row["note"])
            continue
        if "absent" in row:
            cells.append([row["name"], "absent", row["absent"].splitlines()[-1][:60], "", "", "", ""])
            continue
        unit = row.get("unit", "s")
        name = row["name"] + (f" [{row['note']}]" if row.get("note") else "")
        line = [name, figure(row["median"], unit), "", "", "", row.get("target", ""), ""]
        if "low" in row:
            line[2] = f"{figure(row['low'], unit)} ... {figure(row['high'], unit)}"
        if "ratio" in row:
            line[3] = f"{row['ratio']:.2f}x"
            line[4] = f"{row['ratio_low']:.2f} ... {row['ratio_high']:.2f}"
        if row.get("met") is not None:
            line[6] = "met" if row["met"] else "MISSED"
        cells.append(line)
    widths = [max(len(line[i]) for line in cells) for i in range(7)]
    text = [
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    text.insert(1, "-" * max(map(len, text)))
    return "\n".join(text + [f"  {note}" for note in notes])
