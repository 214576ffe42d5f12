"""What a preference frame finds: claims, figures of every group that may be shown, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..metrics._core._groupings import why_hidden
from ..metrics._core._names import SMALLEST_SHOWN, full_name
from ..metrics._inference._claims_of_losses import LOSS
from ._advice import Step, next_steps
from ._order import by_gain
from ._section import Section
from ._status import state
from ._subject import Subject
from ._summary import Summary
from ._verdict import counted, judge, size_column

if TYPE_CHECKING:
    from ..metrics._preference_frame import PreferenceFrame


#: Most groups that pages, cards and terminals show; a JSON report has all.
MOST_SHOWN = 50

#: Groups of fewer people are not groups if most people are in such ones, but for samples of a few rows.
_TINY, _FEWEST_ROWS = 5, 50


class Findings:
    """What can be said of a preference frame to others, without telling who the people of small groups are.

    Parameters
    ----------
    frame : PreferenceFrame
        Made from data that took no part in fitting or choosing; without control features.
    tolerance : float, or dict from loss to float
        Largest loss that counts as none in certificates, in units of the loss.
    alpha : float
        One minus the confidence: for all violations together, and for all certificates together.
    min_group_size : int
        Groups with fewer people are tested, but suppressed.
    harm_margin : float, or dict from loss to float
        Loss that is not yet called harm, in units of the loss: harm is a loss significantly larger than that.
    subject : Subject, optional
        What is compared.

    Attributes
    ----------
    claims, violations, certificate, verdict
        As of `fairlearn_fwh.audit.Audit`.
    outcome : {"harm", "envy", "pooled", "certified", "unsure"}
    sections : list of Section
        What there is to be shown of each loss.

    Raises
    ------
    ValueError
        If a parameter is out of range, the frame has control features, or most people are in groups of fewer than 5.
    """

    def __init__(
        self,
        frame: PreferenceFrame,
        *,
        tolerance: float | Mapping[str, float] = 0.01,
        alpha: float = 0.05,
        min_group_size: int = SMALLEST_SHOWN,
        harm_margin: float | Mapping[str, float] = 0.0,
        subject: Subject | None = None,
    ) -> None:
        if frame._layout.control_names:
            raise ValueError("frame has control features; audit a frame without them.")
        check_min_group_size(min_group_size)
        _check_groups(frame)
        self.frame, self.tolerance, self.alpha = frame, tolerance, alpha
        self.min_group_size = min_group_size
        self.claims = "all" if frame.has_envy else "rationality"
        self.harm_margin = harm_margin
        self.subject = Subject() if subject is None else subject
        judged = judge(
            frame,
            tolerance=tolerance,
            alpha=alpha,
            claims=self.claims,
            min_group_size=min_group_size,
            harm_margin=harm_margin,
        )
        self.outcome, self.verdict, self.envious = judged.outcome, judged.text, judged.envy
        self.violations, self.certificate = judged.violations, judged.certificate
        self.sections = list(self._make_sections())

    @property
    def counted(self) -> str:
        """What `n` counts."""
        return counted(self.frame)

    @property
    def confidence(self) -> str:
        """How sure one wants to be, in words."""
        return f"{100 * (1 - self.alpha):g} % confidence"

    @cached_property
    def summary(self) -> Summary:
        """A headline, and who is worse off, who is not, who cannot be told."""
        return Summary(self)

    @property
    def headline(self) -> str:
        """The outcome in at most 25 words."""
        return self.summary.headline

    @cached_property
    def next_steps(self) -> list[Step]:
        """What to do next."""
        return next_steps(self)

    @property
    def harm_found(self) -> bool:
        """Whether some group is significantly worse off than with the pooled classifier, by more than the margin."""
        return bool((self.violations["kind"] == "rationality").any())

    @property
    def envy_found(self) -> bool:
        """Whether some group would significantly do better with another group's classifier; that is not harm."""
        return bool((self.violations["kind"] == "envy").any())

    @property
    def state(self) -> str:
        """What came out: "harm", "certified" (it is ruled out for every group), or "undecided"."""
        return state(harm=self.harm_found, certified=self.certified)

    @property
    def harmed_groups(self) -> set[Any]:
        """Labels of the audit groups that are significantly worse off than with the pooled classifier, in some loss."""
        return set(self.violations.loc[self.violations["kind"] == "rationality", "group"])

    @property
    def certified(self) -> bool:
        """Whether it is certified of every group that it loses less than the tolerance; not where a loss concerns nobody of a group."""
        table = self.certificate
        return bool(table.loc[table["kind"] == "rationality", "certified"].all())

    def groups(self) -> pd.DataFrame:
        """Return the figures of every audit group that is large enough to be shown.

        Returns
        -------
        DataFrame
            `n`, `risk`, `pooled_risk`, `gain` with `lower` and `upper` (each interval by itself), `negative_flip_rate`,
            `positive_flip_rate`, `p_harm` (adjusted; NaN where some group is too small to be shown, because adjusted p-values
            tell those of other groups), `harmed` (whether it is below alpha), `certified_bound` (simultaneous), `certified`,
            and with a tolerance above 0 `n_needed` and `smallest_tolerance`. Of several losses below each other, with the loss as the first
            level of the index.
        """
        if not self.has_several_losses:
            return self.sections[0].groups
        return pd.concat({section.loss: section.groups for section in self.sections}, names=[LOSS])

    @property
    def power(self) -> pd.DataFrame | None:
        """What certificates need, as `PreferenceFrame.power` gives it; None at tolerance 0."""
        if not self.has_several_losses or self.sections[0].power is None:
            return self.sections[0].power
        return pd.concat({section.loss: section.power for section in self.sections}, names=[LOSS])

    @property
    def has_several_losses(self) -> bool:
        """Whether losses were named."""
        return self.frame.has_several_losses

    def _make_sections(self) -> Iterator[Section]:
        frame = self.frame
        harm = frame.harm_tests(claims=self.claims, margin=self.harm_margin)
        tolerance, margin = (
            value if isinstance(value, Mapping) else dict.fromkeys(frame.losses, value)
            for value in (self.tolerance, self.harm_margin)
        )
        power = _power(frame, tolerance, self.alpha)
        for loss in frame.losses:
            certificate, tests, violated = (
                table[table[LOSS] == loss].drop(columns=LOSS) if LOSS in table else table
                for table in (self.certificate, harm, self.violations)
            )
            yield Section(
                loss=loss,
                frame=frame[loss],
                tolerance=tolerance[loss],
                harm_margin=margin[loss],
                alpha=self.alpha,
                min_group_size=self.min_group_size,
                certificate=certificate,
                harm=tests,
                violated=violated,
                power=power.get(loss),
                is_hidden=frame._hidden(self.min_group_size).to_numpy(),
                hides=self.hides,
                shows_everybody=frame._shows_everybody(self.min_group_size),
            )

    @property
    def suppressed(self) -> list[Any]:
        """Labels of the audit groups that are too small to be shown, or would tell of such a group."""
        hidden = self.frame._hidden(self.min_group_size)
        return list(hidden.index[hidden])

    @property
    def why_suppressed(self) -> str:
        """Which groups these are, in words."""
        return why_hidden(self.frame._any, self.min_group_size)

    @cached_property
    def hides(self) -> bool:
        """Whether some group is too small to be shown: an audit group, or one by which classifiers are assigned."""
        assigned = self.certificate.loc[self.certificate["kind"] == "envy", size_column(self.frame)]
        return len(self.suppressed) > 0 or bool(((assigned > 0) & (assigned < self.min_group_size)).any())

    def overall(self) -> dict[str, Any]:
        """Return figures of everybody; none where they would tell those of the suppressed groups.

        Returns
        -------
        dict from str to float; of several losses from their names to such
        """
        if self.has_several_losses:
            return {section.loss: section.overall for section in self.sections if section.overall}
        return dict(self.sections[0].overall)

    def envy(self) -> pd.DataFrame | None:
        """Return the claims of envy-freeness of groups that are large enough to be shown, if envy was measured.

        Returns
        -------
        DataFrame or None
            Where some group is suppressed only whether each is certified: the numbers of people would tell its own, and
            bounds and p-values the numbers of people.
        """
        tables = {section.loss: section.envy for section in self.sections}
        known = {loss: table for loss, table in tables.items() if table is not None}
        if not known or not self.has_several_losses:
            return next(iter(known.values()), None)
        return pd.concat([table.assign(**{LOSS: loss}) for loss, table in known.items()], ignore_index=True)


