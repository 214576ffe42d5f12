"""One model without demographics: Graph of Gradients, ARL and DRO against plain training (arXiv 2412.03706)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...exceptions import GroupCollapseWarning, GroupFallbackWarning
from ...inprocessing import (
    AdversarialReweightingClassifier,
    DAFHClassifier,
    DROClassifier,
    GradientGraphClassifier,
)
from ...metrics import PreferenceFrame
from ...metrics._core._groups import encode_groups
from .._data import REAL_DATA, Split
from .._runs import Progress, Rows, percent, points, run_splits, with_interval

ALPHA = 0.05

#: Groups with fewer test rows have no say in the worst group and in equalized odds.
SMALLEST_SHOWN = 50

PLAIN = "plain training"

NETWORK = (64, 32)

#: Every method from a seed and the layers of its learner, which DAFH has not.
METHODS: dict[str, Callable[[int, tuple[int, ...]], Any]] = {
    PLAIN: lambda seed, layers: DROClassifier(alpha=1.0, hidden_layer_sizes=layers, random_state=seed),
    "GoG": lambda seed, layers: GradientGraphClassifier(hidden_layer_sizes=layers, random_state=seed),
    "ARL": lambda seed, layers: AdversarialReweightingClassifier(
        hidden_layer_sizes=layers, random_state=seed
    ),
    "DRO, alpha 0.2": lambda seed, layers: DROClassifier(hidden_layer_sizes=layers, random_state=seed),
    "CVaR, alpha 0.5": lambda seed, layers: DROClassifier(
        objective="cvar", alpha=0.5, hidden_layer_sizes=layers, random_state=seed
    ),
    "DAFH": lambda seed, layers: DAFHClassifier(random_state=seed),
}

#: Other ways to make the graph; only on the data as they are.
VARIANTS: dict[str, Callable[[int, tuple[int, ...]], Any]] = {
    "GoG, gradients by input": lambda seed, layers: GradientGraphClassifier(
        gradient="input", random_state=seed
    ),
    "GoG, two graph layers": lambda seed, layers: GradientGraphClassifier(
        n_graph_layers=2, random_state=seed
    ),
    "GoG, cosine": lambda seed, layers: GradientGraphClassifier(metric="cosine", random_state=seed),
}


@dataclass(frozen=True)
class Condition:
    """What is done to the data, and by what they are learned.

    Attributes
    ----------
    turned : float
        Share of the training labels that are turned over.
    noise : float
        Standard deviation of noise that is added to the features of everybody, in theirs: it obscures who belongs to which group.
    layers : tuple of int
        Of the learner.
    """

    turned: float = 0.0
    noise: float = 0.0
    layers: tuple[int, ...] = NETWORK


AS_IT_IS = "as it is"

CONDITIONS: dict[str, Condition] = {
    AS_IT_IS: Condition(),
    "linear learner": Condition(layers=()),
    "10 % of labels turned": Condition(turned=0.1),
    "20 % of labels turned": Condition(turned=0.2),
    "30 % of labels turned": Condition(turned=0.3),
    "noise of 0.5 sd in features": Condition(noise=0.5),
    "noise of 1 sd in features": Condition(noise=1.0),
}


def run_gog(
    datasets: Sequence[str] = ("arrest", "adult"),
    *,
    conditions: Sequence[str] = tuple(CONDITIONS),
    n_splits: int = 10,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Train one classifier plainly and against adversaries that reweight people, also with noise in labels and features.

    Parameters
    ----------
    datasets : sequence of str
        Among "adult", "arrest", "violent", "german" and "bank"; groups, by the attribute of the DAFH paper, are for testing only.
    conditions : sequence of str
        Among the keys of `CONDITIONS`; by default all.
    n_splits : int
        Seeds 0 to ``n_splits - 1``; a quarter of the rows is for testing.
    data_home : path-like, optional
        Folder with the data files.
    n_jobs : int, optional
        Splits at a time.
    progress : callable, optional
        Wraps what is iterated over, to show how far it is, such as ``tqdm``.

    Returns
    -------
    DataFrame
        One row per data set, split, condition and method: `accuracy`, `worst` (accuracy of the worst group),
        `equalized_odds` (max over labels of the range over groups of the rate of the second class), `gain` and `worst_gain` (of everybody,
        and of the group that loses most, over plain training), `harmed` (groups significantly worse off).

    Raises
    ------
    ValueError
        If a data set or a condition is unknown, or `n_splits` is less than 1.
    DatasetNotFoundError
        If the file of a data set is nowhere.

    Examples
    --------
    >>> from fairlearn_fwh.experiments import run_gog
    >>> runs = run_gog(["german"], n_splits=1)  # doctest: +SKIP
    """
    return run_splits(
        partial(_run_split, conditions=_checked(conditions)),
        REAL_DATA,
        datasets,
        n_splits=n_splits,
        data_home=data_home,
        n_jobs=n_jobs,
        progress=progress,
    )


