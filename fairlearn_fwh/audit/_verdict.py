"""What a preference frame says, in one plain sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..metrics._core._groupings import why_hidden
from ..metrics._core._names import SMALLEST_SHOWN, group_name
from ..metrics._core._units import Unit
from ..metrics._inference._checks import check_margin
from ..metrics._inference._claims import FEW_HEAVY, NEVER_RIGHT
from ..metrics._inference._claims_of_losses import LOSS

if TYPE_CHECKING:
    from ..metrics._preference_frame import PreferenceFrame


#: Groups that are named in a sentence, the worst first.
_MAX_NAMED = 10


def verdict(
    frame: PreferenceFrame,
    *,
    tolerance: float | Mapping[str, float] = 0.01,
    alpha: float = 0.05,
    claims: str = "rationality",
    min_group_size: int = SMALLEST_SHOWN,
    harm_margin: float | Mapping[str, float] = 0.0,
) -> str:
    """Say whether any group is harmed, and how sure that is.

    Parameters
    ----------
    frame : PreferenceFrame
        Made from data that took no part in fitting or choosing.
    tolerance : float, or dict from loss to float
        Loss that counts as none.
    alpha : float
        One minus the confidence, for all claims together.
    claims : {"rationality", "envy", "all"}
        What is claimed of every group.
    min_group_size : int
        Smaller groups are counted, not named.
    harm_margin : float, or dict from loss to float
        Loss that is not yet called harm.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a parameter is out of range, or envy is asked for and was not measured.

    Examples
    --------
    >>> from fairlearn_fwh.audit import verdict
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[0, 1] * 100, y_pred_pooled=[1] * 200,
    ...                         groups=["a"] * 100 + ["b"] * 100)
    >>> verdict(frame)
    'harms a (-50.0 points, 100 people), b (-50.0 points, 100 people), with 95 % confidence.'
    """
    return judge(
        frame,
        tolerance=tolerance,
        alpha=alpha,
        claims=claims,
        min_group_size=min_group_size,
        harm_margin=harm_margin,
    ).text


@dataclass(frozen=True)
class Verdict:
    """What comes out of a frame.

    Attributes
    ----------
    outcome : {"harm", "envy", "pooled", "certified", "unsure"}
        A group is significantly worse off than with the pooled classifier; or than with another group's; everybody is served by the pooled
        classifier; every claim is certified; or neither was harm found nor can it be ruled out.
    text : str
        The same in words, without a subject where there is none.
    violations, certificate : DataFrame
        What it rests on, as `PreferenceFrame.violations` and `PreferenceFrame.certify` give them.
    envy : str
        Which groups envy which others, in words.
    """

    outcome: str
    text: str
    violations: pd.DataFrame
    certificate: pd.DataFrame
    envy: str = ""


def judge(
    frame: PreferenceFrame,
    *,
    tolerance: float | Mapping[str, float],
    alpha: float,
    claims: str,
    min_group_size: int,
    harm_margin: float | Mapping[str, float] = 0.0,
) -> Verdict:
    """Say whether any group is harmed, and how sure that is; parameters as of `verdict`."""
    frame._by_loss(harm_margin, "harm_margin", partial(check_margin, argument="harm_margin"))
    confidence = f"{100 * (1 - alpha):g} % confidence"
    claims = "rationality" if claims == "all" and not frame.has_envy else claims
    table = frame.certify(tolerance=tolerance, alpha=alpha, claims=claims)
    hidden = frame._hidden(min_group_size)
    sizes: dict[Any, int] = {}
    for group, size in zip(table["group"], table[size_column(frame)], strict=True):
        sizes[group] = min(size, sizes.get(group, size))
    words = _Words(frame, min_group_size, sizes, set(hidden.index[hidden]))
    violations = frame.violations(alpha=alpha, claims=claims, margin=harm_margin)

    harmed = violations[violations["kind"] == "rationality"]
    envious = violations[violations["kind"] == "envy"]
    envy = words.listed(envious, words.envy) if len(envious) else ""

    def say(outcome: str, text: str) -> Verdict:
        return Verdict(outcome, text, violations, table, envy)

    found = []
    if len(harmed):
        found.append(words.harmed(harmed))
    if envy:
        found.append(f"gives a worse classifier than another group's to {envy}")
    if found:
        return say(
            "harm" if len(harmed) else "envy",
            f"{' and '.join(found)}{words.beyond(harm_margin)}, with {confidence}.",
        )
    # Of a group whom a loss does not concern nothing is known; an assigned group may have nobody in it.
    unsure = table[~table["certified"] & ((table["n"] > 0) | (table["kind"] == "rationality"))]
    # That all got the pooled prediction would be told of small groups, too.
    has_hidden = bool(words.hidden)
    same = (
        not has_hidden
        and all(frame[loss].overall["disagreement_rate"] == 0 for loss in frame.losses)
        and set(table["kind"]) == {"rationality"}
    )
    if not len(unsure):
        if same:
            return say("pooled", "gives everybody the pooled prediction: nobody is harmed and nobody gains.")
        return say("certified", f"{words.certified(tolerance)}, with {confidence}.")
    # Sizes and bounds of assigned groups could tell those of audit groups that are too small to be shown.
    parts = [
        words.listed(part, describe)
        for kind, describe in (
            ("rationality", words.unsure_of),
            ("envy", lambda row: "against another group's classifier"),
        )
        if len(part := unsure[unsure["kind"] == kind].drop_duplicates(["group", *words.by_loss]))
    ]
    beginning = "gives all of these people the pooled prediction" if same else "no harm found"
    return say(
        "unsure", f"{beginning}, but {words.unsure(tolerance)} with {confidence} for {', '.join(parts)}."
    )


def _any_of(tolerance: float | Mapping[str, float]) -> bool:
    return any(tolerance.values()) if isinstance(tolerance, Mapping) else bool(tolerance)


def size_column(frame: PreferenceFrame) -> str:
    """Column of a table of claims that says how many people they are about."""
    return "units" if frame.has_units else "n"


def counted(frame: PreferenceFrame) -> str:
    """What numbers of a frame's people count, in words."""
    return "rows" if frame.has_units else "people"


