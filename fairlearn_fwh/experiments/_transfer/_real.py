"""Fairness from a related task on real pairs: the objectives of arXiv 2305.12671, and what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...metrics import PreferenceFrame, differential_equalized_odds
from .._runs import Progress, Rows, percent, run_splits, with_interval
from ._data import PAIRS, TransferSplit
from ._objectives import ALONE, BASE, METHODS, Fit, answers_of, change_in_epsilon, signed

ALPHA = 0.05

#: Groups with fewer test rows have no say in epsilon; of German credit's one has 48.
SMALLEST_SHOWN, SMALLEST_OF_SMALL = 100, 40


def _methods(split: TransferSplit) -> dict[str, Fit]:
    """Objectives that a pair has."""
    left_out = {"MTL-inter"} if split.known is None else set()
    if split.input_modules is not None:
        left_out.add("fine-tuning")  # an encoder of other features
    return {name: fit for name, fit in METHODS.items() if name not in left_out}


def run_transfer(
    datasets: Sequence[str] = tuple(PAIRS),
    *,
    n_splits: int = 10,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    max_epochs: int = 50,
) -> pd.DataFrame:
    """Train the objectives of the paper on pairs of a target and an auxiliary.

    Parameters
    ----------
    datasets : sequence of str
        Pairs: "arrest-violent" (the target first), "violent-arrest", "adult-hours", "adult-age", "adult-intersectional", "german-bank".
    n_splits : int
        Seeds 0 to ``n_splits - 1``; a quarter of the target's rows is for testing.
    data_home, n_jobs, progress
        As for `run_fairsde`.
    max_epochs : int
        Of every training.

    Returns
    -------
    DataFrame
        One row per pair, split and method: `macro_f1`, `epsilon` (of groups with at least 100 test rows, of German credit 40), `worst_gain` (of the group that
        loses most over the single task) and `harmed` (groups significantly worse off).

    Raises
    ------
    ValueError
        If a data set is unknown or `n_splits` is less than 1.
    DatasetNotFoundError
        If the file of a data set is nowhere.
    """
    return run_splits(
        partial(_run_split, max_epochs),
        PAIRS,
        datasets,
        n_splits=n_splits,
        data_home=data_home,
        n_jobs=n_jobs,
        progress=progress,
    )


def _run_split(max_epochs: int, dataset: str, seed: int, split: Any) -> Rows:
    answers = answers_of(_methods(split), split, seed, max_epochs)
    smallest = SMALLEST_OF_SMALL if dataset == "german-bank" else SMALLEST_SHOWN
    return [
        {"method": name, **figures_of(split, answer, answers[ALONE], smallest)}
        for name, answer in answers.items()
    ]


def figures_of(
    split: TransferSplit, answer: np.ndarray, alone: np.ndarray, smallest: int = SMALLEST_SHOWN
) -> dict[str, float]:
    frame = PreferenceFrame(
        y_true=split.y_test, y_pred=answer, y_pred_pooled=alone, sensitive_features=split.groups_test
    )
    sizes = split.groups_test.map(split.groups_test.value_counts())
    large = (sizes >= smallest).to_numpy()
    shown = frame.by_group["n"] >= smallest
    return {
        "macro_f1": float(f1_score(split.y_test, answer, average="macro", zero_division=0.0)),
        "epsilon": differential_equalized_odds(
            split.y_test[large], answer[large], sensitive_features=split.groups_test[large]
        ),
        "worst_gain": float(frame.by_group.loc[shown, "rationality_gain"].min()),
        "harmed": len(frame.violations(ALPHA, "rationality")),
    }


def transfer_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_transfer`, and what follows from it.

    Parameters
    ----------
    runs : DataFrame
        As `run_transfer` returns it.

    Returns
    -------
    str
    """
    n_splits = runs["split"].nunique()
    text = [
        f"# Fairness from a related task: {n_splits} random split{'' if n_splits == 1 else 's'}",
        "",
        change_in_epsilon(runs, "groups"),
        "",
    ]
    header = (
        "method", "macro F1", "epsilon", "epsilon against MTL-base", "gain of the group that loses most over STL-base",
        "splits with a harmed group",
    )  # fmt: skip
    for pair, part in runs.groupby("dataset", sort=False):
        rows = []
        for method, mine in part.groupby("method", sort=False):
            base = part[part["method"] == BASE].set_index("split")["epsilon"]
            first = method == ALONE
            rows.append(
                (
                    method, percent(mine["macro_f1"].mean()), f"{mine['epsilon'].mean():.2f}",
                    "" if method == BASE else with_interval(mine.set_index("split")["epsilon"] - base, signed),
                    "" if first else f"{100 * mine['worst_gain'].mean():+.2f}",
                    "" if first else f"{100 * (mine['harmed'] > 0).mean():.0f} %",
                )
            )  # fmt: skip
        text += [f"## {pair}, {PAIRS[str(pair)].attribute}", "", markdown_table(header, rows), ""]
    return "\n".join([*text, _LEGEND, ""])


_LEGEND = f"""Means over splits; differences with corrected 95 % intervals, paired by split. The first name of a pair is the target, whose groups only "STL-fair" and the choice
of the epoch by its groups see; the second is the auxiliary ("adult-hours", "adult-age" and "adult-intersectional": whether others work more than 40 hours; "adult-age": quarters of age, a
continuous attribute; "adult-intersectional": the target knows sex in MTL-inter, the auxiliary race, groups are sex x race, and STL-fair knows them in full). Tasks have
at most 6,000 people. People of COMPAS may be in both tasks; no target label of a test person is used. Epsilon and gains are those of groups with at least {SMALLEST_SHOWN} test rows ({SMALLEST_OF_SMALL} of German credit). A group is harmed if its
accuracy is significantly below that of STL-base (exact McNemar tests, step-down over the groups, level {ALPHA}). BLIND, a row of the paper's table, is left out: it is another method. The paper's own
tasks (clinical notes, tweets, reviews) need language models and gated data; its epsilon falls from MTL-base to MTL-fair in 6 of 6 tasks (single runs)."""


def plot_transfer(runs: pd.DataFrame) -> Any:
    """Plot macro F1 and epsilon of every method.

    Parameters
    ----------
    runs : DataFrame
        As `run_transfer` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    names = list(dict.fromkeys(runs["dataset"]))
    columns = min(3, len(names))
    n_rows = -(-len(names) // columns)
    figure, panels = new_panels(n_rows, columns, (4.2 * columns, 1.4 + 3.3 * n_rows))
    methods = list(dict.fromkeys(runs["method"]))
    for ax, name in zip(panels.flat, names, strict=False):
        for i, method in enumerate(methods):
            mine = runs[(runs["dataset"] == name) & (runs["method"] == method)]
            look = style(i)
            if len(mine):
                ax.plot(
                    mine["epsilon"].mean(), 100 * mine["macro_f1"].mean(), look["fmt"], color=look["color"], markersize=8, label=method
                )  # fmt: skip
        ax.set_title(name)
        ax.set_xlabel("epsilon (fairer to the left)")
    for ax in panels[:, 0]:
        ax.set_ylabel("macro F1, %")
    for ax in panels.flat[len(names) :]:
        ax.set_visible(False)
    handles = {
        label: h for ax in panels.flat for h, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(f"Fairness from a related task: means over {runs['split'].nunique()} random splits")
    return figure
