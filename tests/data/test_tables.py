"""Data frames and tables in memory, Parquet, Feather, Arrow, and folders of them."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steepest.data import Dataset, load
from steepest.errors import DataWarning, InputError

PEOPLE = {"height": [1.5, 1.8, 1.7, 1.6], "age": [30, 40, 50, 60], "label": ["b", "a", "b", "a"]}


def check_people(ds: Dataset) -> None:
    assert ds.X.tolist() == [[1.5, 30], [1.8, 40], [1.7, 50], [1.6, 60]]
    assert ds.X.dtype == np.float64
    assert ds.y.tolist() == [1, 0, 1, 0]
    assert ds.classes == ("a", "b")
    assert ds.feature_names == ("height", "age")
    assert ds.feature_shape == (2,)


@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame,
        pl.DataFrame,
        pa.table,
        lambda d: pa.RecordBatch.from_pydict(d),
        lambda d: pd.DataFrame(d, index=[9, 7, 5, 3]),
        lambda d: pd.DataFrame(d).astype({"label": "category"}),
        lambda d: pl.DataFrame(d).with_columns(pl.col("label").cast(pl.Categorical)),
    ],
)
def test_every_library(make: Any) -> None:
    check_people(load(make(PEOPLE)))


def test_labels_apart() -> None:
    frame = pd.DataFrame(PEOPLE).drop(columns="label")
    assert load(frame, PEOPLE["label"]).classes == ("a", "b")
    assert load((frame, pd.Series(PEOPLE["label"], index=[4, 3, 2, 1]))).y.tolist() == [1, 0, 1, 0]
    assert load(pd.DataFrame(PEOPLE), "label").classes == ("a", "b")
    with pytest.raises(InputError, match="4 rows and y has 2"):
        load(frame, ["a", "b"])


def test_lazy_and_odd_frames() -> None:
    with pytest.raises(InputError, match="collect"):
        load(pl.DataFrame(PEOPLE).lazy())
    with pytest.raises(InputError, match="cannot be read"):
        load(pd.DataFrame({"a": [1, "x"], "label": [0, 1]}))
    with pytest.raises(InputError, match="two columns called 'a'"):
        load(pa.table([[1], [2], [3]], names=["a", "a", "label"]))
    with pytest.raises(InputError, match="no rows"):
        load(pd.DataFrame({"a": [], "label": []}))
    numbered = pd.DataFrame(np.eye(3), columns=[0, 1, 2]).assign(y=[0, 1, 2])
    assert load(numbered).feature_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([pa.uint8(), pa.uint8()], "uint8"),
        ([pa.bool_(), pa.uint8()], "uint8"),
        ([pa.float16(), pa.float16()], "float16"),
        ([pa.float16(), pa.uint8()], "float16"),
        ([pa.float16(), pa.int16()], "float32"),
        ([pa.float32(), pa.float16()], "float32"),
        ([pa.int64(), pa.uint8()], "float32"),
        ([pa.float64(), pa.uint8()], "float64"),
        ([pa.decimal128(10, 2), pa.float32()], "float64"),
    ],
)
def test_narrowest_type(types: list[pa.DataType], expected: str) -> None:
    def column(kind: pa.DataType) -> pa.Array:
        if pa.types.is_boolean(kind):
            return pa.array([True, False, True])
        if pa.types.is_float16(kind):
            return pa.array(np.array([1, 0, 1], np.float16))
        if pa.types.is_decimal(kind):
            return pa.array([decimal.Decimal(k) for k in (1, 0, 1)], kind)
        return pa.array([1, 0, 1], kind)

    ds = load(pa.table([column(types[0]), column(types[1]), pa.array([0, 1, 2])], names=["a", "b", "y"]))
    assert ds.X.dtype == np.dtype(expected)
    assert ds.X.tolist() == [[1, 1], [0, 0], [1, 1]]


def test_large_whole_numbers_stay_exact() -> None:
    ds = load(pa.table({"a": [2**24 + 1, 0], "y": [0, 1]}))
    assert ds.X.dtype == np.float64
    assert int(ds.X[0, 0]) == 2**24 + 1


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 30), d=st.integers(1, 5), chunk=st.integers(1, 7), seed=st.integers(0, 100))
def test_chunks_and_slices(n: int, d: int, chunk: int, seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(n + 3, d)).astype(np.float32)
    y = np.arange(n + 3) % 2
    columns = {f"f{k}": X[:, k] for k in range(d)}
    parts = [pa.table({**columns, "y": y})[s : s + chunk] for s in range(3, n + 3, chunk)]
    ds = load(pa.concat_tables(parts))
    assert (X[3:] == ds.X).all()


# the label column ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("a", "Label", "b"), "Label"),
        (("y", "b", "label"), "label"),  # label comes before y in the list of usual names
        (("b", "CLASS", "a"), "CLASS"),
        (("a", "b", "species"), "species"),
    ],
)
def test_usual_names(names: tuple[str, ...], chosen: str) -> None:
    columns = {name: ["p", "q", "p", "q"] if name == chosen else [0.5, 1, 2, 3] for name in names}
    ds = load(pa.table(columns))
    assert ds.classes == ("p", "q")
    assert chosen not in ds.feature_names
    if chosen == "species":
        assert "the labels are the column 'species'" in ds.notes


@pytest.mark.parametrize(
    ("last", "accepted"),
    [
        ([0, 1, 2, 0, 1, 2], True),
        ([1, 2, 1, 2, 1, 2], True),
        ([-1, 1, -1, 1, -1, 1], True),
        ([True, False] * 3, True),
        (["a", "b"] * 3, True),
        ([10, 20, 10, 20, 10, 20], False),  # whole numbers, but they do not count classes
        ([0.5, 1.5] * 3, False),
        (list("abcdef"), False),  # no two alike: names, not classes
        ([0, 0, 0, 0, 0, 0], False),
        ([1, 2, 3, 4, 5, 6], False),
    ],
)
def test_last_column(last: list[Any], accepted: bool) -> None:
    table = pa.table({"a": [0.5, 1, 2, 3, 4, 5], "last": last})
    if accepted:
        assert load(table).n_features == 1
    else:
        with pytest.raises(InputError, match=r"name the label column with target=.*'a', 'last'"):
            load(table)


def test_target() -> None:
    table = pa.table({"size": [1, 2], "sex": ["f", "m"], "label": [0, 1]})
    assert load(table.drop_columns(["label"]), target="sex").classes == ("f", "m")
    with pytest.raises(InputError, match="no column 'sexx' for the labels: did you mean 'sex'"):
        load(table, target="sexx")
    with pytest.raises(InputError, match="it has 'size', 'sex', 'label'"):
        load(table, target="zzzz")


def test_optional_labels() -> None:
    table = pa.table({"a": [1, 2, 3, 4], "b": [0, 1, 0, 1]})
    ds = load(table, labels="optional")
    assert ds.y is None
    assert ds.feature_names == ("a", "b")
    assert load(table, labels="optional", target="c").y is None
    assert load(pa.table({"a": [1, 2, 3, 4], "b": ["p", "q"] * 2}), labels="optional").classes == ("p", "q")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (["a", None, "b", "a"], "row 1 .* has no label in column 'label'"),
        ([0.0, 1.0, float("nan"), 0.0], "row 2"),
        ([[1], [2], [3], [4]], "labels are single values"),
        (list(np.linspace(0.1, 0.9, 4)), None),
    ],
)
def test_labels_missing_or_odd(column: list[Any], words: str | None) -> None:
    table = pa.table({"a": [1, 2, 3, 4], "label": column})
    if words is None:
        assert load(table).n_classes == 4
        return
    with pytest.raises(InputError, match=words):
        load(table)


def test_categories_without_rows_are_no_classes() -> None:
    frame = pd.DataFrame({"a": [1, 2], "label": pd.Categorical(["x", "y"], categories=["y", "z", "x"])})
    assert load(frame).classes == ("x", "y")


def huggingface(table: pa.Table, names: list[str], column: str = "label") -> pa.Table:
    features = {column: {"names": names, "_type": "ClassLabel"}}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def test_class_label_names() -> None:
    table = huggingface(pa.table({"a": [1, 2], "label": [2, 0]}), ["zebra", "ant", "cat"])
    ds = load(table)
    assert ds.classes == ("zebra", "ant", "cat")
    assert ds.y.tolist() == [2, 0]
    ds = load(huggingface(pa.table({"kind": [1, 0], "a": [1, 2]}), ["p", "q"], "kind"))
    assert ds.classes == ("p", "q")
    hidden = huggingface(pa.table({"a": [1, 2], "label": [0, -1]}), ["p", "q"])
    with pytest.raises(InputError, match="-1, which means unlabelled, in row 1"):
        load(hidden)
    assert load(hidden, labels="optional").y is None
    broken = pa.table({"a": [1, 2], "label": [1, 0]}).replace_schema_metadata({"huggingface": "{"})
    assert load(broken).classes == ("0", "1")


# features ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([1.0, None, 3.0, 4.0], r"row 1 .*column 'a' has no value"),
        ([1, None, 3, 4], r"row 1 .*column 'a' has no value"),
        ([1.0, 2.0, float("nan"), 4.0], r"row 2 .*column 'a' has NaN"),
        ([1.0, float("inf"), 3.0, 4.0], r"row 1 .*column 'a' has inf"),
        ([1.0, 2.0, -1e300, 4.0], r"row 2 .*column 'a' has -1e\+300"),
        (["p", "q", "p", "q"], r"the column 'a' holds text"),
        (["1", "2", "x", "4"], r"row 2 .*column 'a' has the text 'x' in a column of numbers"),
        (["1", "2", "3", "4"], r"numbers stored as text"),
        ([datetime.date(2020, 1, 1)] * 4, r"dates or times"),
        (pa.array(list("pqpq")).dictionary_encode(), r"the column 'a' holds categories"),
        ([[1], [2], [3, 4], [5]], r"row 2 .*list of 2 values, the first row one of 1"),
        ([[1], None, [3], [5]], r"row 1 .*column 'a' has no value"),
        ([[1, 2], [3, None], [3, 4], [5, 6]], r"row 1 .*column 'a\[1\]' has no value"),
        ([[], [], [], []], r"lists in column 'a' are empty"),
        ([["p"], ["q"], ["r"], ["s"]], r"features must be numbers"),
        ([[[1]], [[2]], [[3], [4]], [[5]]], r"row 2"),
        ([[[1, 2]], [[2, 3]], [[3]], [[5, 6]]], r"row 2"),
        ([[[1, 2], [1, 2]], [[2, 3], [1, 2]], [[3, 4], [5]], [[5, 6], [7, 8]]], r"row 2"),
    ],
)
@pytest.mark.parametrize("chunks", [1, 2])
def test_refused_columns(column: Any, words: str, chunks: int) -> None:
    table = pa.table({"a": column, "label": [0, 1, 0, 1]})
    if chunks == 2:
        table = pa.concat_tables([table[:1], table[1:]])
    with pytest.raises(InputError, match=words) as info:
        load(table)
    assert "\n" not in str(info.value)


def test_rows_are_counted_over_blocks() -> None:
    values = np.zeros(150_000)
    values[140_001] = np.nan
    with pytest.raises(InputError, match="row 140001"):
        load(pa.table({"a": values, "y": np.arange(150_000) % 2}))


def test_empty_columns_and_row_numbers_are_left_out() -> None:
    ds = load(pa.table({"": [0, 1], "a": [1, 2], "b": pa.nulls(2), "label": [0, 1]}))
    assert ds.feature_names == ("a",)
    assert len(ds.notes) == 2


def test_names_of_examples() -> None:
    ds = load(pa.table({"filename": ["p.png", "q.png"], "a": [1, 2], "label": [0, 1]}))
    assert ds.ids == ("p.png", "q.png")
    assert ds.feature_names == ("a",)
    with pytest.raises(InputError, match="'filename'"):
        load(pa.table({"filename": ["p.png", "p.png"], "a": [1, 2], "label": [0, 1]}))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8, np.int64])
@pytest.mark.parametrize("fixed", [True, False])
def test_embeddings(dtype: type, fixed: bool) -> None:
    values = np.arange(12).astype(dtype)
    flat = pa.array(values)
    lists = (
        pa.FixedSizeListArray.from_arrays(flat, 3)
        if fixed
        else pa.ListArray.from_arrays(pa.array([0, 3, 6, 9, 12], pa.int32()), flat)
    )
    table = pa.table({"text": list("wxyz"), "emb": lists, "label": [0, 1, 0, 1]})
    ds = load(table)
    assert ds.X.tolist() == values.reshape(4, 3).tolist()
    assert ds.X.dtype == (np.float32 if dtype is np.int64 else dtype)
    assert ds.feature_shape == (3,)
    assert "'text'" in ds.notes[0]
    # A slice of lists starts in the middle of its values.
    assert load(table[1:]).X.tolist() == values.reshape(4, 3)[1:].tolist()
    both = load(table.append_column("extra", pa.array([1, 2, 3, 4])))
    assert both.feature_names == ("emb[0]", "emb[1]", "emb[2]", "extra")


def test_lists_of_lists_and_tensors() -> None:
    cube = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    ds = load(pa.table({"a": cube.tolist(), "label": [0, 1, 0, 1]}))
    assert ds.feature_shape == (2, 3)
    assert (cube.reshape(4, 6) == ds.X).all()
    ds = load(pa.table({"a": pa.FixedShapeTensorArray.from_numpy_ndarray(cube), "label": [0, 1, 0, 1]}))
    assert ds.feature_shape == (2, 3)
    assert (cube.reshape(4, 6) == ds.X).all()
    # What a slice leaves out does not count.
    ragged = pa.table({"a": [[[9.0]], *cube.tolist()], "label": [0, 1, 0, 1, 0]})
    assert (cube.reshape(4, 6) == load(ragged[1:]).X).all()
    frame = pl.DataFrame({"a": cube[:, 0], "label": [0, 1, 0, 1]})
    assert (cube[:, 0] == load(frame).X).all()


# files ---------------------------------------------------------------------------------------------------------------


def write(table: pa.Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=3)
    elif path.suffix == ".feather":
        pyarrow.feather.write_feather(table, path, compression="zstd")
    else:
        kind = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with pa.OSFile(str(path), "wb") as sink, kind(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return path


KINDS = [".parquet", ".feather", ".arrow", ".stream"]


@pytest.mark.parametrize("kind", KINDS)
def test_files(tmp_path: Path, kind: str) -> None:
    ds = load(write(pa.table(PEOPLE), tmp_path / f"people{kind}"))
    check_people(ds)
    assert f"people{kind}" in ds.source


def test_written_by_pandas(tmp_path: Path) -> None:
    pd.DataFrame(PEOPLE, index=[3, 1, 2, 0]).to_parquet(tmp_path / "a.parquet")
    check_people(load(tmp_path / "a.parquet"))
    pd.DataFrame(PEOPLE).assign(id=[9, 8, 7, 6]).set_index("id").to_parquet(tmp_path / "a.parquet")
    check_people(load(tmp_path / "a.parquet"))
    pd.DataFrame(PEOPLE).to_feather(tmp_path / "a.feather")
    check_people(load(tmp_path / "a.feather"))


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_files(tmp_path: Path, kind: str) -> None:
    whole = write(pa.table(PEOPLE), tmp_path / f"a{kind}").read_bytes()
    for length in range(8, len(whole) - 8, max(1, len(whole) // 60)):
        (tmp_path / f"a{kind}").write_bytes(whole[:length])
        with pytest.raises(InputError) as info:
            load(tmp_path / f"a{kind}")
        assert "\n" not in str(info.value)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    broken = bytearray(write(pa.table(PEOPLE), tmp_path / f"a{kind}").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(4, len(broken) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / f"a{kind}").write_bytes(bytes(broken))
    message = ""
    try:
        load(tmp_path / f"a{kind}")
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_folder_with_train_and_test(tmp_path: Path) -> None:
    table = pa.table(PEOPLE)
    write(table, tmp_path / "train.parquet")
    write(table[2:].select(["label", "age", "height"]), tmp_path / "test.parquet")
    write(table, tmp_path / "validation.parquet")
    (tmp_path / "README.md").write_text("about")
    train, test = load(tmp_path).split()
    check_people(train)
    assert test.X.tolist() == [[1.7, 50], [1.6, 60]]  # columns by name, not by place
    assert "validation.parquet" in train.notes[0]


def test_labels_of_test_are_matched_by_name(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, 3], "species": ["x", "y", "y"]})
    write(table.take([0, 1, 2, 1]), tmp_path / "train.parquet")
    write(table[1:], tmp_path / "test.parquet")
    ds = load(tmp_path, target="species")
    assert ds.test.y.tolist() == [1, 1]
    write(pa.table({"a": [1], "species": ["w"]}), tmp_path / "test.parquet")
    with pytest.raises(InputError, match="'w' that training never saw"):
        load(tmp_path, target="species")
    write(pa.table({"a": [1]}), tmp_path / "test.parquet")
    assert "has no labels and is left out" in load(tmp_path, target="species").notes[-1]


def test_shards(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = pa.table(PEOPLE)
    for k in range(2):
        write(table[2 * k : 2 * k + 2], tmp_path / "data" / f"train-0000{k}-of-00002.parquet")
    check_people(load(tmp_path))
    write(pa.table({**PEOPLE, "age": [1, 2, None, 4]}), tmp_path / "data" / "train-00001-of-00002.parquet")
    with pytest.raises(InputError, match=r"train-00001-of-00002\.parquet, row 2 .*'age'"):
        load(tmp_path)
    (tmp_path / "data" / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(InputError, match="part 1 of 2 is missing"):
        load(tmp_path)


def test_folder_with_one_table_or_only_a_test(tmp_path: Path) -> None:
    pd.DataFrame(PEOPLE).to_csv(tmp_path / "people.csv", index=False)
    check_people(load(tmp_path))
    (tmp_path / "people.csv").rename(tmp_path / "test.csv")
    with pytest.raises(InputError, match="no train table"):
        load(tmp_path)


def test_columns_that_differ_between_shards(tmp_path: Path) -> None:
    write(pa.table({"a": [1], "label": [0]}), tmp_path / "train-0.parquet")
    write(pa.table({"a": ["x"], "label": [0]}), tmp_path / "train-1.parquet")
    with pytest.raises(InputError, match="different columns"):
        load(tmp_path)


def test_a_table_larger_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(pa.table({"a": np.zeros(100_000), "y": np.arange(100_000) % 2}), tmp_path / "a.parquet")
    monkeypatch.setattr("steepest.data.limits.memory_size", lambda: 100_000)
    with pytest.raises(InputError, match=r"but there are 100\.0 kB of memory"):
        load(path)


# images --------------------------------------------------------------------------------------------------------------


def png(value: int, size: tuple[int, int] = (4, 4)) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", size, (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def test_image_structs(tmp_path: Path) -> None:
    images = [{"bytes": png(k), "path": f"{k}.png"} for k in range(4)]
    table = huggingface(pa.table({"image": images, "caption": list("abcd"), "label": [0, 1, 0, 1]}), ["cat", "dog"])
    ds = load(write(table, tmp_path / "a.parquet"))
    assert ds.X.dtype == np.uint8
    assert ds.feature_shape == (4, 4, 3)
    assert ds.X[:, 0].tolist() == [0, 1, 2, 3]
    assert ds.classes == ("cat", "dog")
    assert ds.ids == ("0.png", "1.png", "2.png", "3.png")
    assert "'caption'" in ds.notes[0]


def test_broken_image_in_a_table() -> None:
    blobs = [png(0), b"nothing", png(2)]
    with pytest.warns(DataWarning, match="1 of 3 images"):
        ds = load(pa.table({"image": blobs, "label": [0, 1, 1]}))
    assert ds.X[:, 0].tolist() == [0, 2]
    assert ds.y.tolist() == [0, 1]
    assert ds.ids == ("row 0", "row 2")
    with pytest.raises(InputError, match="row 1"):
        load(pa.table({"image": blobs, "label": [0, 1, 1]}), on_bad_image="fail")


def test_image_paths_without_bytes() -> None:
    with pytest.raises(InputError, match=r"names the file 'a\.png'"):
        load(pa.table({"image": [{"bytes": None, "path": "a.png"}], "label": [0]}))


def test_a_parquet_file_of_several_batches_reads_as_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    words = [np.array(["a", "b"])[rng.integers(0, 2, 40)], np.array(["c", "a"])[rng.integers(0, 2, 40)]]
    frames = [pd.DataFrame({"x": rng.normal(size=40), "label": pd.Categorical(some)}) for some in words]
    # Each row group has a dictionary of its own.
    table = pa.concat_tables([pa.Table.from_pandas(frame) for frame in frames])
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=40)
    monkeypatch.setattr("steepest.data.table_files._COLUMN_BYTES", 1)
    for size in (1, 100, 1 << 20):
        monkeypatch.setattr("steepest.data.table_files._BATCH_BYTES", size)
        ds = load(tmp_path / "t.parquet")
        assert ds.y is not None
        assert [ds.classes[k] for k in ds.y] == np.concatenate(words).tolist()
        np.testing.assert_array_equal(ds.X[:, 0], np.concatenate([frame["x"] for frame in frames]))
        assert ds.feature_names == ("x",)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("row_group_size", [2000, 20_000])
def test_lists_in_parquet_take_a_few_times_their_size(row_group_size: int, tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(0, 256, (20_000, 3072), dtype=np.uint8)
    table = pa.table(
        {"x": pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1)), 3072), "y": np.arange(20_000) % 2}
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=row_group_size)
    script = """
import sys
import numpy, pyarrow.compute, pyarrow.parquet
from steepest.data import load

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

before = peak()
ds = load(sys.argv[1])
print((peak() - before) / ds.X.nbytes)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "t.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4
