"""Selective demographic experts: what experts, their losses and the selection are worth (FairSDE, arXiv 2511.06293)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from ...audit._markdown import markdown_table
from ...audit._plots import label_text, new_axes, style
from ...exceptions import GroupFallbackWarning
from ...inprocessing import SelectiveExpertsClassifier
from ...metrics import PreferenceFrame
from ...metrics._core._groups import encode_groups
from .._data import IMAGE_DATA, REAL_DATA, DataSpec, Split
from .._runs import Progress, Rows, interval, percent, points, run_splits

ALPHA = 0.05

#: Groups with fewer test rows are tested, but have no row in the table.
SMALLEST_SHOWN = 50

#: What is left out of the losses of the experts.
ABLATIONS: dict[str, dict[str, Any]] = {
    "experts": {},
    "experts, no discriminator loss": {"discriminator_weight": 0.0},
    "experts, no centre loss": {"center_weight": 0.0},
    "experts, no diversity loss": {"diversity_weight": 0.0},
    "heads alone": {"discriminator_weight": 0.0, "center_weight": 0.0, "diversity_weight": 0.0},
}

DATA = REAL_DATA | {"adult-race-sex": DataSpec(REAL_DATA["adult"].load, "race,sex")} | IMAGE_DATA

#: On two cores an epoch on images takes seconds.
_SETTINGS: dict[str, dict[str, Any]] = dict.fromkeys(IMAGE_DATA, {"max_epochs": 15})

POOLED, SELECTED, EXPERTS, HEADS = "pooled network", "selected", "experts", "heads alone"


def run_fairsde(
    datasets: Sequence[str] = ("arrest", "adult"),
    *,
    n_splits: int = 5,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Train experts with all losses and with some left out, on random splits.

    Parameters
    ----------
    datasets : sequence of str
        Among "adult", "adult-race-sex" (their intersections), "arrest", "violent", "german", "bank", and images: "ham10000" (by sex) and
        "ham10000-age" (all images of a lesion are on one side of every split, and one of each is for testing).
    n_splits : int
        Seeds 0 to ``n_splits - 1``; a quarter of the rows is for testing.
    data_home : path-like, optional
        Folder with the data files.
    n_jobs : int, optional
        Splits at a time.
    progress : callable (iterable, total) -> iterable, optional
        Wraps the work to show how far it is.

    Returns
    -------
    DataFrame
        One row per data set, split, method and group: `n`, `accuracy`, `auc`, `gain` in accuracy over the pooled network, `harmed`
        (significantly worse, adjusted over the groups), `same` (everybody of the group has the pooled network), `separability`.

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
    models = {
        name: _fit(split, seed, _SETTINGS.get(dataset, {}) | weights) for name, weights in ABLATIONS.items()
    }
    full = models[EXPERTS]
    pooled = full.pooled_estimator_.predict_proba(split.X_test)[:, 1]
    answers = {POOLED: pooled, SELECTED: _served(full, full.group_estimators_, split)}
    answers |= {name: _served(model, model.experts_, split) for name, model in models.items()}
    separability = {name: model.separability_ for name, model in models.items()}
    return [
        {"method": name, **row, "separability": separability.get(name, np.nan)}
        for name, scores in answers.items()
        for row in _rows(split, scores, pooled)
    ]


def _fit(split: Split, seed: int, settings: dict[str, Any]) -> SelectiveExpertsClassifier:
    model = SelectiveExpertsClassifier(random_state=seed, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        return model.fit(split.X, split.y, sensitive_features=split.attribute, units=split.units)


def train_and_set_aside(
    split: Split, seed: int
) -> tuple[tuple[Any, dict[Any, Any]], tuple[np.ndarray, np.ndarray, pd.Series]]:
    """Train a pooled network and experts on four fifths of the training rows.

    Returns
    -------
    models : pooled network, dict from group to expert
    rows : X, y, groups
        The last fifth, to choose on.
    """
    aside = np.random.default_rng(seed).permutation(len(split.y)) % 5 == 0
    model = SelectiveExpertsClassifier(
        selection_fraction=0.02, random_state=seed
    )  # its own choice is not asked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model.fit(split.X[~aside], split.y[~aside], sensitive_features=split.attribute[~aside])
    return (model.pooled_estimator_, model.experts_), (split.X[aside], split.y[aside], split.attribute[aside])


def _served(model: SelectiveExpertsClassifier, classifiers: dict[Any, Any], split: Split) -> np.ndarray:
    """Probability of the second class for everybody, by these classifiers where there is one for the group."""
    scores = model.pooled_estimator_.predict_proba(split.X_test)[:, 1]
    groups = encode_groups(split.attribute_test)
    for k, label in enumerate(groups.labels):
        rows = groups.codes == k
        if label in classifiers:
            scores[rows] = classifiers[label].predict_proba(split.X_test[rows])[:, 1]
    return scores


def _rows(split: Split, scores: np.ndarray, pooled: np.ndarray) -> Rows:
    """Figures of each group."""
    frame = PreferenceFrame(
        y_true=split.y_test,
        y_pred=(scores > 0.5).astype(int),
        y_pred_pooled=(pooled > 0.5).astype(int),
        sensitive_features=split.attribute_test,
    )
    harmed = set(frame.violations(ALPHA, "rationality")["group"])
    groups = encode_groups(split.attribute_test)
    rows: Rows = []
    for k, label in enumerate(groups.labels):
        mine = groups.codes == k
        one_class = len(np.unique(split.y_test[mine])) < 2
        rows.append(
            {
                "group": label,
                "n": int(mine.sum()),
                "accuracy": 1 - frame.by_group.loc[label, "risk"],
                "auc": np.nan if one_class else roc_auc_score(split.y_test[mine], scores[mine]),
                "gain": frame.by_group.loc[label, "rationality_gain"],
                "harmed": label in harmed,
                "same": bool(np.allclose(scores[mine], pooled[mine], rtol=0, atol=1e-9)),
            }
        )
    return rows


def summarize_fairsde(runs: pd.DataFrame) -> pd.DataFrame:
    """Average the splits.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde` returns it.

    Returns
    -------
    DataFrame
        One row per data set, method and group with at least 50 test rows on average: means of `accuracy`, `auc`, `gain` with a
        corrected 95 % interval (`lower`, `upper`; NaN for one split), `harmed` (share of splits), `n_splits`.
    """
    rows = []
    for (dataset, method, group), part in runs.groupby(
        ["dataset", "method", "group"], sort=False, observed=True
    ):
        n_splits = len(part)
        if part["n"].mean() < SMALLEST_SHOWN:
            continue
        lower, upper = interval(part["gain"])
        means = part[["n", "accuracy", "auc", "gain", "harmed"]].astype(float).mean()
        rows.append(
            {
                "dataset": dataset, "method": method, "group": group, **means,
                "lower": lower, "upper": upper, "n_splits": n_splits,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def fairsde_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_fairsde`, and say whether experts beat heads alone.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde` returns it.

    Returns
    -------
    str
    """
    summary = summarize_fairsde(runs)
    n_splits = runs["split"].nunique()
    text = [f"# Selective demographic experts: {n_splits} random split{'' if n_splits == 1 else 's'}", ""]
    header = (
        "method",
        "group",
        "people",
        "accuracy",
        "AUC",
        "gain over the pooled network",
        "splits in which it is harmed",
    )
    for dataset, part in summary.groupby("dataset", sort=False):
        rows = [
            (
                row["method"], row["group"], f"{row['n']:.0f}", percent(row["accuracy"]), f"{row['auc']:.3f}",
                "" if row["method"] == POOLED else f"{points(row['gain'])} ({points(row['lower'])} to {points(row['upper'])})",
                "" if row["method"] == POOLED else f"{100 * row['harmed']:.0f} %",
            )
            for _, row in part.iterrows()
        ]  # fmt: skip
        text += [
            f"## {dataset}, {DATA[str(dataset)].attribute}",
            "",
            markdown_table(header, rows),
            "",
            _claim(runs, str(dataset)),
            "",
        ]
    return "\n".join([*text, _LEGEND, ""])


_LEGEND = f"""Gains are in percentage points of accuracy over a network of the same architecture that is trained for everybody (corrected 95 % intervals
over splits; groups with at least {SMALLEST_SHOWN} test rows). A group is harmed if its loss is significant (exact McNemar tests, step-down over all groups, level
{ALPHA}). "Experts" serve every group that is large enough, "selected" those that NoHarmSelector certifies, "heads alone" share a
representation that is trained for classification only."""


def _claim(runs: pd.DataFrame, dataset: str) -> str:
    """Answer the paper's claim: a decoupled representation with heads beats decoupled heads."""
    mine = runs[runs["dataset"] == dataset]
    sums = mine.assign(right=mine["accuracy"] * mine["n"]).groupby(["split", "method"])[["right", "n"]].sum()
    overall = (sums["right"] / sums["n"]).unstack("method")
    difference = overall[EXPERTS] - overall[HEADS]
    mean = f"Experts on a separating representation minus heads alone, accuracy of everybody: {points(difference.mean())} points"
    if len(difference) < 2:
        return f"{mean} (one split: nothing can be concluded)."
    low, high = interval(difference)
    answer = "better" if low > 0 else "worse" if high < 0 else "no difference that could be shown"
    return f"{mean} (corrected 95 % interval {points(low)} to {points(high)}): {answer}."


def plot_fairsde(runs: pd.DataFrame) -> Any:
    """Plot the gain of every group under every method.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde` returns it.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    summary = summarize_fairsde(runs)
    summary = summary[summary["method"] != POOLED]
    names = summary["dataset"].astype(str) + ", " + summary["group"].astype(str)
    rows = list(dict.fromkeys(names))
    methods = list(dict.fromkeys(summary["method"]))
    ax = new_axes(None, 9.0, 1.2 + 0.75 * len(rows))
    for i, method in enumerate(methods):
        part = (
            summary[summary["method"] == method]
            .set_axis(names[summary["method"] == method], axis=0)
            .reindex(rows)
        )
        position = np.arange(len(rows))[::-1] + 0.36 - 0.72 * i / max(len(methods) - 1, 1)
        errors = 100 * np.array([part["gain"] - part["lower"], part["upper"] - part["gain"]])
        ax.errorbar(
            100 * part["gain"], position, xerr=errors, **style(i), markersize=5, capsize=2, linestyle="none", label=method
        )  # fmt: skip
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(np.arange(len(rows))[::-1], [label_text(row) for row in rows])
    ax.set_xlabel("gain in accuracy over the pooled network, percentage points (95 % intervals, corrected)")
    n_splits = int(summary["n_splits"].max())
    ax.set_title(
        f"Selective demographic experts: {'one random split' if n_splits == 1 else f'mean over {n_splits} random splits'}"
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
