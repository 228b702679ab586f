"""Ctrl-C in good order: while a run trains, the first signal asks it to end and the second ends it."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

__all__ = ["Interrupted", "Signals"]


class Interrupted(KeyboardInterrupt):
    """The process was asked to end, by SIGINT or SIGTERM; `signum` says which, `left` what is on the disk."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum, self.left = signum, ""


class Signals:
    """Receives SIGINT and SIGTERM while its `with` block runs.

    Attributes
    ----------
    patient : bool
        Whether the first signal is only noted in `caught`; otherwise every signal raises Interrupted on the spot.
    caught : int or None
        The signal that was noted.
    """

    def __init__(self) -> None:
        self.patient = False
        self.caught: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():  # others may not receive signals
            for signum in (signal.SIGINT, signal.SIGTERM):
                # A process started in the background by a shell ignores SIGINT, and must go on doing so.
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    self._before[signum] = signal.signal(signum, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if self.patient and self.caught is None:
            self.caught = signum
        else:
            raise Interrupted(signum)
