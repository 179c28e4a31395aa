"""Sphinx's configuration: `python -m sphinx -W -b html examples/docs build/docs`.

The gallery runs the examples that take seconds; with SKHJ_EXAMPLES=all in the
environment, all of them (a quarter of an hour on two cores).
"""

import os
import re
import shutil
from pathlib import Path

import matplotlib as mpl

import skhj

mpl.use("Agg")

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"
QUICK = ("certified_prior", "double_well", "paper_problems")


def copy_of_examples():
    """Where the gallery runs them, since they write their figures beside themselves."""
    copy = BUILD / "gallery"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for example in HERE.parent.glob("plot_*.py"):
        shutil.copy2(example, copy)
    shutil.copy2(HERE / "gallery_header.rst", copy / "GALLERY_HEADER.rst")
    return str(copy)


project = "skhj"
author = "The skhj developers"
version = release = skhj.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["templates"]
exclude_patterns = ["gallery_header.rst", "gallery/GALLERY_HEADER.rst", "templates"]
default_role = "autolink"
# Names in single quotes are the package's own.
rst_prolog = ".. currentmodule:: skhj\n\n"

autosummary_generate = True
# Docstrings tell types, and shapes with them.
autodoc_typehints = "none"
numpydoc_class_members_toctree = False
# The pages of classes list their methods themselves.
numpydoc_show_class_members = False

plot_formats = [("png", 110)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"figure.constrained_layout.use": True}

sphinx_gallery_conf = {
    "examples_dirs": copy_of_examples(),
    "gallery_dirs": "gallery",
    "filename_pattern": (
        "plot_" if os.environ.get("SKHJ_EXAMPLES") == "all" else "|".join(QUICK)
    ),
    "remove_config_comments": True,
    "show_memory": False,
    "download_all_examples": False,
}

html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_title = f"skhj {version}"
html_copy_source = False

# Docstrings have |x| and n_iter_ in plain text, which are markup to Sphinx.
AS_IT_IS = re.compile(
    r"(``[^`]+``|:math:`[^`]+`"  # literals and formulas, perhaps over several lines
    r"|^(?P<indent> *)\.\. math::.*(?:\n(?:(?P=indent) +.*)?)*"
    r"|^ *>>>.*)",
    re.MULTILINE,
)


def escape_bars(app, what, name, obj, options, lines):
    """Take bars, and underscores that end words, for what they are."""
    text = "\n".join(lines)
    kept = []

    def keep(match):
        kept.append(match.group(0))
        return f"\0{len(kept) - 1}\0"

    text = AS_IT_IS.sub(keep, text)
    text = text.replace("|", r"\|")
    text = re.sub(r"(?<=[( ])(\w+)_(?=[,) ])", r"\1\_", text)
    text = re.sub("\0(\\d+)\0", lambda match: kept[int(match.group(1))], text)
    lines[:] = text.split("\n")


def join_lines(app, what, name, obj, options, lines):
    """Join lines that a backslash divides."""
    lines[:] = re.sub(r"\\\n *", "", "\n".join(lines)).split("\n")


def skip_foreign(app, what, name, obj, skip, options):
    """Leave out what scikit-learn and scipy give every class: they document it."""
    function = getattr(obj, "fget", obj)
    module = getattr(function, "__module__", None) or "skhj"
    return True if not module.startswith("skhj") else None


def setup(app):
    """Before and after numpydoc, whose priority is 500."""
    app.connect("autodoc-process-docstring", join_lines, priority=400)
    app.connect("autodoc-process-docstring", escape_bars, priority=600)
    app.connect("autodoc-skip-member", skip_foreign)