def _checked(conditions: Sequence[str]) -> tuple[str, ...]:
    if unknown := [name for name in conditions if name not in CONDITIONS]:
        raise ValueError(f"conditions must be among {list(CONDITIONS)}; got {unknown}.")
    return tuple(conditions)


def _run_split(dataset: str, seed: int, split: Split, conditions: Sequence[str]) -> Rows:
    rows: Rows = []
    for name in conditions:
        condition = CONDITIONS[name]
        X, X_test, y = _disturbed(split, condition, np.random.default_rng(seed))
        methods = METHODS | VARIANTS if name == AS_IT_IS else METHODS
        answers = {}
        for method, make in methods.items():
            with warnings.catch_warnings():
                for expected in (ConvergenceWarning, GroupCollapseWarning, GroupFallbackWarning):
                    warnings.simplefilter("ignore", expected)
                answers[method] = make(seed, condition.layers).fit(X, y).predict(X_test)
        rows += [
            {"condition": name, "method": method, **_figures(split, answer, answers[PLAIN])}
            for method, answer in answers.items()
        ]
    return rows


def _disturbed(
    split: Split, condition: Condition, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features to learn from and to test, and labels to learn from; labels to test stay as they are."""
    y = np.where(rng.random(len(split.y)) < condition.turned, 1 - split.y, split.y)
    X, X_test = np.asarray(split.X, dtype=float), np.asarray(split.X_test, dtype=float)
    scale = condition.noise * X.std(axis=0)
    return X + scale * rng.standard_normal(X.shape), X_test + scale * rng.standard_normal(X_test.shape), y


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
        "data", "method", "accuracy", "worst group", "worst group against plain training", "equalized odds difference",
        "gain of the group that loses most", "splits with a harmed group",
    )  # fmt: skip
    for dataset, part in runs.groupby("dataset", sort=False):
        rows = []
        for (condition, method), mine in part.groupby(["condition", "method"], sort=False):
            plain = part[(part["condition"] == condition) & (part["method"] == PLAIN)]
            difference = mine.set_index("split")["worst"] - plain.set_index("split")["worst"]
            rows.append(
                (
                    condition, method, percent(mine["accuracy"].mean()), percent(mine["worst"].mean()),
                    "" if method == PLAIN else with_interval(difference, points), f"{mine['equalized_odds'].mean():.3f}",
                    "" if method == PLAIN else points(mine["worst_gain"].mean()),
                    "" if method == PLAIN else f"{100 * (mine['harmed'] > 0).mean():.0f} %",
                )
            )  # fmt: skip
        text += [f"## {dataset}, {REAL_DATA[str(dataset)].attribute}", "", markdown_table(header, rows), ""]
    return "\n".join([*text, _LEGEND, ""])


_LEGEND = f"""Means over splits; differences in percentage points with corrected 95 % intervals, paired by split. Groups are for testing only; those with fewer than
{SMALLEST_SHOWN} test rows have no say in worst group and equalized odds (here the larger range over groups of the rate of the second class, given the label; the
paper's formula was not found). A group is harmed if its loss against plain training of the same network (also DAFH's, whose architecture is another) is significant (exact McNemar
tests, step-down over the groups, level {ALPHA}). Learners have layers of 64 and 32 unless they are linear; noise in features is that of training and test rows. The gain of the group that loses most is a minimum over groups, and below 0 by chance alone."""


def plot_gog(runs: pd.DataFrame) -> Any:
    """Plot what the worst group gains over plain training, under every condition.

    Parameters
    ----------
    runs : DataFrame
        As `run_gog` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    names, conditions, methods = (
        list(dict.fromkeys(runs[column])) for column in ("dataset", "condition", "method")
    )
    figure, panels = new_panels(
        1, len(names), (4.0 + 4.6 * len(names), 1.6 + 0.75 * len(conditions)), sharey=True
    )
    means = 100 * runs.groupby(["dataset", "condition", "method"])["worst"].mean()
    for ax, name in zip(panels[0], names, strict=True):
        for i, method in enumerate(method for method in methods if method != PLAIN):
            shown = [c for c in conditions if (name, c, method) in means.index]
            gains = [means[name, c, method] - means[name, c, PLAIN] for c in shown]
            height = np.array([conditions.index(c) for c in shown]) + 0.09 * (i - len(methods) / 2 + 1)
            look = style(i)
            ax.plot(gains, height, look["fmt"], color=look["color"], markersize=7, label=method)
        ax.axvline(0, color="0.6", linewidth=1)
        ax.set_yticks(range(len(conditions)), conditions)
        ax.set_xlabel("accuracy of the worst group, gain in points")
        ax.set_title(name)
    panels[0][0].invert_yaxis()
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.suptitle(f"Against plain training: means over {runs['split'].nunique()} random splits")
    return figure
