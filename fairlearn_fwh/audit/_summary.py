"""The outcome of an audit for someone in a hurry: a headline, who is worse off, who is not, who cannot be told, who gains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..metrics._core._names import group_name, printable
from ..metrics._core._units import Unit
from ..metrics._inference._claims import FEW_HEAVY, NEVER_RIGHT
from ._section import Section

if TYPE_CHECKING:
    from ._findings import Findings

#: Most words of a headline.
MOST_WORDS = 25

#: Most groups of a list; tables have more.
_MOST_LISTED = 10


@dataclass(frozen=True)
class Entry:
    """A group in a list.

    Attributes
    ----------
    group : str
        Its name, or how many groups there are that are not named.
    text : str
        What is said of it.
    """

    group: str
    text: str = ""


@dataclass(frozen=True)
class Summary:
    """What comes of an audit, by groups.

    Parameters
    ----------
    findings : Findings
    """

    findings: Findings

    @cached_property
    def worse_off(self) -> list[Entry]:
        """Groups that are significantly worse off, the worst first."""
        return self._listed(lambda section: section.state == "harm", self._of_harm)

    @cached_property
    def no_worse(self) -> list[Entry]:
        """Groups of which it is proved that they lose less than the tolerance."""
        return self._listed(lambda section: section.state == "certified", self._of_certificate)

    @cached_property
    def cannot_be_told(self) -> list[Entry]:
        """Groups of which neither is shown, and how many more people each needs."""
        return self._listed(lambda section: section.state == "undecided", self._of_undecided)

    @cached_property
    def better_off(self) -> list[Entry]:
        """Groups whose gain is proved: its bound, for all groups together, is above 0."""
        return self._listed(
            lambda section: section.table["certified_bound"] > 0, self._of_gain, count_hidden=False
        )

    @property
    def headline(self) -> str:
        """The outcome in at most 25 words."""
        findings, subject = self.findings, self.findings.subject
        own, pooled, sure = _short(subject.own), _short(subject.pooled), findings.confidence
        n, outcome = self._n_groups, findings.outcome
        if outcome == "harm":
            n_harmed, beginning = (
                len(findings.harmed_groups),
                f"Harm found: {own} is worse than {pooled}{self._beyond_margin} for",
            )
            if n == 1:
                return f"{beginning} everybody, with {sure}."
            of_groups = f"{n_harmed} of {n} groups"
            shorter = f"{beginning} {of_groups}, with {sure}."
            if not (worst := self._worst):
                return shorter
            who = f"{worst} ({of_groups})" if n_harmed == 1 else f"{of_groups}, most for {worst}"
            return _within(f"{beginning} {who}, with {sure}.", shorter)
        if outcome == "envy":
            return f"Envy found: no group does worse than with {pooled}, but some would gain by another group's classifier, with {sure}."
        if outcome == "pooled":
            return f"Nobody is harmed and nobody gains: {own} gives everybody the answer of {pooled}."
        everybody = f"all {n} groups" if n > 1 else "everybody"
        open_ = self._n_undecided
        who = f"{open_} of {n} groups" if n > 1 else "everybody"
        if not any(section.tolerance for section in findings.sections):
            if outcome == "certified":
                return f"Gain proved: {own} is better than {pooled} for {everybody}, with {sure}."
            return f"Undecided: no harm found, but that {own} is better than {pooled} is not shown for {who}."
        if outcome == "certified":
            where = f"in {everybody}" if n > 1 else "for everybody"
            return f"No harm: {own} loses no more than {self._limit} against {pooled} {where}, with {sure}."
        beginning = f"Undecided for {who}" if n > 1 else "Undecided"
        return f"{beginning}: {own} may be worse than {pooled} by more than {self._limit}; no harm found."

    @property
    def _beyond_margin(self) -> str:
        """By how much harm is worse at least, if there is a margin."""
        sections = self.findings.sections
        if not any(section.harm_margin for section in sections):
            return ""
        if len({section.harm_margin for section in sections}) > 1 or not all(
            s.unit.in_points for s in sections[1:]
        ):
            return " by more than the margin"
        return f" by more than {sections[0].unit.amount(sections[0].harm_margin)}"

    @property
    def _worst(self) -> str:
        """Name of the group that loses most, if it may be shown."""
        first = self.worse_off[0] if self.worse_off else Entry("")
        return first.group if first.text else ""

    @property
    def _limit(self) -> str:
        """The tolerance in few words."""
        sections = self.findings.sections
        if len({section.tolerance for section in sections}) > 1 or not all(
            s.unit.in_points for s in sections[1:]
        ):
            return "the tolerance"
        return sections[0].unit.amount(sections[0].tolerance)

    @property
    def _n_groups(self) -> int:
        table = self.findings.certificate
        return int(table.loc[(table["kind"] == "rationality") & (table["n"] > 0), "group"].nunique())

    @property
    def _n_undecided(self) -> int:
        table = self.findings.certificate
        open_ = (table["kind"] == "rationality") & (table["n"] > 0) & ~table["certified"]
        return int(table.loc[open_, "group"].nunique())

    def _listed(
        self,
        chosen: Callable[[_States], Any],
        describe: Callable[[Section, dict[str, Any]], str],
        *,
        count_hidden: bool = True,
    ) -> list[Entry]:
        """Groups of which something holds in some loss, those with the lowest gain first, and how many more there are."""
        texts: dict[Any, list[str]] = {}
        order: dict[Any, float] = {}
        hidden: set[Any] = set()
        for section in self.findings.sections:
            states = _States(section)
            holds = np.asarray(chosen(states), dtype=bool)
            shown = ~section.is_hidden
            hidden |= set(states.table.index[holds & ~shown])
            for label, row in _rows(states.table[holds & shown]):
                about = f"{printable(section.loss)}: " if self.findings.has_several_losses else ""
                texts.setdefault(label, []).append(about + describe(section, row))
                order[label] = min(order.get(label, np.inf), row["gain"] * section.unit.factor)
        labels = sorted(texts, key=lambda label: order[label])
        entries = [Entry(group_name(label), "; ".join(texts[label])) for label in labels[:_MOST_LISTED]]
        if more := len(labels) - len(entries):
            entries.append(Entry(f"{more:,} more"))
        if count_hidden and (small := len(hidden - set(texts))):
            entries.append(Entry(f"{small} group{'s' if small > 1 else ''} {self.findings.why_suppressed}"))
        return entries

    def _of_harm(self, section: Section, row: dict[str, Any]) -> str:
        return f"{section.unit.gain_of_what(row['gain'])}, {self._people(row)}"

    def _of_certificate(self, section: Section, row: dict[str, Any]) -> str:
        bound, unit = row["certified_bound"], section.unit
        if bound > 0:
            return f"gains at least {unit.gain(bound).removeprefix('+')}{_points(unit)}, {self._people(row)}"
        most = (
            f"loses {unit.size(bound)}{_points(unit)} at most"
            if np.isfinite(bound)
            else "loses less than the tolerance"
        )
        return f"{most}, {self._people(row)}" if bound < 0 else f"loses nothing, {self._people(row)}"

    def _of_gain(self, section: Section, row: dict[str, Any]) -> str:
        unit = section.unit
        return f"{unit.gain(row['gain'])}{_points(unit)}, at least {unit.gain(row['certified_bound'])}"

    def _of_undecided(self, section: Section, row: dict[str, Any]) -> str:
        if row["method"] == NEVER_RIGHT:
            return f"every answer of both is wrong, {self._people(row)}"
        if row["method"] == FEW_HEAVY:
            return f"few people have most of the weight, {self._people(row)}"
        unit = section.unit
        said = f"{unit.gain(row['lower'])} to {unit.gain(row['upper'])}{_points(unit)}, {self._people(row)}"
        return f"{said}; {needs}" if (needs := more_needed(row, self.findings.counted)) else said

    def _people(self, row: dict[str, Any]) -> str:
        return f"{row['n']:,.0f} {self.findings.counted}"


class _States:
    """What is shown of each group in one loss: harm, a certificate, or neither."""

    def __init__(self, section: Section) -> None:
        self.table = section.figures
        empty = (self.table["n"] == 0).to_numpy()
        certified, harmed = self.table["certified"].to_numpy(), self.table["harmed"].to_numpy()
        # A harm can be significant and smaller than the tolerance: it is harm.
        self.state = np.where(
            empty, "", np.where(harmed, "harm", np.where(certified, "certified", "undecided"))
        )


def more_needed(row: dict[str, Any], counted: str) -> str:
    """How many more people a certificate would need if nothing is lost; empty where it is not known."""
    needed = row.get("n_needed", np.nan)
    if not np.isfinite(needed) or needed <= row["n"]:
        return ""
    return f"needs about {_rounded(needed - row['n']):,} more {counted}"


def _rounded(n: float) -> int:
    """Two digits, upwards: more would be pretended."""
    step = 10 ** max(int(np.floor(np.log10(max(n, 1)))) - 1, 0)
    return int(np.ceil(n / step) * step)


def _rows(table: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    return zip(table.index, table.to_dict("records"), strict=True)


def _points(unit: Unit) -> str:
    return " points" if unit.in_points else ""


def _short(name: str) -> str:
    """A name that leaves room in a headline."""
    words = printable(name).split()
    return " ".join(words) if len(words) <= 3 else f"{' '.join(words[:3])}…"


def _within(longer: str, shorter: str) -> str:
    """The longer of two texts, if it is a headline."""
    return longer if len(longer.split()) <= MOST_WORDS else shorter
