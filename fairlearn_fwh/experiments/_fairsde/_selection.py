"""How often a group is harmed on untouched data, and what is gained: without selection, and with every guarantee."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from ...audit._plots import COLOURS, new_axes
from ...decoupling import DecoupledClassifier
from ...exceptions import GroupFallbackWarning
from ...metrics import PreferenceFrame
from ...postprocessing import NoHarmSelector
from .._data import REAL_DATA, Split, make_split

#: Share of the rows for testing.
_TEST_SHARE = 1 / 4

#: What decides, and by which settings of `NoHarmSelector`; None is without selection.
RULES: dict[str, dict[str, Any] | None] = {
    "no selection": None,
    "empirical": {"guarantee": "empirical"},
    "certified": {"guarantee": "certified"},
    "certified, tolerance .02": {"guarantee": "certified", "tolerance": 0.02},
    "release": {"guarantee": "release"},
    "shrunk": {"guarantee": "shrunk"},
}

#: What may take the place of the pooled classifier.
CANDIDATES = ("decoupled boosting", "boosting for logistic regression")

#: Folds of the rows that fit and choose.
_FOLDS = 4

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def run_selection(
    datasets: Sequence[str] = tuple(REAL_DATA),
    *,
    n_splits: int = 100,
    alpha: float = 0.05,
    data_home: Any = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Replace a pooled classifier by race, sex and age groups, with and without selection, over random splits.

    Three quarters of the rows fit and, cross-fitted, choose; a quarter is for testing. All rules choose from the same classifiers. Candidates are
    gradient boosting decoupled by group against pooled boosting, and boosting for everybody against logistic regression.

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
        One row per data set, attribute, candidate, split and rule: `harmed` (a group is significantly worse off than with the pooled
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
        for candidate in CANDIDATES:
            case = {"dataset": name, "attribute": attribute, "candidate": candidate, "seed": seed}
            found = _compare_rules(split, candidate, seed, alpha)
            rows += [{**case, "rule": rule, **figures} for rule, figures in found.items()]
    return pd.DataFrame(rows)


def _models(candidate: str, seed: int) -> tuple[Any, Any]:
    """The pooled classifier and what may take its place."""
    boosting = HistGradientBoostingClassifier(random_state=seed)
    if candidate == CANDIDATES[0]:
        return boosting, DecoupledClassifier(boosting, random_state=seed)
    return LogisticRegression(max_iter=2000), boosting


def _compare_rules(split: Split, candidate: str, seed: int, alpha: float) -> dict[str, dict[str, Any]]:
    """Ask both models out of fold once, let every rule choose, and test what it chose."""
    models = dict(zip(("pooled", "new"), _models(candidate, seed), strict=True))
    folds = np.random.default_rng(seed).permutation(len(split.y)) % _FOLDS
    out_of_fold = {name: np.empty_like(split.y) for name in models}
    for fold in range(_FOLDS):
        rest, mine = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        for name, model in models.items():
            out_of_fold[name][mine] = _ask(
                model,
                split.X[rest],
                split.y[rest],
                split.attribute.iloc[rest],
                split.X[mine],
                split.attribute.iloc[mine],
            )
    answers = {
        name: _ask(model, split.X, split.y, split.attribute, split.X_test, split.attribute_test)
        for name, model in models.items()
    }
    return {rule: _test(settings, split, out_of_fold, answers, alpha) for rule, settings in RULES.items()}


def _ask(
    model: Any, X: Any, y: np.ndarray, groups: pd.Series, X_new: Any, groups_new: pd.Series
) -> np.ndarray:
    """Fit a copy on some people and ask it about others."""
    model = clone(model)
    given, asked = ({"sensitive_features": groups}, {"sensitive_features": groups_new})
    if not hasattr(model, "predict_by_group"):
        given, asked = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        return np.asarray(model.fit(X, y, **given).predict(X_new, **asked))


def _test(
    settings: dict[str, Any] | None,
    split: Split,
    out_of_fold: dict[str, np.ndarray],
    answers: dict[str, np.ndarray],
    alpha: float,
) -> dict[str, Any]:
    """Choose by a rule, and measure on the test rows what people get then."""
    served, kept = answers["new"], 1.0
    if settings is not None:
        selector = NoHarmSelector.from_predictions(
            split.y, out_of_fold, sensitive_features=split.attribute, alpha=alpha, **settings
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            served = selector.predict(pd.DataFrame(answers), sensitive_features=split.attribute_test)
        kept = 1 - len(selector.fallback_groups_) / len(selector.groups_)
    frame = PreferenceFrame(
        y_true=split.y_test,
        y_pred=served,
        y_pred_pooled=answers["pooled"],
        sensitive_features=split.attribute_test,
    )
    return {
        "harmed": len(frame.violations(alpha=alpha, claims="rationality")) > 0,
        "gain": frame.overall["rationality_gain"],
        "smallest_gain": frame.by_group["rationality_gain"].min(),
        "groups_kept": kept,
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
        One row per data set, attribute, candidate and rule: `n_splits`, `share_harmed` with `lower` and `upper`, mean `gain`,
        mean `smallest_gain` and mean `groups_kept`.
    """
    grouped = runs.groupby(["dataset", "attribute", "candidate", "rule"], sort=False)
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
    """Plot the share of splits with a harmed group, and the mean gain, for every candidate and rule.

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
    bars = list(summary.groupby(["candidate", "rule"], sort=False))
    ax = new_axes(ax, 9.0, 1.6 + 0.36 * len(bars))
    rules = list(summary.index.unique("rule"))
    # A gap between candidates, and the first on top.
    places = [-i - i // len(rules) for i in range(len(bars))]
    for place, ((_, rule), part) in zip(places, bars, strict=True):
        share = 100 * np.average(part["share_harmed"], weights=part["n_splits"])
        ax.barh(place, share, height=0.8, color=COLOURS[rules.index(rule) % len(COLOURS)])
        ax.plot(100 * part["share_harmed"], [place] * len(part), "|", color="#333333", markersize=11)
        gain = 100 * np.average(part["gain"], weights=part["n_splits"])
        ax.annotate(
            f"{gain:+.2f}",
            (1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            annotation_clip=False,
        )
    ax.annotate("gain, points", (1.02, 1), xycoords=("axes fraction", "data"), va="center")
    names = [
        rule if i % len(rules) else f"{candidate}:  {rule}" for i, ((candidate, rule), _) in enumerate(bars)
    ]
    ax.set_yticks(places, names)
    ax.set_xlim(left=0)
    n = int(summary["n_splits"].groupby(["candidate", "rule"]).sum().max())
    ax.set_xlabel(
        f"splits in which a group is significantly harmed, % of {n} (strokes: data sets and attributes)"
    )
    return ax
