"""steepest predict: what a trained model says of every example of a source."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steepest.cli import words
from steepest.cli.guard import printable, say
from steepest.cli.progress import Display
from steepest.data.options import Progress
from steepest.errors import InputError
from steepest.kernels import dispatch as kernels
from steepest.training.evaluation import prepare, rows_at_once
from steepest.training.files import replacing
from steepest.training.model_file import Model, load_model
from steepest.training.source import Chosen, choose, fit_to, read_for, type_note

__all__ = ["predict"]

_ROWS = 65536  # predicted and written at a time
_KINDS = (".csv", ".parquet")

Columns: TypeAlias = dict[str, NDArray[Any]]


def predict(
    run: Path,
    source: str,
    out: str | None,
    proba: bool,
    part: str,
    target: str | None,
    image_size: str | None,
    threads: int | None,
    cache: bool,
    quiet: bool,
) -> int:
    """Run `steepest predict`; see its help for the words."""
    threads = threads or kernels.default_threads()
    out = None if out in (None, "-") else out
    if out is not None:
        _check_place(out)
    model = load_model(run)
    if proba and not model.gives_probabilities:
        raise InputError(
            f"--proba: the scores of this model{_named(model)} are no probabilities: leave --proba out, or train with "
            "--loss softmax, --model knn, or --model ova-svm --probability"
        )
    with Display(quiet) as display:
        ds = read_for(
            model.card, source, labels="optional", target=target, image_size=words.image_size(image_size),
            threads=threads, cache=cache, progress=display.working,
        )  # fmt: skip
    chosen, _ = choose(model.card, ds, part, threads)
    # All that may be wrong with the data comes out before the first line is written.
    fitted = [rows._replace(data=fit_to(model.card, rows.data, labels="optional")) for rows in chosen]
    for note in dict.fromkeys([*(note for rows in fitted for note in rows.data.notes), *type_note(model.card, ds)]):
        say(f"note: {printable(note)}")
    if out is None:
        sys.stdout.flush()
        # On a terminal the predictions themselves show how far it is.
        with Display(quiet or sys.stdout.isatty()) as display:
            _write(sys.stdout.buffer, ".csv", model, fitted, proba, threads, display.working)
        sys.stdout.buffer.flush()
    else:
        with Display(quiet) as display, replacing(out) as file:
            _write(file, Path(out).suffix.lower(), model, fitted, proba, threads, display.working)
        if not quiet:
            say(f"{sum(len(rows.data) for rows in fitted):,} predictions in {out}")
    return 0


def _named(model: Model) -> str:
    return f", which was trained with the {model.card.loss} loss," if model.card.loss else ""


def _check_place(out: str) -> None:
    if Path(out).suffix.lower() not in _KINDS:
        raise InputError(f"--out {out}: the name must end in {' or '.join(_KINDS)}")
    if os.path.exists(out) and not os.path.isfile(out):
        raise InputError(f"--out {out}: there is something that is no file: choose another name")
    if not os.path.isdir(os.path.dirname(os.path.abspath(out))):
        raise InputError(f"--out {out}: there is no folder {os.path.dirname(out)!r}: make it first")


def _write(
    file: BinaryIO, kind: str, model: Model, chosen: list[Chosen], proba: bool, threads: int, progress: Progress
) -> None:
    prepare(model.function, progress)
    some, total = rows_at_once(model.function, _ROWS), sum(len(rows.data) for rows in chosen)

    def tables() -> Iterator[Columns]:
        done = 0
        for rows in chosen:
            for start in range(0, len(rows.data), some):
                columns = _columns(model, chosen, rows, slice(start, start + some), proba, threads)
                done += len(columns["index"])
                progress("predicting", done, total)
                yield columns

    empty = _columns(model, chosen, chosen[0], slice(0, 0), proba, threads)
    if kind == ".csv":
        # Through a buffer of our own: closing the text layer would close the file, too.
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(empty)
        for columns in tables():
            writer.writerows(zip(*map(_as_text, columns.values()), strict=True))
            _pass_on(text, file)
        _pass_on(text, file)
    else:
        import pyarrow as pa
        import pyarrow.parquet

        types = {name: pa.from_numpy_dtype(a.dtype) if a.dtype != object else pa.string() for name, a in empty.items()}
        with pyarrow.parquet.ParquetWriter(file, pa.schema(types)) as parquet:
            for columns in tables():
                parquet.write_table(pa.table({name: pa.array(columns[name], types[name]) for name in types}))


def _pass_on(text: io.StringIO, file: BinaryIO) -> None:
    file.write(text.getvalue().encode())
    text.seek(0)
    text.truncate()


def _as_text(column: NDArray[Any]) -> list[Any]:
    """Write probabilities with as many digits as float32 has."""
    return [f"{p:.7g}" for p in column.tolist()] if column.dtype == np.float32 else column.tolist()


def _columns(model: Model, chosen: list[Chosen], rows: Chosen, some: slice, proba: bool, threads: int) -> Columns:
    """Predict some rows; the columns are the same for all rows that were chosen."""
    ds, classes = rows.data, model.card.classes
    scores = model.function.scores(ds.X[some], threads=threads)
    columns: Columns = {"index": rows.rows[some]}
    if len(chosen) > 1:
        columns["part"] = _texts([rows.part] * len(scores))
    if any(other.data.ids is not None for other in chosen):
        columns["id"] = _texts([None] * len(scores) if ds.ids is None else list(ds.ids[some]))
    columns["prediction"] = _texts(classes)[scores.argmax(axis=1)]
    if any(other.data.y is not None for other in chosen):
        columns["label"] = _texts([None] * len(scores)) if ds.y is None else _texts(ds.classes)[ds.y[some]]
    if proba:
        p = model.probabilities_of(scores)
        taken = {*columns}
        for c, name in enumerate(classes):
            columns[f"p_{name}" if name in taken else name] = p[:, c]
    return columns


def _texts(names: Sequence[str | None]) -> NDArray[Any]:
    return np.array(names, dtype=object)
