"""Experts that were chosen on one distribution and are used on another: when the guarantee breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...metrics import PreferenceFrame
from ...metrics._core._groups import Groups, encode_groups
from .._data import REAL_DATA, DataSpec, Split
from .._runs import Progress, Rows, percent, points, run_splits
from ._architectures import train_and_set_aside

ALPHA = 0.05

#: Factors of the odds of the second class, and shares of every group that are cut away.
ODDS, CUTS = (1.0, 0.5, 0.25, 0.125), (0.0, 0.25, 0.5, 0.75)

PREVALENCE, COMPOSITION = "odds of the second class", "share of every group cut away"

#: The rule that is wary of shifts wants no harm within this chi-square ball.
RADIUS = 0.02

EMPIRICAL, CERTIFIED, WARY = "empirical", "certified", f"certified, and worst_shift({RADIUS:g}) above 0"

#: Generated groups, and people in each to choose on.
N_GROUPS, N_PER_GROUP = 6, 2000


def _generated_split(bunch: Any, attribute: str, *, test_size: float, random_state: int) -> Split:
    """Draw what pooled classifier and experts answer, and a score by which groups are cut (the columns of X).

    Every expert is better or worse than the pooled classifier by class, the more so the higher the score, and the other way round for
    the lowest scores.
    """
    rng = np.random.default_rng(random_state)
    right_share = rng.uniform(0.65, 0.8, (N_GROUPS, 2))
    effect = np.clip(
        rng.normal(0.02, 0.05, (N_GROUPS, 2)), -0.07, 0.07
    )  # so that all shares below are shares

    def draw(n: int) -> tuple[np.ndarray, np.ndarray, pd.Series]:
        group = np.repeat(np.arange(N_GROUPS), n)
        y, score = rng.integers(0, 2, len(group)), rng.random(len(group))
        share, gain = right_share[group, y], effect[group, y] * (3 * score - 0.5)
        right = rng.random(len(group)) < share
        changes = rng.random(len(group)) < np.where(
            right, (0.02 + np.maximum(-gain, 0)) / share, (0.02 + np.maximum(gain, 0)) / (1 - share)
        )
        own = right ^ changes
        X = np.column_stack([np.where(right, y, 1 - y), np.where(own, y, 1 - y), score])
        return X, y, pd.Series(group, name=attribute)

    (X, y, group), (X_test, y_test, group_test) = draw(N_PER_GROUP), draw(10 * N_PER_GROUP)
    return Split(
        X=X,
        y=y,
        attribute=group,
        X_test=X_test,
        y_test=y_test,
        attribute_test=group_test,
        sensitive=group.to_frame(),
        sensitive_test=group_test.to_frame(),
        feature_names=["pooled", "own", "score"],
    )


DATA = {"generated": DataSpec(lambda home: None, "group", split=_generated_split)} | {
    name: REAL_DATA[name] for name in ("adult", "arrest", "bank")
}


def run_fairsde_shift(
    datasets: Sequence[str] = tuple(DATA),
    *,
    n_splits: int = 20,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Choose experts by three rules, and look for harm where prevalence or composition of the groups has changed.

    Parameters
    ----------
    datasets : sequence of str
        Among "generated" (answers are drawn), "adult", "arrest" and "bank" (experts are trained).
    n_splits, data_home, n_jobs, progress
        As for `run_fairsde`.

    Returns
    -------
    DataFrame
        One row per data set, split, rule, kind of shift and strength: `n_groups`, `kept` and `harmed` (numbers of groups; harmed are those
        that keep their expert and are significantly worse off by it on shifted test rows), `gain` (mean over the groups of what they
        get).

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
    if dataset == "generated":
        choosing = (split.X[:, :2], split.y, split.attribute)
        pooled, own, score = split.X_test.T
    else:
        (network, experts), (X, y, group) = train_and_set_aside(split, seed)
        choosing = (_answers(network, experts, X, group), y, group)
        pooled, own = _answers(network, experts, split.X_test, split.attribute_test).T
        score = network.predict_proba(split.X_test)[:, 1]
    kept_by = _choose(*choosing)
    groups = encode_groups(split.attribute_test)
    shifts = [(PREVALENCE, odds, _by_prevalence(split.y_test, odds)) for odds in ODDS]
    shifts += [(COMPOSITION, cut, _by_composition(score, groups, cut)) for cut in CUTS]
    rows: Rows = []
    for shift, strength, weights in shifts:
        frame = PreferenceFrame(
            y_true=split.y_test,
            y_pred=own,
            y_pred_pooled=pooled,
            sensitive_features=split.attribute_test,
            sample_weight=weights,
        )
        worse = set(frame.violations(ALPHA, "rationality")["group"])
        gains = frame.by_group["rationality_gain"]
        rows += [
            {
                "rule": rule,
                "shift": shift,
                "strength": strength,
                "n_groups": len(gains),
                "kept": len(kept),
                "harmed": len(kept & worse),
                "gain": sum(gains.get(label, 0.0) for label in kept) / len(gains),
            }
            for rule, kept in kept_by.items()
        ]
    return rows


def _answers(network: Any, experts: dict[Any, Any], X: np.ndarray, group: pd.Series) -> np.ndarray:
    """Labels by the pooled network and by the own expert, shape (n, 2)."""
    pooled = network.predict(X)
    own, groups = pooled.copy(), encode_groups(group)
    for k, label in enumerate(groups.labels):
        if label in experts:
            own[groups.codes == k] = experts[label].predict(X[groups.codes == k])
    return np.column_stack([pooled, own])


def _choose(answers: np.ndarray, y: np.ndarray, group: pd.Series) -> dict[str, set[Any]]:
    """Groups that keep their expert by each rule."""
    frame = PreferenceFrame(
        y_true=y, y_pred=answers[:, 1], y_pred_pooled=answers[:, 0], sensitive_features=group
    )
    gains, shifted = frame.by_group["rationality_gain"], frame.worst_shift(RADIUS)["worst_gain"]
    table = frame.certify(tolerance=0.0, alpha=ALPHA)
    certified = set(table.loc[table["certified"] & (table["gain"] > 0), "group"])
    return {
        EMPIRICAL: set(gains.index[gains > 0]),
        CERTIFIED: certified,
        WARY: certified & set(shifted.index[shifted > 0]),
    }


def _by_prevalence(y: np.ndarray, odds: float) -> np.ndarray:
    """Weights by which the odds of the second class change by this factor."""
    return np.where(y == 1, odds, 1.0)


def _by_composition(score: np.ndarray, groups: Groups, cut: float) -> np.ndarray:
    """Weights that leave of every group those with the lowest scores."""
    order = np.lexsort((score, groups.codes))
    sizes = np.bincount(groups.codes)
    rank = np.empty(len(score))
    rank[order] = np.arange(len(score)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return (rank < (1 - cut) * sizes[groups.codes]).astype(float)


def fairsde_shift_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_fairsde_shift`, and what follows from it.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde_shift` returns it.

    Returns
    -------
    str
    """
    n_splits = runs["split"].nunique()
    table = _summarize(runs)
    rows = [
        (
            row["dataset"], row["shift"], f"{row['strength']:g}", row["rule"], percent(row["kept"]), percent(row["harmed_of_kept"]),
            f"{100 * row['any_harmed']:.0f} %", points(row["gain"]),
        )
        for _, row in table.iterrows()
    ]  # fmt: skip
    header = (
        "data set", "shift", "strength", "rule", "groups that keep their expert, %", "of these harmed, %", "splits with a harmed group",
        "mean gain of all groups",
    )  # fmt: skip
    return "\n".join(
        [
            f"# Selection under shift: {n_splits} random split{'' if n_splits == 1 else 's'}",
            "",
            *(["One split: nothing can be concluded.", ""] if n_splits == 1 else []),
            *(_answer(name, part) for name, part in table.groupby("dataset", sort=False)),
            "",
            markdown_table(header, rows),
            "",
            _LEGEND,
            "",
        ]
    )


