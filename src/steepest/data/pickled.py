"""Reading the kind of pickle that CIFAR is published in: nothing that it names is ever imported or called.

A pickle is a program for a small stack machine, here `pickle.Unpickler`. Two fences stand around it. Before it runs,
`pickletools` reads the whole program: only the instructions that build numbers, strings, lists, dictionaries and
NumPy's byte arrays may be in it, and nothing that makes it grow beyond its file. While it runs, a name in the file
finds one of three inert classes of this module, which keep what they are given, or nothing at all.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
from typing import Any, NoReturn

from steepest.data.names import printable

__all__ = ["ByteArray", "PickleRefusedError", "read_pickle"]

_MOST_INSTRUCTIONS = 1_000_000
_MOST_FIELDS = 64
_TEXTS = {
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_FIELDS = {"DICT", "SETITEM", "SETITEMS"}
_PUTS, _GETS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}, {"GET", "BINGET", "LONG_BINGET"}
_ALLOWED = {
    *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE"),
    *("INT", "BININT", "BININT1", "BININT2", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    *_TEXTS, *_FIELDS, *_PUTS, *_GETS,
}  # fmt: skip


class PickleRefusedError(ValueError):
    """The pickle holds something else than CIFAR's dictionaries do, or is damaged."""


class _Kind:
    """Stands for numpy.ndarray, which is named and never called."""

    def __init__(self, *_: Any) -> None:
        raise PickleRefusedError("it calls something that CIFAR's files do not call")

    def __setstate__(self, state: Any) -> NoReturn:
        raise PickleRefusedError("it sets up something that CIFAR's files do not have")


class _Type:
    """Stands for numpy.dtype."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        """Byte order and alignment say nothing about bytes."""


class ByteArray:
    """A NumPy array of bytes as the pickle describes it: its shape, and its bytes in C order."""

    shape: tuple[int, ...] = ()
    data = memoryview(b"")

    def __init__(self, kind: Any, *_: Any) -> None:
        if kind is not _Kind:
            raise PickleRefusedError("it calls something that CIFAR's files do not call")

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _Type) or kind.code not in ("u1", "|u1", "uint8") or fortran:
            raise PickleRefusedError("its array is not one of bytes in C order")
        if not all(type(size) is int and 0 <= size < 1 << 31 for size in shape) or not 1 <= len(shape) <= 4:
            raise PickleRefusedError("its array has an impossible shape")
        self.shape, self.data = tuple(shape), memoryview(data.encode("latin-1") if isinstance(data, str) else data)


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): ByteArray,
    ("numpy._core.multiarray", "_reconstruct"): ByteArray,
    ("numpy", "ndarray"): _Kind,
    ("numpy", "dtype"): _Type,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise PickleRefusedError(f"it asks for {printable(f'{module}.{name}')}, which is not allowed")
        return _NAMES[module, name]


def read_pickle(blob: bytes) -> dict[str, Any]:
    """Read a pickled dictionary.

    Parameters
    ----------
    blob : bytes
        The file, protocol 0 to 4.

    Returns
    -------
    dict
        Keys are str; values are int, str, list, dict or ByteArray.

    Raises
    ------
    PickleRefusedError
        Whatever else it is.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # odd escapes in a string are not CIFAR's
            _check(blob)
            result = _Unpickler(io.BytesIO(blob), encoding="latin-1").load()
    except PickleRefusedError:
        raise
    except Exception as error:
        # Its words may be of the file's making; the kind of error is not.
        raise PickleRefusedError(f"it is truncated or damaged ({type(error).__name__})") from error
    if type(result) is not dict or not all(type(key) is str for key in result):
        raise PickleRefusedError("it does not hold a dictionary with names")
    return result


def _check(blob: bytes) -> None:
    """Look at every instruction before the first one runs: the machine bounds neither its memory nor its time."""
    memo: dict[int, bool] = {}
    before, fields, levels = "", 0, [0]
    argument: Any
    for number, (code, argument, at) in enumerate(pickletools.genops(blob)):
        name = code.name
        if name not in _ALLOWED:
            raise PickleRefusedError(
                f"instruction 0x{ord(code.code):02x} at byte {at:,} is not one that CIFAR's files use"
            )
        if name == "MARK":
            levels.append(0)
        else:
            # What lies above each mark is counted: a dictionary with many keys of the file's choice can take for ever.
            marked = pickletools.markobject in code.stack_before
            items = levels.pop() if marked else len(code.stack_before)
            fields += items // 2 if name in _FIELDS else 0
            levels[-1] += len(code.stack_after) - len(code.stack_before) + 2 * marked
        if number >= _MOST_INSTRUCTIONS or fields > _MOST_FIELDS:
            raise PickleRefusedError(f"it has more than {_MOST_INSTRUCTIONS:,} parts or {_MOST_FIELDS} fields")
        if name == "INT" and argument.bit_length() > 63:
            raise PickleRefusedError("a number in it is too long")
        if name in _PUTS:
            # The machine's table of parts is as long as the largest number given in it.
            place = len(memo) if argument is None else argument
            if place > number + 255:
                raise PickleRefusedError(f"it calls its part {number:,} number {place:,}")
            memo[place] = before in _TEXTS or before in ("GLOBAL", "STACK_GLOBAL")
        elif name in _GETS and not memo.get(argument):
            # Tuples of the same tuple twice, forty deep: to hash that would take for ever.
            raise PickleRefusedError("it uses a part twice that is neither a text nor a name")
        before = name
