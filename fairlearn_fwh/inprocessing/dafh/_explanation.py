"""Who the learned groups are, and why a person gets the classifier that it gets."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import optimize, sparse, stats

from ...audit import SMALLEST_SHOWN
from ...audit._plots import label_text, new_axes, style
from ...base._answers import ask_labels
from ...exceptions import UnstableGroupsWarning
from ...metrics._core._groups import encode_groups, flat_index
from ._parts import LearnsGroups

#: Restarts that agree less than this (adjusted Rand index) find groups that mean nothing.
_LEAST_STABILITY = 0.5


def warn_if_unstable(stability: float) -> None:
    """Warn if equally good restarts find other groups."""
    if stability < _LEAST_STABILITY:
        warnings.warn(
            f"Restarts with about the same gain find different groups (mean adjusted Rand index {stability:.2f}, below "
            f"{_LEAST_STABILITY}): do not read meaning into who is in which group.",
            UnstableGroupsWarning,
            stacklevel=3,
        )


@dataclass(frozen=True)
class GroupExplanation:
    """Who the learned groups are.

    Attributes
    ----------
    groups : DataFrame
        One row per group: `n`, `share`, `base_rate` (share of the last class, if y was given and has two classes),
        `served_by` ("own" or "pooled"). What would tell of fewer than 10 people is missing.
    features : DataFrame
        One row per group and feature: `separation` (Kolmogorov-Smirnov distance between the group and everybody else, 0
        to 1), `mean_in_group` and `mean_elsewhere`; the features that separate most come first.
    composition : DataFrame
        One row per audit attribute, value and group: `share` of the group, and `n`. Values with fewer than 10 people in a
        group are left out, with the next smallest if they would follow from the others. Empty without audit attributes.
    association : DataFrame
        One row per audit attribute: `cramers_v` between it and the groups with a 95 % interval, `lower` and `upper`.
    """

    groups: pd.DataFrame
    features: pd.DataFrame
    composition: pd.DataFrame
    association: pd.DataFrame


def explain_groups(
    codes: np.ndarray,
    labels: list[Any],
    served_by: dict[Any, str],
    features: pd.DataFrame,
    base: np.ndarray | None,
    sensitive_features: Any,
) -> GroupExplanation:
    """Describe groups.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Group of each person, -1 for none.
    labels : list
        Names of the groups.
    served_by : dict from label to str
    features : DataFrame, shape (n, d)
    base : ndarray of bool, shape (n,), or None
        Whether people are of the last class.
    sensitive_features : array-like, Series, DataFrame or dict, or None
    """
    sizes = np.array([(codes == k).sum() for k in range(len(labels))])
    shown = sizes >= SMALLEST_SHOWN
    groups = pd.DataFrame(
        {
            "n": pd.array(sizes, dtype="Int64").astype("Int64"),
            "share": np.where(shown, sizes / len(codes), np.nan),
        },
        index=pd.Index(flat_index(labels), name="group"),
    )
    groups.loc[~shown, "n"] = pd.NA
    if base is not None:
        groups["base_rate"] = [_base_rate(base[codes == k]) for k in range(len(labels))]
    groups["served_by"] = [served_by[label] for label in labels]
    attributes = {} if sensitive_features is None else _attributes(sensitive_features, len(codes))
    return GroupExplanation(
        groups,
        _separating_features(codes, labels, features),
        _composition(codes, labels, attributes),
        pd.DataFrame(
            {name: cramers_v(codes, column) for name, column in attributes.items()},
            index=["cramers_v", "lower", "upper"],
        ).T.rename_axis("attribute"),
    )


def _base_rate(base: np.ndarray) -> float:
    """Share of a class, unless it would tell of fewer than ten people."""
    positive = int(base.sum())
    return positive / len(base) if min(positive, len(base) - positive) >= SMALLEST_SHOWN else np.nan


def _attributes(sensitive_features: Any, n_rows: int) -> dict[str, np.ndarray]:
    """Codes of each audit attribute, beside their names."""
    if isinstance(sensitive_features, dict):
        sensitive_features = pd.DataFrame(sensitive_features)
    if hasattr(sensitive_features, "columns"):
        return {str(name): _column(sensitive_features[name], n_rows) for name in sensitive_features.columns}
    name = getattr(sensitive_features, "name", None)
    return {str(name or "sensitive_feature"): _column(sensitive_features, n_rows)}


def _column(column: Any, n_rows: int) -> np.ndarray:
    groups = encode_groups(column, n_rows=n_rows)
    return np.array([str(label) for label in groups.labels], dtype=object)[groups.codes]


def _separating_features(codes: np.ndarray, labels: list[Any], features: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for k, label in enumerate(labels):
        inside, outside = features[codes == k], features[codes != k]
        if len(inside) < SMALLEST_SHOWN or len(outside) < SMALLEST_SHOWN:
            continue
        rows += [
            {
                "group": label,
                "feature": name,
                "separation": _distance(inside[name].to_numpy(), outside[name].to_numpy()),
                "mean_in_group": inside[name].mean(),
                "mean_elsewhere": outside[name].mean(),
            }
            for name in features.columns
        ]
    columns = ["group", "feature", "separation", "mean_in_group", "mean_elsewhere"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(
        ["group", "separation"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _distance(inside: np.ndarray, outside: np.ndarray) -> float:
    """Largest difference between two distribution functions."""
    values = np.unique(np.concatenate([inside, outside]))
    cdf = [np.searchsorted(np.sort(part), values, side="right") / len(part) for part in (inside, outside)]
    return float(np.abs(cdf[0] - cdf[1]).max())


def _composition(codes: np.ndarray, labels: list[Any], attributes: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = []
    for name, column in attributes.items():
        for k, label in enumerate(labels):
            values, counts = np.unique(column[codes == k], return_counts=True)
            for value, n in zip(values[shown := _shown(counts)], counts[shown], strict=True):
                rows.append(
                    {
                        "attribute": name,
                        "value": value,
                        "group": label,
                        "n": int(n),
                        "share": n / counts.sum(),
                    }
                )
    return pd.DataFrame(rows, columns=["attribute", "value", "group", "n", "share"])


def _shown(counts: np.ndarray) -> np.ndarray:
    """Cells that can be shown: one that is hidden alone would follow from the others, so the next smallest is hidden too."""
    shown = counts >= SMALLEST_SHOWN
    if (~shown).sum() == 1 and shown.any():
        shown[np.flatnonzero(shown)[counts[shown].argmin()]] = False
    return shown


def cramers_v(
    groups: np.ndarray, attribute: np.ndarray, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Cramer's V of two categorical columns, with an interval.

    Pearson's statistic exceeds what it estimates by its degrees of freedom, which are taken off (a table of many cells
    would else always show an association). The interval inverts its noncentral chi-square distribution (Smithson 2003).

    Returns
    -------
    tuple of float
        V, and its lower and upper bound; NaN if a column has one value.
    """
    table = pd.crosstab(groups, attribute).to_numpy()
    smaller = min(table.shape) - 1
    if smaller < 1:
        return np.nan, np.nan, np.nan
    statistic, _, freedom, _ = stats.chi2_contingency(table, correction=False)
    scale = table.sum() * smaller

    def bound(level: float) -> float:
        """Noncentrality under which the statistic is at this quantile."""
        if stats.chi2.cdf(statistic, freedom) <= level:
            return 0.0
        top = statistic + 10 * np.sqrt(statistic + freedom) + 100
        return optimize.brentq(lambda nc: stats.ncx2.cdf(statistic, freedom, nc) - level, 1e-9, top)

    tail = (1 - confidence) / 2
    lower, upper = (min(1.0, np.sqrt(bound(level) / scale)) for level in (1 - tail, tail))
    return float(np.sqrt(max(statistic - freedom, 0.0) / scale)), lower, upper


