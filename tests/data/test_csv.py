"""Text tables: separators, headers, and the line of every fault."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steepest.data import load
from steepest.data.csv_files import sniff_text
from steepest.errors import InputError


def put(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "a,b,label\n1,2.5,x\n3,4,y\n",
        "a,b,label\r\n1,2.5,x\r\n3,4,y\r\n",
        "a,b,label\n1,2.5,x\n3,4,y",  # no line end at the end
        "\ufeffa,b,label\n1,2.5,x\n3,4,y\n",  # a byte order mark
        "a\tb\tlabel\n1\t2.5\tx\n3\t4\ty\n",
        "a;b;label\n1;2.5;x\n3;4;y\n",
        "a;b;label\n1;2,5;x\n3;4,0;y\n",  # decimal commas
        "a|b|label\n1|2.5|x\n3|4|y\n",
        '"a","b","label"\n"1","2.5","x"\n"3","4","y"\n',
        "a, b, label\n1, 2.5, x\n3, 4, y\n",
        "\n\na,b,label\n\n1,2.5,x\n3,4,y\n\n",  # empty lines
        ",a,b,label\n0,1,2.5,x\n1,3,4,y\n",  # row numbers, as pandas writes them
        "a,b,label,\n1,2.5,x,\n3,4,y,\n",  # a separator at the end of each line
        "label,b,a\nx,2.5,1\ny,4,3\n",
    ],
)
def test_same_table(tmp_path: Path, text: str) -> None:
    ds = load(put(tmp_path, text))
    X = ds.X if ds.feature_names == ("a", "b") else ds.X[:, ::-1]
    assert X.tolist() == [[1, 2.5], [3, 4]]
    assert ds.classes == ("x", "y")
    assert ds.y.tolist() == [0, 1]
    assert set(ds.feature_names) == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.0,2.2,virginica\n5,3,virginica\n", ("column 1", "column 2")),
        ("label,0,1\n3,0,0\n4,0,9\n", ("0", "1")),  # running numbers are names
        ("0,1,2,y\n3,0,0,1\n4,0,9,0\n", ("0", "1", "2")),
        ("1.5,2,y\n3,4,n\n5,6,y\n7,8,n\n", ("column 1", "column 2")),  # a usual name beside numbers is a label
        ("w,h,kind\n1,2,p\n3,4,q\n5,6,p\n7,8,q\n", ("w", "h")),
        ("?,1.5,p\n2,2.5,q\n1,1,p\n2,2,q\n", None),  # a missing value is no name
    ],
)
def test_headers(tmp_path: Path, text: str, names: tuple[str, ...] | None) -> None:
    path = put(tmp_path, text)
    if names is None:
        with pytest.raises(InputError, match=r"line 1, column 'column 1' has the text '\?'"):
            load(path)
        return
    assert load(path).feature_names == names


def test_target_of_a_table_without_header(tmp_path: Path) -> None:
    path = put(tmp_path, "p,1.5,2\nq,2.5,3\np,1,4\nq,2,5\n")
    with pytest.raises(InputError, match=r"name the label column .*'column 1'"):
        load(path)
    assert load(path, target="1").classes == ("p", "q")
    assert load(path, target="column 1").X.shape == (4, 2)


def test_digits_first_or_last_is_left_open(tmp_path: Path) -> None:
    # As the well-known text form of MNIST: no header, the label first, and a last pixel that could pass for one.
    path = put(tmp_path, "1,7,0\n0,9,1\n1,7,0\n0,8,1\n")
    with pytest.raises(InputError, match="name the label column"):
        load(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("\n\n\n", "no lines with anything"),
        ("a,b,label\n", r"a header and no rows|only a header"),
        ("a,b,label", r"a header and no rows"),
        ("a,b,label\n1,2,x\n3,4\n5,6,y\n", r"line 3 has 2 cells, the first line has 3"),
        ("a,b,label\n1,2,x\n3,4,y\n5,6,y,7\n", r"line 4 has 4 cells"),
        ('a,b,label\n1,2,"x\nz"\n3,4\n', r"line 4 has 2 cells"),  # a quoted line end counts as a line
        ("a,b,label\n1,2,x\n3,,y\n", r"line 3, column 'b' has no value"),
        ("a,b,label\n1,2,x\nnan,4,y\n", r"line 3, column 'a' has no value"),
        ("a,b,label\n1,2,x\n3,inf,y\n", r"line 3, column 'b' has inf"),
        ("a,b,label\n1,2,x\n3,4,\n", r"line 3 has no label in column 'label'"),
        ("a,b,label\n1,2,x\n\n\n3,oops,y\n5,6,y\n", r"line 5, column 'b' has the text 'oops' in a column of numbers"),
        ("a,b,label\n1,2,x\n3,4 kg,y\n5,6,y\n", r"line 3, column 'b' has the text '4 kg'"),
        ("a,b,label\n1,p,x\n3,q,y\n5,r,y\n", r"the column 'b' holds text"),
        ("a,b,c,label\n1,p,p,x\n3,q,q,y\n5,r,s,y\n", r"the columns 'b', 'c' hold text"),
        ("a,day,label\n1,2020-01-01,x\n3,2020-01-02,y\n", r"dates or times"),
        ("a,a,label\n1,2,x\n3,4,y\n", r"two columns are called 'a'"),
        ("label\nx\ny\n", r"no features"),
        ("a\n1.5\n2\n", r"name the label column"),
    ],
)
def test_faults_have_their_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as info:
        load(put(tmp_path, text))
    assert "\n" not in str(info.value)
    assert "a.csv" in str(info.value)


def test_faults_far_down_the_file(tmp_path: Path) -> None:
    # The first block decides on whole numbers; what comes a megabyte later has to be met all the same.
    lines = ["a,b,label"] + [f"{k},{k % 7},{k % 2}" for k in range(200_000)]
    lines[150_000] = "1.5,2,0"
    ds = load(put(tmp_path, "\n".join(lines)))
    assert ds.X[149_999].tolist() == [1.5, 2]
    lines[180_000] = "1,two,0"
    with pytest.raises(InputError, match=r"line 180001, column 'b' has the text 'two'"):
        load(put(tmp_path, "\n".join(lines)))
    lines[180_000] = "1,0"
    with pytest.raises(InputError, match=r"line 180001 has 2 cells"):
        load(put(tmp_path, "\n".join(lines)))


def test_quoted_line_ends_across_blocks(tmp_path: Path) -> None:
    row = '1,"' + "x\n" * 50 + '",p\n2,"y\n",q\n'
    path = put(tmp_path, "a,note,label\n" + row * 15_000)
    with pytest.raises(InputError, match="the column 'note' holds text"):
        load(path)
    path = put(tmp_path, "a,label\n" + ('1,"p' + "\n" * 60 + 'x"\n2,"q\n"\n') * 30_000)
    ds = load(path)
    assert len(ds) == 60_000
    assert ds.n_classes == 2


def test_quoted_fields(tmp_path: Path) -> None:
    ds = load(put(tmp_path, 'a,"the, label",b\n1,"x, ""y""",2\n3,"line\nend",4\n'), target="the, label")
    assert ds.classes == ("line\nend", 'x, "y"')
    assert ds.feature_names == ("a", "b")


