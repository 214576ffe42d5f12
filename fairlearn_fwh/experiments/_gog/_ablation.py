"""What carries the effect of Graph of Gradients: the adversary, the graph, or what the graph is made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...inprocessing import AdversarialReweightingClassifier, DROClassifier, GradientGraphClassifier
from .._runs import Progress, Rows, percent, points, run_draws, with_interval

#: People to learn from, and as many to test; the share of the minority, and of labels that are noise.
N_PEOPLE, MINORITY, NOISE = 6000, 0.12, 0.03

LEARNERS: dict[str, tuple[int, ...]] = {"linear": (), "4 hidden units": (4,), "64 hidden units": (64,)}

PLAIN = "plain training"

VARIANTS: dict[str, Callable[..., Any]] = {
    PLAIN: lambda **s: DROClassifier(alpha=1.0, **s),
    "GoG": GradientGraphClassifier,
    "GoG, linear adversary": lambda **s: GradientGraphClassifier(adversary_hidden_layer_sizes=(), **s),
    "GoG, graph of features": lambda **s: GradientGraphClassifier(graph="inputs", **s),
    "GoG, graph of representations": lambda **s: GradientGraphClassifier(graph="representation", **s),
    "GoG, no graph": lambda **s: GradientGraphClassifier(n_graph_layers=0, **s),
    "GoG, two graph layers": lambda **s: GradientGraphClassifier(n_graph_layers=2, **s),
    "ARL": AdversarialReweightingClassifier,
    "ARL, linear adversary": lambda **s: AdversarialReweightingClassifier(
        adversary_hidden_layer_sizes=(), **s
    ),
    "DRO, alpha 0.2": DROClassifier,
    "CVaR, alpha 0.2": lambda **s: DROClassifier(objective="cvar", **s),
}


def make_hidden_minority(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw people of whom 12 % follow another rule.

    Parameters
    ----------
    n : int
    rng : Generator

    Returns
    -------
    X : ndarray, shape (n, 4)
        The first feature decides for the majority, the second for the minority, the fourth tells who is which.
    y : ndarray of int, shape (n,)
        With 3 % noise.
    minority : ndarray of bool, shape (n,)
    """
    X, minority = rng.standard_normal((n, 4)), rng.random(n) < MINORITY
    X[:, 3] = np.where(minority, 1.5, -1.5) + 0.5 * rng.standard_normal(n)
    y = np.where(minority, X[:, 1] > 0, X[:, 0] > 0) ^ (rng.random(n) < NOISE)
    return X, y.astype(int), minority


def run_gog_ablation(
    *,
    n_splits: int = 10,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    learners: Mapping[str, tuple[int, ...]] = LEARNERS,
    n_people: int = N_PEOPLE,
) -> pd.DataFrame:
    """Train learners of several sizes against adversaries with and without a graph, on generated people with a hidden minority.

    Parameters
    ----------
    n_splits : int
        Draws of the data; seeds 0 to ``n_splits - 1``.
    n_jobs, progress
        As for `run_fairsde`.
    learners : dict from name to sizes of hidden layers
    n_people : int
        To learn from, and as many to test.

    Returns
    -------
    DataFrame
        One row per draw, learner and variant: `majority`, `minority` and `accuracy` on as many other people.

    Raises
    ------
    ValueError
        If `n_splits` is less than 1.
    """
    return run_draws(partial(_run_draw, learners, n_people), n_splits, n_jobs, progress)


def _run_draw(learners: Mapping[str, tuple[int, ...]], n_people: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    (X, y, _), (X_test, y_test, minority) = (make_hidden_minority(n_people, rng) for _ in range(2))
    rows: Rows = []
    for learner, sizes in learners.items():
        for variant, make in VARIANTS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = make(hidden_layer_sizes=sizes, random_state=seed).fit(X, y)
            right = model.predict(X_test) == y_test
            rows.append(
                {
                    "split": seed,
                    "learner": learner,
                    "variant": variant,
                    "majority": float(right[~minority].mean()),
                    "minority": float(right[minority].mean()),
                    "accuracy": float(right.mean()),
                }
            )
    return rows


def gog_ablation_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_gog_ablation`, and what follows from it.

    Parameters
    ----------
    runs : DataFrame
        As `run_gog_ablation` returns it.

    Returns
    -------
    str
    """
    n_draws = runs["split"].nunique()
    rows = []
    for learner in dict.fromkeys(runs["learner"]):
        for variant in dict.fromkeys(runs["variant"]):
            mine = _of(runs, learner, variant)
            difference = mine["minority"] - _of(runs, learner, PLAIN)["minority"]
            gain = "" if variant == PLAIN else _gain(difference)
            rows.append(
                (learner, variant, percent(mine["majority"].mean()), percent(mine["minority"].mean()), gain)
            )
    header = (
        "learner",
        "trained",
        "accuracy of the majority",
        "of the minority",
        "the minority gains over plain training",
    )
    return "\n".join(
        [
            f"# What carries the effect of Graph of Gradients: {n_draws} draw{'' if n_draws == 1 else 's'} of generated people",
            "",
            _answer(runs),
            "",
            markdown_table(header, rows),
            "",
            f"{N_PEOPLE:,} people, of whom {100 * MINORITY:.0f} % follow another rule, {100 * NOISE:.0f} % noise, default settings; means over "
            "draws, accuracies in per cent, gains in percentage points with 95 % intervals over draws (paired).",
            "",
        ]
    )


def _of(runs: pd.DataFrame, learner: str, variant: str) -> pd.DataFrame:
    return runs[(runs["learner"] == learner) & (runs["variant"] == variant)].set_index("split")


def _gain(difference: pd.Series) -> str:
    return with_interval(difference, points, n_test=0.0)


def _answer(runs: pd.DataFrame) -> str:
    """Say what the adversary and what the graph add."""
    parts = []
    for learner in dict.fromkeys(runs["learner"]):
        gog, without, linear, plain = (
            _of(runs, learner, variant)["minority"]
            for variant in ("GoG", "GoG, no graph", "GoG, linear adversary", PLAIN)
        )
        parts.append(
            f"{learner}: GoG {_gain(gog - plain)}, of which the graph {_gain(gog - without)} and that the adversary is not linear {_gain(gog - linear)}"
        )
    return f"What the minority gains over plain training, in points. {'; '.join(parts)}."


def plot_gog_ablation(runs: pd.DataFrame) -> Any:
    """Plot the accuracy of majority and minority under every variant.

    Parameters
    ----------
    runs : DataFrame
        As `run_gog_ablation` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    learners, variants = (list(dict.fromkeys(runs[name])) for name in ("learner", "variant"))
    figure, panels = new_panels(1, len(learners), (3.5 + 3.6 * len(learners), 4.6), sharey=True)
    for ax, learner in zip(panels[0], learners, strict=True):
        for i, variant in enumerate(variants):
            mine = 100 * _of(runs, learner, variant)[["majority", "minority"]].mean()
            look = style(i)
            ax.plot(
                mine["majority"],
                mine["minority"],
                look["fmt"],
                color=look["color"],
                markersize=8,
                label=variant,
            )
        ax.set_xlabel("accuracy of the majority, %")
        ax.set_title(learner)
    panels[0][0].set_ylabel("accuracy of the minority, %")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.suptitle(f"A hidden minority: means over {runs['split'].nunique()} draws")
    return figure
