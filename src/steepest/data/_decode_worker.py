"""The process that decodes images: it is told what to do over its standard input, and ends when that ends.

It is a fresh interpreter that runs this file, not a fork and not multiprocessing, so it never runs the user's script
again and does not care about threads of its parent. It uses the standard library and pillow, no NumPy: it is ready in
a fraction of the time that `import steepest` takes. Pixels go straight into the file that it inherited.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import IO, Any

__all__ = ["main", "receive", "send"]


def send(pipe: IO[bytes], what: Any, items: Sequence[Any] = ()) -> None:
    """Write one message: a line of JSON, [what, items, sizes], and then the items, where they are bytes."""
    blobs = [item for item in items if not isinstance(item, str | tuple | list)]
    rest = [] if blobs else list(items)
    pipe.write(json.dumps([what, rest, [len(blob) for blob in blobs]]).encode("ascii") + b"\n")
    for blob in blobs:
        pipe.write(blob)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[Any, list[Any]]:
    """Read one message; EOFError when there will be no more."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    what, items, sizes = json.loads(line)
    for size in sizes:
        blob = pipe.read(size)
        if len(blob) < size:
            raise EOFError
        items.append(blob)
    return what, items


def main() -> None:
    """Serve one parent: a Plan with its files first, then chunks, until the input ends."""
    import signal

    # Ctrl-C is the parent's business: it ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from steepest.data.decoder import Decoder, Plan

    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        (paths, plan, *rest), _ = receive(requests)
        sys.path[:] = paths
        decoder = Decoder(Plan(*plan), *rest)
        __import__("PIL.Image")
        answer: Any = "ready"
        while True:
            send(answers, answer)
            rows, items = receive(requests)
            answer = decoder.run(rows, items)
    except (EOFError, BrokenPipeError):
        # The parent is done with this process, or gone; either way nobody waits for what is left.
        os._exit(0)


def _stand_in_for_packages() -> None:
    """Let the modules beside this file be imported without the packages around them, which import NumPy and more."""
    here = os.path.dirname(os.path.abspath(__file__))
    for name, folder in (("steepest", os.path.dirname(here)), ("steepest.data", here)):
        package = ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package


if __name__ == "__main__":
    _stand_in_for_packages()
    main()