def test_encodings(tmp_path: Path) -> None:
    text = "größe,label\n1,süß\n2,naïve\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        ds = load(put(tmp_path, text.encode(encoding)))
        assert ds.classes == ("naïve", "süß")
        assert ds.feature_names == ("größe",)
    # One odd byte beyond the part that is looked at first.
    far = b"a,label\n" + b"1,x\n" * 50_000 + "2,süß\n".encode("latin-1")
    assert load(put(tmp_path, far)).classes == ("süß", "x")


def test_spaces_around_labels_are_no_part_of_them(tmp_path: Path) -> None:
    assert load(put(tmp_path, "a,label\n1, x\n2,x \n3,y\n")).classes == ("x", "y")


def test_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,label\n" + b"1,x\n2,y\n" * 500)
    assert len(load(put(tmp_path, packed, "a.csv.gz"))) == 1000
    for length in (12, len(packed) // 2, len(packed) - 1):
        with pytest.raises(InputError, match="gzip"):
            load(put(tmp_path, packed[:length], "a.csv.gz"))


def test_gzip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, gzip.compress(b"a,label\n" + b"1,x\n" * 2_000_000), "a.csv.gz")
    monkeypatch.setattr("steepest.data.limits._SUSPICIOUS_FROM", 1 << 20)
    with pytest.raises(InputError, match="decompression bomb"):
        load(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.floats(-1e30, 1e30),
            st.integers(-(2**53), 2**53),
            st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6).filter(
                # A column of nothing but these is numbers without values, not labels.
                lambda label: label.strip("#+-").lower() not in ("na", "n/a", "nan", "null", "inf")
            ),
        ),
        min_size=1,
        max_size=20,
    ),
    delimiter=st.sampled_from([",", "\t", ";"]),
)
def test_round_trip(tmp_path: Path, rows: list[tuple[float, int, str]], delimiter: str) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(["a", "b", "label"])
    writer.writerows(rows)
    ds = load(put(tmp_path, file.getvalue().encode()))
    assert ds.X.tolist() == [[a, b] for a, b, _ in rows]
    names = [ds.classes[k] for k in ds.y]
    expected = pd.read_csv(io.StringIO(file.getvalue()), sep=delimiter, dtype=str, keep_default_na=False)["label"]
    assert [_same(name) for name in names] == [_same(label) for label in expected]


def _same(label: str) -> object:
    # Labels that are all numbers (or true and false) were read as such.
    try:
        return float(label)
    except ValueError:
        return label.lower()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("ab1.-\",;\t\n\r 'é?"), min_size=1, max_size=60))
def test_any_text_gives_one_line(tmp_path: Path, text: str) -> None:
    try:
        ds = load(put(tmp_path, text))
    except InputError as error:
        message = str(error)
    else:
        message = ""
        assert np.isfinite(ds.X.astype(np.float64)).all()
    assert "\n" not in message


def test_train_and_test(tmp_path: Path) -> None:
    put(tmp_path, "a,kind\n1,x\n2,y\n3,x\n4,y\n", "train.csv")
    put(tmp_path, "kind,a\ny,5\n", "test.csv")
    train, test = load(tmp_path).split()
    assert len(train) == 4
    assert test.X.tolist() == [[5]]
    assert test.y.tolist() == [1]


def test_sniffing_sees_a_cut_head() -> None:
    form = sniff_text(b"a;b\n1;2\n3", False, "x")
    assert (form.delimiter, form.names) == (";", ("a", "b"))
    assert sniff_text("a,b\né".encode()[:-1], False, "x").encoding == "utf-8"
    assert sniff_text("a,b\né".encode()[:-1], True, "x").encoding == "latin-1"
