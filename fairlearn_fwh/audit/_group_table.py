"""Findings about groups as cells of text, for model cards and terminals alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..metrics._core._names import printable
from ._findings import MOST_SHOWN, Findings, records, worst_first
from ._section import Section
from ._words import RESULTS, result_of

#: Heading of the column that says what is found of a group.
RESULT = "result"


def group_table(findings: Findings) -> tuple[list[str], list[list[str]]]:
    """Write what was found of each group that is large enough to be shown, the worst first.

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
    return _one_loss(findings)


def _one_loss(findings: Findings) -> tuple[list[str], list[list[str]]]:
    section, counted, subject = findings.sections[0], findings.counted, findings.subject
    unit = section.unit
    units = ["units"] if section.frame.has_units else []
    limit = f"bound (tolerance {unit.amount(section.tolerance)})" if section.tolerance else "bound"
    risks = [
        f"risk, {printable(name)}" if subject.has_names else what
        for name, what in ((subject.own, "risk"), (subject.pooled, "pooled risk"))
    ]
    header = ["group", counted, *units, RESULT, f"gain ({_interval(section)})", limit, *risks]
    if section.power is not None:
        header.append(f"{counted} needed in total")
    rows = []
    for row in records(worst_first(section.groups, MOST_SHOWN)):
        cells = [
            printable(row["group"]),
            f"{row['n']:,.0f}",
            *(f"{row[name]:,.0f}" for name in units),
            result_of(row),
            _gain(section, row),
            unit.gain(row["certified_bound"]),
            unit.risk(row["risk"]),
            unit.risk(row["pooled_risk"]),
        ]
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
    header = ["group", findings.counted, *(f"{s.loss} ({_interval(s)})" for s in sections), RESULT]
    rows = []
    for of_losses in zip(*tables, strict=True):
        found = list(zip(sections, of_losses, strict=True))
        results: dict[str, list[str]] = {}
        for section, row in found:
            results.setdefault(result_of(row), []).append(printable(section.loss))
        rows.append(
            [
                printable(of_losses[0]["group"]),
                f"{max(row['n'] for row in of_losses):,.0f}",
                *(_gain(section, row) for section, row in found),
                "; ".join(
                    f"{result}: {', '.join(results[result])}" for result in RESULTS if result in results
                ),
            ]
        )
    return header, rows


def _interval(section: Section) -> str:
    return f"{100 * (1 - section.alpha):g} % interval"


def _gain(section: Section, row: dict[str, Any]) -> str:
    gain, lower, upper = (section.unit.gain(row[name]) for name in ("gain", "lower", "upper"))
    return f"{gain} ({lower} to {upper})"


def widths_of(rows: Sequence[Sequence[str]]) -> list[int]:
    """Width of each column of a table of text."""
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def line_of(cells: Sequence[str], widths: Sequence[int]) -> str:
    """A row of a table of text: the first cell begins, all others end, where those above and below do."""
    first, *others = cells
    return "  ".join(
        [first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(others, widths[1:], strict=False))]
    )
