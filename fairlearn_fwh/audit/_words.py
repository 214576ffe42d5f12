"""Words that pages, cards, terminals and comments have in common."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..metrics._core._groups import as_tuple
from ..metrics._core._layout import EVERYBODY
from ..metrics._core._names import group_name

if TYPE_CHECKING:
    from ._findings import Findings

#: Packages whose versions a report names.
_PACKAGES = ("fairlearn-fwh", "fairlearn", "numpy", "scipy", "pandas", "narwhals")


#: What can be said of a group in one loss, the worst first.
RESULTS = ("worse off", "cannot be told", "proved no worse", "gain proved")


def result_of(row: Mapping[Any, Any]) -> str:
    """What is said of a group in one loss; a harm that is smaller than the tolerance is harm."""
    if row["harmed"]:
        return "worse off"
    if row["certified"]:
        return "gain proved" if row["certified_bound"] > 0 else "proved no worse"
    return "cannot be told"


def plain_name(label: Any) -> str:
    """A group's name; of margins without the columns that they do not have."""
    parts = [part for part in as_tuple(label) if part != EVERYBODY] or [label]
    return group_name(tuple(parts) if len(parts) > 1 else parts[0])


def limits_of(findings: Findings) -> str:
    """The tolerance, or the tolerances of several losses; empty where there is none."""
    amounts = {
        section.loss: section.unit.amount(section.tolerance)
        for section in findings.sections
        if section.tolerance
    }
    if len(set(amounts.values())) == 1 and len(amounts) == len(findings.sections):
        return next(iter(amounts.values()))
    return ", ".join(f"{amount} in {loss}" for loss, amount in amounts.items())


def facts_of(findings: Findings) -> Iterator[tuple[str, str]]:
    """What was audited, with what settings, by what."""
    subject = findings.subject
    if subject.source:
        yield "file", subject.source
    if subject.baseline:
        yield "baseline", subject.baseline
    if subject.date:
        yield "date", subject.date
    n = max((section.overall["n"] for section in findings.sections if section.overall), default=None)
    yield "rows", "not shown: they would reveal suppressed groups" if n is None else f"{n:,.0f}"
    yield "groups by", ", ".join(map(str, findings.frame._layout.audit_names))
    yield (
        "loss",
        "; ".join(
            f"{s.loss}: {s.unit.risk_name}" if findings.has_several_losses else s.unit.risk_name
            for s in findings.sections
        ),
    )
    yield "tolerance", limits_of(findings) or "none"
    yield (
        "loss not yet called harm",
        ", ".join(
            dict.fromkeys(
                s.unit.amount(s.harm_margin) if s.harm_margin else "none" for s in findings.sections
            )
        ),
    )
    yield "alpha", f"{findings.alpha:g}"
    yield "smallest group shown", f"{findings.min_group_size} people"
    if findings.frame.is_weighted:
        yield "weights", "yes"
    for name, value in subject.policy.items():
        yield f"policy: {name}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    yield "versions", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
