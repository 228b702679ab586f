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


def info(run: Path | None, json: bool) -> int:
    """Run `steepest info`."""
    if run is not None:
        return _of_model(run, json)
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


def _of_model(run: Path, json: bool) -> int:
    """Show the card of a model."""
    from steepest.data.describing import readable_bytes
    from steepest.training.functions_file import as_record
    from steepest.training.model_file import load_model

    model = load_model(run)
    card = model.card
    tensors, said = as_record(model.function)
    said |= {name: getattr(card, name) for name in ("model", "classes", "feature_shape", "dtype", "loss", "scaling")}
    said |= {"probabilities": model.gives_probabilities, "certificate": card.certificate}
    said |= {"bytes": sum(part.nbytes for part in tensors.values()), "data": card.data, "versions": card.versions}
    if json:
        sys.stdout.write(to_json(said) + "\n")
        return 0
    names = ", ".join(card.classes[:10]) + (", ..." if len(card.classes) > 10 else "")
    rows = [
        ("model", f"{card.model or said['kind']}, {readable_bytes(said['bytes'])}"),
        *((name, str(said[name])) for name in ("k", "metric", "weights", "index") if name in said),
        ("features", f"{' x '.join(map(str, card.feature_shape))} of {card.dtype}, scaling {card.scaling}"),
        ("classes", f"{len(card.classes)}: {names}"),
        ("loss", card.loss or "none"),
        ("probabilities", "yes" if model.gives_probabilities else "no"),
        *_of_proof(card.certificate),
        ("trained on", str(card.data.get("source", "not known"))),
        ("by", ", ".join(f"{name} {version}" for name, version in card.versions.items())),
    ]
    print(pairs(rows))
    return 0


def _of_proof(proof: Any) -> list[tuple[str, str]]:
    """Show a certificate out of a file, which may hold anything."""
    numbers = proof and [proof.get(name) for name in ("objective", "gap", "passes")]
    if not numbers or not all(isinstance(number, int | float) for number in numbers):
        return []
    above = f"{numbers[0]:.8g}, at most {numbers[1]:.1e} of it above the optimum"
    return [("objective", above), ("solver", f"{proof.get('solver')}, {numbers[2]:.4g} passes")]


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
