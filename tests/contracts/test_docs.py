"""The documentation is true: links lead somewhere, code runs, examples give what they say."""

import doctest
import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest

import steepest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
    if path.is_file()
)
FENCE = re.compile(r"^( *)(`{3,}|~{3,})([^\n`]*)\n(.*?)^ *\2`* *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def name_of(path):
    return str(path.relative_to(ROOT))


def prose(text):
    """The page without its code, in which brackets mean something else."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(text):
    """The fragments that lead to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(page, text):
    for found in LINK.finditer(prose(text)):
        target, _, fragment = (found[1] or found[2]).partition("#")
        if ELSEWHERE.match(target):
            continue
        place = page.parent / target if target else page
        headings = fragment and place.suffix == ".md" and place.exists()
        if not place.exists() or (headings and fragment not in anchors(place.read_text(encoding="utf-8"))):
            yield found[0]


def code_blocks(page):
    """The blocks marked `python`, each as long a file as the page up to it, so that errors name the page's line."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if found[3].strip() == "python":
            line = text.count("\n", 0, found.start(4))
            yield pytest.param(page, "\n" * line + textwrap.dedent(found[4]), id=f"{name_of(page)}:{line}")


def test_there_are_pages():
    assert {"README.md", "CONTRIBUTING.md", "docs/formats.md"} <= {name_of(page) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    assert list(broken_links(page, page.read_text(encoding="utf-8"))) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    text = "# One Heading\n[a](page.md) [b](none.md) [c](#one-heading) [d](#none) `[e](none)` [f](https://none.md)\n"
    text += "[g]: other.md\n```python\nx[0](nothing)\n```\n[h](page.md#none)\n"
    page.write_text(text)
    assert list(broken_links(page, text)) == ["[b](none.md)", "[d](#none)", "[g]: other.md", "[h](page.md#none)"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "steepest", "train", "digits", "--quiet", "--epochs", "5", "--out", "run"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder / "run"


@pytest.fixture
def place(run, tmp_path):
    """A folder for code out of the pages to run in: the run of `steepest train digits --out run` lies there."""
    shutil.copytree(run, tmp_path / "run")
    return tmp_path


@pytest.mark.parametrize(("page", "code"), [block for page in PAGES for block in code_blocks(page)])
def test_code_in_pages_runs(page, code, place):
    script = place / page.with_suffix(".py").name
    script.write_text(code, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, cwd=place, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_reader_in_the_formats_page_reads_a_model(place, monkeypatch):
    monkeypatch.chdir(place)
    page = ROOT / "docs" / "formats.md"
    (block,) = code_blocks(page)
    reader = {}
    exec(compile(block.values[1], str(page), "exec"), reader)
    from steepest.training.model_file import load_model

    X = steepest.load("digits").X
    np.testing.assert_array_equal(reader["predict"](X), load_model("run").predict(X))


def modules():
    yield "steepest"
    for found in pkgutil.walk_packages(steepest.__path__, "steepest."):
        if not found.name.endswith(("__main__", "_decode_worker", "_native")):
            yield found.name


@pytest.mark.parametrize("name", list(modules()))
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_the_public_face_has_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for room in ("losses", "penalties", "optim", "data", "estimators"):
        package = importlib.import_module(f"steepest.{room}")
        files = [
            importlib.import_module(m.name) for m in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        ]
        found = [test for file in files for test in finder.find(file) if test.examples]
        assert found, f"no example in steepest.{room}"
