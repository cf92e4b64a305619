"""Configure the documentation; build it with ``sphinx-build -W docs docs/_build`` from the root of the checkout."""

import os
import subprocess
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).parent))

project = "numrnn"
author = "numrnn developers"
copyright = "2026, numrnn developers"
version = release = installed_version("numrnn")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "myst_parser",  # the changelog is Markdown
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "examples"]
templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have the types, in words
numpydoc_show_class_members = False
# All checks but those that ask for extended summaries, for See Also and Examples in every method, and against named
# return values.
numpydoc_validation_checks = {"all", "ES01", "SA01", "EX01", "RT02", "GL08"}
numpydoc_validation_exclude = {r"\.FitInfo$"}  # fit makes it, and its attributes are what callbacks read

SECTIONS = ("getting_started", "tasks", "texts", "training", "understanding")
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "plot_",  # the others take longer, and data of their own
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "capture_repr": (),
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "reset_modules": ("matplotlib", "gallery_style.reset"),
    "subsection_order": [f"examples/{name}" for name in SECTIONS],
    "within_subsection_order": "FileNameSortKey",
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_title = f"numrnn {version}"
html_theme_options = {
    "header_links_before_dropdown": 7,  # all of the navigation at the top, without a menu "More"
    "logo": {"text": "numrnn"},
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_sidebars = {page: [] for page in ("index", "get_started", "whats_new")}  # pages without pages below them


def skip_machinery(app, what, name, member, skip, options):
    """Leave out what scikit-learn's base classes add to every estimator: it refers to scikit-learn's own pages."""
    return skip or (getattr(member, "__module__", None) or "").startswith("sklearn.utils.")


def publish_history(app, exception):
    """Build the pages of asv beside the documentation, in ``asv/``; they need the commits of a clone."""
    if exception is None and app.builder.format == "html" and (Path(app.confdir).parent / ".git").exists():
        command = [Path(app.confdir).parent / "benchmarks" / "publish.sh", app.outdir / "asv"]
        python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(command, env=os.environ | {"PATH": python}, capture_output=True, text=True)
        if done.returncode:
            raise ExtensionError(f"benchmarks/publish.sh failed:\n{done.stdout}{done.stderr}")


def setup(app):
    app.connect("autodoc-skip-member", skip_machinery)
    app.connect("build-finished", publish_history)
