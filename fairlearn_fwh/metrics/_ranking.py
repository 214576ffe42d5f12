"""How well scores rank the people of each group, compared with other scores: gains in the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd

from ._core._groups import Groups, flat_index, labels_index
from ._core._score_cells import ScoreCells
from ._engines._columns import Columns, check_columns, check_names, eager_parameters
from ._engines._rows import FileColumns
from ._engines._score_cells import SEGMENTS, count_scores, in_words_of_scores
from ._inference._checks import check_alpha
from ._inference._delong import AucComparison, compare_auc
from ._inference._step_down import MIN_P, NullLaws, SharedPeople, adjust_p_values
from ._inference._tests import PairedDifferences, certificate_p_value, gain_lower_bound, harm_p_value
from ._paired_scores import PairedScores, check_share, named

#: Most combinations of groups and bins that come back from an engine.
_MAX_CELLS = 5_000_000


class RankingFrame:
    """Gains in the area under the ROC curve (AUC), for each group.

    The AUC of a group is the chance that one of its positives has a higher score than one of its negatives. It is not a mean over people, so that it has a frame of
    its own beside `PreferenceFrame`.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels of two classes, of people who took no part in fitting or choosing.
    score : array-like, shape (n,)
        What people got; higher means more likely positive.
    score_pooled : array-like, shape (n,)
        Scores of the pooled classifier, or of any baseline.
    sensitive_features : array-like, shape (n,), DataFrame or dict, optional
        Audit groups; several columns are intersected. By default everybody is one group.
    units : array-like, shape (n,), DataFrame or dict, optional
        Whose rows belong together: the visits of a patient. Pairs of rows of one unit count as any other pairs; the variance knows that its rows depend on each
        other.
    pos_label : label, optional
        The positive class; by default 1 where labels are 0 and 1, or -1 and 1.

    Attributes
    ----------
    by_group : DataFrame
        One row per group: `n`, `n_positive`, `n_units` with units, `auc`, `pooled_auc`, `gain`; NaN for groups with one class.
    overall : Series
        The same of everybody. It also counts pairs of people of different groups, so that it is not a mean of the groups.

    Raises
    ------
    ValueError
        If lengths differ, a value is missing or no number where there must be one, there are not two classes, `pos_label` does not occur, scores are
        constant, or a unit has rows in several groups.

    See Also
    --------
    PreferenceFrame : Gains in losses of each person.

    Notes
    -----
    Tests are DeLong's, with Student's distribution and as many degrees of freedom as there are people (or units) of the rarer class, less one. A few
    people who are ranked quite otherwise may be missing from a sample, so that no test or certificate is surer than
    ``exp(-x * n_rarer)`` of a difference of x: with 100 people of the rarer class a loss of less than .03 is never ruled out.
    Of units of different sizes the largest may be missing, too. Near an AUC of 1, and with fewer than 30 people of the rarer class, intervals cover somewhat less often than they say.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, "Comparing the Areas under Two or More Correlated ROC Curves", Biometrics 1988. Units: Obuchowski, "Nonparametric
    Analysis of Clustered ROC Curve Data", Biometrics 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.metrics import RankingFrame
    >>> rng = np.random.default_rng(0)
    >>> y, groups = rng.integers(0, 2, 2000), rng.choice(["a", "b"], 2000)
    >>> old = y + rng.standard_normal(2000)
    >>> new = np.where(groups == "a", y + 2 * rng.standard_normal(2000), old)
    >>> frame = RankingFrame(y_true=y, score=new, score_pooled=old, sensitive_features=groups)
    >>> frame.violations()["group"].tolist()
    ['a']
    """

    def __init__(
        self,
        *,
        y_true: Any,
        score: Any,
        score_pooled: Any,
        sensitive_features: Any = None,
        units: Any = None,
        pos_label: Any = None,
    ) -> None:
        scores = PairedScores.read(
            ("score", "score_pooled"), y_true, score, score_pooled, sensitive_features, units, pos_label
        )
        for values, name in ((scores.own, "score"), (scores.other, "score_pooled")):
            _check_ranks(values, name)
        everybody = scores.everybody
        self._set(
            scores.groups,
            [_compare(scores, rows) for rows in scores.parts],
            [scores.sizes(rows) for rows in scores.parts],
            (_compare(scores, everybody), scores.sizes(everybody)),
            has_units=scores.unit is not None,
        )

    def _set(
        self,
        groups: Groups,
        compared: list[AucComparison],
        sizes: list[dict[str, int]],
        everybody: tuple[AucComparison, dict[str, int]],
        *,
        has_units: bool,
        resolution: float = 0.0,
    ) -> None:
        """Keep what was compared, group by group and for everybody; `resolution` is the difference of ranks that bins may make of equal scores."""
        self._groups, self._compared, self.has_units = groups, compared, has_units
        self._resolution = resolution
        self.by_group = pd.DataFrame(
            [n | _figures(found) for n, found in zip(sizes, compared, strict=True)],
            index=labels_index(groups.labels, groups.names),
        )
        self.overall = pd.Series(everybody[1] | _figures(everybody[0]))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        y_true: str,
        score: str,
        score_pooled: str,
        sensitive_features: str | Sequence[str] | None = None,
        pos_label: Any = None,
        n_bins: int = 256,
        max_cells: int = _MAX_CELLS,
    ) -> Self:
        """Compare two columns of scores of a frame of any library, lazy ones where their data are.

        Lazy frames are counted in bins of both scores by group and class, so that the rows stay where they are: `by_group` has a column `binning_error` then, half
        the share of pairs of a positive and a negative that 4,096 bins of each score tie. The gain is off by no more, and intervals, tests
        and certificates allow for that. Variances rest on `n_bins` times `n_bins` cells of both scores.

        Parameters
        ----------
        frame : DataFrame or lazy frame
            Of pandas, polars, pyarrow, DuckDB, Dask or Spark.
        y_true, score, score_pooled : str
            Names of columns.
        sensitive_features : str or list of str, optional
            Names of columns; several make an intersection.
        pos_label : label, optional
            As for the class.
        n_bins : int
            Bins of each score for the joint law of both, of lazy frames: a multiple of 16.
        max_cells : int
            Most combinations of groups and bins that come back from an engine.

        Returns
        -------
        RankingFrame

        Raises
        ------
        ValueError
            As for the class; if a column does not exist, `n_bins` is out of range, or there are more than `max_cells` cells.

        Examples
        --------
        >>> import polars as pl
        >>> from fairlearn_fwh.metrics import RankingFrame
        >>> table = pl.LazyFrame({"y": [0, 1] * 50, "new": [0.1, 0.9] * 50, "old": [0.5, 0.4] * 50})
        >>> frame = RankingFrame.from_frame(table, y_true="y", score="new", score_pooled="old")
        >>> frame.by_group[["auc", "pooled_auc", "binning_error"]].values.tolist()
        [[1.0, 0.0, 0.0]]
        """
        columns = columns_of_scores(y_true, score, score_pooled, sensitive_features)
        check_names(frame)
        table: Any = nw.from_native(frame)
        if isinstance(table, nw.DataFrame):
            check_columns(table.schema, columns)
            given = eager_parameters(table, columns)
            return cls(
                y_true=given["y_true"],
                score=given["y_pred"],
                score_pooled=given["y_pred_pooled"],
                sensitive_features=given["sensitive_features"],
                pos_label=pos_label,
            )
        with in_words_of_scores():
            check_columns(table.collect_schema(), columns)
            return cls._of_lazy(table, columns, pos_label=pos_label, n_bins=n_bins, max_cells=max_cells)

    @classmethod
    def _of_lazy(
        cls,
        table: nw.LazyFrame[Any],
        columns: Columns,
        *,
        pos_label: Any,
        n_bins: int = 256,
        max_cells: int = _MAX_CELLS,
        file: FileColumns | None = None,
    ) -> Self:
        """Make the frame from what an engine counts."""
        cells = count_scores(
            table, columns, pos_label=pos_label, n_bins=_check_bins(n_bins), max_cells=max_cells, file=file
        )
        frame = cls.__new__(cls)
        everybody = _compare_cells(cells, None)
        resolution = 2 / n_bins
        of_groups = [_compare_cells(cells, code) for code in range(len(cells.groups))]
        compared, sizes = [found for found, _ in of_groups], [n for _, n in of_groups]
        frame._set(cells.groups, compared, sizes, everybody, has_units=False, resolution=resolution)
        frame.by_group["binning_error"] = [found.ties_made for found in compared]
        frame.overall["binning_error"] = everybody[0].ties_made
        return frame

    def gain_intervals(self, alpha: float = 0.05) -> pd.DataFrame:
        """Give each group's gain with an interval.

        Parameters
        ----------
        alpha : float
            Each interval, by itself, covers the true gain with probability ``1 - alpha``.

        Returns
        -------
        DataFrame
            One row per group: `n`, `n_positive`, `gain`, `lower`, `upper`; infinite with fewer than two people, or units, of a class.

        Raises
        ------
        ValueError
            If `alpha` is not between 0 and 1.
        """
        check_alpha(alpha)
        differences = self._differences
        # Rare people are for claims; an interval leaves room for them only where nothing varies.
        varies = differences.variance * differences.n > self._resolution**2
        unseen = np.where(varies, np.inf, differences.n)
        differences = replace(differences, unseen=unseen)
        lower = gain_lower_bound(differences, alpha / 2, "tango") - self._ties_made
        upper = self._ties_made - gain_lower_bound(differences.mirrored(), alpha / 2, "tango")
        bounds = {"lower": self._of_all(lower), "upper": self._of_all(upper)}
        return self.by_group[["n", "n_positive", "gain"]].assign(**bounds)

    def harm_tests(self, margin: float = 0.0) -> pd.DataFrame:
        """Test of each group whether it is ranked worse.

        Parameters
        ----------
        margin : float
            Loss of AUC that is not yet called harm.

        Returns
        -------
        DataFrame
            One row per group: `group`, `n`, `gain`, `p_value`, and `p_adjusted` for all groups together (step-down min-P).

        Raises
        ------
        ValueError
            If `margin` is not from 0 to below 1.
        """
        check_share("margin", margin, "AUC")
        at_best = replace(self._differences, gain=self._differences.gain + self._ties_made)
        return self._table(self._of_all(harm_p_value(at_best, margin)))

    def violations(self, alpha: float = 0.05, margin: float = 0.0) -> pd.DataFrame:
        """Return the groups that are significantly ranked worse than by the pooled scores.

        Parameters
        ----------
        alpha : float
            Probability of naming any group that is not, for all groups together.
        margin : float
            Loss of AUC that is not yet called harm.

        Returns
        -------
        DataFrame
            Rows of `harm_tests`.

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        check_alpha(alpha)
        table = self.harm_tests(margin)
        return table[(table["p_adjusted"] < alpha) & (table["gain"] < -margin)].reset_index(drop=True)

    def certify(self, tolerance: float = 0.01, alpha: float = 0.05) -> pd.DataFrame:
        """Test for each group whether it loses less than a tolerance.

        Parameters
        ----------
        tolerance : float
            Largest loss of AUC that counts as none; at 0 a certificate means a gain.
        alpha : float
            Probability of certifying any group that loses more, for all groups together.

        Returns
        -------
        DataFrame
            One row per group: `group`, `n`, `gain`, `lower_bound` (for all groups together, by Bonferroni), `p_value`, `p_adjusted`, `certified`.

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        check_alpha(alpha)
        check_share("tolerance", tolerance, "AUC")
        at_worst = replace(self._differences, gain=self._differences.gain - self._ties_made)
        table = self._table(self._of_all(certificate_p_value(at_worst, tolerance, "tango")))
        share = alpha / max(len(self._known), 1)
        table.insert(3, "lower_bound", self._of_all(gain_lower_bound(at_worst, share, "tango")))
        return table.assign(certified=np.nan_to_num(table["p_adjusted"], nan=1.0) < alpha)

    def verdict(
        self, tolerance: float = 0.01, alpha: float = 0.05, margin: float = 0.0, min_group_size: int = 10
    ) -> str:
        """Say in a sentence which groups are ranked worse, and how sure that is.

        Parameters
        ----------
        tolerance, alpha, margin : float
            As for `certify` and `violations`.
        min_group_size : int
            Smaller groups are counted, not named.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        harmed, table = self.violations(alpha, margin), self.certify(tolerance, alpha)
        sure = f"{100 * (1 - alpha):g} % confidence"
        if len(harmed):
            return f"Ranks worse, with {sure}: {named(harmed, min_group_size)}."
        unsure = table[~table["certified"]]
        if not len(unsure):
            what = f"loses more than {tolerance:g} of AUC" if tolerance else "fails to gain"
            return f"No group {what}, with {sure}."
        return f"No harm found; a loss of more than {tolerance:g} of AUC remains possible for {named(unsure, min_group_size)}."

    def _people(self) -> pd.Series:
        """Number of people of each group, by its label."""
        return pd.Series(self.by_group["n"].to_numpy(), index=flat_index(self._groups.labels))

    @cached_property
    def _known(self) -> np.ndarray:
        """Positions of the groups that have both classes."""
        return np.flatnonzero([found.n_rarer > 0 for found in self._compared])

    @cached_property
    def _ties_made(self) -> np.ndarray:
        """By how much their gains may be off because scores were counted in bins."""
        return np.array([self._compared[i].ties_made for i in self._known])

    @cached_property
    def _differences(self) -> PairedDifferences:
        """Gains of these groups; what is estimated from one person, or unit, of a class is not known."""
        found = [self._compared[i] for i in self._known]
        n = np.array([one.n_rarer for one in found], dtype=float)
        return PairedDifferences(
            n=n,
            gain=np.array([one.own - one.other for one in found]),
            variance=np.nan_to_num([one.variance for one in found]),
            worse=None,
            better=None,
            weighted=False,
            upper=None,
            unseen=n,
            heavy=np.array([one.heavy for one in found]),
        )

    def _of_all(self, values: np.ndarray) -> np.ndarray:
        """Figures of all groups from those of the groups that have both classes."""
        result = np.full(len(self._compared), np.nan)
        result[self._known] = values
        return result

    def _table(self, p_values: np.ndarray) -> pd.DataFrame:
        tested = np.flatnonzero(np.isfinite(p_values))
        adjusted = np.full(len(p_values), np.nan)
        adjusted[tested] = adjust_p_values(
            p_values[tested],
            MIN_P,
            laws=NullLaws.uniform(len(tested)),
            people=SharedPeople(np.arange(len(tested)), np.zeros(len(tested), dtype=np.intp)),
        )
        return pd.DataFrame(
            {
                "group": pd.Series(self._groups.labels, dtype=object),
                "n": self.by_group["n"].to_numpy(),
                "gain": self.by_group["gain"].to_numpy(),
                "p_value": p_values,
                "p_adjusted": adjusted,
            }
        )

    def __repr__(self) -> str:
        return f"RankingFrame: {int(self.overall['n'])} rows, {len(self.by_group)} group(s), gain in AUC {self.overall['gain']:+.4f}"


