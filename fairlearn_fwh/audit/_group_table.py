"""Findings about groups as cells of text, for model cards and terminals alike."""

from __future__ import annotations

import numpy as np

from ..metrics._core._names import printable
from ._findings import MOST_SHOWN, Findings, records, worst_first


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
        it is open whether there could be one.
    """
    unit = findings.unit
    interval = f"{100 * (1 - findings.alpha):g} % interval"
    units = ["units"] if findings.frame.has_units else []
    header = ["group", findings.counted, *units, "risk", "pooled risk", f"gain ({interval})", "harmed"]
    header.append(f"loses less than {unit.amount(findings.tolerance)}" if findings.tolerance else "gains")
    if findings.power is not None:
        header.append(f"{findings.counted} needed for that")
    rows = []
    for row in records(worst_first(findings.groups(), MOST_SHOWN)):
        gain, lower, upper = (unit.gain(row[name]) for name in ("gain", "lower", "upper"))
        cells = [
            printable(row["group"]),
            f"{row['n']:,.0f}",
            *(f"{row[name]:,.0f}" for name in units),
            unit.risk(row["risk"]),
            unit.risk(row["pooled_risk"]),
        ]
        cells += [f"{gain} ({lower} to {upper})", _yes(row["harmed"]), _shown(row["certified"])]
        if findings.power is not None:
            is_open = not row["harmed"] and not row["certified"] and 0 < row["n_needed"] < np.inf
            cells.append(f"{row['n_needed']:,.0f}" if is_open else "–")
        rows.append(cells)
    return header, rows


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _shown(value: bool) -> str:
    return "shown" if value else "not shown"
