"""One model without demographics: Graph of Gradients, ARL and DRO against plain training (arXiv 2412.03706)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

from ..exceptions import GroupCollapseWarning, GroupFallbackWarning
from ..inprocessing import (
    AdversarialReweightingClassifier,
    DAFHClassifier,
    DROClassifier,
    GradientGraphClassifier,
)
from ..metrics import PreferenceFrame
from ..metrics._arrays import encode_groups
from ..metrics._plots import new_axes, style
from ._data import REAL_DATA, Split
from ._runs import Progress, Rows, corrected_standard_error, markdown_table, percent, points, run_splits

ALPHA = 0.05

#: Groups with fewer test rows have no say in the worst group and in equalized odds.
SMALLEST_SHOWN = 50

#: Shares of the training labels that are turned over.
NOISE = (0.0, 0.1, 0.2, 0.3)

PLAIN = "plain network"

#: Every method from a seed; all but DAFH are the same network.
METHODS: dict[str, Callable[[int], Any]] = {
    PLAIN: lambda seed: DROClassifier(alpha=1.0, random_state=seed),
    "GoG, gradients by weights": lambda seed: GradientGraphClassifier(random_state=seed),
    "GoG, gradients by input": lambda seed: GradientGraphClassifier(gradient="input", random_state=seed),
    "GoG, two graph layers": lambda seed: GradientGraphClassifier(n_graph_layers=2, random_state=seed),
    "GoG, cosine": lambda seed: GradientGraphClassifier(metric="cosine", random_state=seed),
    "ARL": lambda seed: AdversarialReweightingClassifier(random_state=seed),
    "DRO, alpha 0.2": lambda seed: DROClassifier(random_state=seed),
    "CVaR, alpha 0.5": lambda seed: DROClassifier(objective="cvar", alpha=0.5, random_state=seed),
    "DAFH": lambda seed: DAFHClassifier(random_state=seed),
}


def run_gog(
    datasets: Sequence[str] = ("arrest", "adult"),
    *,
    n_splits: int = 10,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Train a network plainly and against those who weigh people, on labels with more and more noise.

    Parameters
    ----------
    datasets : sequence of str
        Among "adult", "arrest", "violent", "german" and "bank"; groups, by the attribute of the DAFH paper, are for testing only.
    n_splits : int
        Seeds 0 to ``n_splits - 1``; a quarter of the rows is for testing.
    data_home, n_jobs, progress
        As for `run_fairsde`.

    Returns
    -------
    DataFrame
        One row per data set, split, share of turned labels (`noise`) and method: `accuracy`, `worst` (accuracy of the worst group),
        `equalized_odds` (max over labels of the range over groups of the rate of the second class), `gain` and `worst_gain` (of everybody,
        and of the group that loses most, over the plain network), `harmed` (groups significantly worse off).

    Examples
    --------
    >>> from fairlearn_fwh.experiments import run_gog
    >>> runs = run_gog(["german"], n_splits=1)  # doctest: +SKIP
    """
    return run_splits(
        _run_split,
        REAL_DATA,
        datasets,
        n_splits=n_splits,
        data_home=data_home,
        n_jobs=n_jobs,
        progress=progress,
    )


def _run_split(dataset: str, seed: int, split: Split) -> Rows:
    turned = np.random.default_rng(seed).random(len(split.y))
    rows: Rows = []
    for noise in NOISE:
        y = np.where(turned < noise, 1 - split.y, split.y)
        answers = {}
        for name, make in METHODS.items():
            with warnings.catch_warnings():
                for expected in (ConvergenceWarning, GroupCollapseWarning, GroupFallbackWarning):
                    warnings.simplefilter("ignore", expected)
                answers[name] = make(seed).fit(split.X, y).predict(split.X_test)
        rows += [
            {"noise": noise, "method": name, **_figures(split, answer, answers[PLAIN])}
            for name, answer in answers.items()
        ]
    return rows


def _figures(split: Split, answer: np.ndarray, plain: np.ndarray) -> dict[str, float]:
    frame = PreferenceFrame(
        y_true=split.y_test, y_pred=answer, y_pred_pooled=plain, sensitive_features=split.attribute_test
    )
    groups = encode_groups(split.attribute_test)
    shown = np.bincount(groups.codes) >= SMALLEST_SHOWN
    large = frame.by_group[shown]
    ranges = []
    for label in (0, 1):
        mine = split.y_test == label
        sizes = np.bincount(groups.codes[mine], minlength=len(groups))
        accepted = np.bincount(groups.codes[mine], answer[mine], len(groups))
        ranges.append(np.ptp((accepted / np.maximum(sizes, 1))[shown & (sizes > 0)]))
    return {
        "accuracy": float((answer == split.y_test).mean()),
        "worst": float(1 - large["risk"].max()),
        "equalized_odds": float(max(ranges)),
        "gain": float(((answer == split.y_test).astype(int) - (plain == split.y_test)).mean()),
        "worst_gain": float(large["rationality_gain"].min()),
        "harmed": len(frame.violations(ALPHA, "rationality")),
    }


