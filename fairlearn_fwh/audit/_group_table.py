"""Findings about groups as cells of text, for model cards and terminals alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..metrics._core._names import printable
from ._findings import MOST_SHOWN, Findings, records, worst_first
from ._section import Section


def group_table(findings: Findings) -> tuple[list[str], list[list[str]]]:
    """Write what was found of each group that is large enough to be shown.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    header : list of str
    rows : list of list of str
        One per group. For the 0-1 loss risks are per cent, gains percentage points. How many people a certificate needs is said where
        it is open whether there could be one. Of several losses gains alone, a column for each.
    """
    if findings.has_several_losses:
        return _losses_beside(findings)
    return section_table(findings.sections[0], findings.counted)


def section_table(section: Section, counted: str) -> tuple[list[str], list[list[str]]]:
    """Write what was found of each group in one loss; `counted` is what their sizes count."""
    unit = section.unit
    units = ["units"] if section.frame.has_units else []
    header = ["group", counted, *units, "risk", "pooled risk", f"gain ({_interval(section)})", "harmed"]
    header.append(_certified_if(section))
    if section.power is not None:
        header.append(f"{counted} needed for that")
    rows = []
    for row in records(worst_first(section.groups, MOST_SHOWN)):
        cells = [
            printable(row["group"]),
            f"{row['n']:,.0f}",
            *(f"{row[name]:,.0f}" for name in units),
            unit.risk(row["risk"]),
            unit.risk(row["pooled_risk"]),
        ]
        cells += [_gain(section, row), "yes" if row["harmed"] else "no", _shown(row["certified"])]
        if section.power is not None:
            is_open = not row["harmed"] and not row["certified"] and 0 < row["n_needed"] < np.inf
            cells.append(f"{row['n_needed']:,.0f}" if is_open else "–")
        rows.append(cells)
    return header, rows


def _losses_beside(findings: Findings) -> tuple[list[str], list[list[str]]]:
    """A row per group, and a column of gains for each loss; those with the lowest gain in any loss."""
    sections = findings.sections
    lowest = sections[0].groups.assign(
        gain=np.nanmin([section.groups["gain"] * section.unit.factor for section in sections], axis=0)
    )
    shown = worst_first(lowest, MOST_SHOWN).index
    tables = [records(section.groups.loc[shown]) for section in sections]
    header = ["group", findings.counted, *(f"{s.loss} ({_interval(s)})" for s in sections), "harmed", "shown"]
    rows = []
    for of_losses in zip(*tables, strict=True):
        found = list(zip(sections, of_losses, strict=True))
        harmed = [section.loss for section, row in found if row["harmed"]]
        certified = [section.loss for section, row in found if row["certified"]]
        rows.append(
            [
                printable(of_losses[0]["group"]),
                f"{max(row['n'] for row in of_losses):,.0f}",
                *(_gain(section, row) for section, row in found),
                f"yes: {', '.join(harmed)}" if harmed else "no",
                ", ".join(certified) or "not shown",
            ]
        )
    header[-1] = _certified_if(sections[0]) if _one_limit(findings) else "loses less than the tolerance"
    return header, rows


def _one_limit(findings: Findings) -> bool:
    """Whether one limit in one unit is for all losses."""
    limits = {(section.tolerance, section.unit.in_points) for section in findings.sections}
    return len(limits) == 1 and findings.sections[0].unit.in_points


def _interval(section: Section) -> str:
    return f"{100 * (1 - section.alpha):g} % interval"


def _gain(section: Section, row: dict[str, Any]) -> str:
    gain, lower, upper = (section.unit.gain(row[name]) for name in ("gain", "lower", "upper"))
    return f"{gain} ({lower} to {upper})"


def _certified_if(section: Section) -> str:
    """What a certificate says, as the heading of a column."""
    return f"loses less than {section.unit.amount(section.tolerance)}" if section.tolerance else "gains"


def _shown(value: bool) -> str:
    return "shown" if value else "not shown"
