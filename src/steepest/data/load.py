"""One door for every source: what it is shows in its content, so no flag has to say."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from steepest.data.dataset import Dataset
from steepest.data.options import Progress, ReadOptions
from steepest.errors import InputError

__all__ = ["NAMES", "load"]

NAMES = ("digits", "blobs", "circle", "xor", "spiral", "moons")
"""The data sets that need no file."""

_TOY_PARAMETERS = ("n", "noise", "classes", "seed")


def load(
    source: Any,
    y: Any = None,
    *,
    target: str | None = None,
    image_size: int | tuple[int, int] | None = None,
    on_bad_image: Literal["skip", "fail"] = "skip",
    labels: Literal["required", "optional"] = "required",
    threads: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
    n: int | None = None,
    noise: float | None = None,
    classes: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Read a data set from anything that holds one.

    A name (digits, blobs, circle, xor, spiral, moons) wins over a file or folder of the same name; "./digits" means
    the path. A toy problem's parameters can be part of its name, as on the command line:
    "spiral:n=300,noise=0.1,classes=3".

    Parameters
    ----------
    source : str, path, array, pair, mapping, table or Dataset
        A name; an image folder with a sub-folder for each class, or an archive of one (.tar, .tar.gz, .zip); CIFAR-10
        or CIFAR-100; IDX files (MNIST); .npy, .npz, CSV, TSV, Parquet, Feather or Arrow, or a folder with train and
        test files of these; arrays of NumPy, torch or any library with DLPack; a pair (X, y); a mapping {"X": ...,
        "y": ...}; a table of pandas, polars or pyarrow. A Dataset is given back as it is.
    y : array (N,), optional
        Labels of any type, when the source is the features alone; a path to an .npy file when the source is one.
    target : str, optional
        The label column of a table (or the entry of a mapping). By default the first of label, labels, target, class,
        y, else the last column if it looks like labels.
    image_size : int or (height, width), optional
        Resize every image.
    on_bad_image : "skip" or "fail"
        What to do with an unreadable image: leave it out and say so in `notes`, or stop.
    labels : "required" or "optional"
        With "optional", a source without labels gives y None.
    threads : int, optional
        Workers for decoding images; all cores when not given.
    cache : bool
        Keep decoded images for the next time.
    progress : callable, optional
        progress(what, done, total), called a few times a second.
    n, noise, classes, seed
        Parameters of the toy problems.

    Returns
    -------
    Dataset
        With its own test part in `test`, when the source has one.

    Raises
    ------
    InputError
        In one line: what is wrong, where, and what to do.

    Examples
    --------
    >>> load("digits").feature_shape
    (8, 8)
    >>> load([[0.0, 1.0], [2.0, 3.0]], ["no", "yes"]).classes
    ('no', 'yes')
    >>> load("spiral:n=90,classes=3")
    Dataset(90 x 2 float32, 3 classes, from spiral:n=90,classes=3)
    """
    options = ReadOptions(
        target=target,
        image_size=_image_size(image_size),
        on_bad_image=_one_of("on_bad_image", on_bad_image, ("skip", "fail")),
        labels=_one_of("labels", labels, ("required", "optional")),
        threads=threads,
        cache=cache,
        progress=progress,
    )
    toys = {"n": n, "noise": noise, "classes": classes}
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        if isinstance(source, str) and text.partition(":")[0] in NAMES:
            _no_labels_for(text, y)
            return _named(text, toys, seed)
        _only_for_toys(toys)
        return _from_path(_existing(text), y, options)
    _only_for_toys(toys)
    return _from_memory(source, y, options)


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise InputError(f"{name} must be {' or '.join(map(repr, allowed))}, not {value!r}")
    return value


def _image_size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    pair = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, tuple | list) else ()
    if len(pair) != 2 or not all(isinstance(k, int) and not isinstance(k, bool) and k > 0 for k in pair):
        raise InputError(f"image_size must be a number of pixels or (height, width), not {size!r}")
    return int(pair[0]), int(pair[1])


def _only_for_toys(toys: dict[str, Any]) -> None:
    given = [name for name, value in toys.items() if value is not None]
    if given:
        raise InputError(f"{' and '.join(given)} can be given for the toy problems only ({', '.join(NAMES[1:])})")


def _no_labels_for(source: str, y: Any) -> None:
    if y is not None:
        raise InputError(f"{source} has labels of its own: leave y out")


# names ---------------------------------------------------------------------------------------------------------------