def gog_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_gog`, and what follows from it.

    Parameters
    ----------
    runs : DataFrame
        As `run_gog` returns it.

    Returns
    -------
    str
    """
    n_splits = runs["split"].nunique()
    text = [
        f"# One model without demographics: {n_splits} random split{'' if n_splits == 1 else 's'}",
        "",
        "The paper's numbers for COMPAS (K = 3; worst group 44.85, overall 57.15 per cent, arXiv 2412.03706, Table 4) are of another task or encoding: any "
        "logistic regression reaches 67 per cent here.",
        "",
    ]
    header = (
        "labels turned", "method", "accuracy", "worst group", "worst group against the plain network", "equalized odds difference",
        "gain of the group that loses most", "splits with a harmed group",
    )  # fmt: skip
    for dataset, part in runs.groupby("dataset", sort=False):
        rows = []
        for (noise, method), mine in part.groupby(["noise", "method"], sort=False):
            plain = part[(part["noise"] == noise) & (part["method"] == PLAIN)]
            difference = mine.set_index("split")["worst"] - plain.set_index("split")["worst"]
            rows.append(
                (
                    f"{100 * float(str(noise)):.0f} %", method, percent(mine["accuracy"].mean()), percent(mine["worst"].mean()),
                    "" if method == PLAIN else _with_interval(difference), f"{mine['equalized_odds'].mean():.3f}",
                    "" if method == PLAIN else points(mine["worst_gain"].mean()),
                    "" if method == PLAIN else f"{100 * (mine['harmed'] > 0).mean():.0f} %",
                )
            )  # fmt: skip
        text += [f"## {dataset}, {REAL_DATA[str(dataset)].attribute}", "", markdown_table(header, rows), ""]
    return "\n".join([*text, _LEGEND, ""])


_LEGEND = f"""Means over splits; differences in percentage points with corrected 95 % intervals, paired by split. Groups are for testing only; those with fewer than
{SMALLEST_SHOWN} test rows have no say in worst group and equalized odds (here the larger range over groups of the rate of the second class, given the label; the
paper's formula was not found). A group is harmed if its loss against the plain network, which has the architecture of all but DAFH, is significant (exact McNemar
tests, Holm over the groups, level {ALPHA}). The gain of the group that loses most is a minimum over groups, and below 0 by chance alone."""


def _with_interval(difference: pd.Series) -> str:
    if len(difference) < 2:
        return points(difference.mean())
    half = stats.t.ppf(1 - ALPHA / 2, len(difference) - 1) * corrected_standard_error(difference, 3.0, 1.0)
    mean = difference.mean()
    return f"{points(mean)} ({points(mean - half)} to {points(mean + half)})"


def plot_gog(runs: pd.DataFrame) -> Any:
    """Draw the accuracy of the worst group against the noise of the labels.

    Parameters
    ----------
    runs : DataFrame
        As `run_gog` returns it.

    Returns
    -------
    matplotlib Figure
    """
    new_axes(None, 1, 1)  # says so where matplotlib is missing
    import matplotlib.pyplot as plt

    plt.close()
    names = list(dict.fromkeys(runs["dataset"]))
    figure, panels = plt.subplots(
        1, len(names), figsize=(3.0 + 4.2 * len(names), 4.6), layout="constrained", squeeze=False
    )
    for ax, name in zip(panels[0], names, strict=True):
        for i, method in enumerate(dict.fromkeys(runs["method"])):
            mine = (
                runs[(runs["dataset"] == name) & (runs["method"] == method)].groupby("noise")["worst"].mean()
            )
            look = style(i)
            ax.plot(100 * mine.index, 100 * mine, marker=look["fmt"], color=look["color"], label=method)
        ax.set_xlabel("training labels turned over, %")
        ax.set_title(name)
    panels[0][0].set_ylabel("accuracy of the worst group, %")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.suptitle(f"One model without demographics: means over {runs['split'].nunique()} random splits")
    return figure
