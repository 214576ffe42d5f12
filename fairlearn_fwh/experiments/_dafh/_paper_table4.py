"""Table 4 of the DAFH paper (arXiv 2509.24077), in our protocol and in the paper's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...audit._markdown import markdown_table
from ...audit._plots import new_axes, style
from ...metrics import PreferenceFrame
from .._data import PAPER_DATA, Split
from .._methods import Answers, Method, strict_methods
from .._runs import (
    Progress,
    Rows,
    corrected_standard_error,
    interval,
    percent,
    points,
    run_splits,
)
from ._paper_recipe import paper_methods

#: Printed in the paper, in per cent: rate of fairness without harm, accuracy (clustering: Table 6, K = 2; synthetic: Figure 1).
PAPER_NUMBERS = {
    ("adult", "DAFH, no fallback"): (90.70, 83.36),
    ("adult", "trivial partition"): (91.64, 80.70),
    ("adult", "clustering"): (88.79, 82.90),
    ("adult", "pooled"): (np.nan, 81.29),
    ("arrest", "DAFH, no fallback"): (87.05, 65.72),
    ("arrest", "trivial partition"): (78.60, 62.01),
    ("arrest", "clustering"): (84.23, 64.86),
    ("arrest", "pooled"): (np.nan, 63.84),
    ("violent", "DAFH, no fallback"): (91.74, 81.91),
    ("violent", "trivial partition"): (91.14, 79.88),
    ("violent", "clustering"): (87.96, 83.82),
    ("violent", "pooled"): (np.nan, 81.35),
    ("german", "DAFH, no fallback"): (90.64, 74.24),
    ("german", "trivial partition"): (78.88, 65.92),
    ("german", "clustering"): (84.40, 73.16),
    ("german", "pooled"): (np.nan, 70.72),
    ("bank", "DAFH, no fallback"): (97.71, 90.20),
    ("bank", "trivial partition"): (93.42, 88.77),
    ("bank", "clustering"): (90.18, 88.92),
    ("bank", "pooled"): (np.nan, 88.91),
    ("synthetic", "DAFH, no fallback"): (96.08, 94.84),
    ("synthetic", "trivial partition"): (67.22, 57.98),
    ("synthetic", "pooled"): (np.nan, 72.82),
}

#: What the table is about unless other data sets are asked for.
DATASETS = ("adult", "arrest", "violent", "german", "bank", "synthetic")


def frame_of(answers: Answers, pooled_answers: Answers, split: Split) -> PreferenceFrame:
    """Compare a method's answers with the pooled classifier's."""
    single = answers.groups is None
    return PreferenceFrame(
        y_true=split.y_test,
        y_pred=answers.y_pred,
        y_pred_pooled=pooled_answers.y_pred,
        y_pred_by_group=answers.y_pred_by_group,
        groups=split.attribute_test if single else answers.groups,
        pooled_groups=answers.pooled_groups,
    )


def run_table4(
    datasets: Sequence[str] = DATASETS,
    *,
    n_splits: int = 5,
    protocol: str = "strict",
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Run every method on every split of every data set.

    Parameters
    ----------
    datasets : sequence of str
        Of "adult", "arrest", "violent", "german", "bank", "synthetic", "bank_as_published" (with `duration`, which is known
        only after the target).
    n_splits : int
        Random splits, seeds 0 to ``n_splits - 1``; a quarter of the rows is for testing.
    protocol : {"strict", "paper"}
        "strict": baselines that have converged, everything chosen within the training rows, our defaults. "paper": the
        paper's recipe and its briefly trained baselines; Bank with `duration`.
    data_home : path-like, optional
        Folder with the data files.
    n_jobs : int, optional
        Splits at a time; by default what `joblib.parallel_config` says, else 1.
    progress : callable (iterable, total) -> iterable, optional
        Wraps the loop over data sets and splits.

    Returns
    -------
    DataFrame
        One row per data set, split and method: `accuracy`, `pooled_accuracy`, `rationality_gain`,
        `fairness_without_harm_rate` (NaN where there are no group classifiers; 1 where everybody has the pooled
        one, so read it beside the disagreement), `disagreement_rate`, `min_gain`, `n_harmed` (groups significantly harmed on the test rows, step-down, 0.05),
        `share_of_own` (share of the groups that keep their own classifier), `n_train`, `n_test`, `seconds`.

    Raises
    ------
    ValueError
        If a data set, the protocol or the number of splits is out of range.
    DatasetNotFoundError
        If the file of a data set is nowhere.
    """

    def task(name: str, seed: int, split: Split) -> Rows:
        methods = strict_methods() if protocol == "strict" else paper_methods(name)
        return measure_methods(methods, split, seed)

    return run_splits(
        task, PAPER_DATA, datasets,
        n_splits=n_splits, protocol=protocol, data_home=data_home, n_jobs=n_jobs, progress=progress,
    )  # fmt: skip


