"""A table becomes a data set: one column has the labels, every other is a feature or is accounted for."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steepest.data.columns import Column, classify, fill, text_error
from steepest.data.dataset import Dataset
from steepest.data.labels import encode_labels
from steepest.data.options import ReadOptions
from steepest.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Origin", "from_table", "label_column", "read_table_object"]

_TARGETS = ("label", "labels", "target", "class", "y")
# A text column under one of these names, with no value twice, names the examples.
_IDS = ("id", "ids", "uuid", "name", "file", "filename", "file_name", "path", "image_id")
_INDEX_COLUMNS = ("", "Unnamed: 0")


def _row_from_zero(row: int) -> str:
    return f"row {row} (counted from 0)"


@dataclass(frozen=True)
class Origin:
    """Where a table came from, so that messages can point there.

    Attributes
    ----------
    source : str
        File or kind of object.
    row : callable
        Names a row: its line in a text file, its number elsewhere.
    named : bool
        Whether the columns have names of their own; without, "column 1" and so on stand in.
    text : bool
        Whether everything came as text (CSV), where an empty cell is a missing value.
    """

    source: str
    row: Callable[[int], str] = _row_from_zero
    named: bool = True
    text: bool = False


def read_table_object(table: Any, y: Any, options: ReadOptions) -> Dataset:
    """Read a data frame or table: pandas, polars, pyarrow, or what narwhals or Arrow's C interface covers.

    Parameters
    ----------
    table : data frame or table
        Its columns are features and, unless `y` is given, the labels.
    y : array (N,), str or None
        Labels, or the name of the label column.
    options : ReadOptions
        `target` names the label column.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        See `from_table`.
    """
    arrow, library = _as_arrow(table)
    if isinstance(y, str):
        options, y = replace(options, target=y), None
    return from_table(arrow, options, Origin(f"the {library} table"), y)


def _as_arrow(table: Any) -> tuple[pa.Table, str]:
    import pyarrow as pa

    library = type(table).__module__.partition(".")[0]
    try:
        if isinstance(table, pa.Table):
            return table, library
        if isinstance(table, pa.RecordBatch):
            return pa.Table.from_batches([table]), library
        if library == "pandas":
            return pa.Table.from_pandas(table, preserve_index=False), library
        if hasattr(table, "collect_schema") and hasattr(table, "collect"):
            raise InputError(f"the {library} table is lazy: pass its .collect()")
        if hasattr(table, "__arrow_c_stream__"):
            return pa.table(table), library
        import narwhals as nw

        return nw.from_native(table, eager_only=True).to_arrow(), library
    except InputError:
        raise
    except (pa.ArrowException, TypeError, ValueError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise InputError(f"the {library} table cannot be read: {first}") from None


def from_table(table: pa.Table, options: ReadOptions, origin: Origin, y: Any = None) -> Dataset:
    """Make a data set of an Arrow table.

    The label column is `options.target`, or the first of label, labels, target, class, y (upper or lower case), or
    the one column that Hugging Face's metadata call a ClassLabel, or the last column if it looks like labels. With
    labels optional and no target named, a last column of numbers stays a feature.

    Every other column is a feature: numbers and bools; lists of numbers of one length, flattened. Text in place of a
    number is an error that names the cell. Text columns are an error that names them, unless they name the examples
    (see `Dataset.ids`) or stand beside a list column or images, which are then the features; the notes say so. A
    column of image structs {bytes, path} is decoded.

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    options : ReadOptions
        `target`, `labels`, and what `images.decode_images` uses.
    origin : Origin
        For messages.
    y : array (N,), optional
        Labels that are not in the table.

    Returns
    -------
    Dataset
        With `feature_names`, unless the features are images.

    Raises
    ------
    InputError
        No rows, no features, no or an unknown label column, missing values (row and column), text, ragged lists.
    """
    import pyarrow as pa

    try:
        return _from_table(table, options, origin, y)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        first = (str(error).splitlines() or [""])[0][:200]
        raise InputError(
            f"{origin.source}: has a column of a type that cannot be used ({first}): leave it out"
        ) from None


def _from_table(table: pa.Table, options: ReadOptions, origin: Origin, y: Any) -> Dataset:
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"{origin.source} has two columns called {twice[0]!r}: rename one")
    if table.num_rows == 0:
        raise InputError(f"{origin.source} has no rows" + (", only a header" if origin.text and origin.named else ""))
    table, notes = _without_empty(table)
    known = _class_names(table)
    target = None if y is not None else _target(table, options, origin, known)
    labels: npt.NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    if y is not None:
        labels, classes = encode_labels(y, "y")
        if len(labels) != table.num_rows:
            raise InputError(f"{origin.source} has {table.num_rows:,} rows and y has {len(labels):,} labels")
    elif target is not None:
        labels, classes = _labels(table, target, origin, known.get(target), options)
        if target.lower() not in _TARGETS and options.target is None:
            notes.append(f"the labels are the column {target!r}")
    columns = [classify(name, table[name], origin) for name in table.column_names if name != target]
    if not columns:
        raise InputError(f"{origin.source} has the label column {target!r} and no features")
    return replace(_features(table, columns, labels, classes, options, origin, notes), label_name=target)


def label_column(table: pa.Table, options: ReadOptions, origin: Origin) -> str | None:
    """Name the column that `from_table` would take for the labels; None when there is none and labels are optional."""
    return None if table.num_rows == 0 else _target(_without_empty(table)[0], options, origin, _class_names(table))


def _without_empty(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Drop the row numbers that pandas writes, and columns without a single value."""
    notes: list[str] = []
    for name in _pandas_index(table):
        notes.append(f"the column {name!r} is the index of a pandas table and left out")
        table = table.drop_columns([name])
    first = table.column_names[0] if table.num_columns else None
    if (
        first in _INDEX_COLUMNS
        and table.num_columns > 1
        and str(table.schema.field(0).type).startswith(("int", "uint"))
    ):
        notes.append("the first column, without a name, is taken for row numbers and left out")
        table = table.remove_column(0)
    for name in table.column_names:
        if table[name].null_count == table.num_rows:
            notes.append(f"the column {name!r} is empty and left out")
            table = table.drop_columns([name])
    return table, notes


