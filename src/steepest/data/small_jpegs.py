"""A short way through pillow for small plain JPEG images, where its bookkeeping costs more than decoding does."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["SmallJpegs"]

_SMALL = 1 << 16
Decoded = tuple[bytes, int, int, int]


class SmallJpegs:
    """Hands the bytes to pillow's own decoder without the image object around it.

    The names that takes are not promised by pillow, so the first image of a process is decoded both ways: if the ways
    differ in anything, the long one is used ever after. Whatever is not plain (orientation, CMYK, an error) goes the
    long way too.

    Parameters
    ----------
    long_way : callable
        `pixels.decode` without the short way; takes what `__call__` takes.
    """

    def __init__(self, long_way: Callable[[bytes, tuple[int, int] | None, int], Decoded]) -> None:
        self.long_way = long_way
        self.trusted: bool | None = None

    def __call__(self, blob: bytes, size: tuple[int, int] | None, channels: int) -> Decoded | None:
        """Return what the long way gives; None when the long way has to be gone."""
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
            self.trusted = found == self.long_way(blob, size, channels)
            return found if self.trusted else None
        return found

    @staticmethod
    def _short(blob: bytes, height: int, width: int, channels: int) -> Decoded | None:
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
