"""Docstrings of everything public keep numpydoc's rules, but for a list that may only become shorter."""

import importlib
import inspect

import pytest

from .test_package import MODULES

numpydoc = pytest.importorskip("numpydoc.validate")

#: Rules that we do not follow: extended summaries, "See Also", a description of what the type of a return value says.
LEFT_ASIDE = {"ES01", "SA01", "RT03"}

#: What is not yet as it should be. Classes that a function returns are made by nobody else, so that their fields stand under "Attributes".
EXCEPTIONS = {
    ("audit.Policy", "PR01"),
    ("audit.Subject", "PR01"),
    ("exceptions.UnreadableValueError", "PR01"),
    ("experiments.Comparison", "PR01"),
    ("inprocessing.TransferReport", "PR01"),
    ("metrics.FrameComparison", "PR01"),
    ("metrics.PartialGains", "PR01"),
    ("metrics.SampleComparison", "PR01"),
}


def public_names():
    """Classes, their methods and properties, and functions, as "room.name"."""
    for room in MODULES:
        module = importlib.import_module(f"fairlearn_fwh.{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            yield f"{room}.{name}"
            for part, value in inspect.getmembers(thing) if inspect.isclass(thing) else ():
                function = value.fget if isinstance(value, property) else value
                ours = inspect.isfunction(function) and function.__module__.startswith("fairlearn_fwh")
                if ours and not part.startswith("_"):
                    yield f"{room}.{name}.{part}"


def errors(name):
    """Broken rules of a docstring, but for those that are left aside; methods need no example of their own, and a summary may be a question."""
    found = numpydoc.validate(f"fairlearn_fwh.{name}")
    is_method = name.count(".") > name.startswith("aif360.sklearn") + 1
    is_question = found["docstring"].strip().split("\n\n")[0].endswith("?")
    allowed = LEFT_ASIDE | ({"EX01"} if is_method else set()) | ({"SS03"} if is_question else set())
    return {(name, code): text for code, text in found["errors"] if code not in allowed}


def test_docstrings_keep_the_rules():
    names = list(public_names())
    assert len(names) > 300
    broken = {key: text for name in names for key, text in errors(name).items()}
    assert {key: text for key, text in broken.items() if key not in EXCEPTIONS} == {}
    assert set(broken) >= EXCEPTIONS, "Some exceptions are mended; take them off the list."


def test_a_docstring_that_breaks_a_rule_is_seen(monkeypatch):
    from fairlearn_fwh.metrics import compare

    monkeypatch.setattr(compare, "__doc__", "Puts models beside each other")
    codes = {code for _, code in errors("metrics.compare")}
    assert {"SS03", "SS05", "PR01", "EX01"} <= codes
