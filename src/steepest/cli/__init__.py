"""The shell's front door: steepest train, evaluate, predict, info."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str or None
        What stands after `steepest`; None takes it from the process.

    Returns
    -------
    int
        0; 1 training diverged; 2 the input or the words cannot be used; 130 or 143 stopped by SIGINT or SIGTERM.
    """
    from steepest.cli.guard import guarded

    return guarded(arguments)
