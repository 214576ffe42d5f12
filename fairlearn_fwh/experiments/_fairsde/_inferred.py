"""When the group has to be guessed: what experts are still worth, and what can still be promised."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...audit._markdown import markdown_table
from ...audit._plots import new_axes, style
from ...exceptions import GroupFallbackWarning
from ...inprocessing import SelectiveExpertsClassifier
from ...metrics import PreferenceFrame
from ...metrics._core._groups import encode_groups
from .._data import REAL_DATA, DataSpec, Split
from .._generated_groups import generated
from .._runs import Progress, Rows, percent, points, run_splits

ALPHA = 0.05

DATA = {f"generated-{distance:g}": generated(distance) for distance in (0.0, 1.0, 2.0, 3.0, 4.0)} | {
    "adult": DataSpec(REAL_DATA["adult"].load, "sex"),
    "arrest": DataSpec(REAL_DATA["arrest"].load, "sex"),
}

#: In these data features say nothing of the group, which somebody tells, with errors.
TOLD_DATA, TOLD_ERRORS = "generated-0", (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)

KNOWN, LIKELIEST, MIXTURE, TOLD = "known group", "likeliest group", "mixture", "told group"


def run_fairsde_inferred(
    datasets: Sequence[str] = tuple(DATA),
    *,
    n_splits: int = 5,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Serve people by their group's expert, by that of the likeliest group, and by the mixture, and certify each way.

    Parameters
    ----------
    datasets : sequence of str
        Among "generated-0" to "generated-4" (how far, in standard deviations, a feature separates two groups whose rules differ), "adult"
        and "arrest" (by sex).
    n_splits, data_home, n_jobs, progress
        As for `run_fairsde`.

    Returns
    -------
    DataFrame
        One row per data set, split, way of serving (`served`: "known group", "likeliest group" and "mixture" by the discriminator, "told
        group" by somebody who errs) and group: `gain` over the pooled network on one half of the test rows; `lower`, a simultaneous
        95 % bound from the other half; `transferred`, the bound for known groups less a bound on the share of people who are
        taken for another group; `error`, that share; `told_wrong`, its expectation for told groups.

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
    model = SelectiveExpertsClassifier(random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model.fit(split.X, split.y, sensitive_features=split.attribute)
    groups, rng = encode_groups(split.attribute_test), np.random.default_rng(seed)
    labels = list(model.experts_)
    truth = np.array([labels.index(label) for label in groups.labels])[groups.codes]
    scores = np.stack([expert.predict_proba(split.X_test) for expert in model.experts_.values()], axis=1)
    memberships = model.discriminator_.predict_proba(split.X_test)

    def by(routed: np.ndarray) -> np.ndarray:
        """Answers of these groups' experts."""
        return model.classes_[scores[np.arange(len(routed)), routed].argmax(axis=1)]

    certifying = rng.permutation(len(truth)) % 2 == 0
    judge = _Judge(split, truth, labels, model.pooled_estimator_.predict(split.X_test), certifying)
    known, likeliest = by(truth), memberships.argmax(axis=1)
    mixture = model.classes_[(memberships[:, :, None] * scores).sum(axis=1).argmax(axis=1)]
    rows = judge.rows(KNOWN, known) + judge.rows(MIXTURE, mixture)
    rows += judge.rows(LIKELIEST, by(likeliest), routed=likeliest, known=known)
    for error in TOLD_ERRORS if dataset == TOLD_DATA else ():
        told = np.where(rng.random(len(truth)) < error, (truth + 1) % len(labels), truth)
        rows += [{**row, "told_wrong": error} for row in judge.rows(TOLD, by(told), routed=told, known=known)]
    return rows


@dataclass(frozen=True)
class _Judge:
    """Compares answers with the pooled network's: one half of the test rows is for certificates, the other for what is true."""

    split: Split
    truth: np.ndarray
    labels: list[Any]
    pooled: np.ndarray
    certifying: np.ndarray

    def rows(
        self,
        served: str,
        answer: np.ndarray,
        *,
        routed: np.ndarray | None = None,
        known: np.ndarray | None = None,
    ) -> Rows:
        """Figures of each group; where groups are guessed also the bound for known ones, carried over."""
        y, lower = self.split.y_test, self._lower_bounds(answer, ALPHA)
        rows: Rows = []
        for k, label in enumerate(self.labels):
            mine = (self.truth == k) & ~self.certifying
            gain = ((answer == y).astype(int) - (self.pooled == y))[mine].mean()
            row = {"served": served, "group": label, "gain": float(gain), "lower": lower[label]}
            if routed is not None and known is not None:
                row["error"] = float((routed[mine] != k).mean())
                row["transferred"] = self._lower_bounds(known, ALPHA / 2)[label] - self._most_wrong(routed, k)
            rows.append(row)
        return rows

    def _lower_bounds(self, answer: np.ndarray, alpha: float) -> dict[Any, float]:
        rows = self.certifying
        frame = PreferenceFrame(
            y_true=self.split.y_test[rows],
            y_pred=answer[rows],
            y_pred_pooled=self.pooled[rows],
            sensitive_features=self.split.attribute_test[rows],
        )
        table = frame.certify(tolerance=0.0, alpha=alpha)
        return dict(zip(table["group"], table["lower_bound"], strict=True))

    def _most_wrong(self, routed: np.ndarray, k: int) -> float:
        """Bound on the share of a group that is taken for another, for all groups together at half of alpha."""
        wrong = routed[(self.truth == k) & self.certifying] != k
        interval = stats.binomtest(int(wrong.sum()), len(wrong), alternative="less").proportion_ci(
            1 - ALPHA / 2 / len(self.labels)
        )
        return float(interval.high)


