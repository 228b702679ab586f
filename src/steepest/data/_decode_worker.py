"""One image in, its pixels out: the rules of decoding, and the process that applies them.

The same functions run inside the reading process and, for larger sets, in worker processes that are started on this
file alone (standard library and pillow, no NumPy: a worker is ready in a fraction of the time that `import steepest`
takes). A worker is a fresh interpreter, not a fork and not multiprocessing, so it never runs the user's script again
and does not care about threads of its parent. It is told what to do over its standard input, writes pixels straight
into the file that it inherited, and ends when its input ends.

The rules
---------
- Formats are told by their first bytes, never by the extension: JPEG, PNG, GIF, BMP, WebP, TIFF, PNM.
- Grey images (1-bit, 8-bit, 16-bit, grey with alpha) have one channel, everything else (palettes too) three.
- Alpha is dropped: the colours stay as stored, nothing is painted behind them.
- 16-bit values keep their high byte. 32-bit and floating-point pixels are refused.
- The orientation noted by a camera (EXIF) is applied. Of several frames the first one counts.
- Resizing is bilinear with antialiasing, after the orientation.
- An image of more than `MAX_PIXELS` pixels or `MAX_BYTES` bytes is refused before it is decoded.
"""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import warnings
import zlib
from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple

MAX_PIXELS = 1 << 26
MAX_BYTES = 1 << 28
_SMALL = 1 << 16

_PLUGINS = (
    (b"\xff\xd8\xff", "Jpeg"),
    (b"\x89PNG\r\n\x1a\n", "Png"),
    (b"GIF87a", "Gif"),
    (b"GIF89a", "Gif"),
    (b"BM", "Bmp"),
    (b"RIFF", "WebP"),
    (b"II*\0", "Tiff"),
    (b"MM\0*", "Tiff"),
    *((b"P%d" % digit, "Ppm") for digit in range(1, 7)),
)
_openers: dict[str, Callable[..., Any]] = {}


class Plan(NamedTuple):
    """What every row will look like: height x width x channels, and whether images are resized to it."""

    height: int
    width: int
    channels: int
    resize: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.height * self.width * self.channels


Event = tuple[int, str, Any]
"""(row, "bad", reason), (row, "size", (height, width)), (row, "colour", None) or (row, "store", reason)."""


class StoreError(OSError):
    """Pixels could not be written to their place."""


def _opener(blob: bytes) -> Callable[..., Any]:
    for magic, plugin in _PLUGINS:
        if blob.startswith(magic):
            if plugin == "WebP":
                _check_webp(blob)
            if plugin not in _openers:
                module = __import__(f"PIL.{plugin}ImagePlugin", fromlist=["*"])
                _openers[plugin] = getattr(module, f"{plugin}ImageFile")
            return _openers[plugin]
    if not blob:
        raise ValueError("the file is empty")
    raise ValueError("not an image of a known format (JPEG, PNG, GIF, BMP, WebP, TIFF, PNM)")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width}x{height} pixels are more than the {MAX_PIXELS:,} allowed")


def _check_webp(blob: bytes) -> None:
    # The WebP reader allocates its canvas as soon as it is opened, so the size is looked up here first.
    head, form = blob[:30].ljust(30, b"\0"), blob[12:16]
    if blob[8:12] != b"WEBP":
        raise ValueError("not a WebP image")
    if form == b"VP8X":
        width, height = 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    elif form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    _check_size(width, height)


def _to_grey_or_rgb(image: Any) -> Any:
    mode = image.mode
    if mode in ("L", "RGB"):
        return image
    if mode in ("1", "LA", "La"):
        return image.convert("L")
    if mode.startswith("I"):
        return _high_byte(image)
    if mode == "F":
        raise ValueError("pixels are floating-point numbers; save the image with 8 bits a channel")
    # A palette with transparency goes through RGBA, otherwise pillow warns and guesses; then alpha is dropped.
    return (image.convert("RGBA") if mode in ("P", "PA") else image).convert("RGB")


def _high_byte(image: Any) -> Any:
    import numpy as np
    from PIL import Image

    values = np.asarray(image)
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise ValueError("pixels have more than 16 bits; save the image with 8 bits a channel")
    return Image.fromarray((values >> 8).astype(np.uint8))


def decode(blob: bytes, size: tuple[int, int] | None, channels: int) -> tuple[bytes, int, int, int]:
    """Decode one image.

    Parameters
    ----------
    blob : bytes
        The whole file.
    size : (height, width) or None
        Resize to this.
    channels : 0, 1 or 3
        3 asks that grey images come back as RGB.

    Returns
    -------
    pixels : bytes
        Rows of pixels, channels last.
    height, width : int
    own_channels : int
        1 for a grey image, 3 for a coloured one, whatever was asked for.

    Raises
    ------
    Exception
        Whatever the decoder finds wrong; a hostile file can raise nearly anything.
    """
    if len(blob) > MAX_BYTES:
        raise ValueError(f"the file is larger than the {MAX_BYTES:,} bytes allowed")
    if blob.startswith(b"\xff\xd8\xff") and (quick := _small_jpegs(blob, size, channels)) is not None:
        return quick
    return _decode(blob, size, channels)


