"""What the package tells type checkers, of everything public."""

import importlib
import inspect
from pathlib import Path
from typing import get_type_hints

import pytest

import skhj

ROOMS = (
    "skhj",
    "skhj.adaptors",
    "skhj.datasets",
    "skhj.exceptions",
    "skhj.hamilton_jacobi",
    "skhj.inspection",
    "skhj.operators",
    "skhj.problems",
)


def functions_of(thing):
    """A function, or those of a class that this project defines, bases' too."""
    if not inspect.isclass(thing):
        yield thing
        return
    for name, _ in inspect.getmembers(thing):
        member = inspect.getattr_static(thing, name)
        member = getattr(member, "fget", getattr(member, "__func__", member))
        member = inspect.unwrap(member) if callable(member) else member
        if (
            (name == "__init__" or not name.startswith("_"))
            and inspect.isfunction(member)
            and member.__module__.startswith("skhj.")
        ):
            yield member


PUBLIC = {
    f"{function.__module__}.{function.__qualname__}": function
    for room in map(importlib.import_module, ROOMS)
    for name in room.__all__
    for function in functions_of(getattr(room, name))
}


def test_the_package_says_that_it_has_types():
    assert (Path(skhj.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_have_types(name):
    function = PUBLIC[name]
    taken = inspect.signature(function).parameters
    asked = {*taken, "return"} - {"self", "cls"}
    assert asked <= get_type_hints(function).keys()
