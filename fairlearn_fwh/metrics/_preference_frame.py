"""The preference frame: who gains and who loses by getting another classifier than the pooled one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from ..exceptions import EnvySkippedWarning
from ._arrays import encode_groups
from ._bootstrap import BootstrapSettings
from ._claims import (
    Claims,
    check_alpha,
    check_claims,
    check_correction,
    check_test,
    envy_claims,
    make_claims,
    rationality_claims,
)
from ._intervals import check_quantiles
from ._losses import resolve_loss
from ._measurement import Measurement
from ._reading import read_rows
from ._tables import Tables

#: With more groups `PreferenceFrame.from_estimator` does not ask every classifier about every row.
MAX_ENVY_GROUPS = 100

#: Quantiles of a two-sided 95 % interval.
_CI_QUANTILES = (0.025, 0.975)


class PreferenceFrame(Tables):
    """Compare what people got with what they could have had.

    Each person is served by one classifier (its own), which is compared with the pooled classifier
    (rationality) and with the classifiers of the other groups (envy-freeness). All gains are
    ``loss(other) - loss(own)``: positive is good for the group. The frame keeps sums per group, not rows.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels (or values, for ``loss="squared"`` and ``"absolute"``).
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
    loss : {"zero_one", "log", "brier", "squared", "absolute"} or callable
        Loss of a person. Predictions are labels for "zero_one", probabilities of the positive class for
        "log" and "brier". A callable takes (y_true, y_pred) and returns one loss per row.
    control_features : array-like, shape (n,), DataFrame or dict, optional
        Features within whose levels everything is measured, as in fairlearn's `MetricFrame`: they come first in the
        index of every table, and `overall` has a row for each level.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows; rows of weight zero are left out.
    n_boot : int, optional
        Number of bootstrap replicates, for intervals that have no formula and for `replicates`.
    ci_quantiles : sequence of float
        Quantiles at which `overall_ci`, `by_group_ci`, `risk_matrix_ci` and `envy_matrix_ci` have bounds.
    random_state : int, RandomState instance or None
        Seed of the bootstrap.
    stratify : bool
        Whether every audit group keeps its size in the replicates, so that a small one never vanishes.
    pooled_groups : iterable of labels, optional
        Groups whose classifier is the pooled one by construction (a fallback). Their claims are
        `identical` and need no test.

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
        does not exist, `y_pred` contradicts it, or `n_boot` or `ci_quantiles` is out of range.

    Notes
    -----
    The rate of fairness without harm is the share of people whose own classifier is, for them, no worse than
    the pooled and all other group classifiers (arXiv 2509.24077, section 6.3). It equals the accuracy plus the
    share of people for whom every classifier is wrong, and copies of the pooled classifier reach 100 %:
    read it beside the accuracy, the gain over pooled and the disagreement with pooled.

    Shares of people have mid-P bounds, gains in 0-1 losses Tango's score bounds (exact ones below 30 people), means of
    real-valued losses Student's. With weights their variances are linearised. A smallest or largest gain over groups
    has the bounds that the groups have together (Bonferroni), not percentiles, which are biased there; what remains
    (`disparity_change`) has percentiles of the bootstrap, and counts have none. `to_frame` names the method.

    Frames of two samples add up: ``a + b`` is the frame of both together.

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
    ) -> None:
        quantiles = check_quantiles(ci_quantiles)
        bootstrap = BootstrapSettings(n_boot, stratify, random_state)
        loss_of = resolve_loss(loss)
        cells, layout, weighted = read_rows(
            y_true=y_true,
            y_pred=y_pred,
            y_pred_pooled=y_pred_pooled,
            y_pred_by_group=y_pred_by_group,
            groups=groups,
            sensitive_features=sensitive_features,
            control_features=control_features,
            loss=loss_of,
            sample_weight=sample_weight,
            pooled_groups=pooled_groups,
        )
        self._tabulate(Measurement.of_cells(cells, layout, loss_of, weighted, bootstrap), quantiles)

    @classmethod
    def _of(cls, measured: Measurement, ci_quantiles: tuple[float, ...]) -> Self:
        frame = cls.__new__(cls)
        frame._tabulate(measured, ci_quantiles)
        return frame

    def __add__(self, other: PreferenceFrame) -> Self:
        if not isinstance(other, PreferenceFrame):
            return NotImplemented
        return self._of(self._measured + other._measured, self.ci_quantiles)

    def violations(
        self, alpha: float | None = None, claims: str = "all", correction: str | None = "holm"
    ) -> pd.DataFrame:
        """List the groups that would do better with the pooled or another group's classifier.

        Parameters
        ----------
        alpha : float, optional
            List significant violations only: exact McNemar tests (on effective counts for weighted rows, t tests for
            real-valued losses), adjusted over all claims that were asked for. By default every negative
            gain in the sample is listed. An empty table means that no violation was *found*; `certify` says
            whether there is none.
        claims : {"rationality", "envy", "all"}
            Rationality is checked for the audit groups, envy for pairs of assigned groups. Without
            `y_pred_by_group` "all" is rationality alone.
        correction : {"holm", "bonferroni", None}
            Adjustment of p-values over the claims that were asked for.

        Returns
        -------
        DataFrame
            Columns `group`, `kind`, `other`, `n`, `gain` and, with `alpha`, `p_value` and `p_adjusted`.

        Raises
        ------
        ValueError
            If `alpha` is not between 0 and 1, `correction` is unknown, or envy is asked for and was not measured.
        """
        if alpha is not None:
            check_alpha(alpha)
        check_correction(correction)
        return self._claims(claims, strict=False).violations(alpha, correction)

    def certify(
        self,
        *,
        tolerance: float,
        alpha: float = 0.05,
        method: str = "tango",
        correction: str | None = "holm",
        claims: str = "rationality",
    ) -> pd.DataFrame:
        """Test for each claim whether the group loses less than `tolerance` by its own classifier.

        The sample must have taken no part in fitting or choosing the classifiers.

        Parameters
        ----------
        tolerance : float
            Largest loss that counts as none, in units of the loss. At 0 a certificate means "better", above 0
            "not worse by more than that".
        alpha : float
            Probability of a false certificate, for all claims together.
        method : {"tango", "exact", "bernstein"}
            Score test of paired 0-1 losses (Tango 1998; exact below 30 people; with weights on effective counts
            with the linearised variance; for real-valued losses a t test), Clopper-Pearson bounds (0-1 losses
            without weights), or the empirical Bernstein bound (Maurer and Pontil 2009; bounded losses).
        correction : {"holm", "bonferroni", None}
            Adjustment of p-values over the claims that were asked for.
        claims : {"rationality", "envy", "all"}
            Rationality is claimed for the audit groups, envy-freeness for pairs of assigned groups.

        Returns
        -------
        DataFrame
            One row per claim: `group`, `kind`, `other`, `n`, `gain`, `lower_bound` (one-sided; simultaneous at
            alpha over the number of claims), `p_value`, `p_adjusted`, `certified` (`p_adjusted` below `alpha`, or
            `identical`), `identical` (both are the pooled classifier by construction: not tested), `method`.

        Raises
        ------
        ValueError
            If a parameter is out of range, the method does not fit the loss or the weights, or envy is asked for
            and was not measured.
        """
        check_test(tolerance, alpha, method, correction, self._measured.loss, self._measured.weighted)
        return self._claims(claims, strict=True).certify(tolerance, alpha, method, correction)

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
            One row per audit group: `n`, `gain`, `lower`, `upper`. Tango's score intervals for 0-1 losses (exact below
            30 people), t intervals for real-valued ones.

        Raises
        ------
        ValueError
            If `alpha` is not between 0 and 1.
        """
        check_alpha(alpha)
        table = self._claims("rationality", strict=False).intervals(alpha).drop(columns="group")
        return table.set_index(self._layout.audit_index())

    def _claims(self, claims: str, *, strict: bool) -> Claims:
        layout, m = self._layout, self._measured
        rationality, envy = check_claims(claims, has_envy=layout.has_envy, strict=strict)
        kinds = [rationality_claims(m)] if rationality else []
        kinds += [envy_claims(m)] if envy else []
        return make_claims(kinds, m.loss, m.weighted)

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
        loss : {"zero_one", "log", "brier", "squared", "absolute"} or callable
            As for the class. For "log" and "brier" probabilities of ``classes_[1]`` are compared.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        PreferenceFrame

        Raises
        ------
        TypeError
            If `estimator` is not a routed ensemble.
        """
        estimator = getattr(estimator, "best_estimator_", estimator)
        steps = getattr(estimator, "steps", None)
        if steps is not None:
            X = estimator[:-1].transform(X) if len(steps) > 1 else X
            estimator = steps[-1][1]
        if not hasattr(estimator, "predict_by_group"):
            raise TypeError(
                f"{type(estimator).__name__} has no predict_by_group: it is not a routed ensemble. Compare its "
                "predictions with a baseline's: PreferenceFrame(y_true=..., y_pred=..., y_pred_pooled=...)."
            )
        kind = "predict_proba" if resolve_loss(loss).predicts == "probabilities" else "predict"
        groups = estimator.predict_group(X, sensitive_features=sensitive_features)
        too_many = len(estimator.groups_) > MAX_ENVY_GROUPS
        if too_many:
            warnings.warn(
                f"Envy is not measured: {len(estimator.groups_):,} groups would each have to be asked about every row "
                f"(at most {MAX_ENVY_GROUPS} are).",
                EnvySkippedWarning,
                stacklevel=2,
            )
        present = set(groups) if too_many else ()
        audit = sensitive_features
        if audit is not None:
            audit = encode_groups(audit, missing_group=getattr(estimator, "missing_group", "error"))
        return cls(
            y_true=y,
            y_pred=_positive(getattr(estimator, kind)(X, sensitive_features=sensitive_features)),
            y_pred_pooled=_positive(getattr(estimator.pooled_estimator_, kind)(X)),
            y_pred_by_group=(
                estimator.predict_by_group(X, response_method=kind)
                if len(estimator.groups_) and not too_many
                else None
            ),
            groups=groups,
            sensitive_features=audit,
            loss=loss,
            sample_weight=sample_weight,
            pooled_groups=[
                group
                for group, model in estimator.group_estimators_.items()
                if model is estimator.pooled_estimator_ and (not too_many or group in present)
            ],
        )

    def _title(self) -> str:
        m, overall = self._measured, self.overall
        title = (
            f"PreferenceFrame: {int(m.sums.n.sum()):,} rows, {len(self._layout.groups)} assigned and "
            f"{len(self._layout.audit)} audit group(s), loss {m.loss.name!r}"
        )
        if self._layout.control_names:
            return f"{title}, within levels of {', '.join(self._layout.control_names)}"
        return (
            f"{title}\nrisk {overall['risk']:.4f} (pooled {overall['pooled_risk']:.4f}), "
            f"smallest gain of a group {overall['min_gain']:+.4f}, disagreement with pooled {overall['disagreement_rate']:.4f}"
        )

    def __repr__(self) -> str:
        return f"{self._title()}\n{self.by_group.iloc[:, :8].to_string(float_format='{:.4f}'.format)}"

    def _repr_html_(self) -> str:
        title = self._title().replace("\n", "<br>")
        return f"<p>{title}</p>{self.by_group.to_html(float_format='{:.4f}'.format)}"


def _positive(predictions: np.ndarray) -> np.ndarray:
    """Take the column of the positive class where there are several."""
    return predictions[:, 1] if predictions.ndim == 2 else predictions