def _check_ranks(scores: np.ndarray, name: str) -> None:
    if len(scores) > 1 and scores.min() == scores.max():
        raise ValueError(f"{name} is {scores[0]:g} for everybody: it ranks nobody.")


def _compare(scores: PairedScores, rows: np.ndarray) -> AucComparison:
    return compare_auc(scores.positive[rows], scores.own[rows], scores.other[rows], scores.units_of(rows))


def _compare_cells(cells: ScoreCells, group: int | None) -> tuple[AucComparison, dict[str, int]]:
    """Compare scores of a group (None: of everybody), areas by fine bins of each score and their variance by cells of both."""
    mine = np.ones(len(cells.n), dtype=bool) if group is None else cells.groups.codes == group
    n, positive = cells.n[mine], cells.positive[mine]
    found = compare_auc(positive, cells.own[mine].astype(float), cells.other[mine].astype(float), counts=n)
    (own, own_off), (other, other_off) = (histogram.area(group) for histogram in cells.histograms)
    sizes = {"n": int(n.sum()), "n_positive": int(n[positive].sum())}
    return replace(found, own=own, other=other, ties_made=own_off + other_off), sizes


def columns_of_scores(
    y_true: str, score: str, score_pooled: str, sensitive_features: str | Sequence[str] | None
) -> Columns:
    """Columns of scores by their roles."""
    return Columns.read(
        y_true=y_true,
        y_pred=score,
        y_pred_pooled=score_pooled,
        sensitive_features=sensitive_features,
        sample_weight=None,
        y_pred_by_group=None,
        groups=None,
        control_features=None,
    )


def _check_bins(n_bins: Any) -> int:
    if (
        isinstance(n_bins, bool)
        or not isinstance(n_bins, int | np.integer)
        or n_bins % SEGMENTS
        or not SEGMENTS <= n_bins <= 4096
    ):
        raise ValueError(f"n_bins must be a multiple of {SEGMENTS}, up to 4096; got {n_bins!r}.")
    return int(n_bins)


def _figures(found: AucComparison) -> dict[str, float]:
    return {"auc": found.own, "pooled_auc": found.other, "gain": found.own - found.other}
