"""Compare methods on one data set: sizes, gains with intervals, certificates, one sentence each, a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import MissingExtraError
from ..metrics import PreferenceFrame
from ._data import EMBEDDED_DATA, REAL_DATA, make_split
from ._methods import Answers, default_methods
from ._verdict import SMALLEST_SHOWN, verdict

#: Okabe and Ito's colours, which colour-blind people can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class Comparison:
    """What `compare_methods` found on one data set.

    Attributes
    ----------
    dataset : str
    attribute : str
        The sensitive feature by which harm is checked.
    overall : DataFrame
        One row per method: `accuracy`, `gain` over pooled with `lower` and `upper`, `disagreement`,
        `fairness_without_harm_rate`, `smallest_gain` of an audit group, `groups_with_own_classifier`.
    by_group : DataFrame
        One row per method (other than pooled) and audit group: `n`, `gain`, `lower`, `upper` (95 %), `p_adjusted` and `certified` (gain above
        -0.01; 95 %, all groups together). Groups with fewer than 10 people are left out.
    verdicts : dict from method to str
    """

    dataset: str
    attribute: str
    overall: pd.DataFrame
    by_group: pd.DataFrame
    verdicts: dict[str, str]


def compare_methods(
    dataset: str,
    *,
    data_home: Any = None,
    tolerance: float = 0.01,
    alpha: float = 0.05,
    random_state: int = 0,
    report: Callable[[str], None] | None = None,
) -> Comparison:
    """Fit pooled, partitioned and learned-group classifiers and compare them on untouched rows.

    Parameters
    ----------
    dataset : str
        "adult", "arrest", "violent", "german", "bank", "diabetes" or "intersectional".
    data_home : path-like, optional
        Folder with the data files.
    tolerance : float
        Loss of accuracy that counts as none.
    alpha : float
        One minus the confidence.
    random_state : int
        Seed of the split (a third of the rows is for testing) and of the methods.
    report : callable (str), optional
        Told the name of each method before it is fitted.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If `dataset` is unknown.
    DatasetNotFoundError
        If its file is nowhere.

    Examples
    --------
    >>> from fairlearn_fwh.experiments import compare_methods
    >>> comparison = compare_methods("diabetes")
    >>> comparison.overall.index.tolist()[:2]
    ['pooled', 'pooled, knows the attribute']
    """
    specs = REAL_DATA | EMBEDDED_DATA
    if dataset not in specs:
        raise ValueError(f"dataset must be one of {list(specs)}; got {dataset!r}.")
    spec = specs[dataset]
    split = make_split(spec.load(data_home), spec.attribute, test_size=1 / 3, random_state=random_state)
    overall, by_group, verdicts = {}, {}, {}
    pooled: Answers | None = None
    for method, run in default_methods().items():
        if report is not None:
            report(method)
        answers = run(split, random_state)
        pooled = answers if pooled is None else pooled
        frame = PreferenceFrame(
            y_true=split.y_test,
            y_pred=answers.y_pred,
            y_pred_pooled=pooled.y_pred,
            y_pred_by_group=answers.y_pred_by_group,
            groups=answers.groups,
            sensitive_features=split.attribute_test,
            pooled_groups=answers.pooled_groups,
        )
        everybody = PreferenceFrame(y_true=split.y_test, y_pred=answers.y_pred, y_pred_pooled=pooled.y_pred)
        overall[method] = _overall_row(frame, everybody, answers, alpha)
        if answers is not pooled:
            by_group[method] = _group_rows(frame, tolerance, alpha)
            verdicts[method] = verdict(frame, tolerance=tolerance, alpha=alpha)
    return Comparison(
        dataset,
        spec.attribute,
        pd.DataFrame(overall).T.rename_axis("method"),
        pd.concat(by_group, names=["method"]),
        verdicts,
    )


def _overall_row(
    frame: PreferenceFrame, everybody: PreferenceFrame, answers: Answers, alpha: float
) -> dict[str, float]:
    interval = everybody.gain_intervals(alpha).iloc[0]
    if frame.overall["disagreement_rate"] == 0:  # nothing to estimate
        interval = interval * 0 + 0.0
    return {
        "accuracy": frame.overall["accuracy"],
        "gain": interval["gain"],
        "lower": interval["lower"],
        "upper": interval["upper"],
        "disagreement": frame.overall["disagreement_rate"],
        "fairness_without_harm_rate": frame.overall["fairness_without_harm_rate"],
        "smallest_gain": frame.by_group.loc[frame.by_group["n"] >= SMALLEST_SHOWN, "rationality_gain"].min(),
        "groups_with_own_classifier": answers.share_of_own,
    }


def _group_rows(frame: PreferenceFrame, tolerance: float, alpha: float) -> pd.DataFrame:
    certificate = frame.certify(tolerance=tolerance, alpha=alpha).set_index("group")[
        ["p_adjusted", "certified"]
    ]
    table = frame.gain_intervals(alpha).rename_axis("group").join(certificate)
    return table[table["n"] >= SMALLEST_SHOWN]


def plot_comparison(comparison: Comparison, ax: Any = None) -> Any:
    """Draw the gain of every audit group under every method, with intervals and the line of no harm.

    Parameters
    ----------
    comparison : Comparison
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError.for_extra("plot_comparison", "plot") from error
    table = comparison.by_group
    methods = list(comparison.verdicts)
    groups = list(dict.fromkeys(table.index.get_level_values("group")))
    sizes = table.groupby(level="group", sort=False)["n"].first()
    if ax is None:
        _, ax = plt.subplots(figsize=(9, 1.2 + 0.9 * len(groups)), layout="constrained")
    offsets = np.linspace(0.32, -0.32, len(methods))
    for colour, marker, offset, method in zip(_COLOURS, "osD^v", offsets, methods, strict=False):
        part = table.loc[method].reindex(groups)
        gain = 100 * part["gain"].to_numpy()
        errors = [gain - 100 * part["lower"].to_numpy(), 100 * part["upper"].to_numpy() - gain]
        position = np.arange(len(groups))[::-1] + offset
        ax.errorbar(
            gain, position, xerr=errors, fmt=marker, color=colour, markersize=5, capsize=2, label=method
        )
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(np.arange(len(groups))[::-1], [f"{group}\n({sizes[group]:,} people)" for group in groups])
    ax.set_xlabel(
        "gain in accuracy over the pooled classifier, percentage points (95 % intervals); left of 0 is harm"
    )
    ax.set_title(f"{comparison.dataset}: who gains, who loses, by {comparison.attribute}")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