def plot_groups(explanation: GroupExplanation, n_features: int = 8, ax: Any = None) -> Any:
    """Plot how groups differ from each other in the features that separate them most, and of whom they consist.

    Parameters
    ----------
    explanation : GroupExplanation
    n_features : int
        Number of features that are shown.
    ax : matplotlib Axes, optional
        Where to plot; by default new axes.

    Returns
    -------
    matplotlib Axes
        Shares of the groups for audit attributes if there are any, else separations of features.

    Raises
    ------
    ValueError
        If there is nothing to compare: fewer than two groups have 10 people or more.
    """
    table = _bars(explanation, n_features)
    if table.empty:
        raise ValueError(
            "X must have at least two groups of 10 people or more; otherwise there is nothing to compare."
        )
    ax = new_axes(ax, 8.5, 1.6 + 0.24 * len(table) * max(len(table.columns), 2))
    height = 0.8 / len(table.columns)
    for i, group in enumerate(table.columns):
        position = np.arange(len(table))[::-1] + 0.4 - (i + 0.5) * height
        row = explanation.groups.loc[group]
        n = "fewer than 10" if row["n"] is pd.NA else f"{row['n']:,}"
        label = f"group {label_text(group)}: {n} people, served by {row['served_by']}"
        ax.barh(position, 100 * table[group].fillna(0), height, color=style(i)["color"], label=label)
        for place in position[table[group].isna().to_numpy()]:
            ax.text(0, place, " not shown (few people)", va="center", fontsize=6, color="#555555")
    ax.set_yticks(np.arange(len(table))[::-1], [label_text(label) for label in table.index])
    if explanation.composition.empty:
        ax.set_xlabel("distance between the group and everybody else (Kolmogorov-Smirnov), %")
        ax.set_title("What separates the learned groups")
    else:
        ax.set_xlabel("share of the group, %")
        values = [
            f"{name}: {row.cramers_v:.2f} ({row.lower:.2f} to {row.upper:.2f})"
            for name, row in explanation.association.iterrows()
        ]
        ax.set_title("\n".join(["Of whom the learned groups consist; Cramer's V", *values]), fontsize=10)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.6 / ax.figure.get_figheight() - 0.04), frameon=False
    )
    return ax


