"""Do gradients know groups better than features? What features, representations and gradients tell of a sensitive attribute."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...metrics._core._groups import encode_groups
from .._data import REAL_DATA, DataSpec, Split
from .._generated_groups import generated
from .._runs import Progress, Rows, percent, run_splits

#: Groups with fewer test rows are left out.
SMALLEST_SHOWN = 50

N_NEIGHBORS, N_FOLDS = 3, 5

FEATURES, WITH_LABEL, GRADIENTS = "features", "features and label", "gradients by weights"

DATA = {
    f"{name}-{attribute}": DataSpec(REAL_DATA[name].load, attribute)
    for name in ("arrest", "adult")
    for attribute in ("race", "sex")
}
DATA |= {"generated-1": generated(1.0)}


def run_gog_groups(
    datasets: Sequence[str] = tuple(DATA),
    *,
    n_splits: int = 5,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Ask what features, representations and last-layer gradients of a network tell of a sensitive attribute.

    Parameters
    ----------
    datasets : sequence of str
        Among "arrest-race", "arrest-sex", "adult-race", "adult-sex" (sensitive attributes are not features) and "generated-1".
    n_splits, data_home, n_jobs, progress
        As for `run_fairsde`.

    Returns
    -------
    DataFrame
        One row per data set, split and view: on test rows `accuracy` of a linear probe (cross-validated, balanced over groups, with
        `chance`), `information` (lower bound on the mutual information by the probe's log loss, in nats), `same` (share of nearest others
        that are of one's group) and `same_by_chance`.

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
    groups = encode_groups(split.attribute_test)
    shown = (np.bincount(groups.codes) >= SMALLEST_SHOWN)[groups.codes]
    codes = groups.codes[shown]
    shares = np.bincount(codes) / len(codes)
    shares = shares[shares > 0]
    return [
        {
            "view": name,
            "chance": 1 / len(shares),
            "same_by_chance": float((shares**2).sum()),
            **_what_it_tells(vectors[shown], codes, seed),
        }
        for name, vectors in _views(split, seed).items()
    ]


def _views(split: Split, seed: int) -> dict[str, np.ndarray]:
    """Test rows as features, representations and gradients of a network that was trained on the others."""
    scaler = StandardScaler().fit(split.X)
    Z, Z_test = scaler.transform(split.X), scaler.transform(split.X_test)
    network = MLPClassifier((64, 32), early_stopping=True, random_state=seed).fit(Z, split.y)
    h = Z_test
    for weights, intercepts in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
        h = np.maximum(h @ weights + intercepts, 0)
    residual = network.predict_proba(Z_test)[:, [1]] - split.y_test[:, None]
    return {
        FEATURES: Z_test,
        WITH_LABEL: np.column_stack([Z_test, split.y_test]),
        "representation": h,
        GRADIENTS: residual * h,
        "gradients by input": residual * network.coefs_[-1].T,
    }


def _what_it_tells(vectors: np.ndarray, codes: np.ndarray, seed: int) -> dict[str, float]:
    Z = StandardScaler().fit_transform(vectors)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probabilities = cross_val_predict(
            LogisticRegression(max_iter=500), Z, codes, cv=folds, method="predict_proba"
        )
    labels, positions = np.unique(codes, return_inverse=True)
    entropy = float(stats.entropy(np.bincount(positions)))
    neighbors = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(vectors).kneighbors(return_distance=False)
    return {
        "accuracy": balanced_accuracy_score(codes, labels[probabilities.argmax(axis=1)]),
        "information": max(0.0, entropy - log_loss(codes, probabilities, labels=labels)),
        "same": float((codes[neighbors] == codes[:, None]).mean()),
    }


def gog_groups_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_gog_groups`, and the answer.

    Parameters
    ----------
    runs : DataFrame
        As `run_gog_groups` returns it.

    Returns
    -------
    str
    """
    n_splits = runs["split"].nunique()
    figures = ["accuracy", "chance", "information", "same", "same_by_chance"]
    means = runs.groupby(["dataset", "view"], sort=False)[figures].mean().reset_index()
    rows = [
        (
            row["dataset"], row["view"], percent(row["accuracy"]), percent(row["chance"]), f"{row['information']:.3f}", percent(row["same"]),
            percent(row["same_by_chance"]),
        )
        for _, row in means.iterrows()
    ]  # fmt: skip
    header = (
        "data set, attribute", "view", "probe, balanced accuracy", "chance", "mutual information, at least (nats)",
        "nearest others of one's group", "by chance",
    )  # fmt: skip
    return "\n".join(
        [
            f"# Do gradients know groups better than features? {n_splits} random split{'' if n_splits == 1 else 's'}",
            "",
            _answer(runs),
            "",
            markdown_table(header, rows),
            "",
            f"Means over splits, on test rows of groups with at least {SMALLEST_SHOWN} of them; percentages. The network has layers of 64 and 32; the probe is a logistic "
            f"regression, cross-validated; neighbours are the {N_NEIGHBORS} nearest by Euclidean distance. Unlike features, gradients know the label.",
            "",
        ]
    )


def _answer(runs: pd.DataFrame) -> str:
    """Count on how many data sets gradients tell more."""
    table = runs.groupby(["dataset", "view"])[["information", "same"]].mean().unstack("view")

    def count(figure: str, other: str) -> int:
        return int((table[figure][GRADIENTS] > table[figure][other]).sum())

    n = len(table)
    return (
        f"A linear probe finds more information on the group in gradients than in features on {count('information', FEATURES)} of {n} data set(s); nearest others are "
        f"more often of one's group by gradients than by features on {count('same', FEATURES)} of {n}, and than by features and label on {count('same', WITH_LABEL)} of {n}."
    )


def plot_gog_groups(runs: pd.DataFrame) -> Any:
    """Plot how much better than by chance neighbours and probe know the group.

    Parameters
    ----------
    runs : DataFrame
        As `run_gog_groups` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    names = list(dict.fromkeys(runs["dataset"]))
    excess = runs.assign(
        probe=100 * (runs["accuracy"] - runs["chance"]),
        neighbors=100 * (runs["same"] - runs["same_by_chance"]),
    )
    figure, (panels,) = new_panels(1, 2, (12, 1.6 + 0.6 * len(names)), sharey=True)
    for ax, figure_of, title in zip(
        panels,
        ("probe", "neighbors"),
        ("balanced accuracy of the probe", "nearest others of one's group"),
        strict=True,
    ):
        for i, view in enumerate(dict.fromkeys(runs["view"])):
            mean = excess[excess["view"] == view].groupby("dataset")[figure_of].mean().reindex(names)
            look = style(i)
            ax.plot(mean, np.arange(len(names)) - 0.2 + 0.1 * i, look["fmt"], color=look["color"], label=view)
        ax.axvline(0, color="black", linewidth=1)
        ax.set_xlabel(f"{title},\npercentage points above chance")
    panels[0].set_yticks(np.arange(len(names)), names)
    panels[0].invert_yaxis()
    panels[1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.suptitle(f"What tells of the group: means over {runs['split'].nunique()} random splits")
    return figure
