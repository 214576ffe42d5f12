"""The public surface: names, docstrings, what is imported when."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

MODULES = (
    "metrics", "audit", "files", "testing", "datasets", "decoupling", "postprocessing", "reductions", "inprocessing", "experiments", "exceptions",
    "aif360", "aif360.sklearn",
)  # fmt: skip


def public(module, name):
    return getattr(importlib.import_module(f"fairlearn_fwh.{module}"), name)


NAMES = [
    (module, name)
    for module in MODULES
    for name in importlib.import_module(f"fairlearn_fwh.{module}").__all__
]
CLASSES = [names for names in NAMES if inspect.isclass(public(*names))]
FUNCTIONS = [names for names in NAMES if inspect.isfunction(public(*names))]
#: Modules that need no extra.
LIGHT = (
    "metrics",
    "audit",
    "files",
    "testing",
    "datasets",
    "decoupling",
    "postprocessing",
    "reductions",
    "exceptions",
)
#: Functions without a wrong input of their own: no arguments, or a seed or a shape that others check.
RAISE_NOTHING = (
    "audit_schema", "estimate_discrepancy", "load_diabetes_progression", "make_convolutional_encoder", "make_resnet18_encoder", "run_zafar",
)  # fmt: skip
ESTIMATORS = ("decoupling", "postprocessing", "reductions", "inprocessing", "aif360", "aif360.sklearn")


def has_section(doc, name):
    return re.search(rf"^{name}\n-+$", doc, re.MULTILINE) is not None


def own_methods(cls):
    """Public methods that this package has written, with those of its bases."""
    return {
        name: method
        for name, method in inspect.getmembers(cls, callable)
        if not name.startswith("_") and getattr(method, "__module__", "").startswith("fairlearn_fwh")
    }


def parameters_of(function):
    names = inspect.signature(function).parameters
    return [name for name in names if name not in ("self", "cls", "args", "kwargs")]


def raised_in(function):
    """Names of the exceptions that a function raises by itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raised = (
        node.exc.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    )
    return {name.id for name in raised if isinstance(name, ast.Name)}


@pytest.mark.parametrize(("module", "name"), CLASSES + FUNCTIONS)
def test_public_names_have_a_summary_parameters_returns_raises_and_an_example(module, name):
    it = public(module, name)
    doc = inspect.getdoc(it)
    assert not name.startswith("Fair")
    assert ">>>" in doc
    assert has_section(doc, "Examples")
    if module == "exceptions":
        return
    for parameter in parameters_of(it):
        assert re.search(rf"^.*\b{parameter}\b.*$", doc, re.MULTILINE), (
            f"{name} does not document {parameter}"
        )
    if inspect.isclass(it):
        if hasattr(it, "fit") and module in ESTIMATORS:
            assert has_section(doc, "Raises") or has_section(inspect.getdoc(it.fit), "Raises")
        else:
            assert has_section(doc, "Parameters") or has_section(doc, "Attributes")
        return
    assert has_section(doc, "Parameters") == bool(parameters_of(it))
    assert has_section(doc, "Returns")
    assert (
        has_section(doc, "Raises")
        or name in RAISE_NOTHING
        or name.endswith("_markdown")
        or name.startswith("summarize_")
    )


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_public_methods_are_documented(module, name):
    for method_name, method in own_methods(public(module, name)).items():
        doc = inspect.getdoc(method)
        assert doc, method_name
        for parameter in parameters_of(method):
            assert parameter in doc, f"{name}.{method_name} does not document {parameter}"
        for error in raised_in(method):
            assert error in doc, f"{name}.{method_name} does not say that it raises {error}"


@pytest.mark.parametrize(("module", "name"), FUNCTIONS)
def test_what_functions_raise_is_documented(module, name):
    function = public(module, name)
    for error in raised_in(function):
        assert error in inspect.getdoc(function)


def test_light_modules_import_no_extra_and_metrics_no_trees():
    light = ["", *(f".{module}" for module in LIGHT)]
    code = (
        "import importlib, sys\n"
        f"for module in {light!r}:\n"
        "    importlib.import_module(f'fairlearn_fwh{module}')\n"
        "    if module == '.metrics' and 'sklearn.tree' in sys.modules: sys.exit('metrics brought trees')\n"
        "    heavy = {'torch', 'skorch', 'aif360', 'matplotlib', 'click'} & set(sys.modules)\n"
        "    if heavy: sys.exit(f'fairlearn_fwh{module} imported {heavy}')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def blocked(extra, statement):
    """Run a statement as if an extra's packages were not installed."""
    code = f"import sys; sys.modules.update(dict.fromkeys({extra!r})); {statement}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.long(but_every=7)
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
            ["skorch"],
            "from fairlearn_fwh.cli._main import main; main(['demo'])",
            "Error: fairlearn_fwh.experiments needs the extra 'torch': pip install 'fairlearn-fwh[torch]'",
        ),
        (
            ["click"],
            "import fairlearn_fwh.cli._main",
            "fairlearn-fwh needs the extra 'cli': pip install 'fairlearn-fwh[cli]'",
        ),
        (
            ["matplotlib", "matplotlib.pyplot"],
            "from fairlearn_fwh.metrics import PreferenceFrame; PreferenceFrame(y_true=[1], y_pred=[1], y_pred_pooled=[0]).plot()",
            "Drawing needs the extra 'plot'",
        ),
    ],
)
def test_a_missing_extra_gives_one_sentence(packages, statement, sentence):
    result = blocked(packages, statement)
    assert result.returncode != 0
    assert sentence in result.stderr.strip().splitlines()[-1]


def test_the_plugin_of_pytest_brings_nothing_with_it():
    code = "import sys, fairlearn_fwh._pytest_plugin; sys.exit(len({'pandas', 'sklearn', 'fairlearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.rglob("test_*.py")), ids=lambda path: path.name)
def test_every_test_file_has_tests(path):
    assert re.search(r"^def test_|@given|^class Test", path.read_text(encoding="utf-8"), re.MULTILINE)
