from __future__ import annotations

import csv
import io
import os

import numpy as np
import pyarrow.parquet
import pytest


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def flowers(tmp_path):
    rng = np.random.default_rng(0)
    names = ["iris, blue", 'the "rose"', "tulip"]
    with open(tmp_path / "flowers.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["long", "wide", "flower"])
        for i in range(150):
            writer.writerow([*(rng.normal(size=2) * 0.2 + np.array([i % 3, -(i % 3)])).round(4), names[i % 3]])
    with open(tmp_path / "flowers.csv", newline="") as file:
        rows = list(csv.reader(file))
    with open(tmp_path / "new.csv", "w", newline="") as file:  # other order, no labels
        csv.writer(file).writerows([[row[1], row[0]] for row in rows])
    return tmp_path


def test_one_row_an_example(steepest):
    steepest("train", "digits", "--out", "r")
    done = steepest("predict", "r", "digits")
    rows = read(done.out)
    assert [int(row["index"]) for row in rows] == list(range(1797))
    assert list(rows[0]) == ["index", "prediction", "label"]
    assert np.mean([row["prediction"] == row["label"] for row in rows]) > 0.95


def test_held_out_rows_keep_their_numbers(steepest):
    from steepest.data import load
    from steepest.data.splitting import split_rows

    steepest("train", "digits", "--epochs", 1, "--out", "r", "--seed", 2)
    rows = read(steepest("predict", "r", "digits", "--part", "test").out)
    ds = load("digits")
    _, test = split_rows(len(ds), ds.y, None, 2, True, ds.classes)
    assert [int(row["index"]) for row in rows] == test.tolist()
    assert [row["label"] for row in rows] == [ds.classes[k] for k in ds.y[test]]


def test_columns_are_matched_by_name_and_labels_may_be_missing(steepest, flowers):
    assert steepest("train", "flowers.csv", "--out", "r").status == 0
    with_labels = read(steepest("predict", "r", "flowers.csv").out)
    without = read(steepest("predict", "r", "new.csv").out)
    assert list(without[0]) == ["index", "prediction"]
    assert [row["prediction"] for row in without] == [row["prediction"] for row in with_labels]
    assert {row["prediction"] for row in without} == {"iris, blue", 'the "rose"', "tulip"}


def test_a_missing_column_is_named_and_one_too_many_is_left_out(steepest, flowers):
    steepest("train", "flowers.csv", "--out", "r")
    (flowers / "short.csv").write_text("long\n1.5\n2.5\n")
    done = steepest("predict", "r", "short.csv")
    assert (done.status, "'wide'" in done.err) == (2, True)
    (flowers / "more.csv").write_text("age,wide,long\n3.5,-1.0,1.0\n7.25,0.0,0.0\n")
    done = steepest("predict", "r", "more.csv")
    assert [row["prediction"] for row in read(done.out)] == ['the "rose"', "iris, blue"]
    assert "'age'" in done.err


def test_a_numeric_label_column_is_known_again(steepest, tmp_path):
    rows = "".join(f"{i % 2 + i / 1000},{-i},{i % 2}\n" for i in range(100))
    (tmp_path / "t.csv").write_text("a,b,kind\n" + rows)
    (tmp_path / "u.csv").write_text("a,b\n" + "".join(line.rpartition(",")[0] + "\n" for line in rows.splitlines()))
    steepest("train", "t.csv", "--out", "r")
    labelled, bare = (read(steepest("predict", "r", name).out) for name in ("t.csv", "u.csv"))
    assert list(labelled[0]) == ["index", "prediction", "label"]
    assert [row["prediction"] for row in labelled] == [row["prediction"] for row in bare]
    done = steepest("evaluate", "r", "u.csv")
    assert (done.status, "'kind'" in done.err) == (2, True)


def test_parts_follow_each_other(steepest, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "p.npz", X=rng.normal(size=(40, 3)), y=np.arange(40) % 2, X_test=np.ones((6, 3)), y_test=[0, 1] * 3
    )
    steepest("train", "p.npz", "--epochs", 1, "--out", "r")
    rows = read(steepest("predict", "r", "p.npz").out)
    assert [row["part"] for row in rows] == ["train"] * 40 + ["test"] * 6
    assert [int(row["index"]) for row in rows] == [*range(40), *range(6)]
    assert len(read(steepest("predict", "r", "p.npz", "--part", "test").out)) == 6


def test_probabilities(steepest, flowers):
    steepest("train", "flowers.csv", "--out", "r")
    assert steepest("predict", "r", "flowers.csv", "--proba", "--out", "p.parquet").status == 0
    table = pyarrow.parquet.read_table(flowers / "p.parquet")
    names = ["iris, blue", 'the "rose"', "tulip"]
    assert table.column_names == ["index", "prediction", "label", *names]
    p = np.column_stack([table[name] for name in names])
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert [names[k] for k in p.argmax(axis=1)] == table["prediction"].to_pylist()
    rows = read(steepest("predict", "r", "flowers.csv", "--proba").out)
    np.testing.assert_allclose([float(row["tulip"]) for row in rows], p[:, 2], rtol=1e-6)
    steepest("train", "flowers.csv", "--loss", "hinge", "--out", "h")
    done = steepest("predict", "h", "flowers.csv", "--proba", "--out", "q.csv")
    assert (done.status, "softmax" in done.err) == (2, True)
    assert not (flowers / "q.csv").exists()


@pytest.mark.parametrize(
    ("out", "said"),
    [("p.xlsx", ".parquet"), ("p", ".csv"), ("no/p.csv", "'no'"), ("d.csv", "no file")],
)
def test_places_that_cannot_be_written(steepest, tmp_path, out, said):
    steepest("train", "spiral:n=60", "--epochs", 1, "--out", "r")
    (tmp_path / "d.csv").mkdir()
    done = steepest("predict", "r", "spiral:n=60", "--out", out)
    assert (done.status, said in done.err) == (2, True)
    assert sorted(os.listdir(tmp_path)) == ["d.csv", "r"]


def test_csv_in_a_file_is_the_one_on_stdout(steepest, tmp_path):
    steepest("train", "spiral:n=60", "--epochs", 1, "--out", "r")
    text = steepest("predict", "r", "spiral:n=60").out
    assert steepest("predict", "r", "spiral:n=60", "--out", "p.csv").out == ""
    assert (tmp_path / "p.csv").read_text() == text
    assert steepest("predict", "r", "spiral:n=60", "--out", "-").out == text


def test_a_reader_that_had_enough_is_no_error(start, steepest):
    steepest("train", "digits", "--epochs", 1, "--out", "r")
    process = start("predict", "r", "digits", "--proba")
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait(timeout=30)
    process.stderr.close()


@pytest.mark.parametrize("out", ["p.parquet", "p.csv"])
def test_images_of_any_size_and_names(steepest, tmp_path, out):
    from PIL import Image

    for k, colour in enumerate(["red", "blue"]):
        (tmp_path / "photos" / colour).mkdir(parents=True)
        for i in range(12):
            Image.new("RGB", (6, 6), ((255 - i, 0, i), (i, 0, 255 - i))[k]).save(
                tmp_path / "photos" / colour / f"{i}.png"
            )
    assert steepest("train", "photos", "--image-size", 4, "--out", "r", "--no-cache").status == 0
    # The size is the model's, said or not.
    assert steepest("evaluate", "r", "photos", "--no-cache", "--quiet").status == 0
    folder = os.fsencode(tmp_path / "new" / "red") + b"\xff"
    os.makedirs(folder)
    Image.new("RGB", (9, 5), (250, 0, 3)).save(os.path.join(folder, b"\xfe.png"))
    (tmp_path / "new" / "blue").mkdir()
    Image.new("RGB", (9, 5), (3, 0, 250)).save(tmp_path / "new" / "blue" / "b.png")
    done = steepest("predict", "r", "new", "--out", out, "--no-cache")
    assert done.status == 0, done.err
    rows = read((tmp_path / out).read_text()) if out == "p.csv" else pyarrow.parquet.read_table(out).to_pylist()
    assert {row["id"].partition("/")[0]: row["prediction"] for row in rows} == {"blue": "blue", "red\\udcff": "red"}
    Image.new("RGB", (4, 4), (250, 0, 3)).save(tmp_path / "one.png")
    assert [row["prediction"] for row in read(steepest("predict", "r", "one.png").out)] == ["red"]
