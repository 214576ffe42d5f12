"""How often a group is harmed on untouched data: plain decoupling, empirical and certified selection."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from ...audit._plots import COLOURS, new_axes
from ...decoupling import DecoupledClassifier
from ...exceptions import GroupFallbackWarning
from ...metrics import PreferenceFrame
from ...postprocessing import NoHarmSelector
from .._data import REAL_DATA, Split, make_split

#: Shares of the rows for fitting, choosing and testing.
_TEST_SHARE, _CHOICE_SHARE = 1 / 4, 1 / 3

RULES = ("decoupling", "empirical", "certified")

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def run_selection(
    datasets: Sequence[str] = tuple(REAL_DATA),
    *,
    n_splits: int = 100,
    alpha: float = 0.05,
    data_home: Any = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Decouple gradient boosting by race, sex and age groups, with and without selection, over random splits.

    Half of the rows fit the pooled classifier and one per group, a quarter is for choosing, a quarter for testing.
    All rules choose from the same classifiers.

    Parameters
    ----------
    datasets : sequence of str
        "adult", "arrest", "violent", "german", "bank".
    n_splits : int
        Random splits, seeds 0 to ``n_splits - 1``.
    alpha : float
        Level of the selection and of the tests for harm.
    data_home : path-like, optional
        Folder with the data files.
    progress : callable (iterable, total) -> iterable, optional
        Wraps the work to show how far it is.

    Returns
    -------
    DataFrame
        One row per data set, attribute, split and rule: `harmed` (a group is significantly worse off than with the pooled
        classifier on the test rows: exact McNemar tests, step-down), `gain` and `smallest_gain` on them, and `groups_kept`, the
        share of the groups that keep their own classifier.

    Raises
    ------
    ValueError
        If a data set is unknown or `n_splits` is not positive.
    """
    if unknown := [name for name in datasets if name not in REAL_DATA]:
        raise ValueError(f"datasets must be among {list(REAL_DATA)}; got {unknown!r}.")
    if n_splits < 1:
        raise ValueError(f"n_splits must be at least 1; got {n_splits!r}.")
    bunches = {name: REAL_DATA[name].load(data_home) for name in datasets}
    plan: Iterable[Any] = [
        (name, attribute, seed)
        for name in datasets
        for attribute in bunches[name].sensitive_features
        for seed in range(n_splits)
    ]
    if progress is not None:
        plan = progress(plan, len(list(plan)))
    rows: list[dict[str, Any]] = []
    for name, attribute, seed in plan:
        split = make_split(bunches[name], attribute, test_size=_TEST_SHARE, random_state=seed)
        for rule, figures in _compare_rules(split, seed, alpha).items():
            rows.append({"dataset": name, "attribute": attribute, "seed": seed, "rule": rule, **figures})
    return pd.DataFrame(rows)


def _compare_rules(split: Split, seed: int, alpha: float) -> dict[str, dict[str, Any]]:
    rows = np.arange(len(split.y))
    fitting, choosing = train_test_split(rows, test_size=_CHOICE_SHARE, random_state=seed)
    ensemble = DecoupledClassifier(HistGradientBoostingClassifier(random_state=seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        ensemble.fit(split.X[fitting], split.y[fitting], sensitive_features=split.attribute.iloc[fitting])
        models: dict[str, Any] = {"decoupling": ensemble}
        for rule in RULES[1:]:
            selector = NoHarmSelector(ensemble, guarantee=rule, alpha=alpha, prefit=True)
            models[rule] = selector.fit(
                split.X[choosing], split.y[choosing], sensitive_features=split.attribute.iloc[choosing]
            )
        return {rule: _test(model, split, alpha) for rule, model in models.items()}


def _test(model: Any, split: Split, alpha: float) -> dict[str, Any]:
    frame = PreferenceFrame(
        y_true=split.y_test,
        y_pred=model.predict(split.X_test, sensitive_features=split.attribute_test),
        y_pred_pooled=model.pooled_estimator_.predict(split.X_test),
        sensitive_features=split.attribute_test,
    )
    kept = [m is not model.pooled_estimator_ for m in model.group_estimators_.values()]
    return {
        "harmed": len(frame.violations(alpha=alpha, claims="rationality")) > 0,
        "gain": frame.overall["rationality_gain"],
        "smallest_gain": frame.by_group["rationality_gain"].min(),
        "groups_kept": float(np.mean(kept)),
    }


def summarize_selection(runs: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Summarise what `run_selection` returns.

    Parameters
    ----------
    runs : DataFrame
    alpha : float
        One minus the confidence of the intervals of shares (Clopper-Pearson).

    Returns
    -------
    DataFrame
        One row per data set, attribute and rule: `n_splits`, `share_harmed` with `lower` and `upper`, mean `gain`,
        mean `smallest_gain` and mean `groups_kept`.
    """
    grouped = runs.groupby(["dataset", "attribute", "rule"], sort=False)
    summary = grouped[["gain", "smallest_gain", "groups_kept"]].mean()
    intervals = [
        stats.binomtest(int(harmed.sum()), len(harmed)).proportion_ci(1 - alpha)
        for _, harmed in grouped["harmed"]
    ]
    summary.insert(0, "n_splits", grouped.size())
    summary.insert(1, "share_harmed", grouped["harmed"].mean())
    summary.insert(2, "lower", [interval.low for interval in intervals])
    summary.insert(3, "upper", [interval.high for interval in intervals])
    return summary


def plot_selection_harm(summary: pd.DataFrame, ax: Any = None) -> Any:
    """Plot the share of splits with a harmed group, for every rule.

    Parameters
    ----------
    summary : DataFrame
        What `summarize_selection` returns.
    ax : matplotlib Axes, optional
        Where to plot; by default new axes.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    cases = summary.xs(RULES[0], level="rule").index
    ax = new_axes(ax, 8.0, 1.6 + 0.55 * len(cases))
    position = np.arange(len(cases))[::-1]
    for i, rule in enumerate(RULES):
        part = summary.xs(rule, level="rule").loc[cases]
        place = position + 0.26 * (1 - i)
        ax.barh(place, 100 * part["share_harmed"], height=0.24, color=COLOURS[(1, 4, 0)[i]], label=rule)
        errors = 100 * np.array([part["share_harmed"] - part["lower"], part["upper"] - part["share_harmed"]])
        ax.errorbar(
            100 * part["share_harmed"], place, xerr=errors, fmt="none", ecolor="#333333", capsize=2, linewidth=1
        )  # fmt: skip
    ax.set_yticks(position, [f"{dataset}, {attribute.replace('_', ' ')}" for dataset, attribute in cases])
    ax.set_xlim(left=0)
    n = int(summary["n_splits"].max())
    ax.set_xlabel(f"splits in which a group is significantly harmed, % of {n} (95 % intervals)")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title="rule")
    return ax
