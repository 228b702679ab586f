"""The words of the command line as values: a number or "auto", a share or a count, a size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from steepest.errors import InputError

__all__ = ["image_size", "name", "number_or_auto", "share_count_or_source", "share_or_count", "sizes", "whole_or_auto"]


def name(text: str | None) -> str | None:
    """Read --model and --solver: nearest_mean is nearest-mean."""
    return None if text is None else text.replace("_", "-")


def number_or_auto(option: str, text: str | None) -> float | Literal["auto"] | None:
    """Read --lr and --alpha."""
    return text if text is None or text == "auto" else _read(option, text, float, "a number or auto")  # type: ignore[return-value]


def whole_or_auto(option: str, text: str | None) -> int | Literal["auto"] | None:
    """Read --batch-size and --epochs."""
    return text if text is None or text == "auto" else _read(option, text, int, "a whole number or auto")  # type: ignore[return-value]


def share_or_count(text: str | None) -> float | int | None:
    """Read --test-size: 0.2 is a share, 500 a number of examples."""
    if text is None:
        return None
    whole = text.strip().isdigit()
    size: float | int = _read(
        "--test-size", text, int if whole else float, "a share such as 0.2 or a number of examples"
    )
    return size


def share_count_or_source(text: str | None) -> float | int | str | None:
    """Read --validation: what is no number is a source."""
    try:
        return share_or_count(text)
    except InputError:
        return text


def sizes(option: str, text: str | None) -> tuple[int, ...] | None:
    """Read --hidden: 256,128 are two layers."""
    if text is None:
        return None
    words = "numbers of neurons as in 256,128"
    found = tuple(_read(option, part, int, words) for part in text.split(","))
    if min(found) < 1:
        raise InputError(f"{option} must be {words}, not {text!r}")
    return found


def image_size(text: str | None) -> int | tuple[int, int] | None:
    """Read --image-size: 32, or 32x48 (height x width)."""
    if text is None:
        return None
    sides = [_read("--image-size", side, int, "pixels as in 32 or 32x48") for side in text.lower().split("x")]
    if len(sides) > 2 or min(sides) < 1:
        raise InputError(f"--image-size must be pixels as in 32 or 32x48 (height x width), not {text!r}")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def _read(option: str, text: str, kind: Callable[[str], Any], words: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{option} must be {words}, not {text!r}") from None