def _decode(blob: bytes, size: tuple[int, int] | None, channels: int) -> tuple[bytes, int, int, int]:
    image = _opener(blob)(io.BytesIO(blob))
    _check_size(*image.size)
    image.load()
    if "exif" in image.info or "xmp" in image.info or "XML:com.adobe.xmp" in image.info:
        from PIL import ImageOps

        image = ImageOps.exif_transpose(image)
    image = _to_grey_or_rgb(image)
    own_channels = 1 if image.mode == "L" else 3
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), 2)  # 2 is bilinear; pillow widens the filter when it shrinks an image
    if channels == 3 and own_channels == 1:
        image = image.convert("RGB")
    return image.tobytes(), image.height, image.width, own_channels


class _SmallJpegs:
    """A short way through pillow for small plain JPEG images, where its bookkeeping costs more than decoding does.

    It hands the bytes to pillow's own decoder without the image object around it. The names that takes are not
    promised by pillow, so the first image of a process is decoded both ways: if the ways differ in anything, the long
    one is used ever after. Whatever is not plain (orientation, CMYK, an error) goes the long way too.
    """

    def __init__(self) -> None:
        self.trusted: bool | None = None

    def __call__(self, blob: bytes, size: tuple[int, int] | None, channels: int) -> tuple[bytes, int, int, int] | None:
        if self.trusted is False:
            return None
        try:
            shape = _plain_jpeg(blob)
            if shape is None or (size is not None and size != shape[:2]) or channels > shape[2]:
                return None
            found = self._short(blob, *shape)
        except Exception:
            return None  # the long way says what is wrong
        if self.trusted is None and found is not None:
            self.trusted = found == _decode(blob, size, channels)
            return found if self.trusted else None
        return found

    @staticmethod
    def _short(blob: bytes, height: int, width: int, channels: int) -> tuple[bytes, int, int, int] | None:
        from PIL import Image, _imaging

        mode = "RGB" if channels == 3 else "L"
        box = (0, 0, width, height)
        core = _imaging.new(mode, (width, height))
        decoder = Image._getdecoder(mode, "jpeg", (mode, ""), ())
        decoder.setimage(core, box)
        used, status = decoder.decode(blob)
        decoder.cleanup()
        if used >= 0 or status < 0:  # it wants more bytes, or it failed
            return None
        encoder = Image._getencoder(mode, "raw", (mode, 0, 1))
        encoder.setimage(core, box)
        _, _, pixels = encoder.encode(width * height * channels)
        return (pixels, height, width, channels) if len(pixels) == width * height * channels else None


_small_jpegs = _SmallJpegs()


def _plain_jpeg(blob: bytes) -> tuple[int, int, int] | None:
    """Return (height, width, channels) of a small JPEG without an orientation; None for any other."""
    at = 2
    while blob[at] == 0xFF:
        marker = blob[at + 1]
        if 0xC0 <= marker <= 0xC2:  # baseline, extended and progressive: the decoder's sorts
            height, width = blob[at + 5] << 8 | blob[at + 6], blob[at + 7] << 8 | blob[at + 8]
            plain = blob[at + 4] == 8 and blob[at + 9] in (1, 3) and 0 < height * width <= _SMALL
            return (height, width, blob[at + 9]) if plain else None
        if marker == 0xE1 or not 0xC4 <= marker <= 0xFE or 0xD0 <= marker <= 0xDA:  # APP1 may hold an orientation
            return None
        at += 2 + (blob[at + 2] << 8 | blob[at + 3])
    return None


def reason(error: BaseException) -> str:
    """Say in a few printable words why an image could not be read."""
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    elif isinstance(error, MemoryError):
        text = "out of memory"
    else:
        text = str(error) or type(error).__name__
    return "".join(c if c.isprintable() else " " for c in text)[:120]


