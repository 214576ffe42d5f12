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
from ._words import result_of

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
    is_hidden : bool
        Whether it stands for groups that are too small to be named.
    """

    group: str
    text: str = ""
    is_hidden: bool = False

    def __str__(self) -> str:
        return f"{self.group}: {self.text}" if self.text else self.group

    @property
    def in_brackets(self) -> str:
        """The same within a sentence."""
        return f"{self.group} ({self.text})" if self.text else self.group


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
        return self._listed(lambda row: result_of(row) == "worse off", self._of_harm)

    @cached_property
    def no_worse(self) -> list[Entry]:
        """Groups of which it is proved that they lose less than the tolerance."""
        return self._listed(
            lambda row: result_of(row) in ("proved no worse", "gain proved"), self._of_certificate
        )

    @cached_property
    def cannot_be_told(self) -> list[Entry]:
        """Groups of which neither is shown, and how many more people each needs."""
        return self._listed(lambda row: result_of(row) == "cannot be told", self._of_undecided)

    @cached_property
    def better_off(self) -> list[Entry]:
        """Groups whose gain is proved: its bound, for all groups together, is above 0."""
        return self._listed(lambda row: row["certified_bound"] > 0, self._of_gain, count_hidden=False)

    @property
    def lists(self) -> dict[str, list[Entry]]:
        """The three lists by their titles."""
        return {
            "Worse off": self.worse_off,
            "Proved no worse": self.no_worse,
            "Cannot be told": self.cannot_be_told,
        }

    @property
    def headline(self) -> str:
        """The outcome in at most 25 words."""
        return {
            "harm": self._harm,
            "envy": self._envy,
            "pooled": self._same,
            "certified": self._certified,
            "unsure": self._undecided,
        }[self.findings.outcome]()

    def _harm(self) -> str:
        own, pooled, sure = self._names_and_confidence
        n, n_harmed = self._n_groups, len(self.findings.harmed_groups)
        beginning, compared = (
            f"Harm found{self._in_what}:",
            f"{own} is worse than {pooled}{self._beyond_margin} for",
        )
        if n == 1:
            return _first_short(
                f"{beginning} {compared} everybody, with {sure}.", f"Harm found: {compared} everybody."
            )
        of_groups = f"{n_harmed} of {n} groups"
        texts = [f"{beginning} {compared} {of_groups}, with {sure}.", f"Harm found: {compared} {of_groups}."]
        if worst := self._worst:
            who = f"{worst} ({of_groups})" if n_harmed == 1 else f"{of_groups}, most for {worst}"
            texts.insert(0, f"{beginning} {compared} {who}, with {sure}.")
        return _first_short(*texts)

    def _envy(self) -> str:
        table = self.findings.violations
        envious = table.loc[table["kind"] == "envy", "group"].nunique()
        n, sure = self._n_groups, self.findings.confidence
        return f"Envy found: no harm found, but {envious} of {n} groups would do better with another group's classifier, with {sure}."

    def _same(self) -> str:
        own, pooled, _ = self._names_and_confidence
        return f"Nobody is harmed and nobody gains: {own} gives everybody the answer of {pooled}."

    def _certified(self) -> str:
        own, pooled, sure = self._names_and_confidence
        n = self._n_groups
        if self._all_gain:
            who = f"all {n} groups" if n > 1 else "everybody"
            return _first_short(
                f"Gain proved{self._in_what}: {own} is better than {pooled} for {who}, with {sure}.",
                f"Gain proved: {own} is better than {pooled} for {who}, with {sure}.",
            )
        where = f"in all {n} groups" if n > 1 else "for everybody"
        return _first_short(
            *(
                f"No harm: {own} loses no more than {limit} against {pooled} {where}, with {sure}."
                for limit in self._limits
            )
        )

    def _undecided(self) -> str:
        own, pooled, _ = self._names_and_confidence
        n, n_open = self._n_groups, self._n_undecided
        who = f"{n_open} of {n} groups" if n > 1 else "everybody"
        if not any(section.tolerance for section in self.findings.sections):
            return f"Undecided: no harm found, but {own} is not shown to be better than {pooled} for {who}."
        beginning = f"Undecided for {who}" if n > 1 else "Undecided"
        return _first_short(
            *(
                f"{beginning}: no harm found, but a loss of more than {limit} with {own} remains possible."
                for limit in self._limits
            )
        )

    @property
    def _names_and_confidence(self) -> tuple[str, str, str]:
        subject = self.findings.subject
        return _short(subject.own), _short(subject.pooled), self.findings.confidence

    @property
    def _in_what(self) -> str:
        """In which loss, if it is not errors."""
        sections = self.findings.sections
        if not self.findings.has_several_losses:
            return "" if sections[0].frame.loss_name == "zero_one" else f" in {sections[0].unit.measure}"
        harmed = [section.loss for section in sections if section.harmed_groups]
        return (
            f" in {printable(harmed[0])}"
            if len(harmed) == 1
            else f" in {len(harmed)} losses"
            if harmed
            else ""
        )

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
    def _all_gain(self) -> bool:
        """Whether a gain is proved for every group."""
        table = self.findings.certificate
        asked = table["kind"] == "rationality"
        return bool((table.loc[asked, "lower_bound"] > 0).all())

    @property
    def _limits(self) -> tuple[str, str]:
        """The tolerance, and what it is of; and in fewer words."""
        sections = self.findings.sections
        if len({section.tolerance for section in sections}) > 1 or not all(
            s.unit.in_points for s in sections[1:]
        ):
            return "the tolerance", "the tolerance"
        tolerance, unit = sections[0].tolerance, sections[0].unit
        shorter = unit.amount(tolerance)
        if not self.findings.has_several_losses:
            return unit.amount_in_words(tolerance), shorter
        return f"{shorter} in {' and '.join(printable(section.loss) for section in sections)}", shorter

    @property
    def _n_groups(self) -> int:
        table = self.findings.certificate
        return int(table.loc[table["kind"] == "rationality", "group"].nunique())

    @property
    def _n_undecided(self) -> int:
        table = self.findings.certificate
        open_ = (table["kind"] == "rationality") & ~table["certified"]
        return int(table.loc[open_, "group"].nunique())

    def _listed(
        self,
        chosen: Callable[[dict[str, Any]], Any],
        describe: Callable[[Section, dict[str, Any]], str],
        *,
        count_hidden: bool = True,
    ) -> list[Entry]:
        """Groups of which something holds in some loss, those with the lowest gain first, and how many more there are."""
        texts: dict[Any, list[str]] = {}
        order: dict[Any, float] = {}
        hidden: set[Any] = set()
        for section in self.findings.sections:
            for is_hidden, (label, row) in zip(section.is_hidden, _rows(section.figures), strict=True):
                if not chosen(row):
                    continue
                if is_hidden:
                    hidden.add(label)
                    continue
                about = f"{printable(section.loss)}: " if self.findings.has_several_losses else ""
                texts.setdefault(label, []).append(about + describe(section, row))
                order[label] = min(order.get(label, np.inf), row["gain"] * section.unit.factor)
        labels = sorted(texts, key=lambda label: order[label])
        entries = [Entry(group_name(label), "; ".join(texts[label])) for label in labels[:_MOST_LISTED]]
        if more := len(labels) - len(entries):
            entries.append(Entry(f"{more:,} more"))
        if count_hidden and (small := len(hidden - set(texts))):
            entries.append(
                Entry(
                    f"{small} group{'s' if small > 1 else ''} {self.findings.why_suppressed}", is_hidden=True
                )
            )
        return entries

    def _of_harm(self, section: Section, row: dict[str, Any]) -> str:
        unit = section.unit
        return f"worse by {unit.gain_of_what(abs(row['gain'])).removeprefix('+')}, {self._people(row)}"

    def _of_certificate(self, section: Section, row: dict[str, Any]) -> str:
        bound, unit = row["certified_bound"], section.unit
        # Tests are adjusted step by step and can prove what bounds, which are for all groups at once, do not.
        if not bound >= -section.tolerance:
            said = f"loses less than {unit.amount(section.tolerance)}"
        elif bound > 0:
            said = f"better by at least {unit.size(bound)}{_points(unit)}"
        else:
            said = f"at worst {unit.size(bound)}{_points(unit)} worse" if bound else "no difference"
        return f"{said} (best estimate {unit.gain(row['gain'])}), {self._people(row)}"

    def _of_gain(self, section: Section, row: dict[str, Any]) -> str:
        unit = section.unit
        return f"{unit.gain(row['gain'])}{_points(unit)}, at least {unit.gain(row['certified_bound'])}"

    def _of_undecided(self, section: Section, row: dict[str, Any]) -> str:
        if row["method"] == NEVER_RIGHT:
            return f"every answer of both is wrong, {self._people(row)}"
        if row["method"] == FEW_HEAVY:
            return f"few people have most of the weight, {self._people(row)}"
        unit, bound = section.unit, row["certified_bound"]
        worst = (
            f"at worst {unit.size(bound)}{_points(unit)} worse"
            if bound < 0 and np.isfinite(bound)
            else "no bound is known"
        )
        said = f"{worst} (best estimate {unit.gain(row['gain'])}), {self._people(row)}"
        return f"{said}; {needs}" if (needs := more_needed(row, self.findings.counted)) else said

    def _people(self, row: dict[str, Any]) -> str:
        return f"{row['n']:,.0f} {self.findings.counted}"


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


def _first_short(*texts: str) -> str:
    """The first text that is a headline."""
    return next((text for text in texts if len(text.split()) <= MOST_WORDS), texts[-1])
