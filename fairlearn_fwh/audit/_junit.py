"""An audit as JUnit XML, which CI systems show: a test for each group and loss."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..metrics._core._names import group_name, printable

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
    summary, subject = findings.summary, findings.subject
    suite = ElementTree.Element("testsuite", name=printable(f"no-harm audit {subject.source}".strip()))
    n_failures = n_skipped = 0
    for section in findings.sections:
        for label, row in zip(section.groups.index, section.groups.to_dict("records"), strict=True):
            case = _case(suite, printable(section.loss), group_name(label))
            gain = (
                f"gain {section.unit.gain(row['gain'])} {section.unit.name}, {row['n']:,} {findings.counted}"
            )
            if row["harmed"]:
                n_failures += _add(case, "failure", "harm", f"worse off: {gain}")
            elif not row["certified"] and row["n"]:
                kind = "failure" if fail_on == "undecided" else "skipped"
                n_failures += kind == "failure"
                n_skipped += kind == "skipped"
                _add(
                    case,
                    kind,
                    "undecided",
                    f"cannot be told: {gain}, bound {section.unit.gain(row['certified_bound'])}",
                )
    if findings.suppressed:
        case = _case(suite, "small groups", findings.why_suppressed)
        if hidden := _hidden(summary.worse_off):
            n_failures += _add(case, "failure", "harm", f"worse off: {hidden}")
        elif hidden := _hidden(summary.cannot_be_told):
            kind = "failure" if fail_on == "undecided" else "skipped"
            n_failures += kind == "failure"
            n_skipped += kind == "skipped"
            _add(case, kind, "undecided", f"cannot be told: {hidden}")
    if findings.frame.has_envy:
        case = _case(suite, "envy", "another group's classifier")
        if findings.envy_found and fail_on == "envy":
            n_failures += _add(case, "failure", "envy", findings.envious)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(n_failures))
    suite.set("skipped", str(n_skipped))
    suite.set("errors", "0")
    suites = ElementTree.Element("testsuites")
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("state", findings.state), ("headline", findings.headline)):
        ElementTree.SubElement(properties, "property", name=name, value=printable(value))
    suite.remove(properties)
    suite.insert(0, properties)
    suites.append(suite)
    return _text(suites)


def unusable_xml(reason: str) -> str:
    """An audit that could not be made, as a test that failed to run."""
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites, "testsuite", name="no-harm audit", tests="1", failures="0", errors="1", skipped="0"
    )
    _add(_case(suite, "audit", "input"), "error", "unusable", reason)
    return _text(suites)


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=classname, name=name)


def _add(case: ElementTree.Element, kind: str, type_: str, message: str) -> int:
    ElementTree.SubElement(case, kind, type=type_, message=printable(message))
    return 1


def _hidden(entries: list[Entry]) -> str:
    """How many groups of a list are not named because they are small."""
    return next((entry.group for entry in entries if not entry.text and "fewer than" in entry.group), "")


def _text(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