def _named(text: str, given: dict[str, Any], seed: int) -> Dataset:
    name, colon, rest = text.partition(":")
    parameters: dict[str, Any] = {**given, "seed": seed}
    for item in rest.split(",") if colon else []:
        key, equals, value = (part.strip() for part in item.partition("="))
        if key not in _TOY_PARAMETERS or not equals:
            raise InputError(
                f"{text!r}: {item.strip()!r} is not one of n=, noise=, classes=, seed= "
                "(as in spiral:n=300,noise=0.1,classes=3)"
            )
        try:
            parameters[key] = float(value) if key == "noise" else int(value)
        except ValueError:
            kind = "a number" if key == "noise" else "a whole number"
            raise InputError(f"{text!r}: {key} must be {kind}, not {value!r}") from None
    if name == "digits":
        if colon:
            raise InputError(f"digits takes no parameters: write 'digits', not {text!r}")
        _only_for_toys(given)
        from steepest.data.digits import digits

        ds = digits()
    else:
        from steepest.data.toy import toy

        ds = toy(name, **parameters)
        ds = replace(ds, source=text)
    if Path(text).exists():
        note = f"there is also a path called {text!r}; the name wins, write './{text}' for the path"
        ds = replace(ds, notes=(*ds.notes, note))
    return ds


# paths ---------------------------------------------------------------------------------------------------------------


def _existing(text: str) -> Path:
    if not text:
        raise InputError("the source is an empty text: give a name, a file or a folder")
    try:
        path = Path(text).expanduser()
        exists = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{text!r} cannot be a path ({error})") from None
    if exists:
        return path
    bare = re.fullmatch(r"[\w-]+(:.*)?", text) is not None
    try:
        siblings = sorted(entry.name for entry in os.scandir(path.parent))[:10_000]
    except OSError:
        siblings = []
    near = difflib.get_close_matches(text.partition(":")[0].lower(), NAMES, n=2) if bare else []
    near += [
        str(path.parent / s) if path.parent != Path() else s
        for s in difflib.get_close_matches(path.name, siblings, n=2)
    ]
    meant = f"did you mean {' or '.join(map(repr, near))}?" if near else "check the spelling"
    if bare:
        raise InputError(f"{text!r} is neither a file or folder nor one of the names {', '.join(NAMES)}: {meant}")
    raise InputError(f"{text}: no such file or folder: {meant}")


def _from_path(path: Path, y: Any, options: ReadOptions) -> Dataset:
    from steepest.data.sniffing import read_path

    try:
        return read_path(path, y, options)
    except PermissionError as error:
        raise InputError(f"{error.filename or path}: not allowed to read it: change its permissions") from None
    except OSError as error:
        raise InputError(f"{error.filename or path}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise InputError(f"{path}: does not fit into memory") from None


# objects -------------------------------------------------------------------------------------------------------------


def _from_memory(source: Any, y: Any, options: ReadOptions) -> Dataset:
    if isinstance(source, Dataset):
        _no_labels_for("the Dataset", y)
        return source
    from steepest.data.arrays import from_arrays, from_mapping, is_array

    if isinstance(source, Mapping):
        _no_labels_for("the mapping", y)
        return from_mapping(source, options)
    if isinstance(source, tuple):
        _no_labels_for("the pair", y)
        return _from_tuple(source, options)
    if _is_table(source):
        from steepest.data.tables import read_table_object

        return read_table_object(source, y, options)
    if is_array(source):
        return from_arrays(source, y, options)
    raise InputError(
        f"cannot read data from {type(source).__name__!r}: "
        "give a name, a path, arrays, a pair (X, y), a mapping or a data frame"
    )


def _from_tuple(pair: tuple[Any, ...], options: ReadOptions) -> Dataset:
    if len(pair) != 2:
        raise InputError(f"a tuple must be the pair (X, y), but it has {len(pair)} parts")
    first, second = pair
    if isinstance(first, tuple) and isinstance(second, tuple):
        # ((X, y), (X of the test part, y of the test part)), as Keras gives its data sets.
        if len(first) != 2 or len(second) != 2:
            raise InputError("a pair of pairs must be ((X, y), (X_test, y_test))")
        from steepest.data.checks import align_test

        train, test = load(*first, labels=options.labels), load(*second, labels=options.labels)
        return replace(train, test=align_test(train, test))
    return _from_memory(first, second, options)


def _is_table(value: Any) -> bool:
    """Say whether a value is a data frame or a table: it has column names."""
    # Asked of the type: a lazy frame would work out its columns to answer for itself.
    return hasattr(type(value), "columns") or hasattr(type(value), "column_names")
