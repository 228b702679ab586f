"""steepest info: versions, the processor, and what is active on it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

from steepest.cli.tables import pairs
from steepest.kernels import dispatch as kernels
from steepest.training.files import to_json
from steepest.training.results import versions

__all__ = ["info"]

_NEEDED = ("scipy", "scikit-learn", "typer", "pydantic", "rich", "pillow", "pyarrow", "narwhals", "safetensors")
_OPTIONAL = ("pandas", "polars", "torch", "jax")


def info(json: bool) -> int:
    """Run `steepest info`."""
    found = versions() | _installed(_NEEDED)
    optional = _installed(_OPTIONAL)
    folder, size = _cache()
    record: dict[str, Any] = {
        "versions": found,
        "optional": optional,
        "native": kernels.levels() != ["reference"],
        "level": kernels.level(),
        "levels": kernels.levels(),
        "threads": kernels.default_threads(),
        "processor": _processor(),
        "platform": platform.platform(),
        "cache": folder,
        "cache_bytes": size,
    }
    if json:
        sys.stdout.write(to_json(record) + "\n")
        return 0
    from steepest.data.describing import readable_bytes

    native = f"{kernels.level()}, of {', '.join(kernels.levels())}"
    rows = [
        ("steepest", found["steepest"]),
        (
            "kernels",
            native if record["native"] else "reference: installed without the native extension, works but slower",
        ),
        ("threads", str(record["threads"])),
        ("processor", record["processor"]),
        ("platform", record["platform"]),
        ("cache", f"{folder}, {readable_bytes(size)}" if folder else "none"),
        ("python", found["python"]),
        *((name, found[name]) for name in ("numpy", *_NEEDED) if name in found),
        ("optional", ", ".join(f"{name} {version}" for name, version in optional.items()) or "none installed"),
    ]
    print(pairs(rows))
    return 0


def _installed(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cache() -> tuple[str | None, int]:
    """Folder of the decoded images, and the bytes in it."""
    from steepest.data.cache import Cache

    cache = Cache.from_environment()
    if cache is None:
        return None, 0
    size = 0
    for path, _, names in os.walk(cache.root):
        for name in names:
            try:
                size += os.lstat(os.path.join(path, name)).st_size
            except OSError:  # evicted at this moment
                continue
    return str(cache.root), size
