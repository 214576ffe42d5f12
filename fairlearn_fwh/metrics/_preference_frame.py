"""The preference frame: who gains and who loses by getting another classifier than the pooled one."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, Self

import narwhals as nw
import numpy as np
import pandas as pd

from . import _shown
from ._core._alignment import check_alignment
from ._core._disclosure import what_can_be_shown
from ._core._figures import POOLED_COLUMN
from ._core._groupings import all_groupings, as_one_group, people_of, regroup
from ._core._layout import Layout
from ._core._losses import Loss
from ._core._measurement import Measurement
from ._core._measuring import add_losses, measure, measure_several
from ._core._named_losses import kind_of_all, resolve_losses
from ._core._names import SMALLEST_SHOWN
from ._core._proxies import hint_at_proxies
from ._core._reading import read_sample
from ._core._unit_hashes import read_key
from ._core._units import plain_gain
from ._engines._columns import Columns, check_columns, check_names, eager_parameters
from ._engines._several_losses import measure_losses_lazily
from ._estimators import ask_routed_ensemble, end_of, known_labels
from ._inference._bootstrap import BootstrapSettings
from ._inference._checks import (
    check_alpha,
    check_alpha_weights,
    check_correction,
    check_has_test,
    check_margin,
    check_test,
)
from ._inference._claims import claims_of, of_people
from ._inference._claims_of_losses import LOSS, ClaimsOfLosses
from ._inference._intervals import check_quantiles
from ._inference._power import power_table
from ._inference._step_down import MIN_P
from ._inference._worst_shift import worst_shift_table
from ._metric_gains import MetricGains, Rows, gains_of
from ._tables import Tables
from ._tables_of_losses import TablesOfLosses

#: Quantiles of a two-sided 95 % interval.
_CI_QUANTILES = (0.025, 0.975)


class PreferenceFrame:
    """Compare what people got with what they could have had.

    Each person is served by one classifier (its own), which is compared with the pooled classifier
    (rationality) and with the classifiers of the other groups (envy-freeness). All gains are
    ``loss(other) - loss(own)``: positive is good for the group. The frame keeps sums per group, not rows.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels (or amounts, for ``loss="squared"``, ``"absolute"`` and ``"pinball"``).
    y_pred : array-like, shape (n,), optional
        What each person got. May be left out when `groups` says which column of `y_pred_by_group` it is.
    y_pred_pooled : array-like, shape (n,)
        Predictions of the pooled classifier, or of any baseline.
    y_pred_by_group : DataFrame, dict or array, shape (n, K), optional
        Predictions of every group's classifier for every row, one column per group. Without it envy
        and what depends on it is NaN.
    groups : array-like, shape (n,), DataFrame or dict, optional
        The group by which each person's classifier is assigned: a column of `y_pred_by_group` (for an
        array 0 to K - 1; several columns are an intersection, whose labels are tuples). The label
        ``"pooled"`` means that the pooled classifier serves the person, who then counts in no group.
    sensitive_features : array-like, shape (n,), DataFrame or dict, optional
        The groups by which harm is checked (audit groups); by default `groups`.
    loss : {"zero_one", "missed", "false_alarm", "rejection", "log", "brier", "squared", "absolute", "pinball"}, callable, or several of them
        Loss of a person. A dict from names to losses (or a list of losses) measures several at once, see Notes. Predictions are labels for "zero_one"; for "missed", which is 1 for people of the positive label who are predicted another one, and
        for "false_alarm", which is 1 for the others who are predicted the positive one (people whom a loss does not concern are not part of the frame); decisions for "rejection", which is 0 for people with
        prediction 1, whatever is true (the acceptance rate as benefit, Zafar et al. 2017); probabilities of the
        positive class for "log" and "brier". A callable takes (y_true, y_pred) and returns one loss per row; attributes `lower`
        and `upper` say between which limits they lie.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows; rows of weight zero are left out.
    control_features : array-like, shape (n,), DataFrame or dict, optional
        Features within whose levels everything is measured, as in fairlearn's `MetricFrame`: they come first in the
        index of every table, and `overall` has a row for each level.
    n_boot : int, optional
        Number of bootstrap replicates, for `replicates`; intervals do not need them. Where there are units, units are drawn.
    ci_quantiles : sequence of float
        Quantiles at which `overall_ci`, `by_group_ci`, `risk_matrix_ci` and `envy_matrix_ci` have bounds.
    random_state : int, RandomState instance or None
        Seed of the bootstrap.
    stratify : bool
        Whether every audit group keeps its size in the replicates, so that a small one never vanishes.
    pooled_groups : iterable of labels, optional
        Groups whose classifier is the pooled one by construction (a fallback). Their claims are
        `identical` and need no test.
    labels : sequence of labels, optional
        All labels that there are, for ``loss="zero_one"``. Without it truth and predictions must have labels in common, see
        Notes.
    loss_limit : float, optional
        Cut off losses at this value. "log", "squared", "absolute", "pinball" (of the median; `PinballLoss` of another quantile) and callables without limits need it to be tested: a rare large loss
        may not be in the sample. All figures, tests and certificates are then about the loss that is cut off.
    units : array-like, shape (n,), DataFrame or dict, optional
        Whose rows belong together: a person who appears several times, a household, a lesion. Rows of a unit vary together, so that intervals
        and tests count units, not rows: with the variance between units, and Student's distribution with one degree of freedom less than a
        group has units. The largest of unequal units may be missing from the sample; bounds allow for that. Without `units` every row counts as another person.
    unit_key : str or bytes, optional
        A secret of at least 16 bytes. With it the frame keeps keyed hashes of the units (which are personal data as long as the key exists), so that adding frames that
        share a unit is an error, and `PreferenceMonitor` knows who was seen before.
    pos_label : label, optional
        The positive label, for "missed" and "false_alarm" (by default 1, where labels are 0 and 1 or -1 and 1), and the favourable one for "rejection", whose
        predictions then are labels of any kind. For several losses also a dict from their names.

    Attributes
    ----------
    overall : Series, or DataFrame with control features
        Figures of the whole sample.
    by_group : DataFrame
        Figures of each audit group.
    risk_matrix : DataFrame, shape (K, K + 1)
        Risk (mean loss) of each assigned group under each group's classifier and the pooled one.
    envy_matrix : DataFrame, shape (K, K)
        Entry [k, j]: risk of group k under the classifier of j minus under its own; negative: k envies j.
    empty_groups : list
        Group classifiers that serve nobody in this sample; their rows are NaN.
    overall_ci, by_group_ci, risk_matrix_ci, envy_matrix_ci : dict from quantile to table
        Bounds of every entry: below 0.5 a lower bound, above it an upper one, each by itself.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, weights are negative or all zero, `groups` names a column that
        does not exist, `y_pred` contradicts it or `pooled_groups`, values of one column are of different types,
        indexes have the same labels in another order, or `n_boot` or `ci_quantiles` is out of range.

    Notes
    -----
    Before anything is claimed (`certify`, `violations`, `harm_tests`, intervals, power) the labels of everything that was
    added up are compared: labels that never meet (``">50K."`` in the truth, ``">50K"`` in the predictions) would count as
    errors of every model. That is a ValueError where a prediction and the truth share no label, where each has labels that
    the other lacks while the truth has two at most, or where labels differ in blanks, full stops or capitals alone; among
    more classes it is a `LabelMismatchWarning`. `labels` settles it. Where every answer of both classifiers is wrong
    nothing is certified.

    The rate of fairness without harm is the share of people whose own classifier is, for them, no worse than
    the pooled and all other group classifiers (arXiv 2509.24077, section 6.3). It equals the accuracy plus the
    share of people for whom every classifier is wrong, and copies of the pooled classifier reach 100 %:
    read it beside the accuracy, the gain over pooled and the disagreement with pooled.

    Shares of people have mid-P bounds, gains in 0-1 losses Tango's score bounds (wider where few people lose or gain; exact ones below 30 people), means of
    real-valued losses Student's. With weights their variances are linearised. A smallest or largest gain over groups
    has the bounds that the groups have together (Bonferroni), not percentiles, which are biased there; what remains
    (`disparity_change`) has percentiles of the bootstrap, and counts have none. `to_frame` names the method.

    Frames of two samples add up: ``a + b`` is the frame of both together.

    Several losses, ``loss={"error": "zero_one", "missed": "missed"}``, are one reading of the data and one family of claims: `certify`,
    `violations` and `harm_tests` have a column `loss` and adjust over losses and groups together; tables have the loss as the first level of
    their columns, `gains` has a column for each. ``frame["missed"]`` is the frame of one of them, with a family of its own. Tolerances and
    margins are numbers for all losses, or dicts with one for each.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(
    ...     y_true=[1, 0, 1, 0, 1, 0],
    ...     y_pred_pooled=[1, 1, 0, 0, 0, 0],
    ...     y_pred_by_group={"a": [1, 0, 1, 1, 1, 1], "b": [0, 0, 1, 0, 0, 0]},
    ...     groups=["a", "a", "a", "b", "b", "b"],
    ... )
    >>> frame.by_group[["n", "risk", "pooled_risk", "rationality_gain", "envy_gain"]].round(2)
            n  risk  pooled_risk  rationality_gain  envy_gain
    groups
    a       3  0.00         0.67              0.67       0.33
    b       3  0.33         0.33              0.00       0.33
    """

    def __init__(
        self,
        *,
        y_true: Any,
        y_pred: Any = None,
        y_pred_pooled: Any,
        y_pred_by_group: Any = None,
        groups: Any = None,
        sensitive_features: Any = None,
        loss: str | Callable[..., Any] = "zero_one",
        sample_weight: Any = None,
        control_features: Any = None,
        n_boot: int | None = None,
        ci_quantiles: Sequence[float] = _CI_QUANTILES,
        random_state: Any = None,
        stratify: bool = True,
        pooled_groups: Iterable[Any] = (),
        labels: Any = None,
        loss_limit: float | None = None,
        units: Any = None,
        unit_key: str | bytes | None = None,
        pos_label: Any = None,
    ) -> None:
        quantiles = check_quantiles(ci_quantiles)
        bootstrap = BootstrapSettings(n_boot, stratify, random_state)
        found = resolve_losses(loss, loss_limit, pos_label)
        sample = read_sample(
            y_true=y_true,
            y_pred=y_pred,
            y_pred_pooled=y_pred_pooled,
            y_pred_by_group=y_pred_by_group,
            groups=groups,
            sensitive_features=sensitive_features,
            control_features=control_features,
            losses=[found] if isinstance(found, Loss) else found.values(),
            sample_weight=sample_weight,
            pooled_groups=pooled_groups,
            labels=labels,
            units=units,
            unit_key=_key_of(unit_key, units),
        )
        hint_at_proxies(sample.layout, stacklevel=3)
        measured: Measurement | dict[str, Measurement] = (
            measure(sample, found, bootstrap)
            if isinstance(found, Loss)
            else measure_several(sample, found, bootstrap)
        )
        self._tables = _tables_of(measured, quantiles)

    @classmethod
    def _of(cls, measured: Measurement | Mapping[str, Measurement], ci_quantiles: tuple[float, ...]) -> Self:
        frame = cls.__new__(cls)
        frame._tables = _tables_of(measured, ci_quantiles)
        return frame

    def __getstate__(self) -> dict[str, Any]:
        """What all tables are computed from; skops cannot write data frames."""
        measured = self._parts if self.has_several_losses else self._measured
        return {"_measured": measured, "ci_quantiles": self.ci_quantiles}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._tables = _tables_of(state["_measured"], state["ci_quantiles"])

    @property
    def _measured(self) -> Measurement:
        """The measurement of the only loss."""
        return self._tables.measured

    @property
    def _parts(self) -> dict[str, Measurement]:
        """The measurement of each loss, by its name."""
        tables = self._tables
        if isinstance(tables, TablesOfLosses):
            return {name: part.measured for name, part in tables.by_loss.items()}
        return {tables.measured.loss.name: tables.measured}

    @property
    def _any(self) -> Measurement:
        """A measurement, for what all losses have in common."""
        return next(iter(self._parts.values()))

    @property
    def has_several_losses(self) -> bool:
        """Whether losses were named, so that tables have a column for each."""
        return isinstance(self._tables, TablesOfLosses)

    @property
    def losses(self) -> list[str]:
        """Names of the losses."""
        return list(self._parts)

    def __getitem__(self, loss: str) -> PreferenceFrame:
        """Take one of several losses, with a family of claims of its own.

        Raises
        ------
        KeyError
            If there is no such loss.
        """
        if loss not in self._parts:
            raise KeyError(f"There is no loss {loss!r}; the frame has {self.losses}.")
        return self._of(self._parts[loss], self.ci_quantiles)

    def __iter__(self) -> NoReturn:
        raise TypeError(
            "A PreferenceFrame is not a list; iterate over `losses`, or over the rows of a table."
        )

    @property
    def gains(self) -> pd.DataFrame:
        """Rationality gain of each audit group, a column for each loss."""
        index = self._layout.audit_index()
        columns = {name: part.levels.audit.gain()[:, POOLED_COLUMN] for name, part in self._parts.items()}
        return pd.DataFrame(columns, index=index)

    @property
    def _layout(self) -> Layout:
        return self._tables.layout

    @property
    def ci_quantiles(self) -> tuple[float, ...]:
        """Quantiles at which there are bounds."""
        return self._tables.ci_quantiles

    @property
    def overall(self) -> pd.Series | pd.DataFrame:
        """Figures of the whole sample; with control features a row for each of their levels."""
        return self._tables.overall

    @property
    def by_group(self) -> pd.DataFrame:
        """Figures of each audit group."""
        return self._tables.by_group

    @property
    def risk_matrix(self) -> pd.DataFrame:
        """Risk of each assigned group under each group's classifier and the pooled one."""
        return self._tables.risk_matrix

    @property
    def envy_matrix(self) -> pd.DataFrame:
        """Gain of each assigned group over each group's classifier."""
        return self._tables.envy_matrix

    @property
    def empty_groups(self) -> list[Any]:
        """Group classifiers that serve nobody in this sample."""
        return self._tables.empty_groups

    @property
    def overall_ci(self) -> dict[float, pd.Series | pd.DataFrame]:
        """Bounds of `overall` at each of `ci_quantiles`."""
        return self._tables.overall_ci

    @property
    def by_group_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `by_group` at each of `ci_quantiles`."""
        return self._tables.by_group_ci

    @property
    def risk_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `risk_matrix` at each of `ci_quantiles`."""
        return self._tables.risk_matrix_ci

    @property
    def envy_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `envy_matrix` at each of `ci_quantiles`."""
        return self._tables.envy_matrix_ci

    @property
    def n_units(self) -> int | None:
        """Number of units, of all control levels together; None where it is not known (several losses may concern different ones)."""
        parts = [part for part in self._parts.values() if part.loss.concerns is None]
        if not self.has_several_losses:
            parts = [self._measured]
        units = parts[0].units if parts else None
        return None if units is None else int(units.overall.n.sum())

    @property
    def _counts_unequally(self) -> bool:
        return self.is_weighted or self.has_units

    @property
    def has_units(self) -> bool:
        """Whether it is known which rows belong together."""
        return self._any.units is not None

    @property
    def has_overlapping_groups(self) -> bool:
        """Whether people are in several audit groups; see `over`."""
        return self._any.n_once is not None

    @property
    def can_be_tested(self) -> bool:
        """Whether losses have limits, without which no test of them keeps its level."""
        return all(part.loss.span is not None for part in self._parts.values())

    @property
    def loss_name(self) -> str:
        """Name of the loss, and where it is cut off; of several, their names."""
        return ", ".join(self.losses) if self.has_several_losses else self._measured.loss.title

    @property
    def is_weighted(self) -> bool:
        """Whether rows have weights."""
        return self._any.weighted

    @property
    def has_envy(self) -> bool:
        """Whether every group's classifier was asked about every row, so that envy is known."""
        return self._layout.has_envy

    def __add__(self, other: PreferenceFrame) -> Self:
        if not isinstance(other, PreferenceFrame):
            return NotImplemented
        if self.has_several_losses or other.has_several_losses:
            return self._of(add_losses(self._parts, other._parts), self.ci_quantiles)
        return self._of(self._measured + other._measured, self.ci_quantiles)

    def __radd__(self, other: Any) -> Self:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() begins with 0

    def to_frame(self) -> pd.DataFrame:
        """Return every figure with its bounds as one tidy table.

        Returns
        -------
        DataFrame
            One row per entry: `table` ("overall", "by_group", "risk_matrix" or "envy_matrix"), `group`, `figure` (for the
            matrices the group whose classifier it is, or "pooled"), `n` people, `value`, `lower` and `upper` (the
            bounds at the lowest and the highest of `ci_quantiles`), `method` by which they were found.
        """
        return self._tables.to_frame()

    def replicates(self, figure: str, table: str = "by_group") -> pd.DataFrame:
        """Return the bootstrap distribution of a figure.

        Parameters
        ----------
        figure : str
            A column of `by_group`, or an entry of `overall`, that is a number.
        table : {"by_group", "overall"}
            Where it stands.

        Returns
        -------
        DataFrame, shape (n_boot, number of groups)

        Raises
        ------
        ValueError
            If the frame has no replicates, or there is no such figure.
        """
        return self._tables.replicates(figure, table)

    def envy_margin(self, reduce: str = "min") -> float:
        """Return the worst envy gain over all pairs of assigned groups; negative if and only if somebody envies.

        Parameters
        ----------
        reduce : {"min", "max"}
            "max" is the literal formula of arXiv 2509.24077, section 6.3, a maximum over all pairs that include
            a group with itself; for comparison with its Table 7 only.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `reduce` is unknown.
        """
        return self._tables.envy_margin(reduce)

    def group_min(self) -> pd.Series | pd.DataFrame:
        """Return the smallest value of each column of `by_group` over the groups (of each control level).

        Returns
        -------
        Series, or DataFrame with control features
        """
        return self._tables.group_min()

    def group_max(self) -> pd.Series | pd.DataFrame:
        """Return the largest value of each column of `by_group` over the groups (of each control level).

        Returns
        -------
        Series, or DataFrame with control features
        """
        return self._tables.group_max()

    def difference(self, method: str = "between_groups") -> pd.Series | pd.DataFrame:
        """Return the largest difference of each column of `by_group` over the groups (of each control level).

        Parameters
        ----------
        method : {"between_groups", "to_overall"}
            Between any two groups, or between a group and the whole, as fairlearn's `MetricFrame.difference`.

        Returns
        -------
        Series, or DataFrame with control features

        Raises
        ------
        ValueError
            If `method` is unknown.
        """
        return self._tables.difference(method)

    def violations(
        self,
        alpha: float | None = None,
        claims: str = "all",
        correction: str | None = "min_p",
        *,
        margin: float | Mapping[str, float] = 0.0,
        over: Sequence[str | Sequence[str]] | None = None,
    ) -> pd.DataFrame:
        """List the groups that would do better with the pooled or another group's classifier.

        Parameters
        ----------
        alpha : float, optional
            List significant violations only: exact McNemar tests (on effective counts for weighted rows; for
            real-valued losses bets, with weights or units t tests), never surer than heavy people allow, who may be missing from the sample. Adjusted over all claims that were asked for. By default every negative
            gain in the sample is listed. An empty table means that no violation was *found*; `certify` says
            whether there is none.
        claims : {"rationality", "envy", "all"}
            Rationality is checked for the audit groups, envy for pairs of assigned groups. Without
            `y_pred_by_group` "all" is rationality alone.
        correction : {"min_p", "holm", "bonferroni", None}
            Adjustment of p-values over the claims that were asked for. "min_p" steps down with the distribution that each p-value has
            (exact for counts of people, independent between groups), and rejects whatever "holm" does.
        margin : float, or dict from loss to float
            Loss that is not yet a violation, in units of the loss. With `alpha` the loss has to be significantly larger (at a margin
            above 0 by the test of certificates, mirrored, and by Skellam's law where events are few): in a large sample every loss is significant, however small.
        over : list of str or of tuples of str, optional
            Groupings that are one family, such as ``["race", "sex", ("race", "sex")]``; see `over`.

        Returns
        -------
        DataFrame
            Columns `group`, `kind`, `other`, `n`, `gain` and, with `alpha`, `p_value` and `p_adjusted`.

        Raises
        ------
        ValueError
            If the loss has no limits and `alpha` is given, `alpha` is not between 0 and 1, `margin` is negative, not a number or as large as the largest loss, `correction` is unknown,
            or envy is asked for and was not measured.
        """
        if over is not None:
            return self.over(over).violations(alpha, claims, correction, margin=margin)
        if alpha is not None:
            check_alpha(alpha)
            self._for_each_loss(check_has_test)
        check_correction(correction)
        margins = self._by_loss(margin, "margin", check_margin)
        return self._claims(claims, strict=False).violations(alpha, correction, margins)

    def certify(
        self,
        *,
        tolerance: float | Mapping[str, float],
        alpha: float = 0.05,
        method: str = "tango",
        correction: str | None = "min_p",
        claims: str = "rationality",
        alpha_weights: Mapping[Any, float] | None = None,
        over: Sequence[str | Sequence[str]] | None = None,
    ) -> pd.DataFrame:
        """Test for each claim whether the group loses less than `tolerance` by its own classifier.

        The sample must have taken no part in fitting or choosing the classifiers.

        Parameters
        ----------
        tolerance : float, or dict from loss to float
            Largest loss that counts as none, in units of the loss. At 0 a certificate means "better", above 0
            "not worse by more than that".
        alpha : float
            Probability of a false certificate, for all claims together.
        method : {"tango", "exact"}
            Score test of paired 0-1 losses (Tango 1998; where few people lose or gain at least the p-value by Skellam's law; below 100 people the exact unconditional test by the same statistic; at
            tolerance 0 the exact McNemar test; with weights on effective counts), or Clopper-Pearson bounds (0-1 losses without
            weights). Real-valued losses have bets (Waudby-Smith and Ramdas 2024), with weights or units a t test whatever the method.
            With weights, or units of different sizes, no test is surer than the heaviest people allow, who may be missing from the sample.
        correction : {"min_p", "holm", "bonferroni", None}
            Adjustment of p-values over the claims that were asked for. "min_p" steps down with the distribution that each p-value has
            (exact for counts of people, independent between groups), and rejects whatever "holm" does.
        claims : {"rationality", "envy", "all"}
            Rationality is claimed for the audit groups, envy-freeness for pairs of assigned groups.
        alpha_weights : dict from audit group to float, optional
            Share of alpha that each group has, chosen before the sample was seen; the shares sum to 1. By default all have the same.
            For ``claims="rationality"``.
        over : list of str or of tuples of str, optional
            Groupings that are one family, such as ``["race", "sex", ("race", "sex")]``; see `over`.

        Returns
        -------
        DataFrame
            One row per claim: `group`, `kind`, `other`, `n`, `gain`, `lower_bound` (one-sided; simultaneous at
            alpha over the number of claims; of the score test, below 30 people of Clopper and Pearson, so that at tolerance 0 it
            can be just above 0 where the exact test does not certify), `p_value`, `p_adjusted`, `certified` (`p_adjusted` below `alpha`, or
            `identical`), `identical` (both are the pooled classifier by construction: not tested), `method`.

        Raises
        ------
        ValueError
            If a parameter is out of range, the loss has no limits, the method does not fit the loss or the weights, or envy is asked for
            and was not measured.
        """
        if over is not None:
            return self.over(over).certify(
                tolerance=tolerance,
                alpha=alpha,
                method=method,
                correction=correction,
                claims=claims,
                alpha_weights=alpha_weights,
            )
        tolerances = self._by_loss(
            tolerance,
            "tolerance",
            lambda value, loss: check_test(value, alpha, method, correction, loss, self._counts_unequally),
        )
        weights = check_alpha_weights(alpha_weights, claims, self._layout.audit)
        return self._claims(claims, strict=True).certify(tolerances, alpha, method, correction, weights)

    def _certify_rationality(self, tolerance: float, alpha: float, method: str, people: Any) -> pd.DataFrame:
        """Certify for groups of which some may have the same people; see `keep_own_classifier`."""
        check_test(tolerance, alpha, method, MIN_P, self._measured.loss, self._counts_unequally)
        claims = self._claims("rationality", strict=True)
        if people is not None:
            claims = of_people(claims, people)
        return claims.certify(tolerance, alpha, method, MIN_P)

    def _untested_gains(self) -> pd.DataFrame:
        """Gains of the audit groups in the columns of `certify`, without a test."""
        unknown = dict.fromkeys(("lower_bound", "p_value", "p_adjusted"), float("nan"))
        return self._claims("rationality", strict=True).table.assign(**unknown, certified=False)

    def harm_tests(
        self,
        *,
        claims: str = "all",
        correction: str | None = "min_p",
        margin: float | Mapping[str, float] = 0.0,
        over: Sequence[str | Sequence[str]] | None = None,
    ) -> pd.DataFrame:
        """Test every claim for a violation, whatever the sign of its gain.

        Parameters
        ----------
        claims : {"rationality", "envy", "all"}
            As for `violations`, which lists the claims that are rejected.
        correction : {"min_p", "holm", "bonferroni", None}
            Adjustment of p-values over the claims that were asked for. "min_p" steps down with the distribution that each p-value has
            (exact for counts of people, independent between groups), and rejects whatever "holm" does.
        margin : float, or dict from loss to float
            Loss that is not yet a violation.
        over : list of str or of tuples of str, optional
            Groupings that are one family; see `over`.

        Returns
        -------
        DataFrame
            Columns `group`, `kind`, `other`, `n`, `gain`, `p_value`, `p_adjusted`; NaN for claims that need no test.

        Raises
        ------
        ValueError
            If a parameter is unknown or out of range, or envy is asked for and was not measured.
        """
        if over is not None:
            return self.over(over).harm_tests(claims=claims, correction=correction, margin=margin)
        self._for_each_loss(check_has_test)
        check_correction(correction)
        margins = self._by_loss(margin, "margin", check_margin)
        return self._claims(claims, strict=False).test_harm(correction, margins)

    def power(
        self,
        tolerance: float | Mapping[str, float],
        alpha: float = 0.05,
        *,
        discordance: float | None = None,
        power: float = 0.8,
    ) -> pd.DataFrame:
        """Tell how many people of each audit group a certificate needs, and what tolerance its people suffice for.

        Parameters
        ----------
        tolerance : float, or dict from loss to float
            Tolerance of the certificate, above 0.
        alpha : float
            Probability of a false certificate, for all groups together.
        discordance : float, optional
            Share of people about whom the two classifiers are not both right or both wrong; by default that of the sample.
        power : float
            Probability of the certificate if the true gain is 0.

        Returns
        -------
        DataFrame
            One row per audit group: `n`, `discordance` (for real-valued losses the variance of a difference),
            `n_needed` for a certificate of the group with that probability, `n_needed_together` for certificates of all groups with that
            probability (if they are independent and each has as many as it needs), `smallest_tolerance` that its `n` people could be certified for, and whether they are `enough`.
            For 0-1 losses the sizes are found with the power of the very test of `certify`, Bonferroni over the groups; for real-valued ones
            with the normal approximation of what bets win, with weights as ``n = (z_{1 - alpha / m} + z_power)^2 q / tolerance^2``. The smallest tolerance is a normal
            approximation, of some hundred people a few per cent too small; the one that the sample does certify is minus the `lower_bound` of `certify`.

        Raises
        ------
        ValueError
            If a parameter is out of range, or `discordance` is given for a real-valued loss.
        """
        tolerances = self._by_loss(tolerance, "tolerance", _anything)
        claims = self._claims("rationality", strict=False)
        if self.has_several_losses:
            n_claims = int(claims.tested().sum())
            tables = {
                name: power_table(
                    part, self._parts[name].loss, tolerances[name], alpha, discordance, power, n_claims
                )
                for name, part in claims.by_loss.items()
            }
            index = self._layout.audit_index()
            return pd.concat({name: table.set_index(index) for name, table in tables.items()}, names=[LOSS])
        table = power_table(claims, self._measured.loss, tolerances, alpha, discordance, power)
        return table.set_index(self._layout.audit_index())

    def worst_shift(self, radius: float) -> pd.DataFrame:
        """Give the lowest rationality gain of each audit group under a change of its composition.

        Parameters
        ----------
        radius : float
            The members may be reweighted by any weights r with mean 1 and ``mean((r - 1)^2) <= radius``, a ball in
            chi-square divergence (Namkoong and Duchi 2017). At 1 the group may shrink to any half of its members.

        Returns
        -------
        DataFrame
            One row per audit group: `n`, `gain`, `worst_gain` in the ball, and `radius_to_harm`, the smallest radius at
            which the gain can be 0 (0 if it is not positive now): ``gain^2 / variance``. Exact for 0-1 losses. For
            real-valued ones both are bounds: the gain does not fall below ``gain - sqrt(radius variance)``, nor below what
            the limits of the loss allow; in small balls this is exact, in large ones the truth can be far better.
            About the sample's distribution: add the uncertainty of `certify`.

        Raises
        ------
        ValueError
            If `radius` is negative or not a number.
        """
        m = self._measured
        table = worst_shift_table(m.levels.audit, radius, m.loss)
        return table.set_index(self._layout.audit_index())

    def gain_intervals(self, alpha: float = 0.05) -> pd.DataFrame:
        """Give each audit group's rationality gain with an interval.

        Parameters
        ----------
        alpha : float
            Each interval, by itself, covers the true gain with probability ``1 - alpha``. For decisions about several
            groups use `certify` and `violations`.

        Returns
        -------
        DataFrame
            One row per audit group: `n`, `gain`, `lower`, `upper`. Tango's score intervals for 0-1 losses (wider where few people lose or gain,
            exact below 30 people); for real-valued ones bounds by bets, or Student's with weights or units, or where the loss has no limits.

        Raises
        ------
        ValueError
            If `alpha` is not between 0 and 1.
        """
        check_alpha(alpha)
        table = self._claims("rationality", strict=False).intervals(alpha)
        if self.has_several_losses:
            parts = {name: table[table[LOSS] == name].drop(columns=[LOSS, "group"]) for name in self.losses}
            index = self._layout.audit_index()
            return pd.concat({name: part.set_index(index) for name, part in parts.items()}, names=[LOSS])
        return table.drop(columns="group").set_index(self._layout.audit_index())

    def to_model_card(
        self,
        *,
        tolerance: float | Mapping[str, float] = 0.01,
        alpha: float = 0.05,
        min_group_size: int = SMALLEST_SHOWN,
        harm_margin: float | Mapping[str, float] = 0.0,
    ) -> str:
        """Write verdict, sizes, gains, power and limits as a section of a model card.

        Parameters
        ----------
        tolerance : float, or dict from loss to float
            Largest loss that counts as none in certificates, in units of the loss.
        alpha : float
            One minus the confidence: for all violations together, and for all certificates together.
        min_group_size : int
            Groups with fewer people are tested, but not shown.
        harm_margin : float, or dict from loss to float
            Loss that is not yet called harm, in units of the loss.

        Returns
        -------
        str
            Markdown, with the headings of Mitchell et al. 2019 (arXiv 1810.03993).

        Raises
        ------
        ValueError
            If a parameter is out of range, or the frame has control features.

        Examples
        --------
        >>> from fairlearn_fwh.metrics import PreferenceFrame
        >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[0, 1] * 100, y_pred_pooled=[1] * 200,
        ...                         sensitive_features=["a"] * 100 + ["b"] * 100)
        >>> frame.to_model_card().splitlines()[2]
        '**Harm found: the model is worse than the baseline for 2 of 2 groups, most for a, with 95 % confidence.**'
        """
        return _shown.model_card(
            self,
            tolerance=tolerance,
            alpha=alpha,
            min_group_size=min_group_size,
            harm_margin=harm_margin,
        )

    def _claims(self, claims: str, *, strict: bool) -> Any:
        """Claims of the loss, or one family of those of all losses."""
        if not self.has_several_losses:
            return claims_of(self._measured, claims, strict=strict)
        return ClaimsOfLosses(
            {name: claims_of(part, claims, strict=strict) for name, part in self._parts.items()}
        )

    def _for_each_loss(self, check: Callable[[Loss], None]) -> None:
        for part in self._parts.values():
            check(part.loss)

    def _by_loss(self, value: Any, argument: str, check: Callable[[Any, Loss], None]) -> Any:
        """Check what is given for the loss; for several losses a dict, of one value for all or of one for each.

        Raises
        ------
        ValueError
            If a dict does not have a value for each loss, or a value does not pass the check.
        """
        if not self.has_several_losses:
            if isinstance(value, Mapping):
                raise ValueError(f"{argument} is a dict by losses, but the frame has a single one.")
            check(value, self._measured.loss)
            return value
        values = dict(value) if isinstance(value, Mapping) else dict.fromkeys(self.losses, value)
        if set(values) != set(self.losses):
            raise ValueError(
                f"{argument} must have a value for each of the losses {self.losses}; got {value!r}."
            )
        for name, part in self._parts.items():
            check(values[name], part.loss)
        return values

    def _people(self) -> pd.Series:
        """How many people each audit group has, units where rows belong together; of several losses those whom the most people concern."""
        n = np.max([people_of(part) for part in self._parts.values()], axis=0)
        return pd.Series(n, index=self._layout.audit_index())

    def _hidden(self, min_group_size: int) -> pd.Series:
        """Whether each audit group cannot be shown to others: in no loss where it is hidden in one, because losses can be subtracted."""
        return pd.Series(what_can_be_shown(self._parts, min_group_size)[0], index=self._layout.audit_index())

    def _shows_everybody(self, min_group_size: int) -> bool:
        """Whether figures of everybody can be shown beside those of groups that are not hidden."""
        return what_can_be_shown(self._parts, min_group_size)[1]

    def over(self, groupings: Sequence[str | Sequence[str]] | None = None) -> PreferenceFrame:
        """Audit margins and intersections together: all women, all of a race, and women of a race.

        Parameters
        ----------
        groupings : list of str or of tuples of str, optional
            Columns of `sensitive_features`; a tuple is an intersection. By default every column by itself and the intersection of all.

        Returns
        -------
        PreferenceFrame
            Its audit groups are those of all groupings; a column that a grouping does not have is "all" in them. All their claims are one
            family: decisions are adjusted for what overlapping groups have in common. Figures of everybody stay. It cannot be added to
            another; add first. Without replicates.

        Raises
        ------
        ValueError
            If a column is unknown, a grouping comes twice, there is one column only or control features, a unit has rows in several
            intersections, or a group is called "all".

        Examples
        --------
        >>> import pandas as pd
        >>> from fairlearn_fwh.metrics import PreferenceFrame
        >>> people = pd.DataFrame({"race": list("aabb") * 25, "sex": list("fmfm") * 25})
        >>> frame = PreferenceFrame(y_true=[1] * 100, y_pred=[0, 1] * 50, y_pred_pooled=[1] * 100, sensitive_features=people)
        >>> frame.over().violations(alpha=0.05)["group"].tolist()
        [('a', 'all'), ('b', 'all'), ('all', 'f'), ('a', 'f'), ('b', 'f')]
        """
        wanted = all_groupings(self._layout.audit_names) if groupings is None else groupings
        if not self.has_several_losses:
            return self._of(regroup(self._measured, wanted), self.ci_quantiles)
        return self._of(
            {name: regroup(part, wanted) for name, part in self._parts.items()}, self.ci_quantiles
        )

    def as_one_group(self) -> PreferenceFrame:
        """Put all people into one audit group, to ask of everybody what is asked of groups.

        Returns
        -------
        PreferenceFrame
            Its only audit group is "all"; without replicates.

        Raises
        ------
        ValueError
            If there are control features.

        Examples
        --------
        >>> from fairlearn_fwh.metrics import PreferenceFrame
        >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[1, 1, 0, 1] * 50, y_pred_pooled=[1, 0] * 100,
        ...                         sensitive_features=["a", "b"] * 100)
        >>> frame.as_one_group().gain_intervals().round(3).to_dict("records")
        [{'n': 200, 'gain': 0.25, 'lower': 0.13, 'upper': 0.365}]
        """
        if self._layout.control_names:
            raise ValueError("as_one_group needs a frame without control_features.")
        if not self.has_several_losses:
            return self._of(as_one_group(self._measured), self.ci_quantiles)
        return self._of({name: as_one_group(part) for name, part in self._parts.items()}, self.ci_quantiles)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        loss: str | Callable[..., Any] = "zero_one",
        sample_weight: Any = None,
        labels: Any = None,
        loss_limit: float | None = None,
        units: Any = None,
        pos_label: Any = None,
    ) -> PreferenceFrame:
        """Make the frame of a fitted routed ensemble on a sample.

        Parameters
        ----------
        estimator : routed ensemble, Pipeline that ends in one, or search over one
            A fitted estimator of this package with group classifiers.
        X : array-like, shape (n, d)
            Features.
        y : array-like, shape (n,)
            True labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            What the estimator routes by, if it does; in any case the audit groups.
        loss : str or callable
            As for the class. For "log" and "brier" probabilities of ``classes_[1]`` are compared.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        labels : sequence of labels, optional
            As for the class.
        loss_limit, pos_label : optional
            As for the class.
        units : array-like, shape (n,), DataFrame or dict, optional
            As for the class.

        Returns
        -------
        PreferenceFrame

        Raises
        ------
        TypeError
            If `estimator` is not a routed ensemble.
        ValueError
            As for the class, or if indexes have the same labels in another order.
        """
        check_alignment(
            {"X": X, "y": y, "sensitive_features": sensitive_features, "sample_weight": sample_weight}
        )
        found = resolve_losses(loss, loss_limit, pos_label)
        kind = found if isinstance(found, Loss) else kind_of_all(found)
        return cls(
            y_true=y,
            loss=loss,
            loss_limit=loss_limit,
            pos_label=pos_label,
            units=units,
            labels=known_labels(end_of(estimator), y, kind, labels),
            **ask_routed_ensemble(estimator, X, sensitive_features, sample_weight, kind),
        )

    @staticmethod
    def from_metric(
        metric: Callable[..., float],
        *,
        y_true: Any,
        y_pred: Any,
        y_pred_pooled: Any,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
        greater_is_better: bool = True,
        n_boot: int = 1000,
        random_state: Any = None,
    ) -> MetricGains:
        """Measure gains in any metric by group, with bootstrap intervals and no certificates.

        Parameters
        ----------
        metric : callable (y_true, y_pred) -> float
            Of scikit-learn, of fairlearn or one's own; with weights it takes `sample_weight`.
        y_true, y_pred, y_pred_pooled : array-like, shape (n,)
            Truth, what people got, and what they would have got from the baseline: whatever the metric compares.
        sensitive_features, sample_weight, units : optional
            As for the class; units are drawn with all their rows.
        greater_is_better : bool
            Whether a greater value is better for a group; False for errors.
        n_boot : int
            Number of replicates; the metric is asked twice for each and group.
        random_state : int, RandomState or None
            Seeds the draws.

        Returns
        -------
        MetricGains
            Not a `PreferenceFrame`: a metric that is not a mean over people has no sums, tests or certificates.

        Raises
        ------
        TypeError
            If `metric` is not callable, or is a scorer.
        ValueError
            If lengths differ, a value is missing, the metric does not take the weights, or fails for a group.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.metrics import f1_score
        >>> from fairlearn_fwh.metrics import PreferenceFrame
        >>> rng = np.random.default_rng(0)
        >>> y, groups = rng.integers(0, 2, 400), np.repeat(["a", "b"], 200)
        >>> old = np.where(rng.random(400) < 0.2, 1 - y, y)
        >>> gains = PreferenceFrame.from_metric(
        ...     f1_score, y_true=y, y_pred=y, y_pred_pooled=old, sensitive_features=groups, n_boot=200, random_state=0)
        >>> bool((gains.gain_intervals()["lower"] > 0).all())
        True
        """
        rows = Rows(y_true, y_pred, y_pred_pooled, sensitive_features, sample_weight, units)
        return gains_of(
            metric, rows, greater_is_better=greater_is_better, n_boot=n_boot, random_state=random_state
        )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        y_true: str,
        y_pred: str | None = None,
        y_pred_pooled: str,
        y_pred_by_group: Sequence[str] | Mapping[Any, str] | None = None,
        groups: str | Sequence[str] | None = None,
        sensitive_features: str | Sequence[str] | None = None,
        control_features: str | Sequence[str] | None = None,
        sample_weight: str | None = None,
        units: str | Sequence[str] | None = None,
        loss: str | Callable[..., Any] = "zero_one",
        n_boot: int | None = None,
        ci_quantiles: Sequence[float] = _CI_QUANTILES,
        random_state: Any = None,
        stratify: bool = True,
        pooled_groups: Iterable[Any] = (),
        labels: Any = None,
        max_cells: int = 100_000,
        loss_limit: float | None = None,
        unit_key: str | bytes | None = None,
        pos_label: Any = None,
    ) -> PreferenceFrame:
        """Measure the columns of a data frame, in the engine that holds it.

        Parameters
        ----------
        frame : pandas, polars, pyarrow, DuckDB, Dask or PySpark frame, or any other that narwhals knows
            Of a lazy frame only sums per group come back (with `n_boot` its loss cells), so it may be larger than the
            memory.
        y_true, y_pred, y_pred_pooled, sample_weight : str
            Names of columns; see the class.
        y_pred_by_group : list of str, or dict from label to str, optional
            Columns with the predictions of every group's classifier; without labels their names are the labels.
        groups, sensitive_features, control_features, units : str or list of str, optional
            Names of columns; several make an intersection.
        loss : str or callable
            As for the class; callables for eager frames only.
        n_boot, ci_quantiles, random_state, stratify, pooled_groups, labels, loss_limit, unit_key, pos_label
            As for the class.
        max_cells : int
            Most groups that are taken back from an engine; with `n_boot` most combinations of groups and distinct losses,
            of which a real-valued loss may have as many as there are rows, or of groups and units.

        Returns
        -------
        PreferenceFrame

        Raises
        ------
        TypeError
            If narwhals does not know the frame.
        ValueError
            If a column does not exist or has missing or unsuitable values, or there are more than `max_cells` cells.

        Examples
        --------
        >>> import pandas as pd
        >>> from fairlearn_fwh.metrics import PreferenceFrame
        >>> table = pd.DataFrame({"y": [1, 0, 1, 0], "new": [1, 0, 0, 0], "old": [0, 0, 1, 0], "sex": list("ffmm")})
        >>> frame = PreferenceFrame.from_frame(table, y_true="y", y_pred="new", y_pred_pooled="old",
        ...                                    sensitive_features="sex")
        >>> frame.by_group["rationality_gain"].to_dict()
        {'f': 0.5, 'm': -0.5}
        """
        quantiles = check_quantiles(ci_quantiles)
        bootstrap = BootstrapSettings(n_boot, stratify, random_state)
        check_names(frame)
        table = nw.from_native(frame)
        columns = Columns.read(
            y_true=y_true,
            y_pred=y_pred,
            y_pred_pooled=y_pred_pooled,
            y_pred_by_group=y_pred_by_group,
            groups=groups,
            sensitive_features=sensitive_features,
            control_features=control_features,
            sample_weight=sample_weight,
            units=units,
        )
        check_columns(table.collect_schema(), columns)
        if isinstance(table, nw.LazyFrame):
            measured = measure_losses_lazily(
                table,
                columns,
                resolve_losses(loss, loss_limit, pos_label),
                bootstrap,
                pooled_groups=pooled_groups,
                labels=labels,
                max_cells=max_cells,
                unit_key=_key_of(unit_key, units),
            )
            made = cls._of(measured, quantiles)
            hint_at_proxies(made._layout, stacklevel=3)
            return made
        return cls(
            **eager_parameters(table, columns),
            loss=loss,
            loss_limit=loss_limit,
            pos_label=pos_label,
            n_boot=n_boot,
            ci_quantiles=quantiles,
            random_state=random_state,
            stratify=stratify,
            pooled_groups=pooled_groups,
            labels=labels,
            unit_key=unit_key,
        )

    def plot(self, kind: str = "gain", *, ax: Any = None, min_group_size: int = 1) -> Any:
        """Plot the frame.

        Parameters
        ----------
        kind : {"gain", "envy", "flips", "tradeoff"}
            Gains of the audit groups with intervals and the line of no harm; the envy matrix as a heat map; bars of
            negative and positive flips of the audit groups; or the gain of the worst-off group against the change of
            disparity (`compare` draws several models into it).
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.
        min_group_size : int
            Groups with fewer people are not drawn.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If `kind` is unknown, needs predictions by group that the frame does not have, or does not apply to a frame with
            control features.
        MissingExtraError
            If matplotlib is not installed.
        """
        return _shown.plot(self, kind, ax, min_group_size)

    def _title(self) -> str:
        if self.has_several_losses:
            return f"PreferenceFrame: {len(self._layout.groups)} assigned and {len(self._layout.audit)} audit group(s), losses {', '.join(self.losses)}; gains"
        m, overall = self._measured, self.overall
        title = (
            f"PreferenceFrame: {int(m.sums.n.sum()):,} rows, {len(self._layout.groups)} assigned and "
            f"{len(self._layout.audit)} audit group(s), loss {m.loss.name!r}"
        )
        if self._layout.control_names:
            return f"{title}, within levels of {', '.join(self._layout.control_names)}"
        return (
            f"{title}\nrisk {overall['risk']:.4f} (pooled {overall['pooled_risk']:.4f}), "
            f"smallest gain of a group {plain_gain(overall['min_gain'])}, disagreement with pooled {overall['disagreement_rate']:.4f}"
        )

    def __repr__(self) -> str:
        return f"{self._title()}\n{self._shown_table().to_string(float_format='{:.4f}'.format)}"

    def _shown_table(self) -> pd.DataFrame:
        return self.gains if self.has_several_losses else self.by_group.iloc[:, :8]

    def _repr_html_(self) -> str:
        title = html.escape(self._title()).replace("\n", "<br>")
        return f"<p>{title}</p>{(self.gains if self.has_several_losses else self.by_group).to_html(float_format='{:.4f}'.format)}"


def _anything(value: Any, loss: Loss) -> None:
    """Check nothing: what is given is checked where it is used."""


def _tables_of(
    measured: Measurement | Mapping[str, Measurement], quantiles: tuple[float, ...]
) -> Tables | TablesOfLosses:
    if isinstance(measured, Measurement):
        return Tables(measured, quantiles)
    return TablesOfLosses({name: Tables(part, quantiles) for name, part in measured.items()})


def _key_of(unit_key: Any, units: Any) -> bytes | None:
    """Read the key of the units, if there is one."""
    if unit_key is None:
        return None
    if units is None:
        raise ValueError("unit_key is for units; name them, or leave it out.")
    return read_key(unit_key)
