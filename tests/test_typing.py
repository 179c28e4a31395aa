"""What the package tells type checkers, of everything public."""

import importlib
import inspect
from pathlib import Path

import pytest

import skhj
from skhj.training import share_training

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
    """A function itself; of a class, its own functions and its bases' in the project.

    As they were written: without decorators, of properties what gets them.
    """
    members = {"": thing}
    if inspect.isclass(thing):
        members = {name: inspect.getattr_static(thing, name) for name in dir(thing)}
    for name, member in members.items():
        written = getattr(member, "fget", getattr(member, "__func__", member))
        function = inspect.unwrap(written) if callable(written) else written
        if (
            (not name.startswith("_") or name == "__init__")
            and inspect.isfunction(function)
            and function.__module__.startswith("skhj.")
        ):
            yield function


PUBLIC = {
    f"{function.__module__}.{function.__qualname__}": function
    for thing in (
        share_training,  # all that its room has for users
        *(
            getattr(room, name)
            for room in map(importlib.import_module, ROOMS)
            for name in room.__all__
        ),
    )
    for function in functions_of(thing)
}


def test_the_package_says_that_it_has_types():
    assert (Path(skhj.__file__).parent / "py.typed").is_file()


def test_public_functions_are_found():
    found = {name.rpartition(".")[2] for name in PUBLIC}
    assert {"__init__", "fit", "from_estimator", "profiles_", "held_back"} <= found


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_have_types(name):
    signature = inspect.signature(PUBLIC[name])
    types = {k: taken.annotation for k, taken in signature.parameters.items()}
    types["return"] = signature.return_annotation
    assert not {k for k, v in types.items() if v is signature.empty} - {"self", "cls"}
