"""Files with tables: Parquet, Feather and Arrow, CSV; and folders of them with train and test parts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from steepest.data.dataset import Dataset
from steepest.data.limits import require_memory
from steepest.data.options import ReadOptions
from steepest.data.tables import Origin, from_table, label_column
from steepest.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_table_file", "read_table_folder"]

_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".feather", ".arrow", ".ipc")
_PART = re.compile(r"(train|training|test|testing|val|valid|validation|dev)(?![a-z])", re.IGNORECASE)
_BUFFER_BYTES, _BATCH_BYTES, _COLUMN_BYTES, _MOST_ROWS = 1 << 20, 4 << 20, 1 << 14, 1 << 16
_SHARD = re.compile(r"-(\d+)-of-(\d+)")


def read_table_file(path: Path, options: ReadOptions) -> Dataset:
    """Read a data set from one Parquet, Feather, Arrow, CSV or TSV file.

    Parameters
    ----------
    path : Path
        The file; its kind is told from its content.
    options : ReadOptions
        See `tables.from_table`.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        A damaged or truncated file, or what `tables.from_table` finds wrong.
    """
    table, origin = _read(path)
    return from_table(table, options, origin)


def _read(path: Path) -> tuple[pa.Table, Origin]:
    with open(path, "rb") as file:
        head = file.read(8)
    if not head:
        raise InputError(f"{path}: the file is empty")
    if not head.startswith((b"PAR1", b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")):
        from steepest.data.csv_files import read_csv

        return read_csv(path)
    import pyarrow as pa

    try:
        if head.startswith(b"PAR1"):
            table = _read_parquet(path)
        elif head.startswith(b"FEA1"):
            from pyarrow import feather

            table = feather.read_table(path)
        else:
            table = _read_ipc(path, stream=not head.startswith(b"ARROW1"))
        # Offsets within their buffers, text that is UTF-8, names too: a damaged file must not get further.
        table.validate(full=True)
        _ = table.column_names
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, InputError | FileNotFoundError | PermissionError):
            raise
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{path}: damaged or truncated ({first}): fetch or write the file again") from None
    return table, Origin(str(path))


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    # A column is decoded by way of two numbers a value; a buffer and batches keep these, and the packed file, small.
    with parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
        meta = file.metadata
        # Run-length codes let a small file stand for a huge table; its own figures say so before it is unpacked.
        claimed = sum(meta.row_group(k).total_byte_size for k in range(meta.num_row_groups))
        require_memory(max(claimed, meta.num_rows), str(path))
        width = max(1, claimed // max(1, meta.num_rows))
        rows = max(_BATCH_BYTES, _COLUMN_BYTES * meta.num_columns) // width
        batches = list(file.iter_batches(min(max(rows, 1), _MOST_ROWS)))
        table = pa.Table.from_batches(batches, batches[0].schema if batches else file.schema_arrow)
        pa.default_memory_pool().release_unused()
        return table.replace_schema_metadata(file.schema_arrow.metadata).unify_dictionaries()


def _read_ipc(path: Path, stream: bool) -> pa.Table:
    import pyarrow as pa
    from pyarrow import ipc

    # Mapped, so that columns without compression are read in place.
    with pa.memory_map(str(path)) as source:
        reader = ipc.open_stream(source) if stream else ipc.open_file(source)
        return reader.read_all()


def _stem(path: Path) -> str | None:
    return next((path.name[: -len(end)] for end in _ENDINGS if path.name.lower().endswith(end)), None)


def read_table_folder(path: Path, options: ReadOptions) -> Dataset | None:
    """Read a folder with train and test tables, or with one table in one or several files.

    train.csv and test.csv, train.parquet and test.parquet, or shards like train-00000-of-00002.parquet, in the
    folder itself or in its sub-folder `data`. Validation files are left out, and the notes say so.

    Parameters
    ----------
    path : Path
        The folder.
    options : ReadOptions
        See `tables.from_table`.

    Returns
    -------
    Dataset or None
        None when the folder holds no such tables.

    Raises
    ------
    InputError
        A missing shard; parts that do not fit together; what a reader finds wrong.
    """
    for folder in (path, path / "data"):
        if not folder.is_dir():
            continue
        entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
        tables = {entry: stem for entry in entries if entry.is_file() and (stem := _stem(entry)) is not None}
        parts: dict[str, list[Path]] = {}
        for entry, stem in tables.items():
            match = _PART.match(stem)
            if match is not None:
                word = match[1].lower()
                kind = "train" if word.startswith("train") else "test" if word.startswith("test") else "validation"
                parts.setdefault(kind, []).append(entry)
        if "train" in parts:
            return _read_parts(path, parts, options)
        if tables and not any(entry.is_dir() for entry in entries):
            if parts:
                raise InputError(f"{path}: has a test table and no train table: give the file itself, or add train.csv")
            table, origin = _read_shards(list(tables))
            return from_table(table, options, origin)
    return None


def _read_shards(files: list[Path]) -> tuple[pa.Table, Origin]:
    import pyarrow as pa

    numbered = [match for file in files if (match := _SHARD.search(file.name)) is not None]
    if numbered and len(numbered) == len(files):
        of = int(numbered[0][2])
        missing = sorted(set(range(of)) - {int(match[1]) for match in numbered}) if of < 1_000_000 else []
        if missing:
            raise InputError(
                f"{files[0].parent}: part {missing[0]} of {of} is missing ({files[0].name} and others are there)"
            )
    tables, origins = zip(*(_read(file) for file in files), strict=True)
    if len(files) == 1:
        return tables[0], origins[0]
    try:
        whole = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        raise InputError(f"{files[0].parent}: {files[0].name} and the files beside it have different columns") from None
    starts = [sum(table.num_rows for table in tables[:k]) for k in range(len(tables))]

    def row(number: int) -> str:
        k = max(k for k, start in enumerate(starts) if start <= number)
        return f"{files[k].name}, {origins[k].row(number - starts[k])}"

    first = origins[0]
    return whole, Origin(str(files[0].parent), row, first.named, first.text)


def _read_parts(path: Path, parts: dict[str, list[Path]], options: ReadOptions) -> Dataset:
    from steepest.data.checks import align_test

    table, origin = _read_shards(parts["train"])
    # The columns decide once, on the training part, where the labels are.
    target = label_column(table, options, origin)
    train = replace(from_table(table, replace(options, target=target), origin), source=str(path))
    notes = list(train.notes)
    if "validation" in parts:
        notes.append(f"not used: {', '.join(file.name for file in parts['validation'])}")
    if "test" in parts:
        test_table, test_origin = _read_shards(parts["test"])
        test = from_table(test_table, replace(options, target=target, labels="optional"), test_origin)
        if test.y is None and train.y is not None:
            notes.append(f"{parts['test'][0].name} has no labels and is left out")
        else:
            return replace(train, test=align_test(train, test), notes=tuple(notes))
    return replace(train, notes=tuple(notes))
