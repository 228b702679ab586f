from __future__ import annotations

import json
import os
import stat

import pytest

from steepest.errors import InputError
from steepest.training.files import replacing, to_json, write_bytes, write_json, write_json_lines
from steepest.training.run_folder import RunFolder, is_finished, new_name


def test_a_file_changes_all_at_once(tmp_path):
    path = tmp_path / "f"
    write_bytes(path, b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "f"
    write_bytes(path, b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


def test_a_full_disk_is_an_input_error(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_bytes(tmp_path / "f", b"x")
    assert os.listdir(tmp_path) == []


def test_links_are_followed_and_permissions_are_the_usual(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o666 & ~umask


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(InputError, match="make its folder first"):
        write_bytes(tmp_path / "no" / "f", b"")


def test_json_has_neither_nan_nor_infinity(tmp_path):
    assert (
        to_json({"a": [float("nan"), (float("-inf"), 1.5)], "b": "\udce9"})
        == '{"a": [null, [null, 1.5]], "b": "\\udce9"}'
    )
    write_json(tmp_path / "j", {"a": 1})
    assert json.loads((tmp_path / "j").read_text()) == {"a": 1}
    write_json_lines(tmp_path / "l", [{"a": 1}, {"a": 2}])
    assert (tmp_path / "l").read_text() == '{"a": 1}\n{"a": 2}\n'


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("digits", "digits"),
        ("spiral:n=3", "spiral"),
        ("/data/cifar-10-python.tar.gz", "cifar-10-python"),
        ("./my pictures/", "my-pictures"),
        ("..", "run"),
        ("日本.csv", "run"),
    ],
)
def test_names_of_runs(tmp_path, source, stem):
    assert new_name(source, "hinge", tmp_path).name == f"{stem}-hinge-1"
    (tmp_path / f"{stem}-hinge-7").mkdir()
    (tmp_path / f"{stem}-hinge-x").mkdir()
    assert new_name(source, "hinge", tmp_path).name == f"{stem}-hinge-8"


def test_a_folder_belongs_to_one(tmp_path):
    with RunFolder(tmp_path / "r") as first:
        with pytest.raises(InputError, match="another process"):
            RunFolder(tmp_path / "r")
        first.checkpoint.write_bytes(b"x")
    with pytest.raises(InputError, match="not empty"):
        RunFolder(tmp_path / "r")
    assert os.listdir(tmp_path / "r") == ["checkpoint.safetensors"]


def test_a_folder_without_results_goes_again(tmp_path):
    with RunFolder(tmp_path / "a/b") as folder:
        folder.config.write_text("")
    assert os.listdir(tmp_path) == []
    (tmp_path / "mine").mkdir()
    with RunFolder(tmp_path / "mine") as folder:
        folder.config.write_text("")
    assert os.listdir(tmp_path) == ["mine"]
    assert os.listdir(tmp_path / "mine") == []


def test_what_is_no_run_is_not_resumed(tmp_path):
    with pytest.raises(InputError, match=r"config\.toml"):
        RunFolder(tmp_path, resume=True)
    assert not is_finished(tmp_path)
    (tmp_path / "summary.json").write_text("[]")
    assert not is_finished(tmp_path)
    (tmp_path / "summary.json").write_text('{"finished": true}')
    assert is_finished(tmp_path)
