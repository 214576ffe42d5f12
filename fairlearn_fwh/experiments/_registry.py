"""Everything that ``fairlearn-fwh reproduce`` can run again: what it computes, writes and draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ._aif360 import _comparison as _aif360
from ._dafh import _paper_figures as _figures
from ._dafh import _paper_table4 as _table4
from ._dafh import _paper_tables as _tables
from ._dafh import _questions
from ._fairsde import _architectures as _fairsde
from ._fairsde import _inferred as _fairsde_inferred
from ._fairsde import _shift as _fairsde_shift
from ._fairsde import _strategies as _fairsde_strategies
from ._gog import _ablation as _gog_ablation
from ._gog import _learned_groups as _gog_groups
from ._gog import _worst_group as _gog
from ._transfer import _real as _transfer
from ._transfer import _sensitivity as _transfer_sensitivity
from ._transfer import _synthetic as _transfer_synthetic
from ._transfer import _texts as _transfer_texts

#: How many splits; a protocol; on which data sets.
SPLITS, PROTOCOL, DATASETS, JOBS = "n_splits", "protocol", "datasets", "n_jobs"


@dataclass(frozen=True)
class Reproduction:
    """A table, a figure or an open question.

    Attributes
    ----------
    help : str
    run : callable
        Takes the `options` (and `data_home`, `progress` where there are data sets) and returns the runs.
    markdown : callable (runs) or (runs, protocol) -> str
    plot : callable (runs) -> Axes or Figure
    options : tuple of str
        What can be chosen.
    small : dict from str to object
        Arguments of `run` with which it is quick; by default one split of the smallest data set.
    """

    help: str
    run: Callable[..., Any]
    markdown: Callable[..., str]
    plot: Callable[[Any], Any]
    options: tuple[str, ...] = (DATASETS, SPLITS, JOBS)
    small: Mapping[str, Any] = field(default_factory=dict)


_TABLE = (DATASETS, SPLITS, PROTOCOL, JOBS)

#: Tables, figures and questions of the DAFH paper.
PAPER_REPRODUCTIONS = {
    "table4": Reproduction(
        "Fairness without harm and accuracy of DAFH and its baselines (arXiv 2509.24077, Table 4).",
        _table4.run_table4,
        lambda runs, protocol: _table4.table4_markdown(_table4.summarize_table4(runs), protocol),
        lambda runs: _table4.plot_table4(_table4.summarize_table4(runs)),
        _TABLE,
    ),
    "table5": Reproduction(
        "Partitions by hand against learned groups (Table 5).",
        _tables.run_table5,
        _tables.table5_markdown,
        _tables.plot_runs,
        _TABLE,
    ),
    "table6": Reproduction(
        "Two, three and four groups, learned or clustered (Table 6).",
        _tables.run_table6,
        _tables.table6_markdown,
        _tables.plot_runs,
        _TABLE,
    ),
    "table7": Reproduction(
        "Violations, gains, envy and disparity of four partitions (Table 7).",
        _tables.run_table7,
        _tables.table7_markdown,
        _tables.plot_runs,
        _TABLE,
    ),
    "grid": Reproduction(
        "The 96 settings of Table 2, chosen on validation rows.",
        _tables.run_grid,
        _tables.grid_markdown,
        _tables.plot_grid,
    ),
    "figure1": Reproduction(
        "Four classifiers on generated data, with their decision lines (Figure 1).",
        _figures.run_figure1,
        _figures.figure1_markdown,
        lambda runs: _figures.plot_figure1(),
        (SPLITS, JOBS),
    ),
    "figure2": Reproduction(
        "Rate and accuracy from epoch to epoch (Figure 2).",
        _figures.run_figure2,
        _figures.figure2_markdown,
        _figures.plot_figure2,
    ),
    "figure3": Reproduction(
        "Of whom the learned groups consist, by race, sex and age (Figure 3).",
        _figures.run_figure3,
        _figures.figure3_markdown,
        _figures.plot_figure3,
        (DATASETS,),
        small={"datasets": ["arrest"]},
    ),
} | {
    name: Reproduction(
        question.title,
        partial(_questions.run_question, name),
        partial(_questions.question_markdown, name),
        partial(_questions.plot_question, name),
        small={} if "german" in question.datasets else {"datasets": [question.datasets[-1]]},
    )
    for name, question in _questions.QUESTIONS.items()
}

REPRODUCTIONS = PAPER_REPRODUCTIONS | {
    "aif360": Reproduction(
        "AIF360's algorithms beside ours: parity, preference, and who harms whom.",
        _aif360.run_aif360,
        _aif360.aif360_markdown,
        _aif360.plot_aif360,
    ),
    "fairsde": Reproduction(
        "Selective demographic experts, their losses and their selection (arXiv 2511.06293), on tables and images.",
        _fairsde.run_fairsde,
        _fairsde.fairsde_markdown,
        _fairsde.plot_fairsde,
    ),
    "fairsde-inferred": Reproduction(
        "What experts are worth, and what can be promised, when a person's group is guessed.",
        _fairsde_inferred.run_fairsde_inferred,
        _fairsde_inferred.fairsde_inferred_markdown,
        _fairsde_inferred.plot_fairsde_inferred,
        small={"datasets": ["generated-0"]},
    ),
    "fairsde-strategies": Reproduction(
        "Strategies of selection on the same experts, as intersections multiply.",
        _fairsde_strategies.run_fairsde_strategies,
        _fairsde_strategies.fairsde_strategies_markdown,
        _fairsde_strategies.plot_fairsde_strategies,
        small={"datasets": ["generated-4"]},
    ),
    "fairsde-shift": Reproduction(
        "Experts that were chosen on one distribution and are used on another: when the guarantee breaks.",
        _fairsde_shift.run_fairsde_shift,
        _fairsde_shift.fairsde_shift_markdown,
        _fairsde_shift.plot_fairsde_shift,
        small={"datasets": ["generated"]},
    ),
    "gog": Reproduction(
        "One model without demographics: Graph of Gradients, ARL, DRO and DAFH, with noise in the labels (arXiv 2412.03706).",
        _gog.run_gog,
        _gog.gog_markdown,
        _gog.plot_gog,
        small={"conditions": [_gog.AS_IT_IS, "30 % of labels turned"]},
    ),
    "gog-ablation": Reproduction(
        "What carries the effect of Graph of Gradients: the adversary, the graph, or what it is made of.",
        _gog_ablation.run_gog_ablation,
        _gog_ablation.gog_ablation_markdown,
        _gog_ablation.plot_gog_ablation,
        (SPLITS, JOBS),
        small={"learners": {"4 hidden units": (4,)}, "n_people": 400},
    ),
    "gog-groups": Reproduction(
        "Do gradients know groups better than features?",
        _gog_groups.run_gog_groups,
        _gog_groups.gog_groups_markdown,
        _gog_groups.plot_gog_groups,
        small={"datasets": ["generated-1"]},
    ),
    "transfer": Reproduction(
        "Fairness from a related task whose groups are known (arXiv 2305.12671), on pairs of real tasks.",
        _transfer.run_transfer,
        _transfer.transfer_markdown,
        _transfer.plot_transfer,
        small={"datasets": ["german-bank"], "max_epochs": 5},
    ),
    "transfer-text": Reproduction(
        "Fairness from a related task on texts: sentiment and topic of reviews, ages of reviewers.",
        _transfer_texts.run_transfer_texts,
        _transfer_texts.transfer_texts_markdown,
        _transfer.plot_transfer,
        small={"datasets": ["sentiment-topic, tfidf"], "max_epochs": 2},
    ),
    "transfer-synthetic": Reproduction(
        "Which path carries fairness over to the target: the published one, or two others; also intersections.",
        _transfer_synthetic.run_transfer_synthetic,
        _transfer_synthetic.transfer_synthetic_markdown,
        _transfer_synthetic.plot_transfer_synthetic,
        (SPLITS, JOBS),
        small={"n_people": 400, "max_epochs": 5},
    ),
    "transfer-sensitivity": Reproduction(
        "When fairness transfers: by weight, decay, burn-in, and by how alike tasks are.",
        _transfer_sensitivity.run_transfer_sensitivity,
        _transfer_sensitivity.transfer_sensitivity_markdown,
        _transfer_sensitivity.plot_transfer_sensitivity,
        (SPLITS, JOBS),
        small={
            "settings": {"fairness_weight": (0.0, 0.3)},
            "similarities": (1.0, 0.0),
            "signals": (0.0, 1.2),
            "n_people": 400,
            "max_epochs": 5,
        },
    ),
}


def write_reproduction(
    name: str, result: Any, out: Path, protocol: str | None = None
) -> tuple[str, list[Path]]:
    """Write runs (CSV), table (Markdown) and picture (PNG) of a reproduction.

    Parameters
    ----------
    name : str
    result
        What its `run` returned.
    out : Path
        Folder.
    protocol : str, optional
        Named in the files' names.

    Returns
    -------
    markdown : str
    files : list of Path
    """
    import matplotlib.pyplot as plt

    reproduction = REPRODUCTIONS[name]
    markdown = reproduction.markdown(result, protocol) if protocol else reproduction.markdown(result)
    picture = reproduction.plot(result)
    figure = getattr(picture, "figure", picture) or picture
    out.mkdir(parents=True, exist_ok=True)
    stem = f"{name}_{protocol}" if protocol else name
    csv, text, png = (out / f"{stem}.{ending}" for ending in ("csv", "md", "png"))
    _table_of(result).to_csv(csv, index=False)
    text.write_text(markdown, encoding="utf-8")
    figure.savefig(png, dpi=120)
    plt.close(figure)
    return markdown, [csv, text, png]


def _table_of(result: Any) -> pd.DataFrame:
    """Runs as they are; of group explanations the composition."""
    if isinstance(result, pd.DataFrame):
        return result
    return pd.concat(
        {name: found.composition for name, found in result.items()}, names=["dataset"]
    ).reset_index(level="dataset")