_LEGEND = f"""A group is harmed if it keeps its expert and is significantly worse off by it on test rows that are reweighted to the shift (adjusted over the
groups, level {ALPHA}: by chance alone up to {100 * ALPHA:g} % of the splits). Experts are chosen on rows without shift; strength 1 of the odds and 0 of the cut are no shift. Cut away are those of every group with the
highest score of the pooled network (in generated data: a feature with which the experts' effects grow, from the other sign)."""


def _summarize(runs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (dataset, shift, strength, rule), part in runs.groupby(
        ["dataset", "shift", "strength", "rule"], sort=False
    ):
        kept = part["kept"].sum()
        rows.append(
            {
                "dataset": dataset, "shift": shift, "strength": strength, "rule": rule,
                "kept": kept / part["n_groups"].sum(),
                "harmed_of_kept": part["harmed"].sum() / kept if kept else np.nan,
                "any_harmed": (part["harmed"] > 0).mean(),
                "gain": part["gain"].mean(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _answer(dataset: Any, table: pd.DataFrame) -> str:
    """Say how often each rule is broken without shift and under the strongest ones."""
    sentences = []
    for shift, none, strongest in ((PREVALENCE, ODDS[0], ODDS[-1]), (COMPOSITION, CUTS[0], CUTS[-1])):
        mine = table[table["shift"] == shift].set_index(["rule", "strength"])["any_harmed"] * 100
        kept = table[(table["shift"] == shift) & (table["strength"] == none)].set_index("rule")["kept"]
        parts = [
            f"{rule} {mine[rule, none]:.0f} to {mine[rule, strongest]:.0f} %"
            if kept[rule]
            else f"{rule} keeps no expert"
            for rule in (EMPIRICAL, CERTIFIED, WARY)
        ]
        sentences.append(
            f"splits with a harmed group, from no shift to {shift} {strongest:g}: {'; '.join(parts)}"
        )
    return f"- {dataset}: {'. Also '.join(sentences)}."


def plot_fairsde_shift(runs: pd.DataFrame) -> Any:
    """Plot how often a group is harmed against the strength of the shift.

    Parameters
    ----------
    runs : DataFrame
        As `run_fairsde_shift` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    table = _summarize(runs)
    names = list(dict.fromkeys(table["dataset"]))
    figure, panels = new_panels(2, len(names), (2.0 + 3.4 * len(names), 6.4), sharey=True)
    for row, (shift, strengths) in zip(panels, ((PREVALENCE, ODDS), (COMPOSITION, CUTS)), strict=True):
        for ax, name in zip(row, names, strict=True):
            for i, rule in enumerate((EMPIRICAL, CERTIFIED, WARY)):
                mine = (table["dataset"] == name) & (table["shift"] == shift) & (table["rule"] == rule)
                share = 100 * table[mine].set_index("strength")["any_harmed"].reindex(strengths)
                look = style(i)
                ax.plot(range(len(strengths)), share, marker=look["fmt"], color=look["color"], label=rule)
            ax.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths])
            ax.set_xlabel(shift)
            ax.set_title(name)
        row[0].set_ylabel("splits with a harmed group, %")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.suptitle(f"Experts chosen without shift, used under shift: {runs['split'].nunique()} splits")
    return figure
