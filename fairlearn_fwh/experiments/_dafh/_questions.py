"""The DAFH paper's open questions, answered by experiment: each a table, a picture and a sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.datasets import load_digits

from ...audit._markdown import markdown_table
from ...audit._plots import COLOURS, new_axes
from ...inprocessing import DAFHClassifier
from ...metrics import MisclassificationCost
from .._data import PAPER_DATA, DataSpec, Split
from .._methods import _quietly_fit, converged_model
from .._runs import Progress, Rows, run_splits
from ._theory import estimate_discrepancy, held_out_objective


def _dafh(seed: int, **settings: Any) -> DAFHClassifier:
    return DAFHClassifier(converged_model(), **{"fallback": None, "random_state": seed} | settings)


def _figures(model: DAFHClassifier, split: Split) -> dict[str, float]:
    overall = model.preference_frame(split.X_test, split.y_test).overall
    pooled = converged_model().fit(split.X, split.y)
    return {
        "rate": overall["fairness_without_harm_rate"],
        "accuracy": overall["accuracy"],
        "gain": overall["accuracy"] - pooled.score(split.X_test, split.y_test),
        "largest_share": max(model.group_sizes_.values()) / sum(model.group_sizes_.values()),
    }


# --- surrogate: does the objective say what the metric says? ----------------------------------------------------------


def surrogate_task(name: str, seed: int, split: Split) -> Rows:
    """Correlate cost and validation rate over the epochs of one restart, for several weights of the balance."""
    rows: Rows = []
    for objective in ("hinge", "paper"):
        for balance in (0.0, 0.1, 1.0, 10.0):
            model = _quietly_fit(
                _dafh(seed, objective=objective, balance=balance, n_init=1, max_epochs=20, patience=20), split
            )
            rates = [f["fairness_without_harm_rate"] for f in model.validation_history_]
            constant = np.ptp(rates) == 0
            correlation = np.nan if constant else stats.spearmanr(model.objective_history_, rates).statistic
            rows.append({"objective": objective, "balance": balance, "correlation": -correlation})
    return rows


def surrogate_answer(runs: pd.DataFrame) -> str:
    """Say how far the objective and the metric agree."""
    means, lowest = (runs.groupby("objective")["correlation"].agg(f).to_dict() for f in ("mean", "min"))
    return (
        "Rank correlation, over epochs, between a falling cost and a rising rate of fairness without harm: "
        f"{means['hinge']:+.2f} on average for the hinge objective (lowest {lowest['hinge']:+.2f}), {means['paper']:+.2f} for the printed "
        f"one (lowest {lowest['paper']:+.2f}). Where it is near or below 0 the objective is not a guide to the metric, and the epoch has to be chosen on validation rows."
    )


# --- lambda: what does the weight of the balance do? ------------------------------------------------------------------


def lambda_task(name: str, seed: int, split: Split) -> Rows:
    """Fit with the paper's weights of the balance."""
    rows: Rows = []
    for weight in (0.0, 1.0, 10.0, 100.0):
        model = _quietly_fit(_dafh(seed, balance=weight), split)
        rows.append({"balance": weight, **_figures(model, split)})
    return rows


def lambda_answer(runs: pd.DataFrame) -> str:
    """Say what balancing costs and brings."""
    means = 100 * runs.groupby("balance")[["largest_share", "gain"]].mean()
    low, high = means.iloc[0], means.iloc[-1]
    return (
        f"From weight 0 to 100 the share of the largest group goes from {low['largest_share']:.0f} to {high['largest_share']:.0f} % and the "
        f"gain over pooled from {low['gain']:+.2f} to {high['gain']:+.2f} points."
    )


# --- router: does it have to be a network? ----------------------------------------------------------------------------


def router_task(name: str, seed: int, split: Split) -> Rows:
    """Fit with a linear router and with networks."""
    rows: Rows = []
    for label, layers in (("linear", ()), ("100", (100,)), ("100, 50", (100, 50))):
        model = _quietly_fit(_dafh(seed, hidden_layer_sizes=layers), split)
        rows.append({"router": label, **_figures(model, split)})
    return rows


def router_answer(runs: pd.DataFrame) -> str:
    """Say what a deeper router brings."""
    means = 100 * runs.groupby(["dataset", "router"], sort=False)["gain"].mean().unstack()
    parts = [f"{name} {row['linear']:+.2f} against {row['100']:+.2f}" for name, row in means.iterrows()]
    return (
        "Gain over pooled in points, linear router against one hidden layer: "
        + ", ".join(parts)
        + ". The linear router "
        "sees numeric features in bins too, so it is not linear in the features."
    )


