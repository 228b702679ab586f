"""The statistics of the benchmarks' harness."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def harness():
    spec = importlib.util.spec_from_file_location("steepest_benchmarks_harness", ROOT / "benchmarks" / "harness.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_spread_is_median_least_and_most(harness):
    assert harness.Spread.of([3.0, 1.0, 2.0, 10.0]) == harness.Spread(2.5, 1.0, 10.0)


def test_ratio_pairs_the_rounds(harness):
    # The machine was three times slower in the second round, and the pairs do not see it.
    assert harness.ratio([6.0, 18.0, 6.0], [1.0, 3.0, 1.0]) == harness.Spread(6.0, 6.0, 6.0)


def test_ratio_refuses_rounds_that_do_not_pair(harness):
    with pytest.raises(ValueError, match="shorter"):
        harness.ratio([1.0, 2.0], [1.0])


def test_contenders_alternate_after_one_warm_up_each(harness):
    calls = []
    contenders = {name: (lambda name=name: calls.append(name) or float(len(calls))) for name in "ABC"}
    counted, _ = harness.alternate(contenders, rounds=5, patience=0)
    assert "".join(calls) == "ABC" * 6
    assert counted.figures["A"] == [4.0, 7.0, 10.0, 13.0, 16.0]


def test_quiet_rounds_count_when_there_are_enough(harness):
    rounds = harness.Rounds({"ours": [1.0, 9.0, 2.0, 3.0]}, [0.0, 0.6, 0.04, 0.01])
    assert rounds.quietest(2).figures == {"ours": [1.0, 2.0, 3.0]}


def test_else_the_least_disturbed_rounds_count(harness):
    rounds = harness.Rounds({"ours": [1.0, 9.0, 2.0]}, [0.3, 0.6, 0.2])
    assert rounds.quietest(2).figures == {"ours": [1.0, 2.0]}


def test_figures_that_do_not_pair_have_the_ratio_of_their_medians_at_worst_and_at_best(harness):
    rival, ours = harness.Spread.of([6.0, 8.0, 9.0]), harness.Spread.of([1.0, 2.0, 3.0])
    row = harness.line("W0", "rival", rival, "a note", ours)
    assert (row["median"], row["low"], row["high"], row["note"]) == (8.0, 6.0, 9.0, "a note")
    assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == (4.0, 2.0, 9.0)
    assert "ratio" not in harness.line("W0", "ours", ours, "")


def test_rows_carry_ratio_and_target(harness):
    ours, rival, other = harness.rows(
        "W0", {"ours": [1.0, 1.0], "rival": [5.0, 7.0], "other": [2.0, 2.0]}, "ours", {"rival": 6.0, "other": 3.0}
    )
    assert "ratio" not in ours
    assert (rival["ratio"], rival["ratio_low"], rival["ratio_high"], rival["met"]) == (6.0, 5.0, 7.0, True)
    assert other["met"] is False


def test_table_says_met_missed_and_absent(harness):
    lines = harness.rows("W0", {"ours": [0.1], "rival": [0.5]}, "ours", {"rival": 6.0})
    text = harness.table(
        [
            harness.at_most(lines[0], 0.2),
            lines[1],
            harness.absent("W0", "gone", "No module named 'gone'"),
            {"note": "why"},
        ]
    )
    ours, rival, gone, why = text.splitlines()[2:]
    assert "100.0 ms" in ours
    assert "<= 200.0 ms" in ours
    assert ours.endswith(" met")
    assert "5.00x" in rival
    assert rival.endswith("MISSED")
    assert "No module named 'gone'" in gone
    assert why == "  why"
