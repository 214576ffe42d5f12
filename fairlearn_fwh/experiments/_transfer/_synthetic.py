"""Does the fairness of an auxiliary task reach the target? The three paths of the fairness term, and intersections, on generated people."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from ...audit._markdown import markdown_table
from ...audit._plots import new_panels, style
from ...inprocessing import MultiTaskTransferClassifier
from ...metrics import differential_equalized_odds
from .._runs import Progress, Rows, percent, run_draws, with_interval
from ._data import People, draw_people

N_PEOPLE, N_TEST = 4000, 20_000

BASE = "MTL-base"

#: Epsilon has fallen by a third at no less than this share of the macro F1: what we call success.
LARGEST_RATIO, LEAST_F1 = 2 / 3, 0.97

Variant = Callable[[int, int, People, People], MultiTaskTransferClassifier]


def _fit(
    seed: int,
    epochs: int,
    target: People,
    auxiliary: People,
    groups: Any,
    *,
    own: Any = None,
    chosen: Any = None,
    **settings: Any,
) -> Any:
    model = MultiTaskTransferClassifier(random_state=seed, max_epochs=epochs, **settings)
    return model.fit(
        target.X, target.y, sensitive_features=own, auxiliary=(auxiliary.X, auxiliary.y, groups), validation_sensitive_features=chosen
    )  # fmt: skip


def _variants(two: bool) -> dict[str, Variant]:
    """Objectives; with two attributes the auxiliary knows the second one, and the target in MTL-inter the first."""

    def known(people: People) -> Any:
        return people.b if two else people.a

    def audit(people: People) -> Any:
        return 2 * people.a + people.b if two else people.a

    variants: dict[str, Variant] = {
        BASE: lambda seed, epochs, t, o: _fit(seed, epochs, t, o, known(o), fairness_weight=0.0),
        "encoder (default)": lambda seed, epochs, t, o: _fit(seed, epochs, t, o, known(o)),
        "encoder, epoch by the target's groups": lambda seed, epochs, t, o: _fit(
            seed, epochs, t, o, known(o), chosen=audit(t)
        ),
        "target's head": lambda seed, epochs, t, o: _fit(
            seed, epochs, t, o, known(o), fairness_path="target_head"
        ),
        "auxiliary's head (published)": lambda seed, epochs, t, o: _fit(
            seed, epochs, t, o, known(o), fairness_path="auxiliary_head"
        ),
    }
    if two:
        variants |= {
            "MTL-inter, encoder": lambda seed, epochs, t, o: _fit(seed, epochs, t, o, o.b, own=t.a),
            "MTL-inter, epoch by the target's groups": lambda seed, epochs, t, o: _fit(
                seed, epochs, t, o, o.b, own=t.a, chosen=audit(t)
            ),
            "MTL-inter, published": lambda seed, epochs, t, o: _fit(
                seed, epochs, t, o, o.b, own=t.a, fairness_path="auxiliary_head"
            ),
            "both know both (upper bound)": lambda seed, epochs, t, o: _fit(
                seed, epochs, t, o, audit(o), own=audit(t), chosen=audit(t)
            ),
        }
    return variants


SETTINGS = {"one attribute": False, "two attributes": True}


def run_transfer_synthetic(
    *,
    n_splits: int = 10,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    n_people: int = N_PEOPLE,
    max_epochs: int = 50,
) -> pd.DataFrame:
    """Train a target with an auxiliary whose groups are known, by every path of the fairness term.

    Parameters
    ----------
    n_splits : int
        Draws of the data; seeds 0 to ``n_splits - 1``.
    n_jobs, progress
        As for `run_fairsde`.
    n_people : int
        To learn from, of each task.
    max_epochs : int
        Of every training.

    Returns
    -------
    DataFrame
        One row per draw, setting (one or two attributes) and variant: `epsilon` and `macro_f1` of the target, `epsilon_auxiliary` on the
        attribute that the auxiliary knows; all on fresh people.

    Raises
    ------
    ValueError
        If `n_splits` is less than 1.
    """
    return run_draws(partial(_run_draw, n_people, max_epochs), n_splits, n_jobs, progress)


def _run_draw(n_people: int, max_epochs: int, seed: int) -> Rows:
    rows: Rows = []
    for setting, two in SETTINGS.items():
        rng = np.random.default_rng(seed)
        target, auxiliary = (
            draw_people(n_people, rng, two=two),
            draw_people(n_people, rng, shift=0.2, two=two),
        )
        test, test_auxiliary = draw_people(N_TEST, rng, two=two), draw_people(N_TEST, rng, shift=0.2, two=two)
        for variant, fit in _variants(two).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                model = fit(seed, max_epochs, target, auxiliary)
            answer = model.predict(test.X)
            rows.append(
                {
                    "split": seed,
                    "setting": setting,
                    "variant": variant,
                    "epsilon": differential_equalized_odds(
                        test.y, answer, sensitive_features=2 * test.a + test.b if two else test.a
                    ),
                    "epsilon_auxiliary": differential_equalized_odds(
                        test_auxiliary.y,
                        model.predict(test_auxiliary.X, "auxiliary"),
                        sensitive_features=test_auxiliary.b if two else test_auxiliary.a,
                    ),
                    "macro_f1": float(f1_score(test.y, answer, average="macro")),
                }
            )
    return rows


def transfer_synthetic_markdown(runs: pd.DataFrame) -> str:
    """Write the table of `run_transfer_synthetic`, and what follows from it.

    Parameters
    ----------
    runs : DataFrame
        As `run_transfer_synthetic` returns it.

    Returns
    -------
    str
    """
    n_draws = runs["split"].nunique()
    text = [
        f"# Which path carries fairness over: {n_draws} draw{'' if n_draws == 1 else 's'} of generated people",
        "",
    ]
    header = (
        "fairness by", "epsilon of the target", "of the auxiliary", "macro F1 of the target", "epsilon against MTL-base",
        "draws with a third less at 97 % of the macro F1",
    )  # fmt: skip
    for setting, part in runs.groupby("setting", sort=False):
        base = part[part["variant"] == BASE].set_index("split")
        rows = []
        for variant, rest in part.groupby("variant", sort=False):
            mine = rest.set_index("split")
            success = (mine["epsilon"] <= LARGEST_RATIO * base["epsilon"]) & (
                mine["macro_f1"] >= LEAST_F1 * base["macro_f1"]
            )
            first = variant == BASE
            rows.append(
                (
                    variant, f"{mine['epsilon'].mean():.2f}", f"{mine['epsilon_auxiliary'].mean():.2f}", percent(mine["macro_f1"].mean()),
                    "" if first else with_interval(mine["epsilon"] - base["epsilon"], lambda value: f"{value:+.2f}", n_test=0.0), "" if first else f"{success.sum()} of {len(success)}",
                )
            )  # fmt: skip
        text += [f"## {setting}", "", markdown_table(header, rows), ""]
    return "\n".join([*text, _LEGEND, ""])


_LEGEND = f"""{N_PEOPLE:,} people of each task, default settings; means over draws, on {N_TEST:,} fresh people; differences with 95 % intervals over draws (paired). The label is more frequent
in a group that the features tell. With two attributes the auxiliary knows the second, in MTL-inter the target knows the first, and epsilon is that of the four intersections."""


def plot_transfer_synthetic(runs: pd.DataFrame) -> Any:
    """Plot epsilon of auxiliary and target under every variant, draw by draw.

    Parameters
    ----------
    runs : DataFrame
        As `run_transfer_synthetic` returns it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    settings = list(dict.fromkeys(runs["setting"]))
    figure, (panels,) = new_panels(1, len(settings), (5.0 * len(settings), 6.4))
    variants = list(dict.fromkeys(runs["variant"]))
    for ax, setting in zip(panels, settings, strict=True):
        for i, variant in enumerate(variants):
            mine = runs[(runs["setting"] == setting) & (runs["variant"] == variant)]
            look = style(i)
            ax.plot(
                mine["epsilon_auxiliary"], mine["epsilon"], look["fmt"], color=look["color"], markersize=6, alpha=0.8, label=variant
            )  # fmt: skip
        ax.set_title(setting)
        ax.set_xlabel("epsilon of the auxiliary")
        ax.set_xlim(left=0)
        ax.set_ylim(bottom=0)
    panels[0].set_ylabel("epsilon of the target")
    handles = {label: h for ax in panels for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Does fairness reach the target? Each mark is a draw")
    return figure
