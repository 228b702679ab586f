"""Image folders and images in memory: pixels, shapes, parts, classes, and everything that can be wrong with them."""

from __future__ import annotations

import ast
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from steepest.data import _decode_worker, images, pixels, pool
from steepest.data.options import ReadOptions
from steepest.data.small_jpegs import SmallJpegs
from steepest.errors import DataWarning, InputError

PLAIN = ReadOptions(cache=False, threads=1)
SOURCE = Path(images.__file__).parents[2]


def picture(seed: int = 0, shape: tuple[int, ...] = (4, 5, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(image: np.ndarray | Image.Image, form: str = "PNG", **how: object) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, form, **how)
    return file.getvalue()


def put(path: Path, data: bytes | np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(data) if isinstance(data, np.ndarray) else data)
    return path


@pytest.fixture
def cats_and_dogs(tmp_path: Path) -> Path:
    root = tmp_path / "animals"
    for part, number in (("train", 3), ("test", 2)):
        for k, name in enumerate(("dog", "cat")):
            for j in range(number):
                put(root / part / name / f"{j}.png", picture(100 * k + 10 * (part == "test") + j))
    return root


def test_pixels_labels_and_parts_are_those_of_the_files(cats_and_dogs: Path) -> None:
    ds = images.read_image_folder(cats_and_dogs, PLAIN)
    assert ds.classes == ("cat", "dog")
    assert ds.feature_shape == (4, 5, 3)
    assert ds.X.dtype == np.uint8
    assert ds.X.shape == (6, 60)
    assert ds.y is not None
    assert ds.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert list(ds.ids or ()) == [f"train/{name}/{j}.png" for name in ("cat", "dog") for j in range(3)]
    np.testing.assert_array_equal(ds.X[1].reshape(4, 5, 3), picture(101))
    assert ds.test is not None
    assert ds.test.X.shape == (4, 60)
    np.testing.assert_array_equal(ds.test.X[3].reshape(4, 5, 3), picture(11))
    assert ds.notes == ()


@settings(max_examples=25, deadline=None)
@given(
    some.lists(some.integers(0, 9), min_size=1, max_size=5), some.integers(1, 7), some.integers(1, 7), some.booleans()
)
def test_png_round_trips_to_the_pixel(seeds: list[int], height: int, width: int, grey: bool) -> None:
    shape = (height, width) if grey else (height, width, 3)
    pictures = [picture(seed, shape) for seed in seeds]
    X, found, kept, notes = images.decode_images([encoded(p) for p in pictures], ["a"] * len(pictures), PLAIN)
    assert found == shape
    assert kept.all()
    assert notes == ()
    np.testing.assert_array_equal(X.reshape(-1, *shape), np.stack(pictures))


def test_a_single_folder_around_everything_is_looked_through(cats_and_dogs: Path) -> None:
    assert images.read_image_folder(cats_and_dogs.parent, PLAIN).classes == ("cat", "dog")


def test_without_parts_every_folder_is_a_class_and_deeper_images_belong_to_it(tmp_path: Path) -> None:
    put(tmp_path / "train" / "1.png", picture(1))
    put(tmp_path / "bus" / "red" / "2.PNG", picture(2))
    put(tmp_path / "bus" / "notes.txt", b"hello")
    ds = images.read_image_folder(tmp_path, PLAIN)
    assert ds.classes == ("bus", "train")
    assert ds.test is None
    assert list(ds.ids or ()) == ["bus/red/2.PNG", "train/1.png"]


def test_validation_is_the_test_part_only_when_there_is_no_other(tmp_path: Path) -> None:
    for part in ("train", "val"):
        put(tmp_path / part / "a" / "1.png", picture())
        put(tmp_path / part / "b" / "1.png", picture())
    with pytest.warns(DataWarning, match="val/ is used as the test part"):
        ds = images.read_image_folder(tmp_path, PLAIN)
    assert ds.test is not None
    put(tmp_path / "test" / "a" / "1.png", picture())
    with pytest.warns(DataWarning, match=r"val/ \(2 images\) was left out"):
        ds = images.read_image_folder(tmp_path, PLAIN)
    assert ds.test is not None
    assert len(ds.test.X) == 1


def test_images_without_class_folders(tmp_path: Path) -> None:
    put(tmp_path / "1.png", picture())
    with pytest.raises(InputError, match="not in class folders"):
        images.read_image_folder(tmp_path, PLAIN)
    ds = images.read_image_folder(tmp_path, ReadOptions(cache=False, labels="optional"))
    assert ds.y is None
    assert ds.classes == ()
    assert len(ds.X) == 1


def test_hidden_files_and_stray_images(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png", ".hidden/1.png", "__MACOSX/1.png", "a/._1.png", "stray.png"):
        put(tmp_path / name, picture())
    with pytest.warns(DataWarning, match="1 image beside the class folders left out: stray.png"):
        ds = images.read_image_folder(tmp_path, PLAIN)
    assert ds.classes == ("a", "b")
    assert len(ds.X) == 2


def test_a_class_that_only_the_test_part_has_is_named(cats_and_dogs: Path) -> None:
    put(cats_and_dogs / "test" / "zebra" / "1.png", picture())
    with pytest.raises(InputError, match=r"test/ has classes that train/ does not have: zebra"):
        images.read_image_folder(cats_and_dogs, PLAIN)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "no such folder"),
        (lambda root: root.mkdir(), "no images in it"),
        (lambda root: put(root / "a" / "x.txt", b"x"), "no images in it"),
        (
            lambda root: [put(root / d / "a" / "1.png", picture()) for d in ("train", "training")],
            "both look like the train part",
        ),
        (lambda root: [put(root / d / "a" / "1.png", picture()) for d in ("train", "extra")], "images beside train"),
        (lambda root: [put(root / d / "1.png", picture()) for d in ("train", "test")], "train/ has no class folders"),
        (lambda root: put(root / "a" / "1.png", b""), "none of its 1 image can be read: a/1.png .the file is empty"),
    ],
)
def test_what_a_folder_can_lack(tmp_path: Path, make: object, message: str) -> None:
    root = tmp_path / "source"
    make(root)  # type: ignore[operator]
    with pytest.raises(InputError, match=message) as caught:
        images.read_image_folder(root, PLAIN)
    assert "source" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_images_are_left_out_counted_and_listed(cats_and_dogs: Path) -> None:
    put(cats_and_dogs / "train" / "cat" / "0.png", b"")
    put(cats_and_dogs / "train" / "dog" / "1.png", encoded(picture())[:-30])
    put(cats_and_dogs / "test" / "dog" / "1.png", b"<html>not found</html>")
    with pytest.warns(
        DataWarning, match=r"3 of 10 images could not be read and were left out: train/cat/0.png \(the file is"
    ):
        ds = images.read_image_folder(cats_and_dogs, PLAIN)
    assert ds.y is not None
    assert ds.y.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(ds.X[:, :].reshape(-1, 4, 5, 3), np.stack([picture(s) for s in (101, 102, 0, 2)]))
    assert list(ds.ids or ()) == ["train/cat/1.png", "train/cat/2.png", "train/dog/0.png", "train/dog/2.png"]
    assert ds.test is not None
    assert len(ds.test.X) == 3
    with pytest.raises(InputError, match=r"train/cat/0.png cannot be read: the file is empty"):
        images.read_image_folder(cats_and_dogs, ReadOptions(cache=False, on_bad_image="fail"))