@dataclass(frozen=True)
class _Words:
    """Figures of a frame in words."""

    frame: PreferenceFrame
    min_group_size: int
    sizes: dict[Any, int]
    hidden: set[Any]

    def unit(self, row: Any = None) -> Unit:
        """The unit of the only loss, or of that which a claim is about."""
        return Unit(self.frame[row.loss].loss_name if self.frame.has_several_losses else self.frame.loss_name)

    @property
    def by_loss(self) -> list[str]:
        """The column that names the loss, where there are several."""
        return [LOSS] if self.frame.has_several_losses else []

    def harmed(self, table: pd.DataFrame) -> str:
        """Who is harmed, and in what if there are several losses."""
        if not self.frame.has_several_losses:
            return f"harms {self.listed(table, lambda row: f'{self.unit().gain_in_words(row.gain)}, {self.size(row)}')}"
        of_loss = {loss: table[table[LOSS] == loss] for loss in self.frame.losses}
        return "; ".join(
            self._worse_off(part, Unit(self.frame[loss].loss_name).harm_in_words(loss))
            for loss, part in of_loss.items()
            if len(part)
        )

    def _worse_off(self, table: pd.DataFrame, how: str) -> str:
        """Who is worse off in one loss, and how: "men are missed more often (-2.1 points of recall, 900 people)"."""
        who = self.listed(table, lambda row: f"{self.unit(row).gain_of_what(row.gain)}, {self.size(row)}")
        if len(table) > 1 or not who.endswith(")"):
            return f"{who} {how}"
        name, _, figures = who.rpartition(" (")
        return f"{name} {how} ({figures}"

    def beyond(self, margin: float | Mapping[str, float]) -> str:
        """By what a harm is larger."""
        if isinstance(margin, Mapping):
            return " by more than the margin" if any(margin.values()) else ""
        if not margin:
            return ""
        of_what = f"{margin:g}" if self.frame.has_several_losses else self.unit().amount_in_words(margin)
        return f" by more than {of_what}"

    def size(self, row: Any) -> str:
        """How many people, or rows of how many units, a claim is about."""
        of_units = f" of {row.units:,} units" if self.frame.has_units else ""
        return f"{row.n:,} {counted(self.frame)}{of_units}"

    def unsure_of(self, row: Any) -> str:
        """How many people there are, and what is known of them."""
        if row.method == NEVER_RIGHT:
            return f"{self.size(row)}, about whom every answer of both classifiers is wrong"
        if row.method == FEW_HEAVY:
            return f"{self.size(row)}, of whom few have most of the weight"
        about = f"{row.loss}: " if self.frame.has_several_losses else ""
        return f"{about}{self.size(row)}, bound {self.unit(row).gain(row.lower_bound, 1)}"

    def envy(self, row: Any) -> str:
        """Whom a group envies, and how much unless that could tell of audit groups that are too small to be shown."""
        is_shown = self.sizes.get(row.other, 0) >= self.min_group_size
        against = f"worse than with that of {group_name(row.other) if is_shown else 'a small group'}"
        sizes = [*self.frame._people(), *self.sizes.values()]
        if any(0 < n < self.min_group_size for n in sizes):
            return against
        about = f"{row.loss}: " if self.frame.has_several_losses else ""
        unit = self.unit(row)
        return f"{about}{unit.gain_in_words(abs(row.gain)).removeprefix('+')} {against}"

    def certified(self, tolerance: float | Mapping[str, float]) -> str:
        about = f" in {' and '.join(self.frame.losses)}" if self.frame.has_several_losses else ""
        return f"{f'no group loses more than {self._limit(tolerance)}' if _any_of(tolerance) else 'every group gains'}{about}"

    def unsure(self, tolerance: float | Mapping[str, float]) -> str:
        if not _any_of(tolerance):
            return "a gain is not shown"
        return f"a loss of more than {self._limit(tolerance)} cannot be ruled out"

    def _limit(self, tolerance: float | Mapping[str, float]) -> str:
        if not self.frame.has_several_losses and not isinstance(tolerance, Mapping):
            return self.unit().amount_in_words(tolerance)
        units = [Unit(self.frame[loss].loss_name) for loss in self.frame.losses]
        if isinstance(tolerance, Mapping) or not all(unit.in_points for unit in units):
            return "the tolerance"
        return units[0].amount(tolerance)

    def listed(self, table: pd.DataFrame, describe: Callable[[Any], str]) -> str:
        hidden_here = (table["kind"] == "rationality") & table["group"].isin(self.hidden)
        is_shown = (table[size_column(self.frame)] >= self.min_group_size) & ~hidden_here
        shown = table[is_shown].sort_values("gain", kind="stable")
        parts = [f"{group_name(row.group)} ({describe(row)})" for row in shown.head(_MAX_NAMED).itertuples()]
        if (more := len(shown) - _MAX_NAMED) > 0:
            parts.append(f"{more:,} more")
        if hidden := table.loc[~is_shown, "group"].nunique():
            parts.append(
                f"{hidden} group{'s' if hidden > 1 else ''} {why_hidden(self.frame._any, self.min_group_size)}"
            )
        return ", ".join(parts)
