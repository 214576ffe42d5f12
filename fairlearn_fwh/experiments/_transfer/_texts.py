"""Fairness from a related task on texts: reviews with sentiment and topic, and the reviewers' ages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import Bunch

from ...audit._markdown import markdown_table
from ...datasets import SentenceEmbedder, fetch_clothing_reviews, make_text_preprocessor
from ...datasets._files import cache_folder
from ...metrics import PreferenceFrame, differential_equalized_odds_by_cell
from .._data import DataSpec
from .._runs import Progress, Rows, percent, run_splits, with_interval
from ._data import MOST_PEOPLE, TransferSplit
from ._objectives import ALONE, BASE, METHODS, answers_of, change_in_epsilon, signed
from ._real import figures_of

#: How texts become numbers.
REPRESENTATIONS = ("tfidf", "embedding")

#: TF-IDF features: more make training slow, and gain little.
_MOST_FEATURES = 5000

#: The paper's rule: epochs, and methods, with at least this share of the single task's macro F1.
_ENOUGH_F1 = 0.95

#: Not possible with one attribute, and of tables.
_LEFT_OUT = ("MTL-inter", "fine-tuning")


def _load(target: str, auxiliary: str, representation: str, home: Any) -> Bunch:
    tasks = {name: fetch_clothing_reviews(target=name, data_home=home) for name in (target, auxiliary)}
    reviews, other = tasks[target], tasks[auxiliary]
    known = reviews.data.index.isin(other.data.index)  # few reviews have a recommendation and no department
    reviews = Bunch(
        data=reviews.data[known], target=reviews.target[known], units=reviews.units[known],
        sensitive_features=reviews.sensitive_features[known],
    )  # fmt: skip
    return Bunch(target=reviews, auxiliary=other, representation=representation)


def _split(pair: Bunch, attribute: str, *, test_size: float, random_state: int) -> TransferSplit:
    """Split by article: for testing, for the target, for the auxiliary."""
    target, auxiliary = pair.target, pair.auxiliary
    articles = np.unique(np.concatenate([target.units, auxiliary.units]))
    cut = GroupShuffleSplit(1, test_size=test_size, random_state=random_state)
    rest, test = next(cut.split(target.units, groups=target.units))
    of_target = np.unique(target.units[rest])
    rng = np.random.default_rng(random_state)
    first = set(rng.permutation(of_target)[: len(of_target) // 2].tolist())
    tested = set(target.units[test].tolist())
    train = rest[np.isin(target.units[rest], list(first))]
    other = np.flatnonzero(
        np.isin(auxiliary.units, [a for a in articles.tolist() if a not in first and a not in tested])
    )
    train, other = (rng.permutation(rows)[:MOST_PEOPLE] for rows in (train, other))
    parts = [target.data.iloc[train], auxiliary.data.iloc[other], target.data.iloc[test]]
    X, X_other, X_test = _as_numbers(parts, pair.representation)
    groups, others = (task.sensitive_features[attribute].astype(str) for task in (target, auxiliary))
    y, y_other = target.target.to_numpy(), auxiliary.target.to_numpy()
    return TransferSplit(
        X=X, y=y[train], groups=groups.iloc[train], known=None, auxiliary=(X_other, y_other[other], others.iloc[other]), X_test=X_test, y_test=y[test],
        groups_test=groups.iloc[test],
    )  # fmt: skip


def _as_numbers(parts: Sequence[pd.DataFrame], representation: str) -> list[Any]:
    if representation == "embedding":
        embedder = SentenceEmbedder(cache_folder=cache_folder())
        return [embedder.transform(part) for part in parts]
    counts = make_text_preprocessor("tfidf", max_features=_MOST_FEATURES).fit(pd.concat(parts[:2]))
    return [counts.transform(part) for part in parts]


def _pair(target: str, auxiliary: str, representation: str) -> DataSpec:
    split: Any = _split
    return DataSpec(partial(_load, target, auxiliary, representation), "age_group", split=split)


#: Targets first; "sentiment" is the recommendation and "topic" the department.
TEXT_PAIRS = {
    f"{name}, {representation}": _pair(*tasks, representation)
    for representation in REPRESENTATIONS
    for name, tasks in {
        "sentiment-topic": ("recommended", "department"),
        "topic-sentiment": ("department", "recommended"),
    }.items()
}


def run_transfer_texts(
    datasets: Sequence[str] = tuple(TEXT_PAIRS),
    *,
    n_splits: int = 10,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    max_epochs: int = 15,
) -> pd.DataFrame:
    """Train the objectives of the transfer paper on texts of reviews.

    Parameters
    ----------
    datasets : sequence of str
        "sentiment-topic, tfidf", "topic-sentiment, tfidf", "sentiment-topic, embedding", "topic-sentiment, embedding".
    n_splits : int
        Seeds 0 to ``n_splits - 1``; a quarter of the articles is for testing.
    data_home, n_jobs, progress
        As for `run_fairsde`.
    max_epochs : int
        Of every training.

    Returns
    -------
    DataFrame
        As `run_transfer` returns it, with the cell of the largest epsilon (`worst_cell`), and for sentiment the smallest gains in missed recommendations
        and in false alarms of an age band.

    Raises
    ------
    ValueError
        If a data set is unknown or `n_splits` is less than 1.
    DatasetNotFoundError
        If the file of the reviews is nowhere.
    MissingExtraError
        If embeddings are asked for and sentence-transformers is not installed.
    """
    return run_splits(
        partial(_run_split, max_epochs),
        TEXT_PAIRS,
        datasets,
        n_splits=n_splits,
        data_home=data_home,
        n_jobs=n_jobs,
        progress=progress,
    )


def _run_split(max_epochs: int, dataset: str, seed: int, split: Any) -> Rows:
    methods = {name: fit for name, fit in METHODS.items() if name not in _LEFT_OUT}
    answers = answers_of(methods, split, seed, max_epochs)
    return [{"method": name, **_row(split, answer, answers[ALONE])} for name, answer in answers.items()]


def _row(split: TransferSplit, answer: np.ndarray, alone: np.ndarray) -> dict[str, Any]:
    figures: dict[str, Any] = dict(figures_of(split, answer, alone))
    cells = differential_equalized_odds_by_cell(split.y_test, answer, sensitive_features=split.groups_test)
    figures |= {"epsilon": float(cells["epsilon"].max()), "worst_cell": str(cells["epsilon"].idxmax())}
    if set(np.unique(split.y_test).tolist()) <= {0, 1}:
        losses: Any = ["missed", "false_alarm"]
        frame = PreferenceFrame(
            y_true=split.y_test, y_pred=answer, y_pred_pooled=alone, sensitive_features=split.groups_test, loss=losses
        )  # fmt: skip
        figures |= {f"worst_{name}_gain": float(frame.gains[name].min()) for name in frame.losses}
    return figures


def transfer_texts_markdown(runs: pd.DataFrame) -> str:
    """Write the tables of `run_transfer_texts`, and what follows from them.

    Parameters
    ----------
    runs : DataFrame
        As `run_transfer_texts` returns it.

    Returns
    -------
    str
    """
    n_splits = runs["split"].nunique()
    text = [
        f"# Fairness from a related task, on texts: {n_splits} random split{'' if n_splits == 1 else 's'} by article",
        "",
        change_in_epsilon(runs, "ages"),
        "",
    ]
    header = (
        "method", "macro F1", "epsilon", "epsilon against MTL-base", f"splits with {100 * _ENOUGH_F1:.0f} % of STL-base's F1", "splits with less epsilon than MTL-base",
        "gain of the band that loses most over STL-base: accuracy", "missed", "false alarms", "splits with a harmed band",
    )  # fmt: skip
    for pair, part in runs.groupby("dataset", sort=False):
        alone, base = (part[part["method"] == name].set_index("split") for name in (ALONE, BASE))
        rows = [
            _table_row(str(method), mine.set_index("split"), alone, base)
            for method, mine in part.groupby("method", sort=False)
        ]
        text += [f"## {pair}", "", markdown_table(header, rows), ""]
    return "\n".join([*text, _LEGEND, ""])


def _table_row(method: str, mine: pd.DataFrame, alone: pd.DataFrame, base: pd.DataFrame) -> tuple[str, ...]:
    first = method == ALONE
    gains = [
        "" if first or mine[name].isna().all() else f"{100 * mine[name].mean():+.2f}"
        for name in ("worst_gain", "worst_missed_gain", "worst_false_alarm_gain")
        if name in mine
    ]
    gains += [""] * (3 - len(gains))
    return (
        method,
        percent(mine["macro_f1"].mean()),
        f"{mine['epsilon'].mean():.2f}",
        "" if method == BASE else with_interval(mine["epsilon"] - base["epsilon"], signed),
        "" if first else f"{100 * (mine['macro_f1'] >= _ENOUGH_F1 * alone['macro_f1']).mean():.0f} %",
        "" if method == BASE else f"{100 * (mine['epsilon'] < base['epsilon']).mean():.0f} %",
        *gains,
        "" if first else f"{100 * (mine['harmed'] > 0).mean():.0f} %",
    )


_LEGEND = f"""Means over splits; differences with corrected 95 % intervals, paired by split. Reviews of one article are on one side of a split, and articles of the target are not articles of the auxiliary. The target's ages are for testing;
only "STL-fair" and the choice of the epoch by the target's groups see them. Each task has at most {MOST_PEOPLE:,} reviews. Epsilon is that of the worst pair of age bands for a label and an answer. Texts of the department Trend are left out (its cells are too small). MTL-inter is not
possible with one attribute. A band is harmed if its accuracy is significantly below that of STL-base (exact McNemar tests, step-down over the bands, level .05). Embeddings are those of a MiniLM that is not trained. The
paper's review tasks (its table 2: other reviews, gender, a fine-tuned encoder) have epsilon fall from MTL-base to MTL-fair; its figures and these are of other data."""