def fairsde_inferred_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_fairsde_inferred`, and what follows from it.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde_inferred` returns it.

    Returns
    -------
    str
    """
    n_splits = runs["split"].nunique()
    rows = []
    for (dataset, served, _), part in _worst_off(runs).groupby(_SITUATION, sort=False, dropna=False):
        mean, guessed = part.mean(), served in (LIKELIEST, TOLD)
        rows.append(
            (
                dataset,
                served,
                percent(mean["error"]) if guessed else "",
                points(mean["gain"]),
                points(mean["lower"]),
                f"{100 * (part['lower'] > 0).mean():.0f} %",
                points(mean["transferred"]) if guessed else "",
                f"{100 * (part['transferred'] > 0).mean():.0f} %" if guessed else "",
            )
        )
    header = (
        "data set", "served by", "taken for another group, %", "gain of the worst-off group", "its certified bound",
        "splits with certificates for all groups", "bound carried over", "splits in which it is above 0",
    )  # fmt: skip
    return "\n".join(
        [
            f"# Experts when the group has to be guessed: {n_splits} random split{'' if n_splits == 1 else 's'}",
            "",
            _answer(runs),
            "",
            markdown_table(header, rows),
            "",
            _LEGEND,
            "",
        ]
    )


_SITUATION = ["dataset", "served", "told_wrong"]


def _worst_off(runs: pd.DataFrame) -> pd.DataFrame:
    """Figures of the worst-off group of every split and way of serving; the mean error of all groups."""
    return runs.groupby([*_SITUATION, "split"], sort=False, dropna=False).agg(
        {"error": "mean", "gain": "min", "lower": "min", "transferred": "min"}
    )


_LEGEND = """Gains are in percentage points of accuracy over the pooled network, on one half of the test rows; bounds come from the other half and hold for
all groups together with 95 % confidence. All experts are used, whether they would be chosen or not. "Carried over" is the bound for people whose group is known, less the largest share of them
(97.5 %) that the discriminator may take for another group: whoever is taken for another group may lose by it, and no more than one answer."""


def _answer(runs: pd.DataFrame) -> str:
    """Say up to which error something can be promised, and what a discriminator brings."""
    worst = _worst_off(runs).reset_index()
    told, likeliest = (worst[worst["served"] == served] for served in (TOLD, LIKELIEST))
    sentences = []
    if len(told):
        sentences.append(
            "Where features say nothing of the group and somebody tells it, the worst-off group gains in every split "
            f"{_up_to(told, 'gain')}; tested as people are served, that is certified in every split {_up_to(told, 'lower')}; the guarantee for known "
            f"groups, less the share of errors, carries over in every split {_up_to(told, 'transferred')}."
        )
    if len(likeliest):
        certified = (likeliest["lower"] > 0).sum()
        sentences.append(
            f"Where a discriminator guesses the group from the same features, all groups are certified to gain in {certified} of {len(likeliest)} "
            f"splits of {likeliest['dataset'].nunique()} data set(s)"
            + (
                ": the pooled network can itself use what features say of the group."
                if not certified
                else "."
            )
        )
    n_splits = runs["split"].nunique()
    if n_splits < 5:
        sentences.append(f"({n_splits} split{'' if n_splits == 1 else 's'}: little can be concluded.)")
    return " ".join(sentences)


def _up_to(told: pd.DataFrame, figure: str) -> str:
    """Say up to which share of errors a figure is above 0 in every split, also for all smaller shares."""
    holds = (told[figure] > 0).groupby(told["told_wrong"]).all()
    errors = holds.index[holds.cumprod().astype(bool)]
    if not len(errors):
        return f"not even with {100 * holds.index.min():g} % errors"
    return f"up to {100 * errors.max():g} % errors"


def plot_fairsde_inferred(runs: pd.DataFrame, ax: Any = None) -> Any:
    """Plot gains and bounds of the worst-off group against the error of the discriminator.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde_inferred` returns it.
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
    ax = new_axes(ax, 8.5, 4.8)
    means = _worst_off(runs).groupby(_SITUATION, sort=False, dropna=False).mean() * 100
    series = [
        (TOLD, "gain", "gain, group told with errors"),
        (TOLD, "lower", "certified bound, group told with errors"),
        (TOLD, "transferred", "bound carried over from known groups"),
    ]
    series += [(LIKELIEST, "gain", "gain, group guessed from the features")]
    for i, (served, figure, label) in enumerate(series):
        part = means[means.index.get_level_values("served") == served].sort_values("error")
        look = style(i)
        line = "none" if served == LIKELIEST else "-"
        ax.plot(
            part["error"], part[figure], linestyle=line, marker=look["fmt"], color=look["color"], label=label
        )
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xlabel("people who are taken for another group, %")
    ax.set_ylabel("worst-off group, percentage points of accuracy")
    ax.set_title(f"Experts when the group is guessed: means over {runs['split'].nunique()} splits")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
