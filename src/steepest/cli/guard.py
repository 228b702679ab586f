"""Where every error ends: one line for the person, one number for the shell."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from steepest.cli.signals import Interrupted, Signals
from steepest.errors import ConvergenceWarning, DataWarning, DivergenceError, InputError

__all__ = ["guarded", "printable", "running", "say"]

Body = Callable[[Signals], int]


def say(text: str) -> None:
    """Write a line for a person to stderr, where it cannot get into a result."""
    print(f"steepest: {text}", file=sys.stderr)


def guarded(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its exit status, whatever happens; see `steepest.cli.main`."""
    from steepest.cli.app import app

    try:
        app(None if arguments is None else list(arguments), prog_name="steepest")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # the help has nowhere to go
        _let_go_of_output()
        return _report(error, error.strerror or str(error), 2, debug=False)
    return 0


def running(body: Body) -> None:
    """Run the body of a command and leave with its exit status; what it raises becomes one line."""
    raise SystemExit(_status(body))


def _status(body: Body) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a class name that the terminal's code does not have
    debug = os.environ.get("STEEPEST_DEBUG", "") not in ("", "0")
    try:
        with Signals() as signals, warnings.catch_warnings():
            warnings.simplefilter("always", DataWarning)
            warnings.simplefilter("always", ConvergenceWarning)
            warnings.showwarning = _show_warning
            status = body(signals)
            sys.stdout.flush()
            return status
    except BrokenPipeError:
        _let_go_of_output()  # the reader had enough (`| head`)
        return 1
    except Interrupted as stop:
        say(f"stopped; {stop.left}" if stop.left else "stopped")
        return 128 + stop.signum
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except InputError as error:
        return _report(error, str(error), 2, debug)
    except DivergenceError as error:
        return _report(error, str(error), 1, debug)
    except OSError as error:
        _let_go_of_output()
        place = f"{error.filename}: " if error.filename else ""
        return _report(error, f"{place}{error.strerror or error}", 2, debug)
    except MemoryError as error:
        return _report(error, "not enough memory for this source and model", 2, debug)


def _let_go_of_output() -> None:
    """Write what stdout still holds, or drop it where that cannot be: Python would complain once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    say(f"{'warning' if issubclass(category, ConvergenceWarning) else 'note'}: {printable(message)}")


def _report(error: BaseException, message: str, status: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    say(f"error: {printable(message)}")
    return status


def printable(text: Any) -> str:
    """Write a text from a file on a terminal: what could move the cursor or change colours is shown as its code."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in str(text))