# --- boundary: who is harmed? ------------------------------------------------------------------------------------------

_BANDS = (0.5, 0.6, 0.75, 0.9, 1.0)


def boundary_task(name: str, seed: int, split: Split) -> Rows:
    """Count flips by the router's certainty."""
    model = _quietly_fit(_dafh(seed), split)
    certainty = model.predict_group_proba(split.X_test).to_numpy().max(axis=1)
    own, pooled = (m.predict(split.X_test) == split.y_test for m in (model, model.pooled_estimator_))
    rows: Rows = []
    for low, high in zip(_BANDS[:-1], _BANDS[1:], strict=True):
        rows_of_band = (certainty >= low) & ((certainty < high) | (high == 1))
        rows.append(
            {
                "certainty": f"{low:.2f} to {high:.2f}",
                "n": int(rows_of_band.sum()),
                "negative_flips": int((pooled & ~own & rows_of_band).sum()),
                "positive_flips": int((own & ~pooled & rows_of_band).sum()),
                "negative_flip_rate": (pooled & ~own)[rows_of_band].mean() if rows_of_band.any() else np.nan,
            }
        )
    return rows


def boundary_answer(runs: pd.DataFrame) -> str:
    """Say whether people near the boundary are harmed more often."""
    total = runs.groupby("certainty", sort=False)[["n", "negative_flips"]].sum()
    near, far = total.iloc[0], total.iloc[-1]
    if not near["n"] or not far["n"]:
        return "Nobody is near the router's boundary, or nobody far from it: nothing can be compared."
    p_value = stats.fisher_exact(
        [[b["negative_flips"], b["n"] - b["negative_flips"]] for b in (near, far)]
    ).pvalue
    return (
        f"Of people near the router's boundary (certainty below 0.6) {100 * near['negative_flips'] / near['n']:.1f} % are wrongly served "
        f"where the pooled classifier was right, of those far from it (0.9 and above) {100 * far['negative_flips'] / far['n']:.1f} % (Fisher's exact "
        f"test over all splits and data sets {p_value:.2g}; splits of one data set share people, so take it as a hint)."
    )


# --- costs: unequal errors ---------------------------------------------------------------------------------------------

#: German credit: to call a bad risk good costs five times as much as the reverse (Statlog).
_GERMAN_COSTS = {"good": 1.0, "bad": 5.0}


def costs_task(name: str, seed: int, split: Split) -> Rows:
    """Compare mean costs with and without the cost matrix; class 1 is the good risk."""
    matrix = [[0.0, _GERMAN_COSTS["bad"]], [_GERMAN_COSTS["good"], 0.0]]
    cost = MisclassificationCost(matrix, np.unique(split.y))
    weights = np.where(split.y == np.unique(split.y)[0], _GERMAN_COSTS["bad"], _GERMAN_COSTS["good"])
    answers = {
        "pooled, errors": converged_model().fit(split.X, split.y),
        "pooled, costs": converged_model().fit(split.X, split.y, sample_weight=weights),
        "DAFH, errors": _quietly_fit(_dafh(seed), split),
        "DAFH, costs": _quietly_fit(_dafh(seed, cost_matrix=matrix), split),
        "DAFH, costs, certified": _quietly_fit(_dafh(seed, cost_matrix=matrix, fallback="certified"), split),
    }
    return [
        {
            "method": label,
            "cost": cost(split.y_test, model.predict(split.X_test)).mean(),
            "accuracy": (model.predict(split.X_test) == split.y_test).mean(),
        }
        for label, model in answers.items()
    ]


def costs_answer(runs: pd.DataFrame) -> str:
    """Say what the costs change."""
    cost = runs.groupby("method")["cost"].mean().to_dict()
    table = runs.pivot(index="split", columns="method", values="cost")
    difference = table["DAFH, costs"] - table["pooled, costs"]
    return (
        f"Mean cost per person: {cost['DAFH, errors']:.3f} when errors count alike, {cost['DAFH, costs']:.3f} with the cost matrix "
        f"(pooled {cost['pooled, errors']:.3f} and {cost['pooled, costs']:.3f}, certified {cost['DAFH, costs, certified']:.3f}). What "
        f"groups add to the matrix: {difference.mean():+.3f} per person"
        + (f", standard deviation over splits {difference.std():.3f}." if len(difference) > 1 else ".")
    )


# --- multiclass --------------------------------------------------------------------------------------------------------


