"""What keeps the project readable: few rooms, short files and functions, few knobs."""

import ast
import re
from pathlib import Path

import pytest

import skhj

ROOT = Path(skhj.__file__).parent
TREES = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}
FUNCTIONS = [
    pytest.param(node, id=f"{path.relative_to(ROOT)}:{node.name}")
    for path, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef)
]


def n_lines(function):
    """Lines of a function without its docstring."""
    body = function.body
    docstring = body[0] if ast.get_docstring(function, clean=False) else None
    own = function.end_lineno - function.lineno + 1
    return own - (docstring.end_lineno - docstring.lineno + 1 if docstring else 0)


def constants(tree):
    """Numbers and tables in capitals at the level of a module."""
    for node in tree.body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names = [name.id for target in targets if target for name in named(target)]
        yield from (name for name in names if re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name))


def named(target):
    return [node for node in ast.walk(target) if isinstance(node, ast.Name)]


def test_few_rooms():
    entries = [path for path in ROOT.iterdir() if not path.name.startswith("_")]
    assert len(entries) <= 12


def test_few_constants_outside_the_objects_that_use_them():
    found = [f"{path.stem}.{name}" for path in TREES for name in constants(TREES[path])]
    assert len(found) <= 60, found


@pytest.mark.parametrize("path", TREES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path):
    limit = 400 if path.parent.name == "estimators" else 320
    assert len(path.read_text().splitlines()) <= limit


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_are_short_and_take_few_parameters(function):
    assert n_lines(function) <= 60
    if function.name != "__init__":
        taken = function.args
        names = [a.arg for a in taken.posonlyargs + taken.args + taken.kwonlyargs]
        assert len([name for name in names if name not in {"self", "cls"}]) <= 8


def test_nine_of_ten_functions_take_twenty_lines():
    lengths = sorted(n_lines(param.values[0]) for param in FUNCTIONS)
    assert lengths[int(0.9 * len(lengths))] <= 20
