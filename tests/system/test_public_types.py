"""Check that public signatures have type annotations, which mypy compares with their use in tests/typing."""

import inspect
from importlib import import_module
from pathlib import Path

API = Path(__file__).parents[2] / "docs" / "api.rst"


def public_names():
    """Return the names that docs/api.rst lists, with the package before them."""
    lines = (line.strip() for line in API.read_text(encoding="utf-8").splitlines() if line.startswith("   "))
    return [f"numrnn.{line}" for line in lines if line and not line.startswith(":")]


def functions(name):
    """Yield the functions of a public name: itself, or the public methods and the constructor of a class."""
    module, _, attribute = name.rpartition(".")
    value = getattr(import_module(module), attribute)
    if inspect.isfunction(value):
        yield name, value
    for key in dir(value) if inspect.isclass(value) else ():
        method = inspect.getattr_static(value, key)
        method = getattr(method, "fget", None) or getattr(method, "fn", None) or getattr(method, "__func__", method)
        if (key == "__init__" or not key.startswith("_")) and inspect.isfunction(method):
            if method.__module__.startswith("numrnn"):
                yield f"{name}.{key}", method


def missing(name, function):
    """Yield the parameters of a function that have no annotation, and "return" if the result has none."""
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls"):
            yield f"{name}: {parameter.name}"
    if signature.return_annotation is signature.empty and not name.endswith("__init__"):
        yield f"{name}: return"


def test_public_signatures_are_annotated():
    """Check every function and method of the public interface."""
    names = public_names()
    assert len(names) >= 30
    assert not [fault for name in names for item in functions(name) for fault in missing(*item)]
