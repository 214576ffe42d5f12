"""The strategies of selection on the same experts, as intersections of groups multiply."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...exceptions import GroupFallbackWarning
from ...metrics import PreferenceFrame
from ...metrics._core._groups import encode_groups
from ...postprocessing import NoHarmSelector
from .._data import REAL_DATA, DataSpec, Split
from .._runs import Progress, Rows, percent, points, run_splits
from ._architectures import train_and_set_aside

ALPHA = 0.05

STRATEGIES = ("max_min", "min_gap", "max_overall")

GUARANTEES = ("certified", "empirical")

#: Groups with fewer test rows have no say in the worst group and the gap.
SMALLEST_SHOWN = 50

#: People to choose on, and to test, in generated data; the more groups, the fewer in each.
N_GENERATED = 8000

#: Gains, in accuracy, of the two kinds of generated experts.
BETTER, EQUAL = 0.04, 0.0

#: Share of generated people whom exactly one of pooled classifier and expert answers rightly.
DISCORDANCE = 0.1


def _generated(n_groups: int) -> DataSpec:
    """Answers of a pooled classifier (first column) and of experts (second), of which every other one is truly better."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, pd.Series]:
        group = np.arange(N_GENERATED) % n_groups
        y = rng.integers(0, 2, N_GENERATED)
        accuracy = np.linspace(0.7, 0.85, n_groups)[rng.permutation(n_groups)][group]
        gain = np.where(group % 2 == 0, BETTER, EQUAL)
        right = rng.random(N_GENERATED) < accuracy
        flips = rng.random(N_GENERATED) < np.where(
            right, (DISCORDANCE - gain) / 2 / accuracy, (DISCORDANCE + gain) / 2 / (1 - accuracy)
        )
        own = right ^ flips
        X = np.column_stack([np.where(right, y, 1 - y), np.where(own, y, 1 - y)])
        return X, y, pd.Series(group, name="group")

    def split(bunch: Any, attribute: str, *, test_size: float, random_state: int) -> Split:
        rng = np.random.default_rng([random_state, n_groups])
        (X, y, group), (X_test, y_test, group_test) = draw(rng), draw(rng)
        return Split(
            X=X,
            y=y,
            attribute=group,
            X_test=X_test,
            y_test=y_test,
            attribute_test=group_test,
            sensitive=group.to_frame(),
            sensitive_test=group_test.to_frame(),
            feature_names=["pooled", "own"],
        )

    return DataSpec(lambda home: None, "group", split=split)


DATA = {f"generated-{n}": _generated(n) for n in (2, 4, 8, 16, 32, 64)} | {
    f"adult-{attribute.replace(',', '-')}": DataSpec(REAL_DATA["adult"].load, attribute)
    for attribute in ("sex", "race", "race,sex")
}


