"""Archives of image folders: the same data set as the folder gives, and nothing that a hostile archive could do."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steepest.data import archives, images
from steepest.data.options import ReadOptions
from steepest.errors import DataWarning, InputError

PLAIN = ReadOptions(cache=False, threads=1)


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


FILES = {
    f"set/{part}/{name}/{j}.png": png(len(part + name) * ord(name) + j)
    for part in ("train", "test")
    for name in "ba"
    for j in (2, 1)
}


def tar_bytes(files: dict[str, bytes], how: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=how, format=form) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zip_bytes(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return file.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["w", "w:gz", "w:bz2", "w:xz", "zip", "stored"])
def test_an_archive_gives_what_its_folder_gives(how: str, tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    folder = images.read_image_folder(tmp_path / "set", PLAIN)
    packed = {"zip": zip_bytes(FILES), "stored": zip_bytes(FILES, zipfile.ZIP_STORED)}.get(how) or tar_bytes(FILES, how)
    # The name says nothing; the content is what counts.
    archive = images.read_image_archive(put(tmp_path / "source.bin", packed), PLAIN)
    assert archive.test is not None
    assert folder.test is not None
    np.testing.assert_array_equal(archive.X, folder.X)
    np.testing.assert_array_equal(archive.test.X, folder.test.X)
    np.testing.assert_array_equal(archive.y, folder.y)
    assert archive.classes == folder.classes == ("a", "b")
    assert next(iter(archive.ids or ())) == "set/train/a/1.png"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_odd_names_in_every_tar_format(form: int, tmp_path: Path) -> None:
    long = "d" * 60 + "/" + "e" * 90 + ".png"
    longer = "f" * 90 + "/" + "g" * 90 + "/" + "h" * 90 + ".png"
    names = [long, "\N{SNOWMAN}/1.png"] + ([longer] if form != tarfile.USTAR_FORMAT else [])
    path = put(tmp_path / "x.tar", tar_bytes({name: png(1) for name in names}, form=form))
    members = archives.list_members(path)
    assert [member.name for member in members] == names
    with tarfile.open(path) as tar:
        assert [(m.offset_data, m.size) for m in tar.getmembers()] == [member.where for member in members]


def test_members_are_read_where_they_are(tmp_path: Path) -> None:
    files = {"a/1": b"one", "a/2": b"", "b/3": bytes(5000)}
    for how in ("w", "w:gz"):
        path = put(tmp_path / "x", tar_bytes(files, how))
        assert dict(archives.iter_contents(path, lambda name: True)) == files
        assert [(m.name, m.size) for m in archives.list_members(path)] == [(n, len(d)) for n, d in files.items()]
        assert len(archives.list_members(path, limit=2)) == 2
    assert dict(archives.iter_contents(put(tmp_path / "y", zip_bytes(files)), lambda name: name > "a/1")) == {
        name: data for name, data in files.items() if name > "a/1"
    }


def test_large_numbers_of_gnu_tar_and_files_added_later(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar_bytes({"a/1.png": png(1), "b/1.png": png(2)}))
    with tarfile.open(path, "a") as tar:
        info = tarfile.TarInfo("./a/1.png")
        info.size, info.mtime = len(png(3)), 1 << 40
        tar.addfile(info, io.BytesIO(png(3)))
    ds = images.read_image_archive(path, PLAIN)
    assert len(ds.X) == 2
    np.testing.assert_array_equal(ds.X[0].reshape(4, 5, 3), np.asarray(Image.open(io.BytesIO(png(3)))))


@pytest.mark.parametrize("name", ["/etc/a/1.png", "../a/1.png", "a/../../1.png", "a/..", "C:/a/1.png", "//a/1.png"])
def test_names_that_lead_elsewhere_refuse_the_archive(name: str, tmp_path: Path) -> None:
    files = {"a/1.png": png(1), name: png(2)}
    for packed in (tar_bytes(files), tar_bytes(files, "w:gz"), zip_bytes(files)):
        with pytest.raises(InputError, match="refused"):
            images.read_image_archive(put(tmp_path / "x", packed), PLAIN)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_refuse_the_archive(kind: bytes, tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo("a/1.png")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(InputError, match=r"the member a/1.png is a .*refused"):
        archives.list_members(put(tmp_path / "x.tar", file.getvalue()))


def header(kind: bytes, size: bytes, name: bytes = b"a/1.png") -> bytes:
    """Return a header block with a right checksum, whatever its fields say."""
    block = bytearray(name.ljust(124, b"\0") + size.rjust(12, b"0") + bytes(12) + b" " * 8 + kind + bytes(355))
    block[257:265] = b"ustar  \0"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def binary(size: int) -> bytes:
    return (size % (1 << 96) | (1 << 95 if size >= 0 else 0)).to_bytes(12, "big")


SOUND = tar_bytes({"a/1.png": png(1), "b/1.png": png(2)})


@pytest.mark.parametrize("how", ["", "gz"])
@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (header(b"L", binary(1 << 40)), "the name of a member takes 1,099,511,627,776"),
        (header(b"L", b"100001"), "the name of a member takes 33,280"),
        (header(b"x", binary(1 << 70)), "the name of a member takes"),
        (header(b"x", binary(-512)), "the name of a member takes -512"),
        (header(b"L", b"0") * 200, "the name of a member takes"),
        (header(b"0", binary(-512)), "has no valid size"),
        (header(b"0", binary(-(1 << 80))), "has no valid size"),
        (header(b"5", binary(-512)), "has no valid size"),
        (header(b"0", binary(1 << 40)), "truncated"),
        (header(b"0", binary(1 << 70)), "truncated|damaged"),
        (header(b"0", b"1000") + bytes(100), "truncated"),
        (header(b"x", b"0"), "truncated"),
        (header(b"x", b"0") + bytes(512), "damaged"),
        (header(b"S", b"0") + SOUND, "is a sparse file"),
        (header(b"M", b"0") + SOUND, "is a part of a multi-volume archive"),
        (b"noise".ljust(512, b"!") + SOUND, r"there should be a member's header at byte 2,048"),
        (SOUND[:100], "truncated"),
        (b"", "truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else len(value),
)
def test_headers_that_lie_are_one_line(blocks: bytes, message: str, how: str, tmp_path: Path) -> None:
    packed = SOUND[: 4 * 512] + blocks
    assert SOUND[2 * 512 : 2 * 512 + 7] == b"b/1.png"
    path = put(tmp_path / "x", gzip.compress(packed) if how else packed)
    with pytest.raises(InputError, match=message) as refused:
        archives.list_members(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "records",
    [
        {"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"},
        {"GNU.sparse.size": "9", "GNU.sparse.numblocks": "1"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"},
    ],
)
def test_a_sparse_file_of_pax_refuses_the_archive(records: dict[str, str], tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("a/1.png")
        info.size, info.pax_headers = 512, records
        tar.addfile(info, io.BytesIO(b"1\n0\n1\n".ljust(512, b"\0")))
    with pytest.raises(InputError, match="is a sparse file"):
        archives.list_members(put(tmp_path / "x.tar", file.getvalue()))


def test_headers_for_all_members_are_bounded(tmp_path: Path) -> None:
    for many in (100, 300):
        file = io.BytesIO()
        records = {f"key{k}": "value" for k in range(many)}
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=records) as tar:
            for name in "ab":
                tar.addfile(tarfile.TarInfo(f"{name}/1.png"))
        path = put(tmp_path / "x.tar", file.getvalue())
        if many == 100:
            assert [member.name for member in archives.list_members(path)] == ["a/1.png", "b/1.png"]
        else:
            with pytest.raises(InputError, match="more than 256 records"):
                archives.list_members(path)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_cut_off_anywhere_is_said(form: int, tmp_path: Path) -> None:
    files = {"a/" + "n" * 90 + "/1.png": b"x" * 700, "b/1.png": b"", "c/\N{SNOWMAN}" + "m" * 90 + ".png": b"y" * 512}
    packed = tar_bytes(files, form=form)
    end = len(packed.rstrip(b"\0")) + 511 & ~511
    assert len(archives.list_members(put(tmp_path / "x.tar", packed[: end + 512]))) == 3
    for cut in range(512, end + 512, 100):
        with pytest.raises(InputError, match="truncated"):
            archives.list_members(put(tmp_path / "x.tar", packed[:cut]))


def test_a_link_in_a_zip_refuses_the_archive(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        info = zipfile.ZipInfo("a/1.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="is a link or a device"):
        archives.list_members(put(tmp_path / "x.zip", file.getvalue()))


def _cut(packed: bytes) -> bytes:
    return packed[: len(packed) // 2]


def _flip(packed: bytes) -> bytes:
    at = len(packed) // 2 + (
        552 if len(packed) > 40_000 else 0
    )  # inside a member's content, where nothing is compressed
    return packed[:at] + bytes(b ^ 0x55 for b in packed[at : at + 40]) + packed[at + 40 :]


@pytest.mark.parametrize("how", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
@pytest.mark.parametrize("damage", [_cut, _flip])
def test_damage_is_an_error_or_a_named_image(how: str, damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    files = {f"{name}/{j}.png": png(j) for name in "ab" for j in range(20)}
    packed = damage(zip_bytes(files) if how == "zip" else tar_bytes(files, how))
    path = put(tmp_path / "source.x", packed)
    if how in ("w", "zip") and damage is _flip:
        with pytest.warns(DataWarning, match="1 of 40 images could not be read"):
            assert len(images.read_image_archive(path, PLAIN).X) == 39
    else:
        with pytest.raises(InputError, match=r"source.x.*(truncated|damaged)"):
            images.read_image_archive(path, PLAIN)


def test_not_an_archive(tmp_path: Path) -> None:
    for data in (b"", b"hello" * 300, gzip.compress(b"hello" * 300), bytes(2000)):
        path = put(tmp_path / "x.tar", data)
        assert archives.archive_kind(path) is None
        with pytest.raises(InputError, match="not an archive"):
            archives.list_members(path)
    with pytest.raises(InputError, match="no images in it"):
        images.read_image_archive(put(tmp_path / "empty.zip", zip_bytes({})), PLAIN)
    with pytest.raises(InputError, match="cannot be opened"):
        archives.archive_kind(tmp_path / "missing.tar")
    assert archives.archive_kind(Path(os.devnull)) is None


def test_bombs_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_FREE_GROWTH", 1 << 20)
    zeros = {f"a/{k}.png": bytes(1 << 20) for k in range(8)}
    for packed in (tar_bytes(zeros, "w:gz"), tar_bytes(zeros, "w:xz"), tar_bytes(zeros, "w:bz2"), zip_bytes(zeros)):
        with pytest.raises(InputError, match=r"unpack(s)? to more than"):
            images.read_image_archive(put(tmp_path / "x", packed), PLAIN)


def test_a_zip_that_lies_about_a_size_is_caught(tmp_path: Path) -> None:
    packed = bytearray(zip_bytes({"a/1.png": png(1), "b/1.png": bytes(100_000)}))
    at = packed.rindex(b"PK\x01\x02")
    packed[at + 24 : at + 28] = (100).to_bytes(4, "little")
    with pytest.warns(DataWarning, match="does not match the size"):
        assert len(images.read_image_archive(put(tmp_path / "x.zip", bytes(packed)), PLAIN).X) == 1


def test_members_that_overlap_refuse_the_archive(tmp_path: Path) -> None:
    packed = bytearray(zip_bytes({f"a/{k}.png": os.urandom(1000) for k in range(3)}, zipfile.ZIP_STORED))
    at = -1
    for _ in range(3):
        at = packed.index(b"PK\x01\x02", at + 1)
        packed[at + 20 : at + 28] = (2900).to_bytes(4, "little") * 2
    with pytest.raises(InputError, match=r"overlap|damaged"):
        archives.list_members(put(tmp_path / "x.zip", bytes(packed)))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zip_bytes({"a/1.png": png(1)}))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="encrypted"):
        archives.list_members(put(tmp_path / "x.zip", bytes(packed)))


def test_backslashes_of_windows_are_slashes(tmp_path: Path) -> None:
    packed = zip_bytes({"aXb.png": png(1), "bXb.png": png(2)}).replace(b"aXb", b"a\\b").replace(b"bXb", b"b\\b")
    assert images.read_image_archive(put(tmp_path / "x.zip", packed), PLAIN).classes == ("a", "b")