def _bars(explanation: GroupExplanation, n_features: int) -> pd.DataFrame:
    if not explanation.composition.empty:
        table = explanation.composition
        several = table["attribute"].nunique() > 1
        table = table.assign(row=table["attribute"] + " = " + table["value"] if several else table["value"])
        return table.pivot(index="row", columns="group", values="share")
    table = explanation.features.pivot(index="feature", columns="group", values="separation")
    order = table.max(axis=1).sort_values(ascending=False, kind="stable")
    return table.loc[order.index[:n_features]]


class _Explains(LearnsGroups, Protocol):
    """What the parts of an explanation ask of each other."""

    def explain_groups(
        self, X: Any, y: Any = None, *, sensitive_features: Any = None
    ) -> GroupExplanation: ...


class ExplainsGroups:
    """What an estimator with learned groups tells about them."""

    def predict_group_proba(self: LearnsGroups, X: Any) -> pd.DataFrame:
        """Say with what probability the router assigns each person to each group.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features.

        Returns
        -------
        DataFrame, shape (n, K)
            One column per group; people are served by the group of the largest entry.
        """
        X = self._check_predict_input(X)
        return pd.DataFrame(self._group_probabilities(X), columns=flat_index(self.groups_), index=_index(X))

    def explain(self: LearnsGroups, X: Any) -> pd.DataFrame:
        """Say for each person which classifier decides, and what the others would have said.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features.

        Returns
        -------
        DataFrame, shape (n, K + 6)
            `group`, its `probability`, `prediction` (what the person gets), `pooled_prediction`, ``prediction_<group>`` for every group's
            classifier (a group that fell back has the pooled one's), `served_by` ("own" or "pooled") and `reason`.
        """
        X = self._check_predict_input(X)
        probabilities = self._group_probabilities(X)
        codes, table = self._route(X, None)
        labels = [label for label, _ in table]
        likeliest = probabilities.argmax(axis=1)
        unsure = codes < 0
        fallen = np.isin(likeliest, [k for k, label in enumerate(labels) if label in self.fallback_groups_])
        reasons = np.array(
            [
                f"the pooled classifier serves the group: {self.fallback_groups_[label]}"
                if label in self.fallback_groups_
                else "the group's own classifier"
                for label in labels
            ],
            dtype=object,
        )[likeliest]
        reasons[unsure] = f"the group is less likely than router_threshold={self.router_threshold}"
        by_group = self.predict_by_group(X).add_prefix("prediction_")
        return pd.DataFrame(
            {
                "group": np.array(labels, dtype=object)[likeliest],
                "probability": probabilities.max(axis=1),
                "prediction": self.predict(X),
                "pooled_prediction": ask_labels(self.pooled_estimator_, X),
                **{str(name): by_group[name].to_numpy() for name in by_group},
                "served_by": np.where(unsure | fallen, "pooled", "own"),
                "reason": reasons,
            },
            index=_index(X),
        )

    def explain_groups(
        self: LearnsGroups, X: Any, y: Any = None, *, sensitive_features: Any = None
    ) -> GroupExplanation:
        """Describe the groups: size, base rate, the features that separate them, of whom they consist.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features.
        y : array-like, shape (n,), optional
            True labels, for base rates.
        sensitive_features : array-like, Series, DataFrame or dict, optional
            Audit attributes, of each of which the composition of the groups and Cramer's V are told.

        Returns
        -------
        GroupExplanation

        Raises
        ------
        ValueError
            If lengths differ, or X has other columns than in `fit`.

        Warns
        -----
        UnstableGroupsWarning
            If equally good restarts found other groups (`group_stability_` below 0.5).

        Examples
        --------
        >>> import numpy as np
        >>> from fairlearn_fwh.inprocessing import DAFHClassifier
        >>> X = np.random.default_rng(0).standard_normal((3000, 3))
        >>> side = np.where(X[:, 0] > 0, "above", "below")
        >>> y = np.where(side == "above", X[:, 1], X[:, 2]) > 0  # two groups with different rules
        >>> model = DAFHClassifier(random_state=0).fit(X, y)
        >>> explanation = model.explain_groups(X, y, sensitive_features={"side": side})
        >>> explanation.groups.columns.tolist()
        ['n', 'share', 'base_rate', 'served_by']
        >>> bool(explanation.association.loc["side", "cramers_v"] > 0.8)
        True
        """
        X = self._check_predict_input(X)
        warn_if_unstable(self.group_stability_)
        codes, table = self._route(X, None)
        labels = [label for label, _ in table]
        if y is not None and len(y) != len(codes):
            raise ValueError(f"X has {len(codes)} rows, but y has {len(y)}; they must be the same people.")
        base = None if y is None or len(self.classes_) != 2 else np.asarray(y) == self.classes_[1]
        served_by = {label: "pooled" if label in self.fallback_groups_ else "own" for label in labels}
        return explain_groups(codes, labels, served_by, _features(X), base, sensitive_features)

    def plot_groups(
        self: _Explains,
        X: Any,
        y: Any = None,
        *,
        sensitive_features: Any = None,
        n_features: int = 8,
        ax: Any = None,
    ) -> Any:
        """Plot what separates the groups or, with audit attributes, of whom they consist.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        y : array-like, shape (n,), optional
            Labels, as for `explain_groups`.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Audit attributes, as for `explain_groups`.
        n_features : int
            Number of features that are shown.
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.

        Returns
        -------
        matplotlib Axes
        """
        return plot_groups(self.explain_groups(X, y, sensitive_features=sensitive_features), n_features, ax)


def _index(X: Any) -> Any:
    return X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(X.shape[0])


def _features(X: Any) -> pd.DataFrame:
    """Features with names, dense."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return pd.DataFrame(frame.to_numpy(), columns=[str(name) for name in frame.columns])
    values = X.toarray() if sparse.issparse(X) else np.asarray(X)
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])
