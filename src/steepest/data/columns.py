"""Columns of a table as features: which kind each is, and all of them in one array."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from steepest.data.limits import require_memory
from steepest.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from steepest.data.tables import Origin

__all__ = ["Column", "classify", "fill", "text_error"]

_EXACT_IN_FLOAT32 = 2**24
_LARGEST = float(np.finfo(np.float32).max)
_BLOCK_BYTES, _LEAST_ROWS, _MOST_ROWS = 4 << 20, 1024, 65536
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\x00", b"MM\x00*")


@dataclass(frozen=True)
class Column:
    """One feature column: its values, what they are, and the shape of one value (empty for a number)."""

    name: str
    kind: Literal["number", "text", "image"]
    data: pa.ChunkedArray
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None

    def is_distinct_text(self) -> bool:
        """Say whether the column is text with no value missing and none twice."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not (pa.types.is_string(self.data.type) or pa.types.is_large_string(self.data.type)):
            return False
        return bool(self.data.null_count == 0 and pc.count_distinct(self.data).as_py() == len(self.data))


def classify(name: str, data: pa.ChunkedArray, origin: Origin) -> Column:
    """Say what a column is: numbers (alone or in lists of one length), images, or text and the like.

    Parameters
    ----------
    name : str
        The column's name.
    data : pyarrow.ChunkedArray
        Its values.
    origin : Origin
        For messages.

    Returns
    -------
    Column

    Raises
    ------
    InputError
        Lists of several lengths (names the row).
    """
    import pyarrow as pa

    if isinstance(data.type, pa.BaseExtensionType):
        shape = tuple(getattr(data.type, "shape", ()))
        data = pa.chunked_array([chunk.storage for chunk in data.chunks], type=data.type.storage_type)
        inner = classify(name, data, origin)
        same = shape and prod(shape) == prod(inner.shape)
        return Column(name, inner.kind, data, shape, inner.dtype) if same else inner
    kind = data.type
    types = pa.types
    if types.is_string_view(kind):
        return Column(name, "text", data.cast(pa.large_string()))
    if types.is_struct(kind) and "bytes" in {kind.field(i).name for i in range(kind.num_fields)}:
        return Column(name, "image", data)
    if types.is_binary(kind) or types.is_large_binary(kind):
        first = next((value for value in (chunk[0].as_py() for chunk in data.chunks if len(chunk)) if value), b"")
        return Column(name, "image" if first.startswith(_IMAGE_STARTS) else "text", data)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _list_column(name, data, origin)
    dtype = _dtype(data)
    return Column(name, "text", data) if dtype is None else Column(name, "number", data, (), dtype)


def _list_column(name: str, data: pa.ChunkedArray, origin: Origin) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    shape: list[int] = []
    level, rows_below = data, 1
    while pa.types.is_list(level.type) or pa.types.is_large_list(level.type) or pa.types.is_fixed_size_list(level.type):
        if level.null_count:
            row = pc.index(pc.is_null(level), True).as_py() // rows_below
            raise InputError(
                f"{origin.source}: {origin.row(row)}, column {name!r} has no value: fill it in or remove it"
            )
        lengths = pc.list_value_length(level)
        size = int(lengths[0].as_py()) if len(lengths) else 0
        odd = pc.index(pc.not_equal(lengths, size), True).as_py()
        if odd >= 0:
            row, other = odd // rows_below, lengths[odd].as_py()
            raise InputError(
                f"{origin.source}: {origin.row(row)}, column {name!r} has a list of {other} values, the first row "
                f"one of {size}: all lists must be of one length"
            )
        if size == 0:
            raise InputError(f"{origin.source}: the lists in column {name!r} are empty")
        shape.append(size)
        rows_below *= size
        # flatten() honours offsets and slices, which the raw values would not.
        level = pa.chunked_array([chunk.flatten() for chunk in level.chunks], type=level.type.value_type)
    dtype = _dtype(level)
    if dtype is None:
        raise InputError(f"{origin.source}: the lists in column {name!r} hold {level.type}: features must be numbers")
    return Column(name, "number", data, tuple(shape), dtype)


