"""The direction of the imports: estimators on training, on mathematics."""

import ast
from pathlib import Path

import pytest

import skhj

ROOT = Path(skhj.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
# What each package may import of the project, besides itself. What is not here,
# `estimators` and `__init__`, may import everything.
BELOW = {
    "exceptions": set(),
    "hamilton_jacobi": set(),
    "numerics": {"hamilton_jacobi"},
    "training": {"numerics"},
    "priors": {"hamilton_jacobi", "numerics"},
    "max_plus": {"hamilton_jacobi", "numerics"},
    "inverse": {"numerics"},
    "operators": {"exceptions", "numerics"},
    "problems": {"exceptions", "hamilton_jacobi", "numerics"},
    "adaptors": {"numerics"},
    "datasets": {"hamilton_jacobi", "numerics", "operators", "problems"},
    "inspection": {"numerics"},
}
# One place for each of these.
MAY_IMPORT = {
    "skorch": {"training"},
    "sklearn": {
        "estimators",
        "adaptors",
        "operators",
        "problems",
        "datasets",
        "inspection",
    },
}


def imported(path):
    """Every module that a file imports, at any depth, by its full name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return names


def package(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def ours(path):
    """Rooms of the project that a file imports from."""
    return {
        name.split(".")[1]
        for name in imported(path)
        if name.startswith("skhj.") and name != "skhj.__version__"
    }


def of_every_module(test):
    names = [str(path.relative_to(ROOT)) for path in MODULES]
    return pytest.mark.parametrize("path", MODULES, ids=names)(test)


def test_every_room_has_its_arrows():
    rooms = {package(path) for path in MODULES}
    assert rooms == set(BELOW) | {"estimators", "__init__"}


@of_every_module
def test_arrows_point_downwards(path):
    room = package(path)
    if room in BELOW:
        assert ours(path) <= BELOW[room] | {room}
    for foreign, rooms in MAY_IMPORT.items():
        if room not in rooms:
            names = {name.split(".")[0] for name in imported(path)}
            assert foreign not in names


@of_every_module
def test_estimators_know_of_no_other(path):
    """But for the one that fits another where gradients are missing, by name."""
    of_users = {"hj_prior", "pqm_prior", "embedded_solver"}
    if package(path) == "estimators" and path.stem != "missing_gradients":
        used = {name.rpartition(".")[2] for name in imported(path)}
        assert not used & (of_users - {path.stem})


@of_every_module
def test_optional_packages_are_not_imported_at_the_top(path):
    top = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {
        name.split(".")[0]
        for node in top
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
        )
    }
    assert not names & {"matplotlib", "skimage", "pandas", "dask", "accelerate"}


@of_every_module
def test_what_loads_a_third_of_scikit_learn_is_not_imported_at_the_top(path):
    top = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ImportFrom)]
    assert "sklearn.mixture" not in {node.module for node in top}
