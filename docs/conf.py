"""How the site is built: ``make docs``."""

import sys
from pathlib import Path

import fairlearn_fwh

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "fairlearn_fwh"
author = "The fairlearn_fwh developers"
copyright = "The fairlearn_fwh developers, MIT licence"
release = fairlearn_fwh.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb", "mathml"]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = "fairlearn_fwh"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {"navbar_align": "left", "show_toc_level": 2, "navigation_with_keys": False}

# `make notebooks` runs the tutorials and leaves them, with their outputs, under docs/tutorials.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autosummary_ignore_module_all = False  # the reference shows what `__all__` names
autodoc_typehints = "none"  # the docstrings say it in words
numpydoc_show_class_members = False


def skip_what_is_not_ours(app, what, name, obj, skip, options):
    """Leave methods that come from scikit-learn, torch or AIF360 to their own documentation."""
    module = getattr(getattr(obj, "fget", obj), "__module__", None)
    return True if isinstance(module, str) and not module.startswith("fairlearn_fwh") else skip


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-skip-member", skip_what_is_not_ours)