def _dtype(data: pa.ChunkedArray) -> np.dtype[Any] | None:
    """Give the type that holds every value exactly; None when they are no numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, types = data.type, pa.types
    if types.is_boolean(kind) or types.is_uint8(kind):
        return np.dtype(np.uint8)
    if types.is_integer(kind):
        if kind.bit_width <= 16:
            return np.dtype(np.float32)
        ends = pc.min_max(data).as_py()
        exact = ends["min"] is None or max(abs(ends["min"]), abs(ends["max"])) <= _EXACT_IN_FLOAT32
        return np.dtype(np.float32 if exact else np.float64)
    if types.is_floating(kind):
        return np.dtype(f"float{kind.bit_width}")
    if types.is_decimal(kind):
        return np.dtype(np.float64)
    return None


def fill(
    columns: list[Column], n: int, origin: Origin
) -> tuple[npt.NDArray[Any], tuple[int, ...], tuple[str, ...] | None]:
    """Write columns of numbers into one array, a block of rows at a time.

    Parameters
    ----------
    columns : list of Column
        All of kind "number".
    n : int
        Number of rows.
    origin : Origin
        For messages.

    Returns
    -------
    X : array (n, D)
        In the narrowest type that holds every column: uint8, float16, float32 or float64.
    feature_shape : tuple of int
        The list's own shape when there is a single list column, else (D,).
    names : tuple of str or None
        "a" for a column of numbers, "a[0]", "a[1]" for one of lists; None for a single list column.

    Raises
    ------
    InputError
        Missing values, NaN, infinity or a number beyond float32: names row and column.
    """
    import pyarrow as pa

    widths = [prod(column.shape) for column in columns]
    d = sum(widths)
    dtype = np.result_type(*[column.dtype for column in columns if column.dtype is not None])
    require_memory(n * d * dtype.itemsize, origin.source)
    X = np.empty((n, d), dtype)
    names = tuple(
        name
        for column, width in zip(columns, widths, strict=True)
        for name in ([column.name] if not column.shape else [f"{column.name}[{k}]" for k in range(width)])
    )
    table = pa.table([column.data for column in columns], names=[str(k) for k in range(len(columns))])
    rows = min(max(_BLOCK_BYTES // (d * dtype.itemsize), _LEAST_ROWS), _MOST_ROWS)
    start = 0
    for batch in table.to_batches(max_chunksize=rows):
        block = X[start : start + batch.num_rows]
        at = 0
        for values, column, width in zip(batch.columns, columns, widths, strict=True):
            block[:, at : at + width] = _numbers(values, column, width, start, origin)
            at += width
        _require_finite(block, start, names, origin)
        start += batch.num_rows
    if len(columns) == 1 and columns[0].shape:
        return X, columns[0].shape, None
    return X, (d,), names


def _numbers(values: pa.Array, column: Column, width: int, start: int, origin: Origin) -> npt.NDArray[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = len(values)
    for _ in range(8):  # no deeper than the shape that was measured
        if not hasattr(values, "flatten") or not pa.types.is_nested(values.type):
            break
        values = values.flatten()
    if values.null_count:
        at = pc.index(pc.is_null(values), True).as_py()
        inside = f"[{at % width}]" if column.shape else ""
        raise InputError(
            f"{origin.source}: {origin.row(start + at // width)}, column {column.name + inside!r} has no value: "
            "fill it in or remove the row"
        )
    if pa.types.is_decimal(values.type):
        values = pc.cast(values, pa.float64())
    elif pa.types.is_boolean(values.type):
        values = pc.cast(values, pa.uint8())
    numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers.reshape(rows, width)


def _require_finite(block: npt.NDArray[Any], start: int, names: tuple[str, ...], origin: Origin) -> None:
    if block.dtype.kind != "f" or block.size == 0:
        return
    if block.dtype == np.float16:
        fit = bool(np.isfinite(block).all())
    else:
        with np.errstate(invalid="ignore"):
            fit = bool(block.min() >= -_LARGEST and block.max() <= _LARGEST)
    if fit:
        return
    with np.errstate(invalid="ignore"):
        i, j = (int(k) for k in np.argwhere(~(np.abs(block.astype(np.float64)) <= _LARGEST))[0])
    value = float(block[i, j])
    what = "NaN" if value != value else f"{value:g}"
    why = "fill it in or remove the row" if value != value else "float32 holds no such number"
    raise InputError(f"{origin.source}: {origin.row(start + i)}, column {names[j]!r} has {what}: {why}")


def text_error(columns: list[Column], origin: Origin) -> InputError:
    """Say which cell keeps a column from being numbers, or which columns are text throughout."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in columns:
        if not (pa.types.is_string(column.data.type) or pa.types.is_large_string(column.data.type)):
            continue
        text = pc.utf8_trim_whitespace(column.data)
        number = pc.match_substring_regex(text, r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
        share = (pc.sum(number).as_py() or 0) / len(column.data)
        if 0.5 <= share < 1:
            row = pc.index(pc.fill_null(number, False), False).as_py()
            cell = column.data[row].as_py()
            shown = repr(cell if cell is None or len(cell) <= 40 else cell[:40] + "...")
            return InputError(
                f"{origin.source}: {origin.row(row)}, column {column.name!r} has the text {shown} in a column "
                "of numbers: correct it or remove the row"
            )
        if share == 1:
            return InputError(
                f"{origin.source}: the column {column.name!r} has numbers stored as text: convert it to numbers first"
            )
    names = ", ".join(f"{column.name!r}" for column in columns[:10]) + (", ..." if len(columns) > 10 else "")
    held = f"the column {names} holds {_held(columns[0])}" if len(columns) == 1 else f"the columns {names} hold text"
    return InputError(
        f"{origin.source}: {held}, and features must be numbers: remove {'it' if len(columns) == 1 else 'them'}, "
        "encode as numbers, or name one as the labels with target="
    )


def _held(column: Column) -> str:
    import pyarrow as pa

    kind = column.data.type
    if pa.types.is_temporal(kind):
        return "dates or times"
    return "categories" if pa.types.is_dictionary(kind) else "text"
