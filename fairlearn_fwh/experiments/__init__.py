"""Experiments: the papers' tables and comparisons of methods, as functions that return tables and figures."""

from ..exceptions import MissingExtraError

try:
    import skorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.experiments", "torch") from error

from ._aif360 import aif360_markdown, plot_aif360, run_aif360, summarize_aif360
from ._comparison import Comparison, compare_methods, plot_comparison
from ._fairsde import fairsde_markdown, plot_fairsde, run_fairsde, summarize_fairsde
from ._fairsde_inferred import fairsde_inferred_markdown, plot_fairsde_inferred, run_fairsde_inferred
from ._fairsde_shift import fairsde_shift_markdown, plot_fairsde_shift, run_fairsde_shift
from ._fairsde_strategies import fairsde_strategies_markdown, plot_fairsde_strategies, run_fairsde_strategies
from ._figures import plot_figure1, plot_figure2, plot_figure3, run_figure1, run_figure2, run_figure3
from ._gog import gog_markdown, plot_gog, run_gog
from ._gog_ablation import gog_ablation_markdown, plot_gog_ablation, run_gog_ablation
from ._gog_groups import gog_groups_markdown, plot_gog_groups, run_gog_groups
from ._mitigators import audit_mitigators
from ._questions import plot_question, question_markdown, run_question
from ._selection import plot_selection_harm, run_selection, summarize_selection
from ._table4 import plot_table4, run_table4, summarize_table4, table4_markdown
from ._tables import run_grid, run_table5, run_table6, run_table7
from ._theory import estimate_discrepancy, held_out_objective
from ._transfer import plot_transfer, run_transfer, transfer_markdown
from ._transfer_sensitivity import (
    plot_transfer_sensitivity,
    run_transfer_sensitivity,
    transfer_sensitivity_markdown,
)
from ._transfer_synthetic import plot_transfer_synthetic, run_transfer_synthetic, transfer_synthetic_markdown
from ._zafar import run_zafar, zafar_markdown

__all__ = [
    "Comparison",
    "aif360_markdown",
    "audit_mitigators",
    "compare_methods",
    "estimate_discrepancy",
    "fairsde_inferred_markdown",
    "fairsde_markdown",
    "fairsde_shift_markdown",
    "fairsde_strategies_markdown",
    "gog_ablation_markdown",
    "gog_groups_markdown",
    "gog_markdown",
    "held_out_objective",
    "plot_aif360",
    "plot_comparison",
    "plot_fairsde",
    "plot_fairsde_inferred",
    "plot_fairsde_shift",
    "plot_fairsde_strategies",
    "plot_figure1",
    "plot_figure2",
    "plot_figure3",
    "plot_gog",
    "plot_gog_ablation",
    "plot_gog_groups",
    "plot_question",
    "plot_selection_harm",
    "plot_table4",
    "plot_transfer",
    "plot_transfer_sensitivity",
    "plot_transfer_synthetic",
    "question_markdown",
    "run_aif360",
    "run_fairsde",
    "run_fairsde_inferred",
    "run_fairsde_shift",
    "run_fairsde_strategies",
    "run_figure1",
    "run_figure2",
    "run_figure3",
    "run_gog",
    "run_gog_ablation",
    "run_gog_groups",
    "run_grid",
    "run_question",
    "run_selection",
    "run_table4",
    "run_table5",
    "run_table6",
    "run_table7",
    "run_transfer",
    "run_transfer_sensitivity",
    "run_transfer_synthetic",
    "run_zafar",
    "summarize_aif360",
    "summarize_fairsde",
    "summarize_selection",
    "summarize_table4",
    "table4_markdown",
    "transfer_markdown",
    "transfer_sensitivity_markdown",
    "transfer_synthetic_markdown",
    "zafar_markdown",
]
