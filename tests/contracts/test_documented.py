"""Every public name says what it is: a docstring, and for functions and classes one that names each parameter."""

import importlib
import inspect

import pytest

import steepest

ROOMS = ("losses", "nn", "objective", "penalties", "optim")


def public():
    for name in steepest.__all__:
        yield f"steepest.{name}", getattr(steepest, name)
    for room in ROOMS:
        module = importlib.import_module(f"steepest.{room}")
        for name in module.__all__:
            yield f"steepest.{room}.{name}", getattr(module, name)


NAMES = dict(public())


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_documented(name):
    thing = NAMES[name]
    if isinstance(thing, tuple):  # NAMES: a list of words
        return
    doc = inspect.getdoc(thing)
    assert doc, f"{name} has no docstring"
    assert len(doc.splitlines()[0]) > 10, f"{name}: its first line says nothing"


@pytest.mark.parametrize("name", [n for n, t in NAMES.items() if inspect.isfunction(t) or inspect.isclass(t)])
def test_every_parameter_is_documented(name):
    thing = NAMES[name]
    if inspect.isclass(thing) and issubclass(thing, Exception | Warning):
        return
    doc = inspect.getdoc(thing) or ""
    parameters = [
        p for p in inspect.signature(thing).parameters if p not in ("self", "args", "kwargs", "rule", "constants")
    ]
    missing = [p for p in parameters if p not in doc]
    assert not missing, f"{name} does not document {missing}"


@pytest.mark.parametrize(
    "name", [n for n, t in NAMES.items() if inspect.isclass(t) and not issubclass(t, Exception | Warning)]
)
def test_every_public_method_is_documented(name):
    for attribute, value in vars(NAMES[name]).items():
        if not attribute.startswith("_") and inspect.isfunction(value):
            assert inspect.getdoc(value), f"{name}.{attribute} has no docstring"


def test_the_face_is_one_explicit_list():
    assert sorted(steepest.__all__) == sorted(set(steepest.__all__))
    assert set(steepest.__all__) <= set(dir(steepest))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = steepest.nothing
