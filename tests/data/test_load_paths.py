"""Which reader a path goes to, and what is said when there is none."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steepest.data import load
from steepest.errors import InputError


def test_missing_path_names_a_near_one(tmp_path: Path) -> None:
    (tmp_path / "flowers.csv").write_text("a,label\n1,x\n")
    with pytest.raises(InputError, match=r"flower\.csv: no such file or folder: did you mean .*flowers\.csv"):
        load(tmp_path / "flower.csv")
    with pytest.raises(InputError, match="check the spelling"):
        load(tmp_path / "nowhere" / "x.csv")


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").write_text("a,label\n1,x\n2,y\n")
    assert len(load("~/a.csv")) == 2


@pytest.mark.parametrize("text", ["a\0b", "x" * 5000])
def test_texts_that_cannot_be_paths(text: str) -> None:
    with pytest.raises(InputError):
        load(text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"%PDF-1.7 ....", "PDF"),
        (b"SQLite format 3\0", "export the table"),
        (b"\x80\x04K\x01.", "a pickle can run code"),
        (b"BZh91AY\x00\x01", "packed with bzip2"),
        (b"\xfd7zXZ\x00", "packed with xz"),
        (b"\xd0\xcf\x11\xe0\0\0", "Excel"),
        (b"\x00\x01\x02\x03\x04\x05", "no kind that is read here"),
        (b"\x1f\x8b\x08\x00broken", "gzip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "one image is no data set"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "data.bin").write_bytes(content)
    with pytest.raises(InputError, match=words) as info:
        load(tmp_path / "data.bin")
    assert "data.bin" in str(info.value)
    assert "\n" not in str(info.value)


def test_excel(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(InputError, match="save the sheet as CSV"):
        load(tmp_path / "a.xlsx")


def test_content_wins_over_the_ending(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.csv.npz", X=np.eye(3), y=[0, 1, 2])
    (tmp_path / "a.csv.npz").rename(tmp_path / "a.csv")
    assert load(tmp_path / "a.csv").X.shape == (3, 3)


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        load(tmp_path / "pipe")


def test_y_goes_with_npy_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,label\n1,x\n2,y\n")
    with pytest.raises(InputError, match="target="):
        load(tmp_path / "a.csv", [0, 1])
    with pytest.raises(InputError, match="leave y out"):
        load("digits", [0, 1])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from(
        [b"", b"PAR1", b"ARROW1\0\0", b"FEA1", b"\xff\xff\xff\xff", b"\x93NUMPY\x01\0", b"PK\x03\x04", b"\x1f\x8b"]
    ),
    rest=st.binary(max_size=200),
)
def test_any_bytes_give_one_line(tmp_path: Path, start: bytes, rest: bytes) -> None:
    (tmp_path / "a").write_bytes(start + rest)
    message = ""
    try:
        load(tmp_path / "a")
    except InputError as error:
        message = str(error)
    assert "\n" not in message
