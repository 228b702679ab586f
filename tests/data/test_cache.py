"""The cache of decoded images: hits, misses, damage, eviction, several programs, and places that cannot be written."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from steepest.data import cache, decode, folders, images
from steepest.data.cache import Cache
from steepest.data.options import ReadOptions
from steepest.errors import DataWarning, InputError

PLAIN = ReadOptions(threads=1)


def put(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)).save(path, "PNG")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for k in range(6):
        put(tmp_path / "data" / f"c{k % 2}" / f"{k}.png", k)
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEEPEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STEEPEST_CACHE_SIZE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One item for every time that images are decoded."""
    seen: list[str] = []
    real = decode.decode_all

    def counting(source: object, *rest: object) -> object:
        seen.append("decoded")
        return real(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(images, "decode_all", counting)
    return seen


def entries(store: Path) -> list[Path]:
    assert not list(store.glob(".tmp-*"))
    return sorted(store.iterdir())


def test_the_second_reading_comes_from_the_cache_and_is_the_same(root: Path, store: Path, decodings: list[str]) -> None:
    first, second = images.read_image_folder(root, PLAIN), images.read_image_folder(root, PLAIN)
    uncached = images.read_image_folder(root, ReadOptions(cache=False))
    assert len(decodings) == 2
    for other in (second, uncached):
        np.testing.assert_array_equal(first.X, other.X)
        np.testing.assert_array_equal(first.y, other.y)
        assert (first.classes, first.feature_shape, first.ids, first.notes) == (
            other.classes,
            other.feature_shape,
            other.ids,
            other.notes,
        )
    (entry,) = entries(store)
    assert sorted(file.name for file in entry.iterdir()) == ["entry.json", "labels.npy", "rows.npy"]
    # Plain files that NumPy itself can open.
    np.testing.assert_array_equal(np.load(entry / "rows.npy", mmap_mode="r", allow_pickle=False), first.X)
    np.testing.assert_array_equal(np.load(entry / "labels.npy", allow_pickle=False), first.y)


def test_rows_are_mapped_and_outlive_the_cache(root: Path, store: Path) -> None:
    ds = images.read_image_folder(root, PLAIN)
    total = int(ds.X.sum())
    for file in store.rglob("*.npy"):
        file.unlink()
    assert int(ds.X.sum()) == total
    assert not ds.X.flags.writeable


def test_a_change_of_the_folder_is_seen(root: Path, decodings: list[str]) -> None:
    images.read_image_folder(root, PLAIN)
    put(root / "c0" / "new.png", 77)
    assert len(images.read_image_folder(root, PLAIN).X) == 7
    (root / "c0" / "new.png").rename(root / "c1" / "new.png")
    assert images.read_image_folder(root, PLAIN).y is not None
    put(root / "c0" / "0.png", 78)  # overwritten in place
    images.read_image_folder(root, PLAIN)
    (root / "c1" / "new.png").unlink()
    images.read_image_folder(root, PLAIN)
    assert len(decodings) == 5
    images.read_image_folder(root, ReadOptions(image_size=(2, 2)))
    images.read_image_folder(root, ReadOptions(image_size=(2, 2)))
    assert len(decodings) == 6


def test_a_large_folder_is_still_keyed_by_every_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_ASKED", 4)
    monkeypatch.setattr(folders, "_READ", 2)
    folder = tmp_path / "a"
    folder.mkdir()
    for k in range(50):
        (folder / f"{k:02}.png").write_bytes(b"x")
    times = os.stat(folder)

    def key() -> str:
        os.utime(folder, ns=(times.st_atime_ns, times.st_mtime_ns))
        return folders.digest(tmp_path, *folders.scan(tmp_path))

    before = key()
    assert key() == before
    (folder / "21.png").rename(folder / "xx.png")
    assert key() != before
    (folder / "xx.png").rename(folder / "21.png")
    assert key() == before
    (folder / "00.png").write_bytes(b"yy")
    assert key() != before


def test_an_archive_is_keyed_by_its_content(root: Path, tmp_path: Path, decodings: list[str]) -> None:
    for name in ("one.tar", "two.tar"):
        with tarfile.open(tmp_path / name, "w") as tar:
            for file in sorted(root.rglob("*.png")):
                tar.add(file, str(file.relative_to(root)))
    first = images.read_image_archive(tmp_path / "one.tar", PLAIN)
    second = images.read_image_archive(tmp_path / "two.tar", PLAIN)
    assert len(decodings) == 1
    np.testing.assert_array_equal(first.X, second.X)
    assert second.source.endswith("two.tar")
    raw = bytearray((tmp_path / "two.tar").read_bytes())
    raw[raw.index(b"PNG")] ^= 1
    (tmp_path / "two.tar").write_bytes(raw)
    with pytest.warns(DataWarning, match="1 of 6"):
        images.read_image_archive(tmp_path / "two.tar", PLAIN)


def test_an_archive_too_large_to_be_read_whole_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_WHOLE", 1 << 17)
    path = tmp_path / "x"
    path.write_bytes(bytes(1 << 18))
    about = path.stat()
    before = images._archive_digest(path)
    assert images._archive_digest(path) == before
    os.utime(path, ns=(1, 1))
    assert images._archive_digest(path) != before
    path.write_bytes(bytes((1 << 18) - 1) + b"x")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert images._archive_digest(path) != before


def test_notes_come_back_and_fail_still_fails(root: Path, decodings: list[str]) -> None:
    (root / "c0" / "2.png").write_bytes(b"")
    with pytest.warns(
        DataWarning, match=r"1 of 6 images could not be read and was left out: c0/2.png \(the file is empty\)"
    ):
        first = images.read_image_folder(root, PLAIN)
    with pytest.warns(DataWarning, match="1 of 6 images"):
        second = images.read_image_folder(root, PLAIN)
    assert first.notes == second.notes
    assert len(second.notes) == 1
    with pytest.raises(InputError, match=r"c0/2.png cannot be read: the file is empty"):
        images.read_image_folder(root, ReadOptions(on_bad_image="fail"))
    assert len(decodings) == 1


@pytest.mark.parametrize("name", ["rows.npy", "labels.npy", "entry.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "gone", "longer", "swap"])
def test_a_damaged_entry_is_made_anew(root: Path, store: Path, decodings: list[str], name: str, damage: str) -> None:
    good = images.read_image_folder(root, PLAIN).X.copy()
    (entry,) = entries(store)
    file = entry / name
    raw = file.read_bytes()
    at = len(raw) * 3 // 4
    changed = {
        "cut": raw[:-1],
        "flip": raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :],
        "empty": b"",
        "longer": raw + b"\0",
        "swap": raw[:-80] + raw[-40:] + raw[-80:-40],
    }
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(changed[damage])
        if changed[damage] == raw:
            pytest.skip("nothing was changed")
    np.testing.assert_array_equal(images.read_image_folder(root, PLAIN).X, good)
    np.testing.assert_array_equal(images.read_image_folder(root, PLAIN).X, good)
    assert len(decodings) == 2
    assert entries(store) == [entry]


@settings(max_examples=60, deadline=None)
@given(some.binary(min_size=1, max_size=3000), some.data())
def test_the_checksum_sees_one_changed_byte(data: bytes, draw: some.DataObject) -> None:
    array = np.frombuffer(data * 700, np.uint8)
    at = draw.draw(some.integers(0, len(array) - 1))
    changed = array.copy()
    changed[at] ^= draw.draw(some.integers(1, 255))
    assert cache.checksum(array) != cache.checksum(changed)


def test_large_rows_are_checked_at_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_WHOLE", 10_000)
    array = np.zeros(100_000, np.uint8)
    before = cache.checksum(array)
    for at in (0, -1):
        changed = array.copy()
        changed[at] = 1
        assert cache.checksum(changed) != before


@pytest.mark.parametrize("text", [b"", b"\n", b"{}", b"steepest image cache 1 x\n{}", b"\xff" * 100])
def test_any_text_in_an_entry_is_survived(root: Path, store: Path, text: bytes) -> None:
    images.read_image_folder(root, PLAIN)
    (entry,) = entries(store)
    (entry / "entry.json").write_bytes(text)
    assert len(images.read_image_folder(root, PLAIN).X) == 6


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEEPEST_CACHE_SIZE", "2500")
    for name in "abc":
        put(tmp_path / name / "x" / "1.png", ord(name))
        put(tmp_path / name / "y" / "1.png", ord(name) + 1)
    images.read_image_folder(tmp_path / "a", PLAIN)
    (a,) = entries(store)
    images.read_image_folder(tmp_path / "b", PLAIN)
    (b,) = set(entries(store)) - {a}
    os.utime(b, (1, 1))
    os.utime(a, (0, 0))
    images.read_image_folder(tmp_path / "a", PLAIN)  # now b is the one used longest ago
    images.read_image_folder(tmp_path / "c", PLAIN)
    assert a in entries(store)
    assert b not in entries(store)
    size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    assert size <= 2500


def test_sizes_are_written_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, size in (("20GB", 20 * 10**9), ("1.5 mb", 1_500_000), ("3KiB", 3000), ("77", 77)):
        monkeypatch.setenv("STEEPEST_CACHE_SIZE", text)
        found = Cache.from_environment()
        assert found is not None
        assert found.limit == size
    monkeypatch.setenv("STEEPEST_CACHE_SIZE", "0")
    assert Cache.from_environment() is None
    monkeypatch.setenv("STEEPEST_CACHE_SIZE", "lots")
    with pytest.raises(InputError, match='STEEPEST_CACHE_SIZE is "lots"'):
        Cache.from_environment()


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STEEPEST_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = Cache.from_environment()
    assert found is not None
    assert found.root == tmp_path / "steepest"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = Cache.from_environment()
    assert found is not None
    assert found.root == tmp_path / ".cache" / "steepest"


def test_a_place_that_cannot_be_written_costs_a_warning(root: Path, store: Path) -> None:
    store.write_text("a file where the folder should be")
    with pytest.warns(DataWarning, match=r"decoded images are not kept in .*STEEPEST_CACHE names another"):
        ds = images.read_image_folder(root, PLAIN)
    assert len(ds.X) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.read_image_folder(root, ReadOptions(cache=False))


def test_more_than_the_limit_is_not_kept(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEEPEST_CACHE_SIZE", "100")
    with pytest.warns(DataWarning, match="360 bytes are more than STEEPEST_CACHE_SIZE allows"):
        assert len(images.read_image_folder(root, PLAIN).X) == 6


@pytest.mark.parametrize("call", ["posix_fallocate", "fsync", "rename"])
def test_a_full_disk_costs_a_warning_and_nothing_is_left(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    expected = images.read_image_folder(root, ReadOptions(cache=False)).X.copy()
    monkeypatch.setattr(os, call, full)
    with pytest.warns(DataWarning, match="No space left on device"):
        ds = images.read_image_folder(root, PLAIN)
    np.testing.assert_array_equal(ds.X, expected)
    assert entries(store) == []


def test_a_disk_that_fills_while_pixels_are_written_is_an_error_of_one_line(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(InputError, match="could not be written: No space left on device"):
        images.read_image_folder(root, PLAIN)
    assert entries(store) == []


def test_several_sizes_and_other_errors_leave_nothing_behind(root: Path, store: Path) -> None:
    Image.new("RGB", (9, 9)).save(root / "c0" / "9.png")
    with pytest.raises(InputError, match="several sizes"):
        images.read_image_folder(root, PLAIN)
    assert entries(store) == []


def test_the_second_of_two_programs_keeps_the_first_ones_entry(root: Path, store: Path) -> None:
    here = Cache.from_environment()
    assert here is not None
    key = "0" * 64
    drafts = []
    for _ in range(2):
        draft = here.reserve(key, 20)
        assert draft is not None
        os.pwrite(draft.fd, bytes(range(20)), draft.base)
        drafts.append(draft)
    assert here.get(key) is None  # nothing is seen before it is whole
    labels = np.array([0, 1], np.int64)
    for draft in drafts:
        entry = draft.publish(labels, {"a": 1}, 10)
        np.testing.assert_array_equal(entry.rows.reshape(-1), np.arange(20, dtype=np.uint8))
    found = here.get(key)
    assert found is not None
    assert found.facts == {"a": 1}
    assert len(entries(store)) == 1


def test_many_programs_at_once(root: Path, store: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from steepest.data.images import read_image_folder; "
        "from steepest.data.options import ReadOptions; "
        "print(int(read_image_folder(Path(sys.argv[1]), ReadOptions(threads=1)).X.sum()))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(images.__file__).parents[2])}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(root)], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {process.communicate(timeout=60)[0] for process in running}
    assert len(answers) == 1
    assert int(answers.pop()) == int(images.read_image_folder(root, ReadOptions(cache=False)).X.sum())
    assert len(entries(store)) == 1


def test_what_a_killed_program_left_is_removed_and_a_live_draft_is_not(root: Path, store: Path) -> None:
    here = Cache.from_environment()
    assert here is not None
    live = here.reserve("1" * 64, 100)
    assert live is not None
    dead = store / ".tmp-dead"
    dead.mkdir()
    (dead / "rows.npy").write_bytes(bytes(100))
    old, young = store / ".tmp-old", store / ".tmp-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (time.time() - 1e6,) * 2)
    images.read_image_folder(root, PLAIN)
    assert not dead.exists()
    assert not old.exists()
    assert young.exists()
    assert live.folder.exists()
    live.discard()
    assert not live.folder.exists()
    young.rmdir()


def test_foreign_files_in_the_cache_are_left_alone(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (store / "mine").mkdir(parents=True)
    (store / "mine" / "file").write_bytes(bytes(10_000))
    monkeypatch.setenv("STEEPEST_CACHE_SIZE", "2000")
    images.read_image_folder(root, PLAIN)
    assert (store / "mine" / "file").exists()


def test_an_entry_holds_no_pickle_and_says_what_it_is(root: Path, store: Path) -> None:
    images.read_image_folder(root, PLAIN)
    (entry,) = entries(store)
    head, body = (entry / "entry.json").read_bytes().splitlines()
    assert head.startswith(b"steepest image cache 1 ")
    assert json.loads(body)["facts"]["classes"] == ["c0", "c1"]
    header = io.BytesIO((entry / "rows.npy").read_bytes()[:128])
    assert np.lib.format.read_magic(header) == (1, 0)
