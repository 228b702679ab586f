"""Reading the kind of pickle that CIFAR is published in, as data: nothing that it names is ever looked up or called.

A pickle is a program for a small stack machine. This machine knows only the instructions that build numbers, strings,
lists, dictionaries and NumPy's byte arrays; a name in the file ("numpy.ndarray") stays a name, a call becomes a plain
record, and anything else is refused. Strings stay views of the file, so the memory needed is that of the file and a
few lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from steepest.data.names import printable

__all__ = ["ByteArray", "PickleRefusedError", "read_pickle"]

_MOST_OBJECTS = 1_000_000
_LONG = 256
_ALLOWED_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): "reconstruct",
    ("numpy._core.multiarray", "_reconstruct"): "reconstruct",
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
}


class PickleRefusedError(ValueError):
    """The pickle holds something else than CIFAR's dictionaries do, or is damaged."""


class _Mark:
    pass


@dataclass
class _Name:
    word: str


@dataclass
class _Type:
    code: str


@dataclass
class ByteArray:
    """A NumPy array of bytes as the pickle describes it: its shape, and its bytes in C order."""

    shape: tuple[int, ...] = ()
    data: memoryview = field(default_factory=lambda: memoryview(b""))


def read_pickle(blob: bytes) -> dict[str, Any]:
    """Read a pickled dictionary.

    Parameters
    ----------
    blob : bytes
        The file, protocol 0 to 4.

    Returns
    -------
    dict
        Keys are str; values are int, str, memoryview (a long string), list, dict or ByteArray.

    Raises
    ------
    PickleRefusedError
        Whatever else it is.
    """
    try:
        result = _Machine(blob).run()
    except PickleRefusedError:
        raise
    except (IndexError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise PickleRefusedError(f"it is damaged ({type(error).__name__})") from error
    if not isinstance(result, dict):
        raise PickleRefusedError("it does not hold a dictionary")
    return result


class _Machine:
    def __init__(self, blob: bytes) -> None:
        self.blob, self.view, self.at = blob, memoryview(blob), 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.made = 0

    def run(self) -> Any:
        """Follow the instructions to the end."""
        while True:
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                if len(self.stack) != 1:
                    raise PickleRefusedError("it is damaged (it leaves things behind)")
                return self.stack[0]
            action = _ACTIONS.get(code)
            if action is None:
                raise PickleRefusedError(
                    f"instruction 0x{code:02x} at byte {self.at - 1:,} is not one that CIFAR's files use"
                )
            self.made += 1
            if self.made > _MOST_OBJECTS:
                raise PickleRefusedError(f"it has more than {_MOST_OBJECTS:,} parts")
            action(self)

    def take(self, size: int) -> memoryview:
        piece = self.view[self.at : self.at + size]
        if size < 0 or len(piece) < size:
            raise PickleRefusedError("it is truncated")
        self.at += size
        return piece

    def number(self, size: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def line(self) -> str:
        end = self.blob.find(b"\n", self.at, self.at + 4096)
        if end < 0:
            raise PickleRefusedError("it is truncated")
        text = self.blob[self.at : end]
        self.at = end + 1
        return text.decode("latin-1")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def string(self, size: int) -> None:
        piece = self.take(size)
        # Long strings are pixels; they are not copied.
        self.push(piece if size > _LONG else str(piece, "latin-1"))

    def to_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while not isinstance(self.stack[at], _Mark):
            at -= 1
            if at < 0:
                raise PickleRefusedError("it is damaged (no mark)")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def quoted(self) -> None:
        text = self.line()
        if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"" or "\\" in text:
            raise PickleRefusedError("a string in it is not a plain name")
        self.push(text[1:-1])

    def integer(self) -> None:
        text = self.line().removesuffix("L")
        if len(text) > 20:
            raise PickleRefusedError("a number in it is too long")
        self.push({"00": False, "01": True}.get(text) if text in ("00", "01") else int(text))

    def long(self, size: int) -> None:
        if size > 16:
            raise PickleRefusedError("a number in it is too long")
        self.push(self.number(size, signed=True))

    def tuple_of(self, size: int) -> None:
        items = tuple(self.stack[len(self.stack) - size :]) if size else ()
        if len(items) != size:
            raise PickleRefusedError("it is damaged (stack)")
        del self.stack[len(self.stack) - size :]
        self.push(items)

    def name(self, module: Any, word: Any) -> None:
        known = _ALLOWED_NAMES.get((module, word)) if isinstance(module, str) and isinstance(word, str) else None
        if known is None:
            # Only names are printed: printing whatever a hostile file put there could take for ever.
            asked = f"{module}.{word}" if isinstance(module, str) and isinstance(word, str) else "something"
            raise PickleRefusedError(f"it asks for {printable(asked)}, which is not allowed")
        self.push(_Name(known))

    def global_name(self) -> None:
        self.name(self.line(), self.line())

    def stack_name(self) -> None:
        word, module = self.stack.pop(), self.stack.pop()
        self.name(module, word)

    def call(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if isinstance(name, _Name) and name.word == "reconstruct" and arguments[0] == _Name("ndarray"):
            self.push(ByteArray())
        elif isinstance(name, _Name) and name.word == "dtype" and isinstance(arguments[0], str):
            self.push(_Type(arguments[0]))
        else:
            raise PickleRefusedError("it calls something that CIFAR's files do not call")

    def build(self) -> None:
        state, thing = self.stack.pop(), self.stack[-1]
        if isinstance(thing, ByteArray):
            _, shape, kind, fortran, data = state
            if not isinstance(kind, _Type) or kind.code not in ("u1", "|u1", "uint8") or fortran:
                raise PickleRefusedError("its array is not one of bytes in C order")
            if not all(type(size) is int and 0 <= size < 1 << 31 for size in shape) or not 1 <= len(shape) <= 4:
                raise PickleRefusedError("its array has an impossible shape")
            raw = memoryview(data.encode("latin-1")) if isinstance(data, str) else memoryview(data)
            thing.shape, thing.data = tuple(shape), raw
        elif not isinstance(thing, _Type):
            raise PickleRefusedError("it sets up something that CIFAR's files do not have")

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def append(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise PickleRefusedError("it is damaged (not a list)")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2 or not all(type(key) is str for key in items[::2]):
            raise PickleRefusedError("it is damaged (not a dictionary with names)")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def dictionary(self) -> None:
        items = self.to_mark()
        self.push({})
        self.set_items(items)

    def list_of(self) -> None:
        self.push(self.to_mark())


def _ignore(machine: _Machine, size: int) -> None:
    machine.take(size)


_ACTIONS: dict[int, Callable[[_Machine], None]] = {
    ord("("): lambda m: m.push(_Mark()),
    ord("}"): lambda m: m.push({}),
    ord("]"): lambda m: m.push([]),
    ord(")"): lambda m: m.push(()),
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("K"): lambda m: m.push(m.number(1)),
    ord("M"): lambda m: m.push(m.number(2)),
    ord("J"): lambda m: m.push(m.number(4, signed=True)),
    ord("I"): _Machine.integer,
    ord("L"): _Machine.integer,
    0x8A: lambda m: m.long(m.number(1)),
    ord("S"): _Machine.quoted,
    ord("V"): lambda m: m.push(m.line()),
    ord("U"): lambda m: m.string(m.number(1)),
    ord("T"): lambda m: m.string(m.number(4, signed=True)),
    ord("X"): lambda m: m.string(m.number(4)),
    0x8C: lambda m: m.string(m.number(1)),
    ord("C"): lambda m: m.string(m.number(1)),
    ord("B"): lambda m: m.string(m.number(4)),
    0x8E: lambda m: m.string(m.number(8)),
    ord("t"): lambda m: m.push(tuple(m.to_mark())),
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    ord("l"): _Machine.list_of,
    ord("d"): _Machine.dictionary,
    ord("a"): lambda m: m.append([m.stack.pop()]),
    ord("e"): lambda m: m.append(m.to_mark()),
    ord("s"): _Machine.set_item,
    ord("u"): lambda m: m.set_items(m.to_mark()),
    ord("p"): lambda m: m.put(int(m.line())),
    ord("q"): lambda m: m.put(m.number(1)),
    ord("r"): lambda m: m.put(m.number(4)),
    0x94: lambda m: m.put(len(m.memo)),
    ord("g"): lambda m: m.push(m.memo[int(m.line())]),
    ord("h"): lambda m: m.push(m.memo[m.number(1)]),
    ord("j"): lambda m: m.push(m.memo[m.number(4)]),
    ord("c"): _Machine.global_name,
    0x93: _Machine.stack_name,
    ord("R"): _Machine.call,
    ord("b"): _Machine.build,
    0x80: lambda m: _ignore(m, 1),  # protocol
    0x95: lambda m: _ignore(m, 8),  # frame
}
