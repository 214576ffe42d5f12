"""The public surface: names, docstrings, what is imported when."""

import importlib
import inspect
import subprocess
import sys

import pytest

MODULES = (
    "metrics", "datasets", "decoupling", "postprocessing", "reductions", "inprocessing", "experiments", "exceptions",
    "aif360", "aif360.sklearn",
)  # fmt: skip
PUBLIC = [
    (module, name)
    for module in MODULES
    for name in importlib.import_module(f"fairlearn_fwh.{module}").__all__
    if "_group_m" not in name  # callables of fairlearn's make_derived_metric have no docstring of their own
]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_public_names_are_documented(module, name):
    public = getattr(importlib.import_module(f"fairlearn_fwh.{module}"), name)
    doc = inspect.getdoc(public)
    assert doc
    assert not name.startswith("Fair")
    if module == "exceptions" or name in ("Comparison", "FrameComparison"):
        return
    assert ">>>" in doc or name.startswith("plot_") or "markdown" in name or "summarize" in name
    signature = inspect.signature(public.__init__ if inspect.isclass(public) else public)
    for parameter in signature.parameters:
        if parameter not in ("self", "args", "kwargs"):
            assert parameter in doc, f"{name} does not document {parameter}"


@pytest.mark.parametrize(
    "module", ["", ".metrics", ".datasets", ".decoupling", ".postprocessing", ".reductions", ".exceptions"]
)
def test_light_modules_import_no_extra(module):
    code = (
        f"import sys, fairlearn_fwh{module}; "
        "heavy = {'torch', 'skorch', 'aif360', 'matplotlib', 'click'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def blocked(extra, statement):
    """Run a statement as if an extra's packages were not installed."""
    code = f"import sys; sys.modules.update(dict.fromkeys({extra!r})); {statement}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("packages", "statement", "sentence"),
    [
        (
            ["torch", "skorch"],
            "import fairlearn_fwh.inprocessing",
            "fairlearn_fwh.inprocessing needs the extra 'torch'",
        ),
        (
            ["torch", "skorch"],
            "import fairlearn_fwh.experiments",
            "fairlearn_fwh.experiments needs the extra 'torch'",
        ),
        (
            ["aif360"],
            "import fairlearn_fwh.aif360",
            "fairlearn_fwh.aif360 needs the extra 'aif360': pip install 'fairlearn-fwh[aif360]'",
        ),
        (
            ["skorch"],
            "from fairlearn_fwh.aif360 import Decoupled; from fairlearn_fwh.aif360.sklearn import DAFH",
            "fairlearn_fwh.inprocessing needs the extra 'torch'",
        ),
        (
            ["click"],
            "import fairlearn_fwh.cli",
            "fairlearn-fwh needs the extra 'cli': pip install 'fairlearn-fwh[cli]'",
        ),
        (
            ["matplotlib", "matplotlib.pyplot"],
            "from fairlearn_fwh.experiments import *; plot_comparison(compare_methods('diabetes'))",
            "Drawing needs the extra 'plot'",
        ),
    ],
)
def test_a_missing_extra_gives_one_sentence(packages, statement, sentence):
    result = blocked(packages, statement)
    assert result.returncode != 0
    assert sentence in result.stderr.strip().splitlines()[-1]