def multiclass_task(name: str, seed: int, split: Split) -> Rows:
    """Fit on a data set with ten classes."""
    rows: Rows = []
    for label, settings in (("DAFH, no fallback", {}), ("DAFH, certified", {"fallback": "certified"})):
        model = _quietly_fit(_dafh(seed, **settings), split)
        rows.append({"method": label, **_figures(model, split)})
    return rows


def multiclass_answer(runs: pd.DataFrame) -> str:
    """Say whether several classes work."""
    means = 100 * runs.groupby("method")[["accuracy", "gain", "rate"]].mean()
    accuracy, gain, rate = means.loc["DAFH, no fallback"]
    return (
        f"With ten classes DAFH reaches {accuracy:.1f} % ({gain:+.2f} points over the pooled logistic regression, rate of "
        f"fairness without harm {rate:.1f} %); certified {means['gain'].to_dict()['DAFH, certified']:+.2f} points."
    )


# --- theorems ----------------------------------------------------------------------------------------------------------


def theorems_task(name: str, seed: int, split: Split) -> Rows:
    """Estimate the objective with Theorem 1's interval and Theorem 2's discrepancy to sex and race."""
    model = _quietly_fit(_dafh(seed), split)
    objective = held_out_objective(model.preference_frame(split.X_test, split.y_test))
    rows: Rows = []
    for attribute in ("race", "sex"):
        given = split.sensitive_test[attribute].astype(str).to_numpy()
        learned = np.asarray(model.predict_group(split.X_test))
        frequent = np.isin(given, [value for value in np.unique(given) if (given == value).sum() >= 50])
        table = estimate_discrepancy(
            split.X, split.y, split.X_test[frequent], learned[frequent], given[frequent], random_state=seed
        )
        rows.append(
            {
                "attribute": attribute,
                "objective": objective["objective"],
                "epsilon": objective["epsilon"],
                "largest_discrepancy": table["discrepancy"].max(),
                "bound": table["bound"].iloc[0],
            }
        )
    return rows


def theorems_answer(runs: pd.DataFrame) -> str:
    """Say what the theorems are worth here."""
    parts = [
        f"{name}: objective {part['objective'].mean():+.4f} ± {part['epsilon'].mean():.2f} (Theorem 1), and up to {part['bound'].mean():.2f} or "
        "more between learned and given groups (Theorem 2)"
        for name, part in runs.groupby("dataset", sort=False)
    ]
    return (
        "; ".join(parts)
        + ". A bound that is larger than the objective says nothing about it. The first holds on held-out rows "
        "only; the discrepancy of the second is estimated from below."
    )


def _load_digits(data_home: Any) -> Any:
    bunch = load_digits(as_frame=True)
    bunch.sensitive_features = pd.DataFrame({"none": np.zeros(len(bunch.target), dtype=int)})
    return bunch


@dataclass(frozen=True)
class Question:
    """An open question.

    Attributes
    ----------
    title : str
    task : callable
        See `run_splits`.
    answer : callable (runs) -> str
        The sentence.
    datasets, others : tuples of str
        Those that it is about, and further ones that can be asked for.
    x, y : str
        What the picture shows: categories, and the figure that is averaged.
    y_label : str
    scale : float
    """

    title: str
    task: Callable[[str, int, Split], Rows]
    answer: Callable[[pd.DataFrame], str]
    datasets: tuple[str, ...]
    x: str
    y: str
    y_label: str
    scale: float = 1.0
    others: tuple[str, ...] = ()


QUESTION_DATA = PAPER_DATA | {"digits": DataSpec(_load_digits, "none")}

QUESTIONS = {
    "surrogate": Question(
        title="Does a lower cost mean more fairness without harm?", task=surrogate_task, answer=surrogate_answer,
        datasets=("arrest", "violent", "german", "synthetic"), x="balance", y="correlation", y_label="rank correlation of falling cost and rising rate",
        others=("adult", "bank"),
    ),
    "lambda": Question(
        title="What does the weight of the balance term do?", task=lambda_task, answer=lambda_answer,
        datasets=("violent",), x="balance", y="largest_share", y_label="share of the largest group, %", scale=100.0,
        others=("adult", "arrest", "german", "bank", "synthetic"),
    ),
    "router": Question(
        title="Does the router have to be a network?", task=router_task, answer=router_answer,
        datasets=("arrest", "german", "synthetic", "adult"), x="router", y="gain", y_label="gain over pooled, points", scale=100.0,
        others=("violent", "bank"),
    ),
    "boundary": Question(
        title="Are people near the router's boundary harmed?", task=boundary_task, answer=boundary_answer,
        datasets=("arrest", "violent", "german", "bank", "adult"), x="certainty", y="negative_flip_rate", y_label="negative flips, % of the people", scale=100.0,
        others=("synthetic",),
    ),
    "costs": Question(
        title="What if errors cost differently?", task=costs_task, answer=costs_answer,
        datasets=("german",), x="method", y="cost", y_label="mean cost per person",
    ),
    "multiclass": Question(
        title="Does it work with several classes?", task=multiclass_task, answer=multiclass_answer,
        datasets=("digits",), x="method", y="gain", y_label="gain over pooled, points", scale=100.0,
    ),
    "theorems": Question(
        title="What do Theorems 1 and 2 say about these data?", task=theorems_task, answer=theorems_answer,
        datasets=("adult", "arrest"), x="attribute", y="bound", y_label="bound of Theorem 2 (0-1 loss)",
        others=("violent",),
    ),
}  # fmt: skip


