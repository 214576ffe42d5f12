"""What a monitor knows, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ._core._names import SMALLEST_SHOWN, group_name
from ._core._units import Unit
from ._shown_looks import last_shown

if TYPE_CHECKING:
    from ._monitor import PreferenceMonitor

#: Groups that a sentence names.
_MAX_NAMED = 10


def verdict_of(monitor: PreferenceMonitor, min_group_size: int = SMALLEST_SHOWN) -> str:
    """Say what is known after the last look.

    Parameters
    ----------
    monitor : PreferenceMonitor
    min_group_size : int
        Groups with fewer people are counted, not named.

    Returns
    -------
    str
    """
    history, unit, counted = monitor.history_, Unit(monitor.loss_name), monitor.counted
    last = last_shown(history, min_group_size)
    confidence = f"with {100 * (1 - monitor.alpha):g} % confidence for all looks together"
    beginning = f"After {monitor.n_looks_} look{'s' if monitor.n_looks_ > 1 else ''}"
    found = []
    for against, table in last.groupby("against", sort=False):
        harmed = table[table["harmed"]].sort_values("gain", kind="stable")
        if len(harmed):
            named = _listed(
                harmed,
                min_group_size,
                lambda row: f"{unit.gain_in_words(row.gain)}, {row.people:,} {counted} so far",
            )
            whom = "" if against == "baseline" else ", against the fixed reference,"
            beyond = (
                f" by more than {unit.amount_in_words(monitor.harm_margin)}" if monitor.harm_margin else ""
            )
            found.append(f"harm{beyond} is found{whom} in {named}")
    earlier = _earlier(history, last, min_group_size)
    if found:
        return f"{beginning} {' and '.join(found)}, {confidence}.{earlier}"
    open_ = last[~last["certified"]]
    loss = f"a loss of more than {unit.amount_in_words(monitor.tolerance)}"
    if not len(open_):
        shown = f"{loss} is ruled out" if monitor.tolerance else "a gain is shown"
        return f"{beginning} {shown} for every group, {confidence}.{earlier}"
    named = _listed(
        open_.drop_duplicates("group"),
        min_group_size,
        lambda row: f"{row.people:,} {counted} so far, bound {unit.gain(row.lower, 1)}",
    )
    unsure = f"{loss} cannot be ruled out" if monitor.tolerance else "a gain is not shown"
    return f"{beginning} no harm is found, but {unsure} {confidence} for {named}.{earlier}"


def _earlier(history: pd.DataFrame, last: pd.DataFrame, min_group_size: int) -> str:
    """Harm of this release that was found before and is found no longer."""
    mine = history[(history["release"] == last["release"].iloc[0]) & (history["against"] == "baseline")]
    now = set(last.loc[last["harmed"] & (last["against"] == "baseline"), "group"])
    gone = mine[mine["harmed"] & ~mine["group"].isin(now)].drop_duplicates("group", keep="last")
    if not len(gone):
        return ""
    sizes = last[last["against"] == "baseline"].set_index("group")["people"]
    gone = gone.assign(people=sizes.reindex(gone["group"]).fillna(0).to_numpy())
    return f" Harm that was found before, and is no longer: {_listed(gone, min_group_size, lambda row: f'until {row.label}')}."


def _listed(table: pd.DataFrame, min_group_size: int, describe: Any) -> str:
    is_shown = table["people"] >= min_group_size
    shown = table[is_shown]
    parts = [f"{group_name(row.group)} ({describe(row)})" for row in shown.head(_MAX_NAMED).itertuples()]
    if (more := len(shown) - _MAX_NAMED) > 0:
        parts.append(f"{more:,} more")
    if hidden := int((~is_shown).sum()):
        parts.append(f"{hidden} group{'s' if hidden > 1 else ''} of fewer than {min_group_size} people")
    return ", ".join(parts)
