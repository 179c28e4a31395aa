"""The direction of the imports: estimators on training on networks and mathematics."""

import ast
from pathlib import Path

import pytest

import skhj

ROOT = Path(skhj.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
MATHEMATICS = {
    "hamilton_jacobi",
    "quadratic",
    "simplex",
    "standardisation",
    "conjugate",
    "envelope",
    "gauss_newton",
    "active_set",
    "bounded_quadratic",
    "convex_splines",
    "joint_diagonalisation",
    "profile_selection",
    "gaussian_mixture",
    "linear_estimate",
    "linear_selection",
    "noise_level",
    "ridge_basis",
    "ridge_directions",
    "ridge_profiles",
    "ridge_search",
    "local_fits",
    "max_plus",
    "max_plus_value",
    "pair_constants",
    "piece_selection",
    "spectral_estimate",
    "symmetric_matrix",
    "units",
}
ESTIMATORS = {"embedded_solver", "hj_prior", "pqm_prior"}
# Estimators know of no other. One prior may take its gradients from a fit of another:
# that default is named in a module of its own, the only one below __init__ to do so.
FITS_AN_ESTIMATOR = {"gradient_estimation": {"hj_prior"}}


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


def imports_any(path, *packages):
    return {
        name
        for name in imported(path)
        if any(name == p or name.startswith(p + ".") for p in packages)
    }


def ours(path):
    return {name.split(".")[1] for name in imports_any(path, "skhj") if "." in name}


def test_every_mathematics_and_estimator_module_exists():
    for name in MATHEMATICS | ESTIMATORS:
        assert (ROOT / f"{name}.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_downwards(path):
    name, in_networks = path.stem, path.parent.name == "networks"
    if name != "training":
        assert not imports_any(path, "skorch")
    if name in MATHEMATICS or in_networks:
        assert not imports_any(path, "sklearn")
    if name in MATHEMATICS:
        assert ours(path) <= MATHEMATICS
    if in_networks:
        assert ours(path) <= MATHEMATICS | {"networks"}
    if name in ESTIMATORS:
        assert not ours(path) & (ESTIMATORS - {name})
    elif name != "__init__":
        assert ours(path) & ESTIMATORS <= FITS_AN_ESTIMATOR.get(name, set())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_optional_packages_are_not_imported_at_the_top(path):
    top = ast.Module(
        [
            n
            for n in ast.parse(path.read_text()).body
            if isinstance(n, ast.Import | ast.ImportFrom)
        ],
        [],
    )
    for node in top.body:
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
        )
        assert not any(
            name.split(".")[0] in {"matplotlib", "skimage"} for name in names
        )