def test_a_part_without_a_readable_image_is_an_error(cats_and_dogs: Path) -> None:
    for file in (cats_and_dogs / "test").rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(InputError, match="no image of its test part can be read"):
        images.read_image_folder(cats_and_dogs, PLAIN)


def test_several_sizes_are_counted_with_an_example_and_can_be_resized(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", picture(0, (3, 4, 3)))
    put(tmp_path / "a" / "2.png", picture(0, (5, 6, 3)))
    put(tmp_path / "b" / "3.png", picture(0, (5, 6, 3)))
    with pytest.raises(InputError, match=r"5x6 \(2 images, for example a/2.png\), 3x4 \(1 image.*--image-size 5x6"):
        images.read_image_folder(tmp_path, PLAIN)
    ds = images.read_image_folder(tmp_path, ReadOptions(cache=False, image_size=(2, 3)))
    assert ds.feature_shape == (2, 3, 3)
    expected = Image.fromarray(picture(0, (5, 6, 3))).resize((3, 2), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(ds.X[2].reshape(2, 3, 3), np.asarray(expected))


def test_a_broken_image_of_another_size_is_broken_not_another_size(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", picture())
    put(tmp_path / "b" / "1.png", picture())
    put(tmp_path / "b" / "2.png", encoded(picture(0, (50, 60, 3)))[:200])
    with pytest.warns(DataWarning, match="1 of 3 images could not be read"):
        assert len(images.read_image_folder(tmp_path, PLAIN).X) == 2


def one(image: np.ndarray | Image.Image, form: str = "PNG", **how: object) -> np.ndarray:
    X, shape, _, _ = images.decode_images([encoded(image, form, **how)], ["x"], PLAIN)
    return X[0].reshape(shape)


def test_what_becomes_of_every_kind_of_pixel() -> None:
    grey = picture(3, (4, 5))
    np.testing.assert_array_equal(one(grey), grey)
    np.testing.assert_array_equal(one(_la(grey)), grey)
    np.testing.assert_array_equal(one(grey > 99), (grey > 99) * 255)
    deep = grey.astype(np.uint16) * 256 + 17
    np.testing.assert_array_equal(one(Image.fromarray(deep)), grey)
    np.testing.assert_array_equal(one(Image.fromarray(deep), "TIFF"), grey)
    colour = picture(4)
    transparent = np.dstack([colour, np.zeros((4, 5), np.uint8)])
    np.testing.assert_array_equal(one(transparent), colour)
    palette = Image.fromarray(picture(0, (4, 5)) % 7).convert("P")
    palette.putpalette([9, 8, 7] * 256)
    assert (one(palette) == [9, 8, 7]).all()
    assert (one(palette, transparency=bytes(range(256))) == [9, 8, 7]).all()
    with pytest.raises(InputError, match="floating-point"):
        one(Image.fromarray(picture().astype(np.float32)[..., 0]), "TIFF")


def _la(grey: np.ndarray) -> Image.Image:
    image = Image.fromarray(grey)
    image.putalpha(Image.fromarray(255 - grey))
    return image


@pytest.mark.parametrize("order", [0, 1])
def test_grey_and_coloured_images_together_are_rgb_in_any_order(order: int) -> None:
    grey, colour = picture(1, (4, 5)), picture(2)
    blobs = [encoded(grey)] * 40 + [encoded(colour)]
    X, shape, _, _ = images.decode_images(blobs[::-1] if order else blobs, [str(k) for k in range(41)], PLAIN)
    assert shape == (4, 5, 3)
    np.testing.assert_array_equal(X[1].reshape(shape), np.dstack([grey] * 3))
    np.testing.assert_array_equal(X[0 if order else -1].reshape(shape), colour)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_orientation_a_camera_notes_is_applied(form: str, orientation: int) -> None:
    base = np.zeros((8, 16, 3), np.uint8)
    base[:, :8] = 255
    exif = Image.Exif()
    exif[274] = orientation
    found = one(base, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    turned = np.rot90(base, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    assert found.shape == turned.shape
    assert np.abs(found.astype(int) - turned).mean() < 8


@pytest.mark.parametrize("form", ["JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_formats_are_told_by_content(form: str, tmp_path: Path) -> None:
    data = encoded(picture(0, (8, 8, 3)), form)
    put(tmp_path / "a" / "1.png", data)
    put(tmp_path / "b" / "1.jpg", data)
    ds = images.read_image_folder(tmp_path, PLAIN)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(ds.X[0].reshape(8, 8, 3), expected)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    bomb = encoded(Image.new("1", (9000, 9000)))
    assert len(bomb) < 50_000
    put(tmp_path / "a" / "bomb.png", bomb)
    put(tmp_path / "b" / "1.png", picture())
    with pytest.warns(DataWarning, match="9000x9000 pixels are more than the"):
        assert len(images.read_image_folder(tmp_path, PLAIN).X) == 1
    huge_webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0" + bytes(40)
    with pytest.raises(ValueError, match="16384x16384"):
        pixels.decode(huge_webp, None, 0)


def test_pipes_and_folders_with_the_name_of_an_image_do_not_hang_or_fail(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", picture())
    put(tmp_path / "b" / "odd.png" / "2.png", picture())
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "nowhere")
    with pytest.warns(DataWarning, match="2 of 4 images"):
        ds = images.read_image_folder(tmp_path, PLAIN)
    assert ds.classes == ("a", "b")


def test_a_folder_that_contains_itself_ends(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", picture())
    put(tmp_path / "b" / "1.png", picture())
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(images.read_image_folder(tmp_path, PLAIN).X) == 2


def test_odd_file_names_can_be_read_and_printed(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "cl\N{LATIN SMALL LETTER A WITH GRAVE}ss")
    os.mkdir(folder)
    for name in (b"\xff\xfe.png", b"new\nline.png", b" .png", "\N{SNOWMAN}.png".encode()):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(encoded(picture()))
    put(tmp_path / "b" / "1.png", picture())
    ds = images.read_image_folder(tmp_path, PLAIN)
    assert len(ds.X) == 5
    for name in ds.ids or ():
        assert name.isprintable()
        name.encode("utf-8")


def test_images_from_a_table() -> None:
    import pyarrow as pa

    blobs = pa.chunked_array([[encoded(picture(1)), None], [b"no image", encoded(picture(2))]])
    with pytest.warns(DataWarning, match="2 of 4 images could not be read"):
        X, shape, kept, notes = images.decode_images(blobs, ["p", "q", "r", "s"], PLAIN)
    assert kept.tolist() == [True, False, False, True]
    assert "q (the file is empty)" in notes[0]
    np.testing.assert_array_equal(X.reshape(-1, *shape), np.stack([picture(1), picture(2)]))
    generator = (blob for blob in [encoded(picture(1))])
    assert len(images.decode_images(generator, ["p"], PLAIN)[0]) == 1
    with pytest.raises(InputError, match="no images in it"):
        images.decode_images([], [], PLAIN)


def test_progress_is_told_and_ends_at_the_total(cats_and_dogs: Path) -> None:
    told: list[tuple[str, int, int]] = []
    images.read_image_folder(cats_and_dogs, ReadOptions(cache=False, progress=lambda *words: told.append(words)))
    assert told[-1][1:] == (10, 10)


def jpegs() -> dict[str, bytes]:
    colour, grey = Image.fromarray(picture(1, (19, 23, 3))), Image.fromarray(picture(2, (19, 23)))
    return {
        "plain": encoded(colour, "JPEG"),
        "full colour": encoded(colour, "JPEG", subsampling=0, quality=95),
        "grey": encoded(grey, "JPEG"),
        "progressive": encoded(colour, "JPEG", progressive=True),
        "restarts": encoded(colour, "JPEG", restart_marker_blocks=1),
        "comment": encoded(colour, "JPEG", comment=b"hello", icc_profile=bytes(5000)),
        "orientation": encoded(colour, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
        "cmyk": encoded(colour.convert("CMYK"), "JPEG"),
        "one pixel": encoded(colour.resize((1, 1)), "JPEG"),
        "large": encoded(colour.resize((300, 400)), "JPEG"),
    }


@pytest.mark.parametrize("name", jpegs())
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_the_short_way_for_jpeg_gives_what_the_long_way_gives(name: str, channels: int) -> None:
    blob = jpegs()[name]
    assert pixels.decode(blob, None, channels) == pixels._decode(blob, None, channels)
    assert pixels.decode(blob, (4, 6), channels) == pixels._decode(blob, (4, 6), channels)
    short = SmallJpegs(pixels._decode)
    taken = short(blob, None, 0) is not None
    assert taken == (name not in ("orientation", "cmyk", "large"))
    for cut in (2, 20, len(blob) // 2, len(blob) - 3):
        found = short(blob[:cut], None, 0)
        assert found is None or found == pixels._decode(blob[:cut], None, 0)


def test_a_short_way_that_differs_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    short = SmallJpegs(pixels._decode)
    monkeypatch.setattr(short, "_short", lambda blob, *shape: (b"wrong", *shape))
    assert short(jpegs()["plain"], None, 0) is None
    assert short.trusted is False
    monkeypatch.undo()
    assert short(jpegs()["plain"], None, 0) is None


# workers --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def eager_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_TRIAL", -1.0)
    monkeypatch.setattr(pool, "_WORTH_WORKERS", -1.0)
    monkeypatch.setattr(pool, "_CHUNK_BYTES", 600)


def test_the_result_is_the_same_for_any_number_of_workers(
    tmp_path: Path, eager_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(60):
        put(tmp_path / f"c{k % 3}" / f"{k}.png", b"broken" if k in (5, 31, 44) else picture(k))
    with pytest.warns(DataWarning, match="3 of 60"):
        results = [images.read_image_folder(tmp_path, ReadOptions(cache=False, threads=n)) for n in (1, 2, 3)]
    for other in results[1:]:
        np.testing.assert_array_equal(other.X, results[0].X)
        assert other.ids == results[0].ids
        assert other.notes == results[0].notes
    for threads in (1, 3):
        with pytest.raises(InputError, match=r"c1/31.png"):
            images.read_image_folder(tmp_path, ReadOptions(cache=False, threads=threads, on_bad_image="fail"))


def test_workers_give_up_grey_when_colour_turns_up(eager_workers: None) -> None:
    blobs = [encoded(picture(k, (4, 5))) for k in range(50)] + [encoded(picture(0))]
    X, shape, _, _ = images.decode_images(blobs, [str(k) for k in range(51)], ReadOptions(cache=False, threads=2))
    assert shape == (4, 5, 3)
    np.testing.assert_array_equal(X[7].reshape(shape), np.dstack([picture(7, (4, 5))] * 3))


def test_a_worker_that_dies_is_reported(eager_workers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pool._receive

    def killing(process: subprocess.Popen[bytes]) -> object:
        answer = real(process)
        if answer == "ready":
            process.kill()
        return answer

    monkeypatch.setattr(pool, "_receive", killing)
    blobs = [encoded(picture(k)) for k in range(50)]
    with pytest.raises(InputError, match="ended without an answer"):
        images.decode_images(blobs, [str(k) for k in range(50)], ReadOptions(cache=False, threads=2))


def test_an_error_of_the_source_while_workers_decode_ends_them(eager_workers: None) -> None:
    def blobs() -> Iterator[bytes]:
        for k in range(50):
            yield encoded(picture(k))
            if k == 30:
                raise InputError("the archive ends too early")

    class Again:
        def __iter__(self) -> Iterator[bytes]:
            return blobs()

    with pytest.raises(InputError, match="the archive ends too early"):
        images.decode_images(Again(), [str(k) for k in range(50)], ReadOptions(cache=False, threads=2))


def test_a_worker_imports_nothing_but_the_standard_library_and_pillow() -> None:
    report = "import atexit, sys; atexit.register(lambda: print(sorted(m.split('.')[0] for m in sys.modules)))"
    run = "import runpy, os; os._exit = sys.exit; runpy.run_path(sys.argv[1], run_name='__main__')"
    request = json.dumps([[sys.path, [2, 3, 3, False], "blobs", -1, -1, 0], [], []]) + "\n"
    command = [sys.executable, "-P", "-c", f"{report}; {run}", _decode_worker.__file__]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=True)
    ready, imported = done.stdout.splitlines()
    assert json.loads(ready) == ["ready", [], []]
    found = set(ast.literal_eval(imported)) - sys.stdlib_module_names
    assert "steepest" in found
    assert not {"numpy", "pyarrow"} & found


def test_without_an_interpreter_to_start_decoding_stays_here(
    eager_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    blobs = [encoded(picture(k)) for k in range(50)]
    X, _, _, _ = images.decode_images(blobs, [str(k) for k in range(50)], ReadOptions(cache=False, threads=2))
    assert len(X) == 50


def test_an_interruption_ends_the_workers_and_leaves_nothing(tmp_path: Path) -> None:
    for k in range(2):
        put(tmp_path / "data" / f"c{k}" / "0.png", picture(k, (900, 900, 3)))
        for j in range(1, 60):
            os.link(tmp_path / "data" / f"c{k}" / "0.png", tmp_path / "data" / f"c{k}" / f"{j}.png")
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from steepest.data import images, pool
        from steepest.data.options import ReadOptions
        def told(what, done, total):
            print(done, flush=True)
        images.read_image_folder(Path(sys.argv[1]), ReadOptions(threads=2, progress=told))
        """
    )
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "STEEPEST_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) > 40:
                process.send_signal(signal.SIGINT)
                break
        _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    assert list((tmp_path / "cache").iterdir()) == []
    deadline = time.monotonic() + 5
    while (left := _children_with(str(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def _children_with(word: str) -> list[str]:
    found = []
    for about in Path("/proc").glob("[0-9]*/environ"):
        try:
            if word.encode() in about.read_bytes() and int(about.parent.name) != os.getpid():
                found.append(about.parent.name)
        except OSError:
            continue
    return found


def test_folders_without_images_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "train" / "a" / "1.png", picture())
    put(tmp_path / "train" / "b" / "1.png", picture())
    put(tmp_path / "train" / "c" / "notes.txt", b"x")
    (tmp_path / "test").mkdir()
    with pytest.warns(DataWarning, match="1 folder without images passed over: c"):
        ds = images.read_image_folder(tmp_path, PLAIN)
    assert ds.classes == ("a", "b")
    assert ds.test is None


def test_workers_report_sizes_as_this_process_does(eager_workers: None, tmp_path: Path) -> None:
    for k in range(60):
        put(tmp_path / f"c{k % 3}" / f"{k}.png", picture(k, (9, 7)) if k in (20, 50) else picture(k))
    messages = []
    for threads in (1, 2):
        with pytest.raises(InputError, match="several sizes") as error:
            images.read_image_folder(tmp_path, ReadOptions(cache=False, threads=threads))
        messages.append(str(error.value))
    assert messages[0] == messages[1]
