"""The folders import in one direction: the formula is the house plan."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import steepest

SOURCE = Path(steepest.__file__).parent
FLOORS = (
    ("cli", "studio", "cluster", "report"),
    ("estimators",),
    ("training", "solvers"),
    ("objective",),
    ("nn", "losses", "penalties"),
    ("autodiff",),
    ("kernels",),
)
FLOOR = {room: height for height, rooms in enumerate(reversed(FLOORS)) for room in rooms}
ASIDE = ("optim", "data")  # they import kernels and nothing else of the house; all above the kernels may import them
OPEN = ("errors",)  # no room: everybody's


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "steepest"}


def allowed(importer: str, imported: str) -> bool:
    if imported in (importer, *OPEN):
        return True
    if importer in ASIDE:
        return imported == "kernels"
    if importer == "":  # steepest/__init__.py and __main__.py: the public face
        return True
    if imported in ASIDE:
        return FLOOR[importer] > FLOOR["kernels"]
    if imported == "":  # the package itself, for its version
        return importer in FLOORS[0] or importer == "training"
    return FLOOR[imported] < FLOOR[importer] or (FLOOR[imported] == FLOOR[importer] and importer not in FLOORS[0])


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(SOURCE)) for p in FILES])
def test_imports_go_one_way(path):
    relative = path.relative_to(SOURCE)
    importer = relative.parts[0].removesuffix(".py") if len(relative.parts) > 1 else ""
    if relative.parts[0] in ("errors.py", "__init__.py", "__main__.py"):
        importer = "errors" if relative.parts[0] == "errors.py" else ""
    known = {*FLOOR, *ASIDE, *OPEN, ""}
    for name in imports_of(path):
        imported = room_of(name)
        if imported not in known:  # a name in steepest/__init__.py, not a room
            imported = ""
        assert importer == "errors" or allowed(importer, imported), f"{relative} may not import {name}"
        assert importer != "errors", f"{relative} imports nothing of the house"


def test_the_direction_is_checked_at_all():
    assert not allowed("kernels", "losses")
    assert not allowed("losses", "objective")
    assert not allowed("data", "nn")
    assert not allowed("optim", "data")
    assert not allowed("training", "cli")
    assert not allowed("cli", "studio")
    assert allowed("cli", "training")
    assert allowed("losses", "kernels")


HEAVY = (
    "pyarrow",
    "PIL",
    "matplotlib",
    "sklearn",
    "scipy",
    "pandas",
    "polars",
    "torch",
    "jax",
    "ray",
    "rich",
    "typer",
    "pydantic",
    "safetensors",
    "sympy",
    "mpmath",
    "fast_sugiyama",
    "tensorboardX",
    "mlflow",
)


@pytest.mark.parametrize(
    "statement", ["import steepest", "import steepest.losses", "import steepest.data", "import steepest.training.loop"]
)
def test_heavy_libraries_come_late(statement):
    script = f"import sys; {statement}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
