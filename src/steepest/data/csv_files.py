"""CSV and its kin: what separates the cells, whether there is a header, and where a fault is."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest.data.limits import require_memory, require_plausible_ratio
from steepest.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from steepest.data.tables import Origin

__all__ = ["TextFormat", "read_csv", "sniff_text"]

_HEAD = 1 << 16
_DELIMITERS = (",", "\t", ";", "|")
_USUAL_NAMES = ("label", "labels", "target", "class", "y", "id")
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))
_LARGEST_BLOCK = (1 << 31) - 1


@dataclass(frozen=True)
class TextFormat:
    """How a text file is written: separator, encoding, decimal point, names, and the lines before the first row."""

    delimiter: str
    encoding: str
    decimal_point: str
    named: bool
    names: tuple[str, ...]
    skip_lines: int


def sniff_text(head: bytes, complete: bool, source: str) -> TextFormat:
    r"""Tell how a text file is written from its beginning.

    The separator is the one of comma, tab, semicolon and bar that cuts the most lines alike. The first line is a
    header when it has text above numbers, a usual name (label, target, class, id), running numbers (0, 1, 2, ...) or
    nothing but text; a number among its cells that is no running number makes it data.

    Parameters
    ----------
    head : bytes
        The first bytes.
    complete : bool
        Whether they are the whole file.
    source : str
        For messages.

    Returns
    -------
    TextFormat

    Raises
    ------
    InputError
        Nothing but empty lines.

    Examples
    --------
    >>> sniff_text(b"a;b\n1,5;2\n", True, "x.csv")
    TextFormat(delimiter=';', encoding='utf-8', decimal_point=',', named=True, names=('a', 'b'), skip_lines=1)
    """
    encoding = _encoding(head, complete)
    text = head.decode(encoding, errors="ignore").removeprefix("\ufeff")
    if not complete and "\n" in text:
        # The last line is cut; without it the cells are whole.
        text = text[: text.rindex("\n") + 1]
    tables = {delimiter: _rows(text, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda each: _agreement(tables[each][0]))
    rows, first_ends_at = tables[delimiter]
    if not rows:
        raise InputError(f"{source}: the file has no lines with anything in them")
    decimal_comma = delimiter != "," and any(_DECIMAL_COMMA.fullmatch(cell) for row in rows for cell in row)
    named = _has_header(rows)
    width = len(rows[0])
    names = tuple(cell.strip() for cell in rows[0]) if named else tuple(f"column {k + 1}" for k in range(width))
    return TextFormat(delimiter, encoding, "," if decimal_comma else ".", named, names, first_ends_at if named else 0)


def _encoding(head: bytes, complete: bool) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut at the end of the beginning.
        if complete or error.start < len(head) - 4:
            return "latin-1"
    return "utf-8"


def _rows(text: str, delimiter: str) -> tuple[list[list[str]], int]:
    """Give the first rows that are not empty, and the number of lines up to the end of the first."""
    rows: list[list[str]] = []
    ends_at = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if row:
                ends_at = ends_at or reader.line_num
                rows.append(row)
            if len(rows) == 50:
                break
    except csv.Error:
        pass
    return rows, ends_at


def _agreement(rows: list[list[str]]) -> tuple[float, int]:
    if not rows or len(rows[0]) < 2:
        return 0.0, 0
    width = len(rows[0])
    return sum(len(row) == width for row in rows) / len(rows), width


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _has_header(rows: list[list[str]]) -> bool:
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    numbers = [cell.strip() for cell in first if _is_number(cell)]
    running = len(numbers) >= 2 and numbers in (
        [str(k) for k in range(len(numbers))],
        [str(k + 1) for k in range(len(numbers))],
    )
    if numbers and not running:
        return False
    if any(cell.strip().lower() in _USUAL_NAMES for cell in first):
        return True
    for k, cell in enumerate(first):
        below = [row[k] for row in rest if row[k].strip().lower() not in _MISSING]
        if cell.strip().lower() not in _MISSING and not _is_number(cell) and below and all(map(_is_number, below)):
            return True
    return running or (not numbers and len(set(first)) == len(first))


def read_csv(path: Path) -> tuple[pa.Table, Origin]:
    """Read a CSV or TSV file, gzipped or not.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    table : pyarrow.Table
    origin : Origin
        Names rows by their line in the file.

    Raises
    ------
    InputError
        Empty, a header alone, lines with more or fewer cells than the first (names the line), a truncated gzip.
    """
    from steepest.data.tables import Origin

    content = _unpacked(path)
    size = path.stat().st_size if content is None else len(content)
    with open(path, "rb") if content is None else io.BytesIO(content) as file:
        head = file.read(_HEAD)
    form = sniff_text(head, size <= len(head), str(path))
    table = _parse(path, content, size, form)
    if form.encoding == "utf-8" and any(str(kind) == "binary" for kind in table.schema.types):
        # Not UTF-8 further down: what spreadsheets write in Europe and America is read by latin-1.
        form = TextFormat(form.delimiter, "latin-1", form.decimal_point, form.named, form.names, form.skip_lines)
        table = _parse(path, content, size, form)

    def line(row: int) -> str:
        return f"line {_line_of(path, content, form, row)}"

    return table, Origin(str(path), line, form.named, text=True)


def _unpacked(path: Path) -> bytes | None:
    with open(path, "rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return None
    packed, pieces, done = path.stat().st_size, [], 0
    try:
        with gzip.open(path) as file:
            while piece := file.read(1 << 20):
                pieces.append(piece)
                done += len(piece)
                require_plausible_ratio(packed, done, str(path))
                require_memory(done, str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged or truncated gzip ({error}): fetch the file again") from None
    return b"".join(pieces)


def _parse(path: Path, content: bytes | None, size: int, form: TextFormat) -> pa.Table:
    import pyarrow as pa

    if len(set(form.names)) < len(form.names):
        twice = next(name for name in form.names if form.names.count(name) > 1)
        raise InputError(f"{path}: two columns are called {twice!r}: rename one")
    try:
        return _arrow_csv(path, content, form, newlines=False, block=None)
    except pa.ArrowInvalid:
        pass
    try:
        # Quoted line ends, or a type that the first megabyte did not show: read again, slower, in one block.
        block = min(max(size + 1, 1 << 20), _LARGEST_BLOCK)
        return _arrow_csv(path, content, form, newlines=True, block=block)
    except pa.ArrowInvalid as error:
        fault = _ragged_line(path, content, form)
        if fault is not None:
            raise InputError(f"{path}: {fault}") from None
        first = (str(error).splitlines() or [""])[0][:200]
        if "Empty CSV" in first or "Could not skip initial" in first:
            raise InputError(f"{path}: has a header and no rows") from None
        raise InputError(f"{path}: cannot be read as a table ({first})") from None


def _arrow_csv(path: Path, content: bytes | None, form: TextFormat, newlines: bool, block: int | None) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    read = arrow_csv.ReadOptions(
        column_names=list(form.names), skip_rows=form.skip_lines, encoding=form.encoding, block_size=block
    )
    parse = arrow_csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=newlines)
    convert = arrow_csv.ConvertOptions(decimal_point=form.decimal_point)
    # pyarrow would unpack by the name's ending; what is packed has been unpacked by its content.
    source: Any = pa.OSFile(str(path)) if content is None else pa.BufferReader(content)
    with source:
        return arrow_csv.read_csv(source, read_options=read, parse_options=parse, convert_options=convert)


def _lines(path: Path, content: bytes | None, form: TextFormat) -> Iterator[tuple[int, list[str]]]:
    """Go through the rows of data with the line where each ends; slow, for messages."""
    raw: Any = open(path, "rb") if content is None else io.BytesIO(content)  # noqa: SIM115 - closed with the wrapper
    with io.TextIOWrapper(raw, encoding=form.encoding, errors="replace", newline="") as text:
        reader = csv.reader(text, delimiter=form.delimiter)
        try:
            for row in reader:
                if row and reader.line_num > form.skip_lines:
                    yield reader.line_num, row
        except csv.Error:
            return


def _ragged_line(path: Path, content: bytes | None, form: TextFormat) -> str | None:
    for line, row in _lines(path, content, form):
        if len(row) != len(form.names):
            cells = "cell" if len(row) == 1 else "cells"
            return f"line {line} has {len(row)} {cells}, the first line has {len(form.names)}: correct the line"
    return None


def _line_of(path: Path, content: bytes | None, form: TextFormat, row: int) -> int:
    for k, (line, _) in enumerate(_lines(path, content, form)):
        if k == row:
            return line
    return row + 1 + form.skip_lines