class _Column(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose answers are a column of X."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.classes_ = np.array([0, 1])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Take the column."""
        return X[:, self.column].astype(int)


def run_fairsde_strategies(
    datasets: Sequence[str] = tuple(DATA),
    *,
    n_splits: int = 5,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Choose between a pooled classifier and the same experts by every strategy and guarantee.

    Parameters
    ----------
    datasets : sequence of str
        Among "generated-2" to "generated-64" (as many groups; answers are drawn, every other expert is truly better by 4 points) and
        "adult-sex", "adult-race", "adult-race-sex" (experts are trained).
    n_splits, data_home, n_jobs, progress
        As for `run_fairsde`.

    Returns
    -------
    DataFrame
        One row per data set, split, strategy and guarantee: `n_groups`, `kept` (share of the groups), `power` and `wrong` (of the truly better,
        and of the other experts, the share that is kept; NaN for real data), on test rows `worst` (accuracy of the worst group) and `gap`
        (between best and worst group), `worst_gain` and `gap_change` against the pooled classifier, `harmed` (groups significantly worse
        off), `seconds` for choosing.

    Raises
    ------
    ValueError
        If a data set is unknown or `n_splits` is less than 1.
    DatasetNotFoundError
        If the file of a data set is nowhere.
    """
    return run_splits(
        _run_split,
        DATA,
        datasets,
        n_splits=n_splits,
        data_home=data_home,
        n_jobs=n_jobs,
        progress=progress,
    )


def _run_split(dataset: str, seed: int, split: Split) -> Rows:
    if dataset.startswith("generated"):
        models, choosing, better = _drawn(split)
    else:
        models, choosing = train_and_set_aside(split, seed)
        better = set()
    X, y, group = choosing
    rows: Rows = []
    for guarantee in GUARANTEES:
        for strategy in STRATEGIES:
            selector = NoHarmSelector(models, prefit=True, strategy=strategy, guarantee=guarantee)
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GroupFallbackWarning)
                selector.fit(X, y, sensitive_features=group)
                seconds = time.perf_counter() - began
                served = selector.predict(split.X_test, sensitive_features=split.attribute_test)
            kept = {label for label in selector.groups_ if label not in selector.fallback_groups_}
            rows.append(
                {
                    "strategy": strategy,
                    "guarantee": guarantee,
                    "n_groups": len(selector.groups_),
                    "kept": len(kept) / len(selector.groups_),
                    "power": len(kept & better) / len(better) if better else np.nan,
                    "wrong": len(kept - better) / (len(selector.groups_) - len(better)) if better else np.nan,
                    **_on_test_rows(split, served, models[0].predict(split.X_test)),
                    "seconds": seconds,
                }
            )
    return rows


def _drawn(split: Split) -> Any:
    labels = sorted(split.attribute.unique())
    better = {label for label in labels if label % 2 == 0}
    return (_Column(0), dict.fromkeys(labels, _Column(1))), (split.X, split.y, split.attribute), better


def _on_test_rows(split: Split, served: np.ndarray, pooled: np.ndarray) -> dict[str, float]:
    frame = PreferenceFrame(
        y_true=split.y_test, y_pred=served, y_pred_pooled=pooled, sensitive_features=split.attribute_test
    )
    groups = encode_groups(split.attribute_test)
    sizes = np.bincount(groups.codes)
    accuracies = [
        (np.bincount(groups.codes, answer == split.y_test) / sizes)[sizes >= min(SMALLEST_SHOWN, sizes.max())]
        for answer in (served, pooled)
    ]
    (worst, worst_pooled), (gap, gap_pooled) = ([f(a) for a in accuracies] for f in (np.min, np.ptp))
    return {
        "worst": worst,
        "gap": gap,
        "worst_gain": worst - worst_pooled,
        "gap_change": gap - gap_pooled,
        "harmed": len(frame.violations(ALPHA, "rationality")),
    }


def fairsde_strategies_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_fairsde_strategies`, and what follows from it.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde_strategies` returns it.

    Returns
    -------
    str
    """
    n_splits = runs["split"].nunique()
    keys = ["dataset", "guarantee", "strategy"]
    figures = ["n_groups", "kept", "power", "wrong", "worst_gain", "gap_change", "harmed", "seconds"]
    means = runs.groupby(keys, sort=False)[figures].mean().reset_index()
    rows = [
        (
            row["dataset"], row["guarantee"], row["strategy"], f"{row['n_groups']:.0f}", percent(row["kept"]), percent(row["power"]),
            percent(row["wrong"]), points(row["worst_gain"]), points(row["gap_change"]), f"{row['harmed']:.2f}", f"{row['seconds']:.3f}",
        )
        for _, row in means.iterrows()
    ]  # fmt: skip
    header = (
        "data set", "guarantee", "strategy", "groups", "experts kept, %", "of the truly better, %", "of the others, %",
        "worst group's gain", "change of the gap", "groups harmed", "seconds to choose",
    )  # fmt: skip
    return "\n".join(
        [
            f"# Strategies of selection as groups multiply: {n_splits} random split{'' if n_splits == 1 else 's'}",
            "",
            _answer(runs),
            "",
            markdown_table(header, rows),
            "",
            _LEGEND,
            "",
        ]
    )


_LEGEND = f"""Means over splits. Gains and changes are on test rows, in percentage points of accuracy, against the pooled classifier; worst group and gap are
over groups with at least {SMALLEST_SHOWN} test rows. A group is harmed if its loss is significant (exact McNemar tests, step-down over all groups, level {ALPHA}). In
generated data {N_GENERATED:,} people are divided among all groups, and every other expert is better by {100 * BETTER:.0f} points, the rest by none."""


def _answer(runs: pd.DataFrame) -> str:
    certified = runs[runs["guarantee"] == "certified"]
    parts = []
    for strategy in STRATEGIES:
        kept, worst, gap = (
            100
            * certified.loc[certified["strategy"] == strategy, ["kept", "worst_gain", "gap_change"]]
            .mean()
            .to_numpy()
        )
        parts.append(
            f"{strategy} keeps {kept:.0f} % of the experts and moves the worst group by {worst:+.2f} and the gap by {gap:+.2f} points"
        )
    sentences = [f"Certified, mean over {certified['dataset'].nunique()} data set(s): {'; '.join(parts)}."]
    max_min = certified[certified["strategy"] == "max_min"].dropna(subset="power")
    power = max_min.groupby("n_groups")["power"].mean().reset_index().to_numpy()
    if len(power) > 1:
        (few, of_few), (many, of_many) = power[0], power[-1]
        sentences.append(
            f"With as many people in all, `max_min` finds {100 * of_few:.0f} % of the truly better experts of {few:.0f} groups, and "
            f"{100 * of_many:.0f} % of those of {many:.0f}."
        )
    slowest = runs["seconds"].max()
    return " ".join([*sentences, f"No choice took longer than {slowest:.2f} s."])


def plot_fairsde_strategies(runs: pd.DataFrame) -> Any:
    """Plot what strategies do to worst group and gap, and how power falls as groups multiply.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde_strategies` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    figure, (panels,) = new_panels(1, 3, (14, 4.6))
    titles = ("experts kept, % of the groups", "worst group's gain, points", "change of the gap, points")
    names = list(dict.fromkeys(runs["dataset"]))
    i = 0
    for guarantee in GUARANTEES:
        for strategy in STRATEGIES:
            part = runs[(runs["guarantee"] == guarantee) & (runs["strategy"] == strategy)]
            means = 100 * part.groupby("dataset", sort=False)[
                ["kept", "worst_gain", "gap_change"]
            ].mean().reindex(names)
            look = style(i)
            for ax, column in zip(panels, means.columns, strict=True):
                position = np.arange(len(names)) - 0.3 + 0.12 * i
                ax.plot(
                    means[column],
                    position,
                    look["fmt"],
                    color=look["color"],
                    label=f"{strategy}, {guarantee}",
                )
            i += 1
    for ax, title in zip(panels, titles, strict=True):
        ax.axvline(0, color="black", linewidth=1)
        ax.set_yticks(np.arange(len(names)), names if ax is panels[0] else [""] * len(names))
        ax.invert_yaxis()
        ax.set_xlabel(title)
    panels[2].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.suptitle(
        f"Strategies of selection on the same experts: means over {runs['split'].nunique()} splits"
    )
    return figure
