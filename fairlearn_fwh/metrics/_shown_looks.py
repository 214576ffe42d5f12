"""Which looks at a group may be shown to others: from two of them the people between can be told."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ._core._layout import EVERYBODY


def shown_looks(history: pd.DataFrame, min_group_size: int) -> pd.DataFrame:
    """Keep looks at which a group has `min_group_size` people more than at the look that was kept before.

    Parameters
    ----------
    history : DataFrame
        `PreferenceMonitor.history_`.
    min_group_size : int

    Returns
    -------
    DataFrame
        Rows of `history`, in which `n_new` counts the rows since the look that was kept before.
    """
    kept = np.zeros(len(history), dtype=bool)
    n_new = history["n_new"].to_numpy(copy=True)
    before: dict[tuple[object, ...], tuple[int, int]] = {}
    columns = ("release", "against", "group", "people", "n")
    for i, (release, against, group, people, n) in enumerate(
        zip(*(history[name] for name in columns), strict=True)
    ):
        # The fixed reference goes on from release to release.
        key = (group, against, release if against == "baseline" else 0)
        shown_people, shown_n = before.get(key, (0, 0))
        if people - shown_people >= min_group_size:
            kept[i], n_new[i] = True, n - shown_n
            before[key] = people, n
    kept &= ~_tells_hidden(history, kept)
    return history.assign(n_new=n_new)[kept]


def _tells_hidden(history: pd.DataFrame, kept: np.ndarray) -> np.ndarray:
    """Rows of margins, such as all women, in which there is an intersection that is not kept at the same look: the others would tell it."""
    labels = history["group"].tolist()
    is_margin = np.array([isinstance(label, tuple) and EVERYBODY in label for label in labels], dtype=bool)
    tells = np.zeros(len(labels), dtype=bool)
    if not is_margin.any():
        return tells
    looks = list(zip(history["look"], history["against"], strict=True))
    hidden: dict[tuple[object, ...], list[tuple[object, ...]]] = {}
    for i in np.flatnonzero(~is_margin & ~kept):
        hidden.setdefault(looks[i], []).append(labels[i])
    for i in np.flatnonzero(is_margin):
        tells[i] = any(
            all(mine in (EVERYBODY, part) for mine, part in zip(labels[i], atom, strict=True))
            for atom in hidden.get(looks[i], [])
        )
    return tells


def last_shown(history: pd.DataFrame, min_group_size: int) -> pd.DataFrame:
    """What is known of each group now, with the figures of the last look that may be shown.

    Parameters
    ----------
    history : DataFrame
    min_group_size : int

    Returns
    -------
    DataFrame
        One row per comparison and group after the last look, columns of `history`; `people` is 0 where no look may be shown.
    """
    keys, figures = ["against", "group"], ["n_new", "people", "n", "gain", "lower", "upper"]
    last = history[history["look"] == history["look"].max()]
    shown = shown_looks(history, min_group_size)
    mine = shown[(shown["release"] == last["release"].iloc[0]) | (shown["against"] != "baseline")]
    mine = mine.drop_duplicates(keys, keep="last")[keys + figures]
    known = last.drop(columns=figures).merge(mine, on=keys, how="left")
    return known.fillna({"n_new": 0, "people": 0, "n": 0}).astype({"n_new": int, "people": int, "n": int})