def measure_methods(methods: dict[str, Method], split: Split, seed: int) -> Rows:
    """Fit methods, of which the first is the pooled classifier, and measure them on the test rows."""
    rows: Rows = []
    pooled_answers: Answers | None = None
    for method, run in methods.items():
        start = time.perf_counter()
        answers = run(split, seed)
        seconds = time.perf_counter() - start
        pooled_answers = answers if pooled_answers is None else pooled_answers
        frame = frame_of(answers, pooled_answers, split)
        figures = (
            "accuracy", "pooled_accuracy", "rationality_gain", "fairness_without_harm_rate", "disagreement_rate",
            "n_violations", "max_gain", "min_gain", "disparity_change",
        )  # fmt: skip
        with_envy = answers.groups is not None and frame.has_envy and len(frame.by_group) > 1
        rows.append(
            {
                "method": method,
                **{figure: frame.overall[figure] for figure in figures},
                "envy_margin": frame.envy_margin() if with_envy else np.nan,
                "largest_envy_gain": frame.envy_margin(reduce="max") if with_envy else np.nan,
                "n_harmed": len(frame.violations(alpha=0.05, claims="rationality")),
                "share_of_own": answers.share_of_own,
                "n_models": answers.n_models,
                "n_train": len(split.y),
                "n_test": len(split.y_test),
                "seconds": seconds,
            }
        )
    return rows


def summarize_table4(runs: pd.DataFrame) -> pd.DataFrame:
    """Average the runs over splits, beside the paper's numbers.

    Parameters
    ----------
    runs : DataFrame
        As `run_table4` returns it.

    Returns
    -------
    DataFrame
        One row per data set and method. Rates, accuracies and gains are shares with their standard deviation over
        splits (`_sd`); `gain_se` is the corrected standard error of the mean gain, `gain_lower` and `gain_upper` its 95 %
        interval (Student's); `splits_with_harm` counts splits
        with a group significantly harmed; `paper_rate` and `paper_accuracy` are printed in the paper.
    """
    rows = []
    for (dataset, method), part in runs.groupby(["dataset", "method"], sort=False):
        rate, accuracy = PAPER_NUMBERS.get((str(dataset), str(method)), (np.nan, np.nan))
        rows.append(
            {
                "dataset": dataset,
                "method": method,
                "rate": part["fairness_without_harm_rate"].mean(),
                "rate_sd": part["fairness_without_harm_rate"].std(),
                "accuracy": part["accuracy"].mean(),
                "accuracy_sd": part["accuracy"].std(),
                "gain": part["rationality_gain"].mean(),
                "gain_se": corrected_standard_error(
                    part["rationality_gain"], part["n_train"].iloc[0], part["n_test"].iloc[0]
                ),
                "gain_lower": _gain_interval(part)[0],
                "gain_upper": _gain_interval(part)[1],
                "disagreement": part["disagreement_rate"].mean(),
                "min_gain": part["min_gain"].mean(),
                "splits_with_harm": int((part["n_harmed"] > 0).sum()),
                "n_splits": len(part),
                "share_of_own": part["share_of_own"].mean(),
                "seconds": part["seconds"].mean(),
                "paper_rate": rate / 100,
                "paper_accuracy": accuracy / 100,
            }
        )
    return pd.DataFrame(rows)


