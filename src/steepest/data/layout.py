"""Which folder means what: parts (train, test), classes, and what is neither.

The same rules serve folders on the disk and inside archives; they see the names of folders and of the image files in
them, nothing else.

- Folders that hold everything else and nothing themselves are looked through (`download/cifar/train/...`).
- Folders named `train`, `test` and `val` (also `training`, `testing`, `valid`, `validation`, `dev`) that hold class
  folders are parts. Without a test part, `val` is the test part; beside a test part it is left out, and a note says
  so.
- Inside a part every folder is a class, sorted by name; images further down belong to the class they are under.
- Hidden names (a leading dot), `__MACOSX` and files that are not images by their extension do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from steepest.data.names import count, few, printable
from steepest.data.options import ReadOptions
from steepest.errors import InputError

__all__ = ["EXTENSIONS", "Layout", "Tree", "arrange", "is_hidden", "is_image_name"]

EXTENSIONS = (
    *(
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".gif",
        ".bmp",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    ),
)
_PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
}
Tree = Mapping[tuple[str, ...], Sequence[str]]
"""The image files of each folder; a folder is the tuple of names that leads to it."""


@dataclass(frozen=True)
class Layout:
    """The images in row order: the training part first, then the test part; inside a part by class, then by name.

    Attributes
    ----------
    names : list of str
        Each image's path inside the source, as it is on the disk.
    labels : list of int
        Class indices; all -1 when there are no classes.
    n_train : int
        How many of them are the training part.
    classes : tuple of str
    notes : tuple of str
    """

    names: list[str]
    labels: list[int]
    n_train: int
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def is_hidden(name: str) -> bool:
    """Whether a file or folder does not count, by its name."""
    return name.startswith(".") or name == "__MACOSX"


def is_image_name(name: str) -> bool:
    """Whether a file counts as an image, by its extension."""
    return name[-5:].lower().endswith(EXTENSIONS)


def arrange(tree: Tree, title: str, options: ReadOptions) -> Layout:
    """Put the images of a source in order.

    Raises
    ------
    InputError
        There are no images; no class folders where labels are required; folders that can be read in two ways; a class
        in the test part that the training part does not have.
    """
    if not any(tree.values()):
        raise InputError(
            f"{title}: no images in it ({', '.join(EXTENSIONS)}); give a folder with one sub-folder per class"
        )
    base = _look_through(tree)
    tops = _children(tree, base)
    parts = {
        name: _PARTS[name.lower()] for name in tops if name.lower() in _PARTS and _is_part(tree, (*base, name), tops)
    }
    if not parts:
        return _without_parts(tree, base, title, options)
    roles: dict[str, str] = {}
    for name, role in parts.items():
        if role in roles:
            raise InputError(
                f"{title}: {printable(roles[role])}/ and {printable(name)}/ both look like the {role} part; keep one"
            )
        roles[role] = name
    outside = [name for name in tops if name not in parts]
    if outside or tree.get(base):
        stray = few([*(f"{name}/" for name in outside), *tree.get(base, ())], len(outside) + len(tree.get(base, ())), 3)
        raise InputError(f"{title}: images beside {', '.join(sorted(parts))}: {stray}; put them under train/ or test/")
    return _with_parts(tree, base, roles, title, options)


def _without_parts(tree: Tree, base: tuple[str, ...], title: str, options: ReadOptions) -> Layout:
    classes = _classes(tree, base)
    if not classes and options.labels == "required":
        raise InputError(
            f"{title}: its images are not in class folders; put those of each class into a folder with its name"
        )
    names, labels, notes = _images(tree, base, {name: k for k, name in enumerate(classes)}, "")
    return Layout(names, labels, len(names), tuple(map(printable, classes)), tuple(notes))


def _with_parts(
    tree: Tree, base: tuple[str, ...], roles: Mapping[str, str], title: str, options: ReadOptions
) -> Layout:
    notes = []
    training = next(roles[role] for role in ("train", "test", "val") if role in roles)
    testing = next((roles[role] for role in ("test", "val") if role in roles and roles[role] != training), None)
    if "val" in roles and roles["val"] not in (training, testing):
        left = sum(len(files) for folder, files in tree.items() if folder[: len(base) + 1] == (*base, roles["val"]))
        notes.append(f"{roles['val']}/ ({count(left, 'image')}) was left out: {testing}/ is the test part")
    elif testing is not None and testing == roles.get("val"):
        notes.append(f"{testing}/ is used as the test part")
    classes = _classes(tree, (*base, training))
    if not classes and options.labels == "required":
        raise InputError(
            f"{title}: {printable(training)}/ has no class folders; "
            "put the images of each class into a folder with its name"
        )
    index = {name: k for k, name in enumerate(classes)}
    names, labels, found = _images(tree, (*base, training), index, training)
    notes += found
    n_train = len(names)
    if testing is not None:
        if unknown := [name for name in _classes(tree, (*base, testing)) if name not in index]:
            raise InputError(
                f"{title}: {printable(testing)}/ has classes that {printable(training)}/ does not have: "
                f"{few(unknown, len(unknown))}; the classifier cannot know what it never saw"
            )
        more_names, more_labels, found = _images(tree, (*base, testing), index, testing)
        names, labels, notes = names + more_names, labels + more_labels, notes + found
    return Layout(names, labels, n_train, tuple(map(printable, classes)), tuple(map(printable, notes)))


def _look_through(tree: Tree) -> tuple[str, ...]:
    base: tuple[str, ...] = ()
    while not tree.get(base):
        inside = _children(tree, base)
        if len(inside) != 1 or tree.get((*base, inside[0])):
            break
        base = (*base, inside[0])
    return base


def _children(tree: Tree, base: tuple[str, ...]) -> list[str]:
    """Return the names of the folders in `base` that have images somewhere under them."""
    depth = len(base)
    return sorted(
        {folder[depth] for folder, files in tree.items() if files and len(folder) > depth and folder[:depth] == base}
    )


def _classes(tree: Tree, base: tuple[str, ...]) -> list[str]:
    return _children(tree, base)


def _is_part(tree: Tree, folder: tuple[str, ...], beside: Sequence[str]) -> bool:
    # A folder "train" with images in it, beside "car" and "bus", is a class of trains. Beside nothing but other parts
    # it is a part.
    return not tree.get(folder) or all(name.lower() in _PARTS for name in beside)


def _images(
    tree: Tree, base: tuple[str, ...], index: Mapping[str, int], part: str
) -> tuple[list[str], list[int], list[str]]:
    """Return names, labels and notes of one part."""
    depth = len(base)
    names: list[str] = []
    labels: list[int] = []
    for folder in sorted(folder for folder in tree if folder[:depth] == base and (len(folder) > depth or not index)):
        files = sorted(tree[folder])
        if not files:
            continue
        prefix = "/".join(folder) + "/" if folder else ""
        names += [prefix + file for file in files]
        labels += [index[folder[depth]] if index else -1] * len(files)
    notes = []
    if index and (
        empty := sorted(folder[-1] for folder in tree if folder and folder[:-1] == base and folder[-1] not in index)
    ):
        notes.append(f"{count(len(empty), 'folder')} without images passed over: {few(empty, len(empty))}")
    if index and (stray := tree.get(base)):
        where = f"beside the class folders of {part}/" if part else "beside the class folders"
        notes.append(f"{count(len(stray), 'image')} {where} left out: {few(sorted(stray), len(stray), 3)}")
    return names, labels, notes


def tree_of(names: Iterable[str]) -> dict[tuple[str, ...], list[str]]:
    """Return the tree of a list of paths; hidden names and what is not an image by its extension are passed over."""
    tree: dict[tuple[str, ...], list[str]] = {}
    folders: dict[str, list[str] | None] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in folders:
            steps = tuple(step for step in folder.split("/") if step not in ("", "."))
            folders[folder] = None if any(map(is_hidden, steps)) else tree.setdefault(steps, [])
        files = folders[folder]
        if files is not None and not is_hidden(file) and is_image_name(file):
            files.append(file)
    return tree
