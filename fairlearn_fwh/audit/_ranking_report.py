"""Ranking by two scores, for others: a page and JSON; small groups are suppressed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..metrics import RankingFrame
from ..metrics._core._names import SMALLEST_SHOWN, group_name, printable
from ._findings import check_min_group_size
from ._table_report import TableReport, package_version

#: What is known of a group.
WORSE, NO_WORSE, OPEN, ONE_CLASS = "ranked worse", "proved no worse", "cannot be told", "one class only"


class RankingReport(TableReport):
    """Say which groups are ranked worse by one score than by another; see `RankingFrame`.

    Parameters
    ----------
    frame : RankingFrame
    tolerance : float
        Largest loss of AUC that counts as none.
    alpha : float
        One minus the confidence.
    margin : float
        Loss of AUC that is not yet called harm.
    min_group_size : int
        Groups with fewer people, or fewer of a class, are suppressed.
    source, own, pooled : str
        Names of the sample and of the two scores.
    """

    _template = "ranking.html.jinja"

    def __init__(
        self,
        frame: RankingFrame,
        *,
        tolerance: float = 0.01,
        alpha: float = 0.05,
        margin: float = 0.0,
        min_group_size: int = SMALLEST_SHOWN,
        source: str = "",
        own: str = "the new score",
        pooled: str = "the old score",
    ) -> None:
        check_min_group_size(min_group_size)
        self.tolerance, self.alpha, self.margin = tolerance, alpha, margin
        self.min_group_size, self.source, self.own, self.pooled = min_group_size, source, own, pooled
        table = frame.certify(tolerance, alpha).set_index(frame.by_group.index)
        harmed = frame.harm_tests(margin)["p_adjusted"].to_numpy() < alpha
        bounds = frame.gain_intervals(alpha)[["lower", "upper"]]
        self._table = frame.by_group.join(bounds).assign(
            harmed=harmed & (frame.by_group["gain"] < -margin).to_numpy(), certified=table["certified"]
        )
        n, n_positive = (self._table[name].to_numpy() for name in ("n", "n_positive"))
        of_a_class = [(size > 0) & (size < min_group_size) for size in (n_positive, n - n_positive)]
        self._hidden = (n < min_group_size) | of_a_class[0] | of_a_class[1]
        self.verdict = self._in_words()

    def _in_words(self) -> str:
        """Say in a sentence what was found; groups that are suppressed are counted."""
        sure = f"{100 * (1 - self.alpha):g} % confidence"
        harmed, certified = (self._table[name].to_numpy(bool) for name in ("harmed", "certified"))
        if harmed.any():
            return f"Harm found, with {sure}: {self.own} ranks worse than {self.pooled} in {self._named(harmed)}."
        if certified.all():
            what = f"loses more than {self.tolerance:g} of AUC" if self.tolerance else "fails to gain AUC"
            return f"No harm: no group {what}, with {sure}."
        return f"Undecided: no group is found to be ranked worse, and a loss of more than {self.tolerance:g} of AUC is not ruled out for {self._named(~certified)}."

    def _named(self, which: Any) -> str:
        shown = [printable(group_name(label)) for label in self._table.index[which & ~self._hidden]]
        more = int((which & self._hidden).sum())
        counted = [f"{more} suppressed group(s)"] if more else []
        if len(shown) > 10:
            shown = [*shown[:10], f"{len(shown) - 10:,} more"]
        return ", ".join([*shown, *counted])

    def groups(self) -> pd.DataFrame:
        """Return the groups that may be shown, those with the largest loss first."""
        return self._table[~self._hidden].sort_values("gain", kind="stable")

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the same as cells of text: a header, and a row per group."""
        header = ["group", "people", "positive", f"AUC, {self.own}", f"AUC, {self.pooled}"]
        header += [f"gain ({100 * (1 - self.alpha):g} % interval)", "result"]
        rows = [
            [
                printable(group_name(label)),
                f"{row['n']:,.0f}",
                f"{row['n_positive']:,.0f}",
                f"{row['auc']:.4f}",
                f"{row['pooled_auc']:.4f}",
                f"{row['gain']:+.4f} ({row['lower']:+.4f} to {row['upper']:+.4f})",
                _result(row),
            ]
            for label, row in self.groups().iterrows()
        ]
        return header, rows

    def exit_status(self, fail_on: str = "harm") -> int:
        """Return 1 if a group is ranked worse; 3 if `fail_on` is "undecided" and harm is not ruled out for a group; else 0."""
        if fail_on not in ("harm", "undecided"):
            raise ValueError(f"fail_on must be 'harm' or 'undecided' for scores; got {fail_on!r}.")
        if self._table["harmed"].any():
            return 1
        return 3 if fail_on == "undecided" and not self._table["certified"].all() else 0

    def _facts(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "package": f"fairlearn_fwh {package_version()}",
            "verdict": self.verdict,
            "harm_found": bool(self._table["harmed"].any()),
            "certified": bool(self._table["certified"].all()),
            "measure": "area under the ROC curve",
            "score": self.own,
            "score_pooled": self.pooled,
            "tolerance": float(self.tolerance),
            "margin": float(self.margin),
            "alpha": float(self.alpha),
        }


def _result(row: pd.Series) -> str:
    if pd.isna(row["gain"]):
        return ONE_CLASS
    return WORSE if row["harmed"] else NO_WORSE if row["certified"] else OPEN
