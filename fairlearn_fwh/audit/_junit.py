"""An audit as JUnit XML, which CI systems show: a test for each group and loss."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..metrics._core._names import group_name, printable
from ._words import result_of

if TYPE_CHECKING:
    from ._findings import Findings
    from ._summary import Entry


def junit_xml(findings: Findings, fail_on: str) -> str:
    """Write an audit as JUnit XML.

    Parameters
    ----------
    findings : Findings
    fail_on : {"harm", "undecided", "envy"}
        What counts as a failed test; what cannot be told is skipped, or failed if it is asked for.

    Returns
    -------
    str
    """
    open_ = "failure" if fail_on == "undecided" else "skipped"
    suite = ElementTree.Element(
        "testsuite", name=printable(f"no-harm audit {findings.subject.source}".strip())
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("state", findings.state), ("headline", findings.headline)):
        ElementTree.SubElement(properties, "property", name=name, value=printable(value))
    for section in findings.sections:
        unit = section.unit
        for label, row in zip(section.groups.index, section.groups.to_dict("records"), strict=True):
            case = _case(suite, printable(section.loss), group_name(label))
            gain = f"gain {unit.gain(row['gain'])} {unit.name}, {row['n']:,} {findings.counted}"
            if (result := result_of(row)) == "worse off":
                _add(case, "failure", "harm", f"{result}: {gain}")
            elif result == "cannot be told":
                _add(case, open_, "undecided", f"{result}: {gain}, bound {unit.gain(row['certified_bound'])}")
    if findings.suppressed:
        case = _case(suite, "small groups", findings.why_suppressed)
        if hidden := _hidden(findings.summary.worse_off):
            _add(case, "failure", "harm", f"worse off: {hidden}")
        elif hidden := _hidden(findings.summary.cannot_be_told):
            _add(case, open_, "undecided", f"cannot be told: {hidden}")
    if findings.frame.has_envy:
        case = _case(suite, "envy", "another group's classifier")
        if findings.envy_found and fail_on == "envy":
            _add(case, "failure", "envy", findings.envious)
    return _text(suite)


def unusable_xml(reason: str) -> str:
    """An audit that could not be made, as a test that failed to run."""
    suite = ElementTree.Element("testsuite", name="no-harm audit")
    _add(_case(suite, "audit", "input"), "error", "unusable", reason)
    return _text(suite)


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=classname, name=name)


def _add(case: ElementTree.Element, kind: str, type_: str, message: str) -> None:
    ElementTree.SubElement(case, kind, type=type_, message=printable(message))


def _hidden(entries: list[Entry]) -> str:
    """How many groups of a list are not named because they are small."""
    return next((entry.group for entry in entries if entry.is_hidden), "")


def _text(suite: ElementTree.Element) -> str:
    """Count the tests of a suite, and write it down."""
    counts = {
        "tests": "testcase",
        "failures": "testcase/failure",
        "errors": "testcase/error",
        "skipped": "testcase/skipped",
    }
    for name, path in counts.items():
        suite.set(name, str(len(suite.findall(path))))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
