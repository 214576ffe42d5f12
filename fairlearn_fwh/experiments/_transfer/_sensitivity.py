"""When does fairness transfer? By weight, decay and burn-in, and by how alike tasks are and how well the auxiliary can be learned."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...inprocessing import MultiTaskTransferClassifier
from ...metrics import differential_equalized_odds
from .._runs import Progress, Rows, percent, run_draws
from ._data import draw_people

N_PEOPLE, N_TEST = 4000, 20_000

#: One setting is changed at a time.
SETTINGS: dict[str, tuple[float, ...]] = {
    "fairness_weight": (0.0, 0.1, 0.3, 1.0, 3.0),
    "decay": (0.01, 0.1, 0.5, 1.0),
    "burn_in": (0, 1, 5, 20),
}

#: Cosine between the directions in which groups shift features in the two tasks; how far the auxiliary's label shifts them.
SIMILARITIES, SIGNALS = (1.0, 0.8, 0.5, 0.0), (0.0, 0.6, 1.2, 2.4)


def run_transfer_sensitivity(
    *,
    n_splits: int = 5,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    settings: Mapping[str, Sequence[float]] = SETTINGS,
    similarities: Sequence[float] = SIMILARITIES,
    signals: Sequence[float] = SIGNALS,
    n_people: int = N_PEOPLE,
    max_epochs: int = 50,
) -> pd.DataFrame:
    """Train a target with an auxiliary whose groups are known, under other settings and with other auxiliaries.

    Parameters
    ----------
    n_splits : int
        Draws of the data; seeds 0 to ``n_splits - 1``.
    n_jobs, progress
        As for `run_fairsde`.
    settings : dict from parameter to values
        Of which one is changed at a time.
    similarities, signals : sequence of float
        Of the two tasks, every one with every other.
    n_people : int
        To learn from, of each task.
    max_epochs : int
        Of every training.

    Returns
    -------
    DataFrame
        One row per draw and cell: `setting` and `value`, or "pair" with `similarity` and `signal`; `epsilon`, `macro_f1` of the target, and
        `base_epsilon`, its epsilon without the fairness term (in "pair").

    Raises
    ------
    ValueError
        If `n_splits` is less than 1.
    """
    figures: Any = partial(_figures, n_people=n_people, max_epochs=max_epochs)

    def draw(seed: int) -> Rows:
        rows: Rows = [
            {"split": seed, "setting": name, "value": float(value), **figures(seed, **{name: value})}
            for name, values in settings.items()
            for value in values
        ]
        for similarity, signal in itertools.product(similarities, signals):
            base = figures(seed, similarity, signal, fairness_weight=0.0)["epsilon"]
            fair = figures(seed, similarity, signal)
            pair = {"similarity": similarity, "signal": signal, "base_epsilon": base, **fair}
            rows.append({"split": seed, "setting": "pair", **pair})
        return rows

    return run_draws(draw, n_splits, n_jobs, progress)


def _figures(
    seed: int,
    similarity: float = 1.0,
    signal: float = 1.2,
    *,
    n_people: int,
    max_epochs: int,
    **settings: Any,
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    target, test = draw_people(n_people, rng), draw_people(N_TEST, rng)
    auxiliary = draw_people(n_people, rng, signal=signal, similarity=similarity, shift=0.2)
    model = MultiTaskTransferClassifier(random_state=seed, max_epochs=max_epochs, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.fit(target.X, target.y, auxiliary=(auxiliary.X, auxiliary.y, auxiliary.a))
    answer = model.predict(test.X)
    return {
        "epsilon": differential_equalized_odds(test.y, answer, sensitive_features=test.a),
        "macro_f1": float(f1_score(test.y, answer, average="macro")),
    }


def transfer_sensitivity_markdown(runs: pd.DataFrame) -> str:
    """Write the tables of `run_transfer_sensitivity`.

    Parameters
    ----------
    runs : DataFrame
        As `run_transfer_sensitivity` returns it.

    Returns
    -------
    str
    """
    n_draws = runs["split"].nunique()
    rows = [
        (name, f"{value:g}", f"{mine['epsilon'].mean():.2f}", percent(mine["macro_f1"].mean()))
        for name in _settings(runs)
        for value, mine in runs[runs["setting"] == name].groupby("value")
    ]
    grid = _grid(runs)
    cells = [
        (f"{similarity:g}", *(f"{100 * grid.loc[similarity, signal]:+.0f} %" for signal in grid.columns))
        for similarity in grid.index
    ]
    return "\n".join(
        [
            f"# When does fairness transfer? {n_draws} draw{'' if n_draws == 1 else 's'} of generated people",
            "",
            "## By settings",
            "",
            markdown_table(("setting", "value", "epsilon of the target", "macro F1 of the target"), rows),
            "",
            "## By tasks: change of the target's epsilon by the fairness term",
            "",
            markdown_table(("similarity of the tasks", *(f"auxiliary's signal {s:g}" for s in grid.columns)), cells),
            "",
            f"{N_PEOPLE:,} people of each task; means over draws, on {N_TEST:,} fresh people; the epoch is the last. One setting is changed at a time. Similarity is the cosine between the "
            "directions in which groups shift features in the two tasks; the signal is how far the auxiliary's label shifts a feature (the target's: 1.2), which at 0 can be "
            "learned from the group alone.",
            "",
        ]
    )  # fmt: skip


def _settings(runs: pd.DataFrame) -> list[str]:
    """Parameters that were changed."""
    return [name for name in dict.fromkeys(runs["setting"]) if name != "pair"]


def _grid(runs: pd.DataFrame) -> pd.DataFrame:
    """Change of epsilon as a share, by similarity (rows) and signal (columns)."""
    pairs = (
        runs[runs["setting"] == "pair"].groupby(["similarity", "signal"])[["epsilon", "base_epsilon"]].mean()
    )
    change = pairs["epsilon"] / pairs["base_epsilon"] - 1
    return change.unstack().sort_index(ascending=False)


def plot_transfer_sensitivity(runs: pd.DataFrame) -> Any:
    """Plot epsilon and macro F1 by setting, and the change of epsilon by tasks.

    Parameters
    ----------
    runs : DataFrame
        As `run_transfer_sensitivity` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    settings = _settings(runs)
    figure, (panels,) = new_panels(1, len(settings) + 1, (15.5, 4.2))
    top = 1.1 * runs.groupby(["setting", "value"])[["epsilon", "macro_f1"]].mean().to_numpy().max()
    for ax, name in zip(panels, settings, strict=False):
        means = runs[runs["setting"] == name].groupby("value")[["epsilon", "macro_f1"]].mean()
        values = means.index
        for i, (column, label) in enumerate((("epsilon", "epsilon"), ("macro_f1", "macro F1"))):
            look = style(i)
            ax.plot(range(len(values)), means[column], marker=look["fmt"], color=look["color"], label=label)
        ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        ax.set_xlabel(name.replace("_", " "))
        ax.set_ylim(0, top)
    panels[0].set_ylabel("of the target")
    panels[0].legend(frameon=False)
    grid, ax = 100 * _grid(runs), panels[-1]
    image = ax.imshow(grid, cmap="RdBu_r", vmin=-100, vmax=100, aspect="auto")
    for i, similarity in enumerate(grid.index):
        for j, signal in enumerate(grid.columns):
            change = grid.loc[similarity, signal]
            ax.text(
                j,
                i,
                f"{change:+.0f}",
                ha="center",
                va="center",
                color="white" if abs(change) > 60 else "black",
            )
    ax.set_xticks(range(len(grid.columns)), [f"{signal:g}" for signal in grid.columns])
    ax.set_yticks(range(len(grid.index)), [f"{similarity:g}" for similarity in grid.index])
    ax.set_xlabel("signal of the auxiliary")
    ax.set_ylabel("similarity of the tasks")
    figure.colorbar(image, ax=ax, label="change of the target's epsilon, %")
    figure.suptitle(f"When does fairness transfer? Means over {runs['split'].nunique()} draws")
    return figure
