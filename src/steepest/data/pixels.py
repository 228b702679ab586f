"""One image in, its pixels out: the rules of decoding.

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
from collections.abc import Callable
from typing import Any

from steepest.data.small_jpegs import SmallJpegs

__all__ = ["MAX_BYTES", "MAX_PIXELS", "decode", "reason"]

MAX_PIXELS = 1 << 26
MAX_BYTES = 1 << 28

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


_small_jpegs = SmallJpegs(_decode)


def reason(error: BaseException) -> str:
    """Say in a few printable words why an image could not be read."""
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    elif isinstance(error, MemoryError):
        text = "out of memory"
    else:
        text = str(error) or type(error).__name__
    return "".join(c if c.isprintable() else " " for c in text)[:120]