def _power(frame: PreferenceFrame, tolerance: Mapping[str, float], alpha: float) -> dict[str, pd.DataFrame]:
    """Power of the certificates of each loss; none where a tolerance is 0."""
    if not all(value > 0 for value in tolerance.values()):
        return {}
    if not frame.has_several_losses:
        return {loss: frame.power(tolerance[loss], alpha) for loss in frame.losses}
    together = frame.power(tolerance, alpha)
    return {loss: pd.DataFrame(together.xs(loss, level=LOSS)) for loss in frame.losses}


def check_min_group_size(size: Any) -> None:
    """Raise ValueError unless a size is an integer of at least 1."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"min_group_size must be an integer of at least 1; got {size!r}.")


def _check_groups(frame: PreferenceFrame) -> None:
    """Raise ValueError if audit groups are not groups: numbers, names, keys of people."""
    n = frame._people()
    in_tiny, everybody = int(n[n < _TINY].sum()), int(n.sum())
    if everybody >= _FEWEST_ROWS and in_tiny > everybody / 2:
        names = ", ".join(map(repr, map(str, n.index.names)))
        raise ValueError(
            f"sensitive_features {names} make {len(n):,} groups, and {in_tiny:,} of {everybody:,} people are in groups of fewer than {_TINY}: nothing "
            "could be found or certified of them. Is a column a number, a name or a key? Cut numbers into ranges, or name another column."
        )


def worst_first(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Put the groups with the lowest gains first, and leave out the last where there are more than can be shown.

    Parameters
    ----------
    table : DataFrame
        Of `Findings.groups`.
    most : int
        Most groups that are shown.

    Returns
    -------
    DataFrame
    """
    return by_gain(table).head(most)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries, with the label of the group as text."""
    names = [full_name(label) for label in table.index]
    records: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return [{"group": name, **record} for name, record in zip(names, records, strict=True)]
