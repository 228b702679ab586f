"""Settings out of a TOML file: every key and type is checked, and a fault is said by its name."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from steepest.errors import InputError, near
from steepest.training.settings import Settings

__all__ = ["read_settings"]


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a config.toml says.

    Parameters
    ----------
    path : str or path
        Keys are the words of `steepest train`, with _ for -.

    Raises
    ------
    InputError
        Missing or no TOML (with the line); an unknown key (with the near names); a value of the wrong type.
    """
    import tomllib

    from pydantic import ConfigDict, ValidationError, create_model

    try:
        said = tomllib.loads(Path(path).read_bytes().decode())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    known = [f.name for f in fields(Settings)]
    for key in said:
        if key not in known:
            raise InputError(f"{path}: there is no setting {key!r}: {near(key, known)}")
    for key in ("image_size", "hidden"):
        if isinstance(said.get(key), list):  # TOML has no tuples
            said[key] = tuple(said[key])
    types = get_type_hints(Settings)
    places: dict[str, Any] = {f.name: (types[f.name], f.default) for f in fields(Settings)}
    schema = create_model("Config", __config__=ConfigDict(strict=True, protected_namespaces=()), **places)
    try:
        checked = schema.model_validate(said)
    except ValidationError as error:
        raise InputError(f"{path}: {_fault(said, error.errors())}") from None
    return {name: getattr(checked, name) for name in known if name in said}


def _fault(said: dict[str, Any], errors: list[Any]) -> str:
    """Say what is wrong with the first key; one key has several errors when it may be of several types."""
    key = errors[0]["loc"][0]
    wanted = dict.fromkeys(
        e["msg"].removeprefix("Input should be ").removeprefix("a valid ") for e in errors if e["loc"][0] == key
    )
    return f"{key} = {said[key]!r} should be {' or '.join(wanted)}"
