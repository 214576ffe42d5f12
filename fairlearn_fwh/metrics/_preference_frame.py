"""The preference frame: who gains and who loses by getting another classifier than the pooled one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import EnvySkippedWarning
from ._arrays import (
    POOLED,
    as_column,
    as_weights,
    encode_groups,
    flat_index,
    labels_index,
    match_groups,
    own_predictions,
    read_assigned_and_audit,
    read_predictions_by_group,
)
from ._cells import DERIVED, GroupSums, LossCells, matching_groups, served_by_pooled
from ._claims import Claims, check_alpha, check_claims, check_test, identical_pairs, make_claims
from ._losses import resolve_loss

#: Positions of the own and of the pooled classifier among the statistics; group classifiers follow.
_OWN, _POOLED = 0, 1

#: With more groups `PreferenceFrame.from_estimator` does not ask every classifier about every row.
MAX_ENVY_GROUPS = 100

_ENVY_COLUMNS = ("envy_gain", "most_envied")


class PreferenceFrame:
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
    sample_weight : array-like, shape (n,), optional
        Weights of the rows; rows of weight zero are left out.
    pooled_groups : iterable of labels, optional
        Groups whose classifier is the pooled one by construction (a fallback). Their claims are
        `identical` and need no test.

    Attributes
    ----------
    overall : Series
        Figures of the whole sample.
    by_group : DataFrame
        Figures of each audit group.
    risk_matrix : DataFrame, shape (K, K + 1)
        Risk (mean loss) of each assigned group under each group's classifier and the pooled one.
    envy_matrix : DataFrame, shape (K, K)
        Entry [k, j]: risk of group k under the classifier of j minus under its own; negative: k envies j.
    empty_groups : list
        Group classifiers that serve nobody in this sample; their rows are NaN.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, weights are negative or all zero, `groups` names a column that
        does not exist, or `y_pred` contradicts it.

    Notes
    -----
    The rate of fairness without harm is the share of people whose own classifier is, for them, no worse than
    the pooled and all other group classifiers (arXiv 2509.24077, section 6.3). It equals the accuracy plus the
    share of people for whom every classifier is wrong, and copies of the pooled classifier reach 100 %:
    read it beside the accuracy, the gain over pooled and the disagreement with pooled.

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
        pooled_groups: Iterable[Any] = (),
    ) -> None:
        self._loss = resolve_loss(loss)
        y = as_column(y_true, "y_true")
        pooled = as_column(y_pred_pooled, "y_pred_pooled", len(y))
        own = None if y_pred is None else as_column(y_pred, "y_pred", len(y))
        weights = as_weights(sample_weight, len(y))
        if own is None and (groups is None or y_pred_by_group is None):
            raise ValueError(
                "y_pred is needed unless both y_pred_by_group and groups say what each person got."
            )
        if y_pred_by_group is not None and groups is None:
            raise ValueError("groups is needed with y_pred_by_group: it says which column each person got.")
        assigned, audit = read_assigned_and_audit(groups, sensitive_features, len(y))
        self._audit_labels, self._audit_names = audit.labels, audit.names
        self._has_envy = y_pred_by_group is not None
        by_group: list[np.ndarray] = []
        if y_pred_by_group is not None:
            predictions = read_predictions_by_group(y_pred_by_group, len(y))
            by_group, self._groups = predictions.columns, predictions.labels
        else:
            self._groups = [label for label in assigned.labels if label != POOLED]
        self._group_names = assigned.names
        codes = match_groups(assigned, self._groups, "groups", "y_pred_by_group")
        own = own_predictions(own, by_group, codes, pooled)
        self._pooled_groups = set(pooled_groups)
        if unknown := self._pooled_groups - set(self._groups):
            raise ValueError(
                f"pooled_groups names {sorted(map(str, unknown))}; the groups are {self._groups[:10]!r}."
            )
        names = ["y_pred", "y_pred_pooled", *(f"y_pred_by_group[{label!r}]" for label in self._groups)]
        losses = [self._loss(y, c, name) for c, name in zip([own, pooled, *by_group], names, strict=False)]
        self._sum_up(losses, own != pooled, codes, audit.codes, weights)

    def _sum_up(
        self,
        losses: list[np.ndarray],
        disagrees: np.ndarray,
        assigned: np.ndarray,
        audit: np.ndarray,
        weights: np.ndarray | None,
    ) -> None:
        """Reduce the rows to sums over cells, over assigned groups, over audit groups and over all."""
        if weights is not None and not (kept := weights > 0).all():
            losses = [loss[kept] for loss in losses]
            disagrees, assigned, audit, weights = disagrees[kept], assigned[kept], audit[kept], weights[kept]
        self._weighted = weights is not None
        cells = LossCells.from_rows(
            losses, disagrees, assigned, audit, weights, is_binary=self._loss.is_binary
        )
        n_audit = len(self._audit_labels)
        self._assigned_sums = GroupSums.of(cells, cells.assigned, len(self._groups))
        self._audit_sums = GroupSums.of(cells, cells.audit, n_audit)
        self._overall_sums = GroupSums.of(cells, np.zeros_like(cells.audit), 1)
        self._assigned_of_audit = matching_groups(cells, n_audit, len(self._groups))
        self._audit_pooled = served_by_pooled(
            cells, n_audit, [g in self._pooled_groups for g in self._groups]
        )
        self._tabulate()

    def _tabulate(self) -> None:
        assigned_index = labels_index(self._groups, self._group_names)
        self.risk_matrix = self._risk_matrix(assigned_index)
        self.envy_matrix = self._envy_matrix(assigned_index)
        self.empty_groups = [g for g, n in zip(self._groups, self._assigned_sums.n, strict=True) if n == 0]
        self.by_group = self._by_group()
        self.overall = self._overall()

    def _risk_matrix(self, index: pd.Index) -> pd.DataFrame:
        means = self._assigned_sums.mean()
        k = len(self._groups)
        if self._has_envy:
            square = means[:, 2 : 2 + k]
        else:  # nobody knows how a group would do with another's classifier
            square = np.where(np.eye(k, dtype=bool), means[:, [_OWN]], np.nan)
        columns = flat_index([*self._groups, POOLED])
        return pd.DataFrame(np.column_stack([square, means[:, _POOLED]]), index, columns)

    def _envy_matrix(self, index: pd.Index) -> pd.DataFrame:
        k = len(self._groups)
        gains = (
            self._assigned_sums.gain()[:, 2 : 2 + k]
            if self._has_envy
            else np.where(np.eye(k, dtype=bool), 0.0, np.nan)
        )
        return pd.DataFrame(gains, index, flat_index(self._groups))

    def _figures(self, sums: GroupSums) -> dict[str, np.ndarray]:
        """Figures that groups and the whole sample share, each shape (g,)."""
        means = sums.mean()
        return {
            "n": sums.n,
            "risk": means[:, _OWN],
            "pooled_risk": means[:, _POOLED],
            "rationality_gain": sums.gain()[:, _POOLED],
        } | {name: means[:, i - len(DERIVED)] for i, name in enumerate(DERIVED)}

    def _by_group(self) -> pd.DataFrame:
        table = pd.DataFrame(
            self._figures(self._audit_sums), labels_index(self._audit_labels, self._audit_names)
        )
        envy = [self._envy_of(k) if k >= 0 else (np.nan, None) for k in self._assigned_of_audit]
        for i, name in enumerate(_ENVY_COLUMNS):
            table.insert(
                4 + i, name, pd.Series([row[i] for row in envy], table.index, dtype=(float, object)[i])
            )
        return table

    def _envy_of(self, k: int) -> tuple[float, Any]:
        """Return the smallest gain of group k over another group's classifier, and whose it is if it is negative."""
        gains = np.delete(self.envy_matrix.iloc[k].to_numpy(), k)
        if not len(gains) or np.isnan(gains).all():
            return np.nan, None
        j = int(np.argmin(gains))
        return float(gains[j]), self._groups[j + (j >= k)] if gains[j] < 0 else None

    def _overall(self) -> pd.Series:
        figures = {name: values[0] for name, values in self._figures(self._overall_sums).items()}
        is_binary = self._loss.is_binary
        gains = self._assigned_sums.gain()[:, _POOLED]
        off_diagonal = self._off_diagonal_envy()
        return pd.Series(
            {
                "n": figures.pop("n"),
                "risk": figures.pop("risk"),
                "pooled_risk": (pooled_risk := figures.pop("pooled_risk")),
                "accuracy": 1 - self._overall_sums.mean()[0, _OWN] if is_binary else np.nan,
                "pooled_accuracy": 1 - pooled_risk if is_binary else np.nan,
                **figures,
                "n_violations": float((gains < 0).sum() + (off_diagonal < 0).sum())
                if self._has_envy
                else np.nan,
                "max_gain": _reduce(np.nanmax, gains),
                "min_gain": _reduce(np.nanmin, gains),
                "envy_margin": self.envy_margin(),
                "disparity_change": self._disparity_change(),
            },
            dtype=float,
        )

    def _off_diagonal_envy(self) -> np.ndarray:
        return self.envy_matrix.to_numpy()[~np.eye(len(self._groups), dtype=bool)]

    def _disparity_change(self) -> float:
        """Spread of audit groups' risks under the own classifiers minus the spread under the pooled one."""
        means = self._audit_sums.mean()[self._audit_sums.n > 0]
        return float(np.ptp(means[:, _OWN]) - np.ptp(means[:, _POOLED]))

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
        """
        if reduce == "min":
            return _reduce(np.nanmin, self._off_diagonal_envy())
        if reduce == "max":
            return _reduce(np.nanmax, self.envy_matrix.to_numpy())
        raise ValueError(f"reduce must be 'min' or 'max'; got {reduce!r}.")

    def violations(self, alpha: float | None = None, claims: str = "all") -> pd.DataFrame:
        """List the groups that would do better with the pooled or another group's classifier.

        Parameters
        ----------
        alpha : float, optional
            List significant violations only: exact McNemar tests (on effective counts for weighted rows, t tests for
            real-valued losses), adjusted by Holm over all claims that were asked for. By default every negative
            gain in the sample is listed. An empty table means that no violation was *found*; `certify` says
            whether there is none.
        claims : {"rationality", "envy", "all"}
            Rationality is checked for the audit groups, envy for pairs of assigned groups. Without
            `y_pred_by_group` "all" is rationality alone.

        Returns
        -------
        DataFrame
            Columns `group`, `kind`, `other`, `n`, `gain` and, with `alpha`, `p_value` and `p_adjusted`.

        Raises
        ------
        ValueError
            If `alpha` is not between 0 and 1, or envy is asked for and was not measured.
        """
        if alpha is not None:
            check_alpha(alpha)
        return self._claims(claims, strict=False).violations(alpha)

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
        check_test(tolerance, alpha, method, correction, self._loss, self._weighted)
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
        return table.set_index(labels_index(self._audit_labels, self._audit_names))

    def _claims(self, claims: str, *, strict: bool) -> Claims:
        rationality, envy = check_claims(claims, has_envy=self._has_envy, strict=strict)
        parts: list[Any] = []
        if rationality:
            columns = np.array([_POOLED])
            identical = self._audit_pooled[:, None]
            parts.append(("rationality", self._audit_sums, self._audit_labels, columns, [POOLED], identical))
        if envy:
            columns = 2 + np.arange(len(self._groups))
            identical = identical_pairs(self._groups, self._groups, self._pooled_groups)
            parts.append(("envy", self._assigned_sums, self._groups, columns, self._groups, identical))
        return make_claims(parts, self._loss, self._weighted)

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
        o = self.overall
        return (
            f"PreferenceFrame: {int(o['n']):,} rows, {len(self._groups)} assigned and {len(self._audit_labels)} audit "
            f"group(s), loss {self._loss.name!r}\n"
            f"risk {o['risk']:.4f} (pooled {o['pooled_risk']:.4f}), smallest gain of a group {o['min_gain']:+.4f}, "
            f"disagreement with pooled {o['disagreement_rate']:.4f}"
        )

    def __repr__(self) -> str:
        return f"{self._title()}\n{self.by_group.iloc[:, :8].to_string(float_format='{:.4f}'.format)}"

    def _repr_html_(self) -> str:
        title = self._title().replace("\n", "<br>")
        return f"<p>{title}</p>{self.by_group.to_html(float_format='{:.4f}'.format)}"


def _positive(predictions: np.ndarray) -> np.ndarray:
    """Take the column of the positive class where there are several."""
    return predictions[:, 1] if predictions.ndim == 2 else predictions


def _reduce(function: Callable[[np.ndarray], Any], values: np.ndarray) -> float:
    return float(function(values)) if (~np.isnan(values)).any() else np.nan
