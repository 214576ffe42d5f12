"""Compare methods on one data set: sizes, gains with intervals, certificates, one sentence each, a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..audit import SMALLEST_SHOWN
from ..audit._plots import label_text, new_axes, style
from ..audit._verdict import judge
from ..metrics import PreferenceFrame
from ..metrics._core._units import Unit
from ._amounts import AMOUNTS, compared_regressors
from ._data import EMBEDDED_DATA, REAL_DATA, DataSpec, Split, make_split
from ._methods import FIRST_TO_TRY, Answers, Method, SkippedMethodError, compared_methods
from ._reviews import REVIEWS, methods_on_reviews


@dataclass(frozen=True)
class Comparison:
    """What `compare_methods` found on one data set.

    Attributes
    ----------
    dataset : str
    attribute : str
        The sensitive feature by which harm is checked.
    overall : DataFrame
        One row per method: `accuracy` (`risk`, the mean loss, of amounts), `gain` over pooled with `lower` and `upper`, `disagreement`,
        `fairness_without_harm_rate`, `smallest_gain` of an audit group, `groups_with_own_classifier`.
    by_group : DataFrame
        One row per method (other than pooled) and audit group: `n`, `gain`, `lower`, `upper` (each interval by itself),
        `p_harm` and `harmed` (is it worse off), `p_certified` and `certified` (does it lose less than the tolerance: both can be true),
        adjusted over the groups. Groups with fewer than 10 people are left out.
    verdicts : dict from method to str
    outcomes : dict from method to {"harm", "pooled", "certified", "unsure"}
    skipped : dict from method to str
        Methods that could not be run, and why.
    alpha : float
        One minus the confidence of intervals and tests.
    loss : str
        In which methods are compared.

    Examples
    --------
    >>> from fairlearn_fwh.experiments import compare_methods
    >>> comparison = compare_methods("diabetes")  # doctest: +SKIP
    >>> print(comparison.verdicts["DAFH"])  # doctest: +SKIP
    """

    dataset: str
    attribute: str
    overall: pd.DataFrame
    by_group: pd.DataFrame
    verdicts: dict[str, str]
    outcomes: dict[str, str]
    skipped: dict[str, str] = field(default_factory=dict)
    alpha: float = 0.05
    loss: str = "zero_one"

    @property
    def unit(self) -> Unit:
        """In what figures are written."""
        return Unit(self.loss)

    def explained(self) -> str:
        """Say how much of the largest gain of a method with groups simpler models have alone; empty without such models or gains.

        Returns
        -------
        str
        """
        if "gain" not in self.overall:
            return ""
        gains = self.overall["gain"].astype(float)
        simple = [name for name in FIRST_TO_TRY if name in gains.index]
        others = gains.drop(index=[gains.index[0], *simple])
        if not simple or not len(others) or others.max() <= 0:
            return ""
        best = str(others.idxmax())
        of_simple = " and ".join(f"{name!r} {self.unit.gain(gains[name], 1)}" for name in simple)
        return f"{best!r} gains {self.unit.gain_in_words(gains[best])} over pooled; without any group's own model {of_simple}."


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

    Two pooled classifiers come first: one that knows the attribute, and gradient boosting. What they gain alone needs no method with groups
    (`Comparison.explained`).

    Parameters
    ----------
    dataset : str
        "adult", "arrest", "violent", "german", "bank", "diabetes" or "intersectional"; of amounts "progression" (diabetes) or "hours" (worked by people of
        Adult), for which regressors are compared by absolute errors; of texts "reviews", as embeddings (extra ``text``).
    data_home : path-like, optional
        Folder with the data files.
    tolerance : float
        Loss of accuracy, or of what amounts are measured in, that counts as none.
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
    split, attribute = load_split(_SPECS, dataset, None, data_home, random_state)
    spec = _SPECS[dataset]
    methods = compared_methods()
    if spec.loss_limit is not None:
        methods = compared_regressors(spec.loss, spec.loss_limit)
    elif dataset in REVIEWS:
        methods |= methods_on_reviews()
    return compare_on_split(
        split,
        methods,
        dataset=dataset,
        attribute=attribute,
        tolerance=tolerance,
        alpha=alpha,
        random_state=random_state,
        report=report,
        loss=spec.loss,
        loss_limit=spec.loss_limit,
    )


#: All data sets that can be compared on.
_SPECS = REAL_DATA | EMBEDDED_DATA | AMOUNTS | REVIEWS


def load_split(
    known: Mapping[str, DataSpec], dataset: str, attribute: str | None, data_home: Any, random_state: int
) -> tuple[Split, str]:
    """Load one of the data sets that are known and split it; return the attribute that is audited too."""
    if dataset not in known:
        raise ValueError(f"dataset must be one of {list(known)}; got {dataset!r}.")
    spec = known[dataset]
    bunch = spec.load(data_home)
    attribute = spec.attribute if attribute is None else attribute
    split = (spec.split or make_split)(bunch, attribute, test_size=1 / 3, random_state=random_state)
    return split, attribute


def compare_on_split(
    split: Split,
    methods: dict[str, Method],
    *,
    dataset: str,
    attribute: str,
    tolerance: float,
    alpha: float,
    random_state: int,
    report: Callable[[str], None] | None,
    more_figures: Callable[[Split, Answers], dict[str, float]] | None = None,
    loss: str = "zero_one",
    loss_limit: float | None = None,
) -> Comparison:
    """Fit methods, of which the first is the pooled classifier, and compare them with it on the test rows."""
    overall, by_group, verdicts, outcomes, skipped = {}, {}, {}, {}, {}
    pooled: Answers | None = None
    for name, run in methods.items():
        if report is not None:
            report(name)
        try:
            answers = run(split, random_state)
        except SkippedMethodError as reason:
            skipped[name] = str(reason)
            continue
        pooled = answers if pooled is None else pooled
        frame = PreferenceFrame(
            y_true=split.y_test,
            y_pred=answers.y_pred,
            y_pred_pooled=pooled.y_pred,
            y_pred_by_group=answers.y_pred_by_group,
            groups=answers.groups,
            sensitive_features=split.attribute_test,
            pooled_groups=answers.pooled_groups,
            loss=loss,
            loss_limit=loss_limit,
            ci_quantiles=(alpha / 2, 1 - alpha / 2),
        )
        overall[name] = _overall_row(frame, answers)
        if more_figures is not None:
            overall[name] |= more_figures(split, answers)
        if answers is not pooled:
            by_group[name] = _group_rows(frame, tolerance, alpha)
            judged = judge(
                frame, tolerance=tolerance, alpha=alpha, claims="rationality", min_group_size=SMALLEST_SHOWN
            )
            verdicts[name], outcomes[name] = judged.text, judged.outcome
    return Comparison(
        dataset=dataset,
        attribute=attribute,
        overall=pd.DataFrame(overall).T.rename_axis("method"),
        by_group=pd.concat(by_group, names=["method"]),
        verdicts=verdicts,
        outcomes=outcomes,
        skipped=skipped,
        alpha=alpha,
        loss=loss,
    )


def _overall_row(frame: PreferenceFrame, answers: Answers) -> dict[str, float]:
    overall = frame.overall.to_dict()
    lower, upper = (frame.overall_ci[q]["rationality_gain"] for q in frame.ci_quantiles)
    same = overall["disagreement_rate"] == 0  # nothing to estimate
    how_good = "accuracy" if Unit(frame.loss_name).in_points else "risk"
    return {
        how_good: overall[how_good],
        "gain": overall["rationality_gain"],
        "lower": 0.0 if same else lower,
        "upper": 0.0 if same else upper,
        "disagreement": overall["disagreement_rate"],
        "fairness_without_harm_rate": overall["fairness_without_harm_rate"],
        "smallest_gain": frame.by_group.loc[frame.by_group["n"] >= SMALLEST_SHOWN, "rationality_gain"].min(),
        "groups_with_own_classifier": answers.share_of_own,
    }


def _group_rows(frame: PreferenceFrame, tolerance: float, alpha: float) -> pd.DataFrame:
    certificate = frame.certify(tolerance=tolerance, alpha=alpha).set_index("group")
    harm = frame.harm_tests(claims="rationality").set_index("group")["p_adjusted"]
    table = frame.gain_intervals(alpha).rename_axis("group")
    table = table.assign(
        p_harm=harm.to_numpy(),
        harmed=(harm < alpha).to_numpy(),
        p_certified=certificate["p_adjusted"].to_numpy(),
        certified=certificate["certified"].to_numpy(),
    )
    return table[table["n"] >= SMALLEST_SHOWN]


def plot_comparison(comparison: Comparison, ax: Any = None) -> Any:
    """Plot the gain of every audit group under every method, with intervals and the line of no harm.

    Parameters
    ----------
    comparison : Comparison
        What `compare_methods` found.
    ax : matplotlib Axes, optional
        Where to plot; by default new axes.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> from fairlearn_fwh.experiments import compare_methods, plot_comparison
    >>> ax = plot_comparison(compare_methods("diabetes"))  # doctest: +SKIP
    """
    table = comparison.by_group
    methods = list(comparison.verdicts)
    groups = list(dict.fromkeys(table.index.get_level_values("group")))
    sizes = table.groupby(level="group", sort=False)["n"].first()
    ax = new_axes(ax, 9.5, 1.2 + 0.18 * len(groups) * max(len(methods), 5))
    offsets = np.linspace(0.36, -0.36, len(methods))
    for i, (offset, method) in enumerate(zip(offsets, methods, strict=True)):
        part = table.loc[method].reindex(groups)
        factor = comparison.unit.factor
        gain = factor * part["gain"].to_numpy()
        errors = np.array([gain - factor * part["lower"], factor * part["upper"] - gain])
        position = np.arange(len(groups))[::-1] + offset
        ax.errorbar(gain, position, xerr=errors, **style(i), markersize=5, capsize=2, label=method)
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(
        np.arange(len(groups))[::-1], [f"{label_text(group)}\n({sizes[group]:,} people)" for group in groups]
    )
    ax.set_xlabel(
        f"gain in {comparison.unit.measure} over the pooled model"
        + (f",\n{comparison.unit.name}" if comparison.unit.in_points else "")
        + f" ({100 * (1 - comparison.alpha):g} % intervals); left of 0 is harm"
    )
    ax.set_title(f"{comparison.dataset}: who gains, who loses, by {comparison.attribute}")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
