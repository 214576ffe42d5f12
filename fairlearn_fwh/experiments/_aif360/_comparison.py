"""The algorithms of AIF360 and of this package side by side, in AIF360's own flow: who is fair by parity, and who harms whom."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch

from ..._methods import ADAPTED
from ...audit._markdown import markdown_table
from ...audit._plots import new_axes, style
from ...exceptions import ConstraintsNotSatisfiedWarning, GroupCollapseWarning, GroupFallbackWarning
from ...metrics import PreferenceFrame
from .._data import REAL_DATA, DataSpec, Split
from .._methods import SkippedMethodError, converged_model
from .._other_packages import quiet_aif360
from .._runs import Progress, Rows, interval, percent, points, run_splits

#: Groups with fewer test rows are tested for harm, but the figures of the worst group are not theirs.
SMALLEST_WORST = 50

ALPHA = 0.05

POOLED = "pooled"

#: Algorithms of `fairlearn_fwh.aif360`.
OURS = tuple(ADAPTED)


@dataclass(frozen=True)
class Flow:
    """What a user of AIF360 has at hand.

    Attributes
    ----------
    train, test : BinaryLabelDataset
        The labels and scores of `test` say nothing.
    attribute : str
        The protected attribute, which has a number for each group.
    privileged, unprivileged : list of dict
    seed : int
    """

    train: Any
    test: Any
    attribute: str
    privileged: list[dict[str, float]]
    unprivileged: list[dict[str, float]]
    seed: int

    @property
    def groups(self) -> dict[str, list[dict[str, float]]]:
        """Arguments by which AIF360's algorithms take the groups."""
        return {"unprivileged_groups": self.unprivileged, "privileged_groups": self.privileged}


Algorithm = Callable[[Flow], Any]

#: On each data set: the protected attribute, its privileged values, and whether the target is what people hope for. A
#: favorable label is 1 throughout: on 0 some algorithms of AIF360 turn labels round.
_SETTINGS: dict[str, tuple[str, list[str], bool]] = {
    "adult": ("sex", ["Male"], True),
    "german": ("sex", ["male"], True),
    "arrest": ("race", ["Caucasian"], False),
    "bank": ("age_group", ["25 to 60"], True),
}

DATA = {name: replace(REAL_DATA[name], attribute=attribute) for name, (attribute, _, _) in _SETTINGS.items()}