def _question(name: str) -> Question:
    if name not in QUESTIONS:
        raise ValueError(f"name must be one of {list(QUESTIONS)}; got {name!r}.")
    return QUESTIONS[name]


def run_question(
    name: str,
    datasets: Sequence[str] | None = None,
    *,
    n_splits: int = 5,
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Run the experiment that answers an open question.

    Parameters
    ----------
    name : {"surrogate", "lambda", "router", "boundary", "costs", "multiclass", "theorems"}
    datasets, n_splits, data_home, n_jobs, progress
        As for `run_table4`; by default the data sets that the question is about.

    Returns
    -------
    DataFrame
        One row per data set, split and setting.

    Raises
    ------
    ValueError
        If the question is unknown, or is not about a data set.
    """
    question = _question(name)
    return run_splits(
        question.task, {key: QUESTION_DATA[key] for key in (*question.datasets, *question.others)}, datasets or question.datasets,
        n_splits=n_splits, data_home=data_home, n_jobs=n_jobs, progress=progress,
    )  # fmt: skip


def question_markdown(name: str, runs: pd.DataFrame) -> str:
    """Write the question, the sentence that answers it, and the means over splits.

    Parameters
    ----------
    name : str
        The question, as for `run_question`.
    runs : DataFrame
        As `run_question` returns it.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the question is unknown.
    """
    question = _question(name)
    keys = ["dataset"] + [
        c for c in ("objective", question.x) if c in runs and not _is_figure(runs, c, question)
    ]
    keys = list(dict.fromkeys(keys))
    figures = [c for c in runs.columns if c not in (*keys, "split")]
    means = runs.groupby(keys, sort=False)[figures].mean().reset_index()
    rows = [[f"{v:.4g}" if isinstance(v, float) else v for v in row] for row in means.itertuples(index=False)]
    return "\n".join(
        [
            f"# {question.title}",
            "",
            question.answer(runs),
            "",
            f"Means over {runs['split'].nunique()} random splits (a quarter of the rows for testing), strict protocol.",
            "",
            markdown_table(list(means.columns), rows),
            "",
        ]
    )


def _is_figure(runs: pd.DataFrame, column: str, question: Question) -> bool:
    return column != question.x and runs[column].dtype.kind == "f"


def plot_question(name: str, runs: pd.DataFrame, ax: Any = None) -> Any:
    """Plot the figure that answers the question, with standard deviations over splits.

    Parameters
    ----------
    name : str
        The question, as for `run_question`.
    runs : DataFrame
        As `run_question` returns it.
    ax : matplotlib Axes, optional
        Where to plot; by default new axes.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the question is unknown.
    MissingExtraError
        If matplotlib is not installed.
    """
    question = _question(name)
    ax = new_axes(ax, 8.5, 4.4)
    series = ["dataset"] + (["objective"] if name == "surrogate" else [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        table = (
            runs.groupby([question.x, *series], sort=False)[question.y].agg(["mean", "std"]) * question.scale
        )
    means, errors = table["mean"].unstack(series), table["std"].fillna(0).unstack(series)
    width = 0.8 / len(means.columns)
    for i, column in enumerate(means.columns):
        place = np.arange(len(means)) - 0.4 + (i + 0.5) * width
        label = ", ".join(column) if isinstance(column, tuple) else column
        ax.bar(
            place,
            means[column],
            width,
            yerr=errors[column],
            color=COLOURS[i % len(COLOURS)],
            capsize=2,
            label=label,
        )
    ax.set_xticks(np.arange(len(means)), [str(value) for value in means.index])
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xlabel(question.x.replace("_", " "))
    ax.set_ylabel(question.y_label)
    ax.set_title(question.title)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