def _pandas_index(table: pa.Table) -> list[str]:
    """Name the columns that pandas wrote for its index, from its metadata."""
    raw = (table.schema.metadata or {}).get(b"pandas")
    try:
        index = json.loads(raw)["index_columns"] if raw is not None else []
        return [name for name in index if isinstance(name, str) and name in table.column_names]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _class_names(table: pa.Table) -> dict[str, tuple[str, ...]]:
    """Class names by column, from the metadata that Hugging Face's `datasets` writes."""
    raw = (table.schema.metadata or {}).get(b"huggingface")
    if raw is None:
        return {}
    try:
        features = json.loads(raw)["info"]["features"]
        return {
            str(name): tuple(map(str, feature["names"]))
            for name, feature in features.items()
            if isinstance(feature, dict)
            and feature.get("_type") == "ClassLabel"
            and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _shown(names: list[str]) -> str:
    return ", ".join(map(repr, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _target(table: pa.Table, options: ReadOptions, origin: Origin, known: dict[str, tuple[str, ...]]) -> str | None:
    names: list[str] = table.column_names
    wanted = options.target
    if wanted is not None:
        if not origin.named and wanted.isdigit():
            wanted = f"column {wanted}"
        if wanted in names:
            return wanted
        if options.labels == "optional":
            return None
        near = difflib.get_close_matches(wanted.lower(), [name.lower() for name in names], n=3)
        meant = [name for name in names if name.lower() in near]
        hint = f"did you mean {_shown(meant)}?" if meant else f"it has {_shown(names)}"
        raise InputError(f"{origin.source} has no column {options.target!r} for the labels: {hint}")
    lower = {name.lower(): name for name in reversed(names)}
    for usual in _TARGETS:
        if usual in lower:
            return lower[usual]
    labelled = [name for name in names if name in known]
    if len(labelled) == 1:
        return labelled[0]
    if not labelled and names and _looks_like_labels(table, len(names) - 1, options, origin):
        return names[-1]
    if options.labels == "optional":
        return None
    raise InputError(
        f"{origin.source} has no column called {', '.join(_TARGETS[:-1])} or y: name the label column with target= "
        f"(--target) out of {_shown(labelled or names)}"
    )


def _looks_like_labels(table: pa.Table, index: int, options: ReadOptions, origin: Origin) -> bool:
    """Text, bools and categories that repeat, or whole numbers that count classes: 0 .. C-1, 1 .. C, or -1 and 1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if table.num_columns < 2:
        return False
    column = table.column(index)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return True
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not (text or pa.types.is_boolean(kind) or pa.types.is_integer(kind)):
        return False
    if options.labels == "optional" and not text:
        return False
    if pa.types.is_string_view(kind):
        column = column.cast(pa.string())
    values = [value for value in pc.unique(column).to_pylist() if value is not None]
    if not 2 <= len(values) <= max(2, len(column) // 2):
        return False
    if pa.types.is_integer(kind):
        low, high = min(values), max(values)
        counts_classes = (low in (0, 1) and high - low + 1 == len(values) <= 100) or sorted(values) == [-1, 1]
        # Without names, a first column that would do as well leaves it open which of the two it is.
        return counts_classes and (origin.named or not _looks_like_labels_first(table, options, origin))
    return True


def _looks_like_labels_first(table: pa.Table, options: ReadOptions, origin: Origin) -> bool:
    return _looks_like_labels(table.select([1, 0]), 1, options, replace(origin, named=True))


def _labels(
    table: pa.Table, target: str, origin: Origin, known: tuple[str, ...] | None, options: ReadOptions
) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table[target]
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks])
    if pa.types.is_nested(column.type):
        raise InputError(f"{origin.source}: the label column {target!r} holds {column.type}: labels are single values")
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    missing = pc.is_null(column, nan_is_null=True)
    if origin.text and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = pc.utf8_trim_whitespace(column)
        missing = pc.or_(missing, pc.equal(column, ""))
    row = pc.index(missing, True).as_py()
    if row >= 0:
        raise InputError(
            f"{origin.source}: {origin.row(row)} has no label in column {target!r}: fill it in or remove it"
        )
    what = f"{origin.source}: the label column {target!r}"
    if pa.types.is_floating(column.type):
        return encode_labels(column.to_numpy(), what)
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    # Categories that no row has are no classes; what is left is a handful of values to sort.
    used, indices = np.unique(encoded.indices.to_numpy(zero_copy_only=False), return_inverse=True)
    values = [encoded.dictionary[k].as_py() for k in used.tolist()]
    if known is not None and all(isinstance(value, int) for value in values):
        if -1 in values:
            if options.labels == "optional":
                return None, ()
            where = origin.row(int(np.argmax(indices == values.index(-1))))
            raise InputError(f"{what} has -1, which means unlabelled, in {where}: leave such rows out")
        if max(values) < len(known) and len(set(known)) == len(known):
            return np.array(values, dtype=np.int64)[indices], known
    place, classes = encode_labels(np.array([*values, None], dtype=object)[:-1], what)
    return place[indices.ravel()], classes


def _features(
    table: pa.Table,
    columns: list[Column],
    labels: npt.NDArray[np.int64] | None,
    classes: tuple[str, ...],
    options: ReadOptions,
    origin: Origin,
    notes: list[str],
) -> Dataset:
    images = [column for column in columns if column.kind == "image"]
    if images:
        from steepest.data.table_images import read_image_column

        unused = [column.name for column in columns if column is not images[0]]
        if unused:
            notes.append(f"the features are the images in {images[0].name!r}; not used: {_shown(unused)}")
        return read_image_column(images[0], labels, classes, options, origin, tuple(notes))
    ids: tuple[str, ...] | None = None
    texts = [column for column in columns if column.kind == "text"]
    for column in texts:
        if column.name.lower() in _IDS and column.is_distinct_text():
            ids = tuple(map(str, column.data.to_pylist()))
            texts.remove(column)
            notes.append(f"the column {column.name!r} names the examples and is no feature")
            break
    numeric = [column for column in columns if column.kind == "number"]
    if texts:
        if not any(column.shape for column in numeric):
            raise text_error(texts, origin)
        notes.append(f"the features are the columns of numbers; not used: {_shown([column.name for column in texts])}")
    if not numeric:
        raise InputError(f"{origin.source} has no feature columns: only {_shown(table.column_names)}")
    X, shape, names = fill(numeric, table.num_rows, origin)
    return Dataset(X, labels, classes, shape, source=origin.source, feature_names=names, ids=ids, notes=tuple(notes))