def run_aif360(
    datasets: Sequence[str] = tuple(_SETTINGS),
    *,
    n_splits: int = 5,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Run the algorithms of AIF360 and of this package on random splits.

    Parameters
    ----------
    datasets : sequence of str
        Among "adult", "german", "arrest" and "bank".
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
        One row per data set, split and method: `accuracy`, `disparate_impact`, `equal_opportunity_difference`,
        `worst_group_accuracy`, `worst_gain` (the smallest gain over pooled of a group) with `lower` and `upper`,
        `n_harmed` and `n_groups`, `seconds`; `skipped` says why a method did not run.

    Raises
    ------
    ValueError
        If a data set is unknown or `n_splits` is less than 1.
    DatasetNotFoundError
        If the file of a data set is nowhere.
    """
    data: dict[str, DataSpec] = DATA
    return run_splits(
        _run_split,
        data,
        datasets,
        n_splits=n_splits,
        data_home=data_home,
        n_jobs=n_jobs,
        progress=progress,
    )


def _run_split(dataset: str, seed: int, split: Split) -> Rows:
    flow, truth = _make_flow(dataset, split, seed)
    theirs = {name: _quietly(algorithm) for name, algorithm in their_algorithms().items()}
    pooled = _logistic(flow, flow.train)
    rows: Rows = []
    for name, algorithm in (
        {POOLED: lambda flow: _logistic(flow, flow.train)} | theirs | our_algorithms()
    ).items():
        start = time.perf_counter()
        try:
            predicted = algorithm(flow)
        except SkippedMethodError as reason:
            rows.append({"method": name, "skipped": str(reason)})
            continue
        seconds = time.perf_counter() - start
        figures = _figures(flow, truth, predicted, pooled, split.attribute_test)
        rows.append({"method": name, **figures, "seconds": seconds, "skipped": ""})
    return rows


def _make_flow(dataset: str, split: Split, seed: int) -> tuple[Flow, Any]:
    """Make AIF360's data sets of a split, and the test rows with their labels."""
    from ...aif360 import as_binary_label_dataset

    attribute, privileged, hoped_for = _SETTINGS[dataset]
    values = pd.concat([split.attribute, split.attribute_test])
    target = np.concatenate([split.y, split.y_test])
    everybody = as_binary_label_dataset(
        Bunch(
            data=pd.DataFrame(np.vstack([split.X, split.X_test]), columns=split.feature_names),
            target=pd.Series(target if hoped_for else 1 - target, name="target"),
            sensitive_features=values.rename(attribute).reset_index(drop=True).to_frame(),
        ),
        privileged_classes={attribute: privileged},
    )
    n = len(split.y)
    train, truth = everybody.subset(range(n)), everybody.subset(range(n, len(values)))
    blind = truth.copy()
    blind.labels, blind.scores = (
        np.full_like(truth.labels, truth.unfavorable_label),
        np.zeros_like(truth.scores),
    )
    above, below = (
        [{attribute: code} for code in codes[0]]
        for codes in (everybody.privileged_protected_attributes, everybody.unprivileged_protected_attributes)
    )
    return Flow(train, blind, attribute, above, below, seed), truth


def _figures(flow: Flow, truth: Any, predicted: Any, pooled: Any, attribute: pd.Series) -> dict[str, float]:
    from ...aif360 import PreferenceMetric

    metric = PreferenceMetric(
        truth,
        _with_labels(truth, predicted),
        _with_labels(truth, pooled),
        unprivileged_groups=flow.unprivileged,
        privileged_groups=flow.privileged,
    )
    frame = PreferenceFrame(
        y_true=truth.labels.ravel(),
        y_pred=predicted.labels.ravel(),
        y_pred_pooled=pooled.labels.ravel(),
        sensitive_features=attribute,
    )
    gains = frame.gain_intervals(ALPHA)
    large = gains["n"] >= SMALLEST_WORST
    worst = gains[large].sort_values("gain").iloc[0]
    if (predicted.labels == pooled.labels).all():
        worst = worst.where(~worst.index.isin(["lower", "upper"]), 0.0)  # nothing to estimate
    return {
        "accuracy": metric.accuracy(),
        "disparate_impact": metric.disparate_impact(),
        "equal_opportunity_difference": metric.equal_opportunity_difference(),
        "worst_group_accuracy": 1 - frame.by_group.loc[large.to_numpy(), "risk"].max(),
        "worst_gain": worst["gain"],
        "lower": worst["lower"],
        "upper": worst["upper"],
        "n_harmed": len(frame.violations(ALPHA, "rationality")),
        "n_groups": len(frame.by_group),
    }


def _with_labels(dataset: Any, predicted: Any) -> Any:
    """Put an algorithm's labels into the true data set: some algorithms change more than labels."""
    new = dataset.copy()
    new.labels = np.asarray(predicted.labels, dtype=float).reshape(-1, 1)
    new.scores = new.labels.copy()
    return new


def their_algorithms() -> dict[str, Algorithm]:
    """Name AIF360's algorithms, at their defaults where nothing else is said."""
    return {
        "Reweighing": _reweighing,
        "GerryFair": _gerry_fair,
        "ExponentiatedGradientReduction": _exponentiated_gradient,
        "MetaFair": _meta_fair,
        "PrejudiceRemover": _prejudice_remover,
        "CalibratedEqOdds": _calibrated_eq_odds,
        "RejectOption": _reject_option,
    }


def our_algorithms() -> dict[str, Algorithm]:
    """Name the algorithms of `fairlearn_fwh.aif360`, at their defaults."""
    return {f"{name} (ours)": partial(_ours, name) for name in OURS}


def _quietly(algorithm: Algorithm) -> Algorithm:
    """Let an algorithm of AIF360 run, or say why it cannot."""

    def run(flow: Flow) -> Any:
        with quiet_aif360():
            return algorithm(flow)

    return run


def _ours(name: str, flow: Flow) -> Any:
    from ... import aif360

    with warnings.catch_warnings():
        for category in (
            GroupFallbackWarning,
            GroupCollapseWarning,
            ConstraintsNotSatisfiedWarning,
            ConvergenceWarning,
        ):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", "The target has become worse", UserWarning)
        if name == "MultiTaskTransfer":  # the related data set is the same one, whose groups are known here
            model = aif360.MultiTaskTransfer(choose_by_protected=True, random_state=flow.seed)
            return model.fit(flow.train, flow.train).predict(flow.test)
        model = getattr(aif360, name)(random_state=flow.seed)
        return model.fit(flow.train).predict(flow.test)


def _logistic(flow: Flow, train: Any, test: Any = None) -> Any:
    """Fit a converged logistic regression, which does not see the attribute, and predict labels and scores."""
    test = flow.test if test is None else test
    seen = [i for i, name in enumerate(train.feature_names) if name != flow.attribute]
    favorable = (train.labels.ravel() == train.favorable_label).astype(int)
    model = clone(converged_model()).fit(train.features[:, seen], favorable, train.instance_weights)
    return _predicted(test, model.predict_proba(test.features[:, seen])[:, 1])


def _predicted(dataset: Any, scores: np.ndarray, threshold: Any = 0.5) -> Any:
    """Copy a data set with scores, and with favorable labels above a threshold."""
    new = dataset.copy()
    labels = np.where(scores > threshold, dataset.favorable_label, dataset.unfavorable_label)
    new.labels, new.scores = labels.reshape(-1, 1), scores.reshape(-1, 1)
    return new


def _reweighing(flow: Flow) -> Any:
    from aif360.algorithms.preprocessing import Reweighing

    return _logistic(flow, Reweighing(**flow.groups).fit_transform(flow.train))


def _gerry_fair(flow: Flow) -> Any:
    from aif360.algorithms.inprocessing import GerryFairClassifier

    return GerryFairClassifier(max_iters=100, fairness_def="FP").fit(flow.train).predict(flow.test)


def _exponentiated_gradient(flow: Flow) -> Any:
    """Demographic parity; its scores are the probabilities of its random decisions, drawn here with a seed."""
    from aif360.algorithms.inprocessing import ExponentiatedGradientReduction

    model = ExponentiatedGradientReduction(converged_model(), "DemographicParity").fit(flow.train)
    scores = model.predict(flow.test).scores.ravel()
    return _predicted(flow.test, scores, np.random.RandomState(flow.seed).uniform(size=len(scores)))


def _meta_fair(flow: Flow) -> Any:
    from aif360.algorithms.inprocessing import MetaFairClassifier

    model = MetaFairClassifier(sensitive_attr=flow.attribute, type="sr", seed=flow.seed).fit(
        _without_attribute(flow.train, flow)
    )
    scores = model.predict(_without_attribute(flow.test, flow)).scores.ravel()
    return _predicted(flow.test, scores)


def _without_attribute(dataset: Any, flow: Flow) -> Any:
    """Take the attribute out of the features: with newer scipy MetaFair fails where it is among them."""
    seen = [i for i, name in enumerate(dataset.feature_names) if name != flow.attribute]
    new = dataset.copy()
    new.features, new.feature_names = dataset.features[:, seen], [dataset.feature_names[i] for i in seen]
    return new


def _prejudice_remover(flow: Flow) -> Any:
    from aif360.algorithms.inprocessing import PrejudiceRemover

    model = PrejudiceRemover(eta=1.0, sensitive_attr=flow.attribute, class_attr=flow.train.label_names[0])
    return model.fit(flow.train).predict(flow.test)


def _on_held_out_scores(flow: Flow, post_processor: Any) -> Any:
    """Fit a post-processor on the scores of people whom the logistic regression has not seen."""
    fitted, held_out = flow.train.split([0.7], shuffle=True, seed=flow.seed)
    post_processor.fit(held_out, _logistic(flow, fitted, held_out))
    return post_processor.predict(_logistic(flow, fitted))


def _calibrated_eq_odds(flow: Flow) -> Any:
    from aif360.algorithms.postprocessing import CalibratedEqOddsPostprocessing

    return _on_held_out_scores(flow, CalibratedEqOddsPostprocessing(**flow.groups, seed=flow.seed))


def _reject_option(flow: Flow) -> Any:
    """Statistical parity within 0.05; a coarser grid than AIF360's default, which tries 5,000 points."""
    from aif360.algorithms.postprocessing import RejectOptionClassification

    model = RejectOptionClassification(**flow.groups, num_class_thresh=30, num_ROC_margin=20)
    return _on_held_out_scores(flow, model)


def summarize_aif360(runs: pd.DataFrame) -> pd.DataFrame:
    """Average the splits.

    Parameters
    ----------
    runs : DataFrame
        As `run_aif360` returns it.

    Returns
    -------
    DataFrame
        One row per data set and method. `lower` and `upper` are bounds of the mean of `worst_gain`, with the standard error
        corrected for overlapping training sets (Nadeau and Bengio 2003); of one split those of its test rows.
    """
    done = runs[runs["skipped"] == ""]
    rows = []
    for (dataset, method), part in done.groupby(["dataset", "method"], sort=False):
        means = part.select_dtypes("number").drop(columns="split").mean()
        if (n_splits := len(part)) > 1:
            means["lower"], means["upper"] = interval(part["worst_gain"])
        rows.append({"dataset": dataset, "method": method, **means, "n_splits": n_splits})
    return pd.DataFrame(rows)


def aif360_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_aif360`.

    Parameters
    ----------
    runs : DataFrame
        As `run_aif360` returns it.

    Returns
    -------
    str
    """
    summary = summarize_aif360(runs)
    text = [f"# AIF360's algorithms and ours: {runs['split'].nunique()} random splits", ""]
    header = (
        "method", "accuracy", "disparate impact", "equal opportunity difference", "accuracy of the worst group",
        "gain of the group that loses most", "groups harmed", "seconds",
    )  # fmt: skip
    for dataset, part in summary.groupby("dataset", sort=False):
        attribute, privileged, _ = _SETTINGS[str(dataset)]
        rows = [_row(row) for _, row in part.iterrows()]
        text += [
            f"## {dataset}, {attribute}: {privileged[0]} against all others",
            "",
            markdown_table(header, rows),
            "",
        ]
    skipped = runs.loc[runs["skipped"] != "", ["method", "skipped", "dataset"]].drop_duplicates()
    for method, reason, dataset in skipped.itertuples(index=False):
        text.append(f"{method} did not run on {dataset}: {reason}")
    return "\n".join([*text, "", _LEGEND, ""])


_LEGEND = f"""Gains are in percentage points of accuracy over a converged logistic regression that does not see the attribute (95 %
intervals; of the groups with at least {SMALLEST_WORST} test rows); left of 0 is harm. A group is harmed if its loss is significant (exact
McNemar tests, step-down over the groups, level {ALPHA}); shown is the mean number over splits. A disparate impact of 1 and an equal
opportunity difference of 0 are parity; an impact of inf means that the privileged got no favorable decision in some split, one of 0.00 that the others got hardly any in all of them. Reweighing, MetaFair, PrejudiceRemover, CalibratedEqOdds and RejectOption know the privileged
and all others, the other algorithms every group. GerryFair and PrejudiceRemover see the attribute as a feature; CalibratedEqOdds and RejectOption
get 70 % of the training rows for the classifier and 30 % for themselves; all algorithms run at their defaults, but for GerryFair with 100
iterations, MetaFair for statistical rates, and RejectOption with a coarser grid. PreferredTreatment is about favorable decisions: it keeps
no promise about accuracy."""


def _row(row: pd.Series) -> list[str]:
    same = row["method"] == POOLED
    gain = f"{points(row['worst_gain'])} ({points(row['lower'])} to {points(row['upper'])})"
    return [
        row["method"],
        percent(row["accuracy"]),
        f"{row['disparate_impact']:.2f}",
        f"{row['equal_opportunity_difference']:+.2f}",
        percent(row["worst_group_accuracy"]),
        "" if same else gain,
        "" if same else f"{row['n_harmed']:.1f} of {row['n_groups']:.0f}",
        f"{row['seconds']:.1f}",
    ]


def plot_aif360(runs: pd.DataFrame) -> Any:
    """Plot for every data set who is fair by parity and who by preference.

    Parameters
    ----------
    runs : DataFrame
        As `run_aif360` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    summary = summarize_aif360(runs)
    datasets, methods = list(dict.fromkeys(summary["dataset"])), list(dict.fromkeys(summary["method"]))
    figure = new_axes(None, 3.2 + 4.2 * min(len(datasets), 2), 3.9 * ((len(datasets) + 1) // 2)).figure
    figure.clear()
    axes = figure.subplots((len(datasets) + 1) // 2, min(len(datasets), 2), squeeze=False).ravel()
    for ax, dataset in zip(axes, datasets, strict=False):
        for i, method in enumerate(methods):
            part = summary[(summary["dataset"] == dataset) & (summary["method"] == method)]
            if method != POOLED and len(part):
                _point(ax, part.iloc[0], i)
        pooled = summary[(summary["dataset"] == dataset) & (summary["method"] == POOLED)]
        ax.plot(pooled["disparate_impact"], [0], "k+", markersize=12, label=POOLED)
        ax.axhline(0, color="black", linewidth=1)
        ax.axvline(1, color="#888888", linewidth=1, linestyle=":")
        ax.set_yscale("symlog", linthresh=2)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_title(f"{dataset}, {_SETTINGS[dataset][0]}", fontsize=10)
    for ax in axes[len(datasets) :]:
        ax.set_axis_off()
    figure.supxlabel("disparate impact; the dotted line is parity", fontsize=10)
    figure.supylabel("gain of the group that loses most,\npercentage points; below 0 is harm", fontsize=10)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside right center", frameon=False, fontsize=9, title="filled: ours"
    )
    return figure


def _point(ax: Any, row: pd.Series, i: int) -> None:
    gain = 100 * row["worst_gain"]
    errors = np.array([[gain - 100 * row["lower"]], [100 * row["upper"] - gain]])
    ours = row["method"].endswith("(ours)")
    ax.errorbar(
        [row["disparate_impact"]], [gain], yerr=np.maximum(errors, 0.0), **style(i), markersize=7, capsize=2, linewidth=1,
        linestyle="none", markerfacecolor=None if ours else "white", label=row["method"],
    )  # fmt: skip
