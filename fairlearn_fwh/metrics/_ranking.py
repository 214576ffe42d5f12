"""How well scores rank the people of each group, compared with other scores: gains in the area under the ROC curve."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ._core._alignment import check_alignment
from ._core._groups import Groups, encode_groups, labels_index
from ._core._names import group_name
from ._core._values import as_column
from ._inference._checks import check_alpha
from ._inference._delong import AucComparison, compare_auc
from ._inference._step_down import MIN_P, NullLaws, SharedPeople, adjust_p_values
from ._inference._tests import PairedDifferences, certificate_p_value, gain_lower_bound, harm_p_value

#: Groups that a sentence names.
_MOST_NAMED = 10


class RankingFrame:
    """Gains in the area under the ROC curve (AUC), for each group.

    The AUC of a group is the chance that one of its positives has a higher score than one of its negatives. It is no mean over people, so that it has a frame of
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
        The same of everybody. It also counts pairs of people of different groups, so that it is no mean of the groups.

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
    Near an AUC of 1, and with fewer than 30 people of the rarer class, intervals cover somewhat less often than they say.

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
        check_alignment(
            {
                "y_true": y_true,
                "score": score,
                "score_pooled": score_pooled,
                "sensitive_features": sensitive_features,
                "units": units,
            }
        )
        y = as_column(y_true, "y_true")
        positive = _positive(y, pos_label)
        own, other = (
            _scores(values, name, len(y))
            for values, name in ((score, "score"), (score_pooled, "score_pooled"))
        )
        groups = (
            Groups(np.zeros(len(y), dtype=np.intp), ["all"], ["group"])
            if sensitive_features is None
            else encode_groups(sensitive_features, n_rows=len(y))
        )
        unit = None if units is None else encode_groups(units, "units", n_rows=len(y)).codes
        _check_units(unit, groups)
        self._groups, self.has_units = groups, unit is not None
        order = np.argsort(groups.codes, kind="stable")
        parts = np.split(order, np.searchsorted(groups.codes[order], np.arange(1, len(groups))))
        self._compared = [_compare(positive, own, other, unit, rows) for rows in parts]
        everybody = np.arange(len(y))
        self.by_group = pd.DataFrame(
            [
                _figures(positive, unit, rows, found)
                for rows, found in zip(parts, self._compared, strict=True)
            ],
            index=labels_index(groups.labels, groups.names),
        )
        self.overall = pd.Series(
            _figures(positive, unit, everybody, _compare(positive, own, other, unit, everybody))
        )

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
        unseen = np.where(differences.variance > 0, np.inf, differences.n)
        differences = replace(differences, unseen=unseen)
        lower = gain_lower_bound(differences, alpha / 2, "tango")
        upper = -gain_lower_bound(differences.mirrored(), alpha / 2, "tango")
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
        _check_share("margin", margin)
        return self._table(self._of_all(harm_p_value(self._differences, margin)))

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
        _check_share("tolerance", tolerance)
        table = self._table(self._of_all(certificate_p_value(self._differences, tolerance, "tango")))
        share = alpha / max(len(self._known), 1)
        table.insert(3, "lower_bound", self._of_all(gain_lower_bound(self._differences, share, "tango")))
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
            return f"Ranks worse, with {sure}: {_named(harmed, min_group_size)}."
        unsure = table[~table["certified"]]
        if not len(unsure):
            what = f"loses more than {tolerance:g} of AUC" if tolerance else "fails to gain"
            return f"No group {what}, with {sure}."
        return f"No harm found; a loss of more than {tolerance:g} of AUC remains possible for {_named(unsure, min_group_size)}."

    @cached_property
    def _known(self) -> np.ndarray:
        """Positions of the groups that have both classes."""
        return np.flatnonzero([found.n_rarer > 0 for found in self._compared])

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


def _positive(y: np.ndarray, pos_label: Any) -> np.ndarray:
    """Who is positive.

    Raises
    ------
    ValueError
        If there are not two classes, or the positive one is not known.
    """
    labels = sorted(pd.unique(y).tolist(), key=lambda label: (str(type(label)), label))
    if len(labels) != 2:
        raise ValueError(
            f"y_true must have two classes to rank people by; it has {len(labels)}: {labels[:5]!r}."
        )
    if pos_label is None:
        if 1 not in labels or not set(labels) <= {0, 1, -1}:
            raise ValueError(f"pos_label is needed: the positive class among {labels!r}.")
        pos_label = 1
    if pos_label not in labels:
        raise ValueError(f"pos_label={pos_label!r} does not occur; labels are {labels!r}.")
    return np.asarray(np.equal(y, pos_label), dtype=bool)


def _scores(values: Any, name: str, n_rows: int) -> np.ndarray:
    column = as_column(values, name, n_rows)
    if column.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} must be numbers by which people are ranked; it has values such as {column[0]!r}."
        )
    scores = column.astype(float)
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{name} must be finite; row {int(np.argmin(np.isfinite(scores)))} is {scores[~np.isfinite(scores)][0]}."
        )
    if len(scores) > 1 and scores.min() == scores.max():
        raise ValueError(f"{name} is {scores[0]:g} for everybody: it ranks nobody.")
    return scores


def _check_units(unit: np.ndarray | None, groups: Groups) -> None:
    if unit is None:
        return
    pairs = np.unique(np.column_stack([unit, groups.codes]), axis=0)
    if n_more := len(pairs) - len(np.unique(unit)):
        raise ValueError(
            f"units: {n_more:,} units have rows in several groups. A group's test needs whole units; make a frame for each group, with alpha divided among them."
        )


def _compare(
    positive: np.ndarray, own: np.ndarray, other: np.ndarray, unit: np.ndarray | None, rows: np.ndarray
) -> AucComparison:
    return compare_auc(positive[rows], own[rows], other[rows], None if unit is None else unit[rows])


def _figures(
    positive: np.ndarray, unit: np.ndarray | None, rows: np.ndarray, found: AucComparison
) -> dict[str, Any]:
    units = {} if unit is None else {"n_units": len(np.unique(unit[rows]))}
    return {
        "n": len(rows),
        "n_positive": int(positive[rows].sum()),
        **units,
        "auc": found.own,
        "pooled_auc": found.other,
        "gain": found.own - found.other,
    }


def _check_share(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, in units of AUC; got {value!r}.")


def _named(table: pd.DataFrame, min_group_size: int) -> str:
    """Groups with their gains, the worst first; small ones are counted."""
    shown = table[table["n"] >= min_group_size].sort_values("gain", kind="stable")
    parts = []
    for group, gain, n in zip(shown["group"], shown["gain"].to_numpy(dtype=float), shown["n"], strict=True):
        said = "one class" if np.isnan(gain) else f"{gain:+.3f}"
        parts.append(f"{group_name(group)} ({said}, {n:,} people)")
    more = len(parts) - _MOST_NAMED
    parts = parts[:_MOST_NAMED]
    if more > 0:
        parts.append(f"{more:,} more")
    if small := len(table) - len(shown):
        parts.append(f"{small} group{'s' if small > 1 else ''} of fewer than {min_group_size} people")
    return ", ".join(parts)
