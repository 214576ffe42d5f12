"""How the site is built: ``make docs``."""

import importlib
import sys
from pathlib import Path

from sphinx.util import logging

import fairlearn_fwh

LOGGER = logging.getLogger(__name__)

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


def check_that_every_public_name_is_there(app, env):
    """Warn of names in an `__all__` that the reference does not show."""
    shown = env.domains["py"].objects
    for module in [name for name, entry in shown.items() if entry.objtype == "module"]:
        for name in importlib.import_module(module).__all__:
            if f"{module}.{name}" not in shown:
                LOGGER.warning("%s.%s is not in the reference.", module, name)


def setup(app):
    """Tell Sphinx what else to do."""
    app.connect("autodoc-skip-member", skip_what_is_not_ours)
    app.connect("env-check-consistency", check_that_every_public_name_is_there)