def _gain_interval(part: pd.DataFrame) -> tuple[float, float]:
    return interval(part["rationality_gain"], part["n_train"].iloc[0], part["n_test"].iloc[0])


_NOTES = {
    "strict": (
        "Protocol: strict. Baselines are logistic regressions trained until they converge; epoch, restart, fallback and (in "
        "'DAFH, chosen') objective and number of groups are chosen within the training rows. DAFH's default settings were chosen "
        "on other random splits (seeds 100 to 105) of these data sets, so its rows are not free of selection. Its router sees "
        "numeric features in bins too, its group classifiers and the pooled one do not. Gains are against the pooled "
        "classifier fitted on all training rows."
    ),
    "paper": (
        "Protocol: paper. The recipe of the paper's Tables 2 and 3, with baselines trained as briefly as the paper's: "
        "read the gains as gains over an undertrained pooled classifier. Bank has the feature `duration`, which is known "
        "only after the target. Not stated in the paper and chosen here: encodings, the start, the sign of the balance "
        "term and the sum over a batch. Different from the paper: a margin loss instead of the printed one (whose gradient "
        "has one sign for both labels), momentum for the router too, and a fifth of the training rows choose the epoch."
    ),
}


def table4_markdown(summary: pd.DataFrame, protocol: str) -> str:
    """Write the summary as a Markdown table, ours beside the paper's.

    Parameters
    ----------
    summary : DataFrame
        As `summarize_table4` returns it.
    protocol : {"strict", "paper"}
        Named above the table.

    Returns
    -------
    str
    """
    header = (
        "data set", "method", "rate of fairness without harm", "paper", "accuracy", "paper", "gain over pooled",
        "95 % interval (corrected)", "disagreement with pooled", "smallest gain of a group", "splits with a harmed group",
        "groups with their own classifier",
    )  # fmt: skip
    rows = [
        [
            row["dataset"],
            row["method"],
            percent(row["rate"], row["rate_sd"]),
            percent(row["paper_rate"]),
            percent(row["accuracy"], row["accuracy_sd"]),
            percent(row["paper_accuracy"]),
            points(row["gain"]),
            f"{points(row['gain_lower'])} to {points(row['gain_upper'])}",
            percent(row["disagreement"]),
            points(row["min_gain"]),
            f"{row['splits_with_harm']} of {row['n_splits']}",
            percent(row["share_of_own"]),
        ]
        for row in summary.to_dict("records")
    ]
    return "\n".join(
        [
            f"# Table 4 of arXiv 2509.24077, {int(summary['n_splits'].max())} random splits",
            "",
            _NOTES[protocol],
            "",
            markdown_table(header, rows),
            "",
            "All figures in per cent or percentage points, mean ± standard deviation over splits.",
            "",
        ]
    )


def plot_table4(summary: pd.DataFrame, ax: Any = None) -> Any:
    """Plot the mean gain over pooled of every method on every data set, with corrected 95 % intervals.

    Parameters
    ----------
    summary : DataFrame
        As `summarize_table4` returns it.
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
    table = summary[summary["method"] != "pooled"]
    datasets = [name for name in dict.fromkeys(table["dataset"]) if name != "synthetic"]
    methods = list(dict.fromkeys(table["method"]))
    ax = new_axes(ax, 9, 1.2 + 0.2 * len(datasets) * max(len(methods), 4))
    for i, method in enumerate(methods):
        part = table[table["method"] == method].set_index("dataset").reindex(datasets)
        gain = 100 * part["gain"].to_numpy()
        errors = np.array([gain - 100 * part["gain_lower"], 100 * part["gain_upper"] - gain])
        position = np.arange(len(datasets))[::-1] + 0.36 - 0.72 * i / max(len(methods) - 1, 1)
        ax.errorbar(
            gain, position, xerr=errors, **style(i), markersize=5, capsize=2, linestyle="none", label=method
        )
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(np.arange(len(datasets))[::-1], datasets)
    ax.set_xlabel(
        "gain in accuracy over the pooled classifier, percentage points (95 % intervals, corrected)"
    )
    ax.set_title(
        f"Table 4: mean over {int(summary['n_splits'].max())} random splits (synthetic data left out)"
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