def fetch_file(path: str) -> bytes:
    """Read a whole file; devices and pipes are refused (opening without blocking, so a pipe cannot hang the reader)."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("not a regular file")
        if found.st_size > MAX_BYTES:
            raise ValueError(f"the file is larger than the {MAX_BYTES:,} bytes allowed")
        blob = os.read(fd, found.st_size)
        while len(blob) < found.st_size and (more := os.read(fd, found.st_size - len(blob))):
            blob += more
        return blob
    finally:
        os.close(fd)


def fetch_span(fd: int, offset: int, size: int) -> bytes:
    """Read `size` bytes at `offset` of an open file."""
    if size > MAX_BYTES:
        raise ValueError(f"the file is larger than the {MAX_BYTES:,} bytes allowed")
    blob = os.pread(fd, size, offset)
    while len(blob) < size and (more := os.pread(fd, size - len(blob), offset + len(blob))):
        blob += more
    if len(blob) < size:
        raise ValueError("the archive ends before this file does")
    return blob


def fetch_zipped(fd: int, offset: int, packed: int, size: int, method: int, crc: int) -> bytes:
    """Read a member of a zip file: stored or deflated, never more than its declared size, checked by its CRC."""
    head = fetch_span(fd, offset, 30)
    if head[:4] != b"PK\x03\x04":
        raise ValueError("the archive's entry is damaged")
    start = offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    blob = fetch_span(fd, start, packed)
    if method == 8:
        if size > MAX_BYTES:
            raise ValueError(f"the file is larger than the {MAX_BYTES:,} bytes allowed")
        blob = zlib.decompressobj(-15).decompress(blob, size + 1)
    elif method != 0:
        raise ValueError(f"zip compression method {method} is not read here; store or deflate it")
    if len(blob) != size or zlib.crc32(blob) != crc:
        raise ValueError("the file does not match the size and checksum that the archive declares")
    return blob


def fetcher(kind: str, fd: int) -> Callable[[Any], bytes]:
    """Return the function that turns an item of this kind into the bytes of an image file."""
    if kind == "files":
        return fetch_file
    if kind == "spans":
        return lambda item: fetch_span(fd, *item)
    if kind == "zipped":
        return lambda item: fetch_zipped(fd, *item)
    return lambda item: item


class Decoder:
    """Decodes chunks of images into rows of an open file: row r begins at `base + r * plan.row_bytes`."""

    def __init__(self, plan: Plan, kind: str, source_fd: int, out_fd: int, base: int) -> None:
        self.plan, self.out_fd, self.base = plan, out_fd, base
        self.fetch = fetcher(kind, source_fd)

    def run(self, rows: Sequence[int], items: Sequence[Any]) -> list[Event]:
        """Decode `items` into `rows`; return what was remarkable. Nothing is raised for a bad image."""
        with warnings.catch_warnings():
            # Decoders warn about odd metadata; whether that is an error must not depend on the caller's filters.
            warnings.simplefilter("ignore")
            try:
                return self._run(rows, items)
            except StoreError as error:
                return [(rows[0], "store", reason(error))]

    def _run(self, rows: Sequence[int], items: Sequence[Any]) -> list[Event]:
        events: list[Event] = []
        plan, fetch, base, row_bytes = self.plan, self.fetch, self.base, self.plan.row_bytes
        shape = (plan.height, plan.width)
        size = shape if plan.resize else None
        for row, item in zip(rows, items, strict=True):
            try:
                pixels, height, width, channels = decode(fetch(item), size, plan.channels)
            except Exception as error:
                events.append((row, "bad", reason(error)))
                continue
            if channels > plan.channels:
                events.append((row, "colour", None))
                break
            if (height, width) != shape:
                events.append((row, "size", (height, width)))
            else:
                self._write(pixels, base + row * row_bytes)
        return events

    def _write(self, pixels: bytes, at: int) -> None:
        try:
            done = os.pwrite(self.out_fd, pixels, at)
            while done < len(pixels):
                done += os.pwrite(self.out_fd, pixels[done:], at + done)
        except OSError as error:
            raise StoreError(*error.args) from error


def send(pipe: IO[bytes], what: Any, items: Sequence[Any] = ()) -> None:
    """Write one message: a line of JSON, [what, items, sizes], and then the items, where they are bytes."""
    blobs = [item for item in items if not isinstance(item, str | tuple | list)]
    rest = [] if blobs else list(items)
    pipe.write(json.dumps([what, rest, [len(blob) for blob in blobs]]).encode("ascii") + b"\n")
    for blob in blobs:
        pipe.write(blob)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[Any, list[Any]]:
    """Read one message; EOFError when there will be no more."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    what, items, sizes = json.loads(line)
    for size in sizes:
        blob = pipe.read(size)
        if len(blob) < size:
            raise EOFError
        items.append(blob)
    return what, items


def main() -> None:
    """Serve one parent: a Plan with its files first, then chunks, until the input ends."""
    import signal

    # Ctrl-C is the parent's business: it ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        (paths, plan, *rest), _ = receive(requests)
        sys.path[:] = paths
        decoder = Decoder(Plan(*plan), *rest)
        __import__("PIL.Image")
        answer: Any = "ready"
        while True:
            send(answers, answer)
            rows, items = receive(requests)
            answer = decoder.run(rows, items)
    except (EOFError, BrokenPipeError):
        # The parent is done with this process, or gone; either way nobody waits for what is left.
        os._exit(0)


if __name__ == "__main__":
    main()
