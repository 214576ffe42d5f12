"""Experiments: the papers' tables and comparisons of methods, as functions that return tables and figures."""

from ..exceptions import MissingExtraError

try:
    import skorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.experiments", "torch") from error

from ._comparison import Comparison, compare_methods, plot_comparison
from ._mitigators import audit_mitigators
from ._selection import plot_selection_harm, run_selection, summarize_selection
from ._table4 import run_table4, summarize_table4, table4_markdown
from ._zafar import run_zafar, zafar_markdown

__all__ = [
    "Comparison",
    "audit_mitigators",
    "compare_methods",
    "plot_comparison",
    "plot_selection_harm",
    "run_selection",
    "run_table4",
    "run_zafar",
    "summarize_selection",
    "summarize_table4",
    "table4_markdown",
    "zafar_markdown",
]
