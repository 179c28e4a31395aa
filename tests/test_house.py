"""What keeps the project readable: few rooms, short files and functions, few knobs."""

import ast
import re
from pathlib import Path

import skhj

ROOT = Path(skhj.__file__).parent
FILES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
FUNCTIONS = [
    (f"{name}:{node.lineno} {node.name}", node)
    for name, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef)
]


def n_lines(function):
    """Lines of a function without its docstring."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    parts = [function] + [function.body[0]] * has_docstring
    whole, *docstring = (part.end_lineno - part.lineno + 1 for part in parts)
    return whole - sum(docstring)


def n_parameters(function):
    taken = function.args
    names = {a.arg for a in taken.posonlyargs + taken.args + taken.kwonlyargs}
    return len(names - {"self", "cls"})


def constants(tree):
    """Names in capitals at the level of a module."""
    assignments = (n for n in tree.body if isinstance(n, ast.Assign | ast.AnnAssign))
    for node in assignments:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = (part for target in targets for part in ast.walk(target))
        yield from (
            name.id
            for name in names
            if isinstance(name, ast.Name)
            and re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name.id)
        )


def test_few_rooms():
    rooms = {path.name for path in ROOT.iterdir() if path.name[0] != "_"}
    assert len(rooms - {"py.typed"}) <= 13


def test_few_constants_outside_the_objects_that_use_them():
    found = [f"{file} {name}" for file in TREES for name in constants(TREES[file])]
    assert len(found) <= 60, found


def test_files_are_short():
    lengths = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    limits = {name: 410 if "estimators" in name else 320 for name in FILES}
    assert not {k: n for k, n in lengths.items() if n > limits[k]}


def test_functions_are_short():
    lengths = {name: n_lines(function) for name, function in FUNCTIONS}
    assert not {name: n for name, n in lengths.items() if n > 60}
    assert sorted(lengths.values())[int(0.9 * len(lengths))] <= 20


def test_functions_take_few_parameters():
    """But for the constructors that users call."""
    taken = {
        name: n_parameters(function)
        for name, function in FUNCTIONS
        if not (name.startswith("estimators") and function.name == "__init__")
    }
    assert not {name: n for name, n in taken.items() if n > 8}
